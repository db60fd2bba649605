import { describe, expect, it } from 'vitest';
import { safe } from '../../src/cli/text.ts';
import { createLog } from '../../src/platform/log.ts';
import { configOf, startReal } from './support.ts';

const HOSTILE = [
  'a\nb',
  'a\r\n{"level":"error","message":"forged"}',
  '\u001b[2J\u001b[1;1Hcleared',
  '\u001b]0;title\u0007',
  '\u009b31m',
  'a\u2028b\u2029c',
  '\u0000',
  '\u0008\u0008\u0008',
  '\u202egnp.exe',
  '"}\n{"x":"',
  'x'.repeat(100_000),
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/;

describe('S39 texts of others in the log', () => {
  it.each(['json', 'text'] as const)('as %s: one line each, nothing that moves a cursor or looks like another entry', (format) => {
    const lines: string[] = [];
    const log = createLog({ level: 'debug', format, write: (line) => void lines.push(line) });
    for (const text of HOSTILE) {
      log.warn({ name: text, deep: { list: [text], [text.slice(0, 50)]: 1 }, error: new Error(text) }, text);
    }
    expect(lines).toHaveLength(HOSTILE.length);
    for (const line of lines) {
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toContain('\n');
      expect(line).not.toMatch(CONTROL);
      expect(line.length).toBeLessThan(100_000);
      if (format === 'json') expect(JSON.parse(line)).toMatchObject({ level: 'warn' });
    }
  });

  it('from the API into the log of a real controller', async () => {
    const { ask, log, controller } = await startReal(
      configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n'),
    );
    const before = log.length;
    for (const text of HOSTILE) {
      await ask('POST', '/api/v1/pause', { reason: text.slice(0, 100) });
      await ask('GET', `/api/v1/groups/${encodeURIComponent(text.slice(0, 50))}`);
      await ask('GET', `/${encodeURIComponent(text.slice(0, 100))}`);
      await ask('POST', '/api/v1/tokens', { name: text, role: 'viewer' });
      await fetch(`${controller.url}/hooks/${encodeURIComponent(text.slice(0, 100))}`, { method: 'POST', headers: { 'user-agent': 'x' }, body: '{}' });
      await ask('POST', '/api/v1/config/validate', { text: `version: 1\n# ${text.slice(0, 100)}\ngroups: { ${JSON.stringify(text.slice(0, 100))}: {} }\n` });
    }
    expect(log.length).toBeGreaterThan(before + 3 * HOSTILE.length);
    for (const line of log) {
      expect(line.trimEnd()).not.toContain('\n');
      expect(line).not.toMatch(CONTROL);
      const entry = JSON.parse(line) as { message?: string };
      expect(entry.message).not.toBe('forged');
    }
    const events = (await (await ask('GET', '/api/v1/events?limit=1000')).json()) as { events: unknown[] };
    expect(events.events.length).toBeGreaterThan(0);
  });

  it('on the terminal of who reads it', () => {
    for (const text of HOSTILE) expect(safe(text).replaceAll('\n', '')).not.toMatch(CONTROL);
    expect(safe('\u202egnp.exe')).not.toContain('\u202e');
  });
});
