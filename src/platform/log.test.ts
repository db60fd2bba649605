import { describe, expect, it } from 'vitest';
import { Secret } from '../ports/secrets.ts';
import { createLog, type LogOptions } from './log.ts';

function capture(over: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => void lines.push(line), ...over });
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  it('writes one JSON object per line, with time and level', () => {
    const { log, lines, entries } = capture();
    log.info({ group: 'web', n: 3 }, 'scaled out');
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    expect(entries()[0]).toMatchObject({ level: 'info', group: 'web', n: 3, msg: 'scaled out', time: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  it('drops what is below its level', () => {
    const { log, lines } = capture({ level: 'warn' });
    log.debug({}, 'a');
    log.info({}, 'b');
    log.warn({}, 'c');
    log.error({}, 'd');
    expect(lines).toHaveLength(2);
  });

  it('hides what stands under the name of a secret, however deep, and secrets themselves', () => {
    const { log, lines } = capture();
    const headers = { Authorization: 'Bearer canary', 'x-api-key': 'canary', accept: 'json' };
    log.info(
      {
        password: 'canary',
        request: { headers, list: [{ clientSecret: 'canary' }] },
        token: { value: 'canary' },
        held: new Secret('canary'),
        map: new Map([['api_key', 'canary']]),
      },
      'x',
    );
    expect(lines[0]).not.toContain('canary');
    expect(lines[0]).toContain('"accept":"json"');
  });

  it('keeps everything on its line and out of the terminal’s hands', () => {
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = capture({ format });
      log.warn({ name: 'a\r\nlevel=error\u001b[31m\u009b2J\u2028', 'key\n': 1 }, 'line\ntwo\u001b[0m');
      expect(lines).toHaveLength(1);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for control characters is its purpose
      expect(lines[0]?.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028]/);
    }
  });

  it('tells of errors with code and cause', () => {
    const { log, entries } = capture();
    log.error({ error: Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'EIO' }) }, 'x');
    expect(entries()[0]?.['error']).toMatchObject({ name: 'Error', message: 'outer', code: 'EIO', cause: { message: 'inner' } });
  });

  it('is bounded, and survives cycles and odd values', () => {
    const { log, lines } = capture();
    const cycle: Record<string, unknown> = {
      big: 'x'.repeat(100_000),
      many: Array(10_000).fill(1),
      f: () => 1,
      n: 10n,
      bytes: new Uint8Array(9),
      when: new Date(Number.NaN),
      none: undefined,
    };
    cycle['self'] = cycle;
    log.info(cycle, 'x'.repeat(100_000));
    expect(lines[0]?.length).toBeLessThan(100_000);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ n: '10', bytes: '[9 bytes]', when: null });
  });

  it('can be read by people', () => {
    const { log, lines } = capture({ format: 'text' });
    log.warn({ group: 'web', why: 'two words' }, 'blocked');
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}blocked {2}group=web why="two words"\n$/);
  });
});
