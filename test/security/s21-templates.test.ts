import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fill, fillArgv } from '../../src/kit/fill.ts';
import { configOf, loadText, tempDir } from './support.ts';

const ESCAPES = [
  'constructor.constructor("return process")()',
  '${process.env.HOME}',
  '{{constructor}}',
  '{{__proto__}}',
  '#{7*7}',
  '<%= 7*7 %>',
  '"}\nresource "null" "x" { provisioner "local-exec" {} }\n#',
  '"},"admin":true,{"x":"',
  '{{group}}{{{group}}}',
];

describe('S21 texts with fields', () => {
  it.each(ESCAPES)('%j as a value is copied and never read again', (value) => {
    const fields = { id: value, group: 'web' };
    expect(fill('a {{id}} b', fields)).toBe(`a ${value} b`);
    expect(fillArgv(['x', 'y={{id}}'], fields)).toEqual(['x', `y=${value}`]);
    // Into JSON: through the encoder, and out again as it was.
    const text = fill('{"id":{{id}}}', fields, (v) => JSON.stringify(v));
    expect(JSON.parse(text)).toEqual({ id: value });
  });

  it.each(['{{constructor}}', '{{__proto__}}', '{{value_of}}', '{{has_own}}'])('%s as a text is no field', (text) => {
    expect(() => fill(text, { group: 'web' })).toThrow(/no field/);
  });

  const FORMULAS = [
    'constructor.constructor("return process")()',
    'rps.constructor',
    'rps["constructor"]',
    '(() => 1)()',
    'process.exit()',
    'globalThis',
    'require("fs")',
    'import("fs")',
    'this',
    'new Date()',
    'rps = 1',
    'rps.__proto__.x',
    '`${rps}`',
    '"a" + rps',
    '[1][0]',
    'eval("1")',
    '__proto__',
    'toString()',
    'min.constructor("return 1")()',
    `${'('.repeat(5000)}1${')'.repeat(5000)}`,
    `1${'+1'.repeat(20_000)}`,
    '-'.repeat(10_000),
  ];
  it.each(FORMULAS.map((f) => [f.slice(0, 60), f] as const))('the formula %j is refused when it is read', async (_, formula) => {
    const group = (text: string): string =>
      configOf(
        `  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 9, metrics: { rps: { from: s, query: up } }, policies: [{ type: formula, formula: ${JSON.stringify(text)}, per_instance: 10 }] }\n`,
        'sources: { s: { type: prometheus, url: "http://127.0.0.1:9090" } }\n',
      );
    const dir = tempDir();
    await expect(loadText(group(formula), dir)).rejects.toThrow(/E\d{4}/);
    await expect(loadText(group('ceil(rps / 200)'), dir)).resolves.toBeDefined();
  });

  it('nothing that ships can turn a text into code', () => {
    const root = new URL('../../src', import.meta.url).pathname;
    const found: string[] = [];
    for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      // The simulator is a tool of the developers, and so is what it alone stands on.
      if (!path.endsWith('.ts') || path.endsWith('.test.ts') || path.startsWith('sim/') || path === 'platform/one-turn.ts') continue;
      const text = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
      if (
        /\beval\s*\(|\bnew Function\b|\bFunction\s*\(|node:vm\b|\bset(?:Timeout|Interval)\(\s*['"`]|shell:\s*true|\bexecSync\s*\(|\bimport\(\s*(?!['"`])/.test(
          text,
        )
      )
        found.push(path);
    }
    expect(found).toEqual([]);
  });
});
