import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { explainCode, explainLines, whyNot } from './explain.ts';
import { group, instances, LIMITS, MINUTE, settled, snapshot, T0, value } from './fixtures/group.ts';
import { GUARD_NOTES } from './guard-notes.ts';
import { REASONS, type ReasonCode } from './model/reasons.ts';
import { rememberLaunchFailure } from './remember.ts';

const spec = group({
  policies: group().policies,
  limits: { ...LIMITS, scaleOut: { step: { count: 2, fraction: null }, everyMs: 2 * MINUTE } },
  written: { 'limits.scale_out.step': 'drover.yaml:52:18' },
});
const at = (size: number, rps: number, more: Parameters<typeof settled>[2] = {}) =>
  decide(spec, snapshot({ instances: instances(size), readings: { rps: value(rps, { ageMs: 11_000, atMs: T0 - 11_000 }) } }), settled(spec, size, more))
    .decision;

test('why: the arithmetic, each limit with key and place, the actions', () => {
  expect(explainLines(at(3, 532))).toEqual([
    '08:00:00 UTC  web scaled out 3 → 5  ABOVE_TARGET  d_1',
    '',
    '  traffic wanted 6, the step limit allowed 5.',
    '',
    '  policy    reads                                 wants',
    '  traffic   532 req/s / 100 = 5.3 → 6, 11 s old   6       largest',
    '',
    '  wanted   6',
    '  step     5   at most 2 every 2 min   limits.scale_out.step   drover.yaml:52:18',
    '  target   5',
    '',
    '  create 1',
    '  create 1',
  ]);
});

test('why not: what it waits for, until when, and what comes next', () => {
  const wants = [
    { size: 7, fromMs: T0 - 20 * MINUTE, toMs: T0 - 192_000, complete: true },
    { size: 5, fromMs: T0 - 192_000, toMs: T0 - 15_000, complete: true },
  ];
  expect(whyNot(at(7, 410, { wants }), { time: (ms) => `T${(ms - T0) / 1000}` })).toEqual([
    'web has 7 and wants 5; it is waiting.',
    '',
    '  traffic   410 req/s / 100 = 4.1 → 5',
    '  waiting   must stay quiet for 5 min, 3 min 12 s so far, then at most 1 (or 20 %) every 1 min, until T108 (1 min 48 s)   limits.scale_in.after_quiet (default)',
    '  then   scale in towards 5 from T108',
    '',
    'Nothing is wrong.',
  ]);
});

test('why not, when the cloud refuses', () => {
  const { backoff } = rememberLaunchFailure(settled(spec, 4), 'quota', 'BLOCKED_QUOTA', '10 of 10 servers', T0, null);
  const lines = whyNot(at(4, 600, { backoff }));
  expect(lines).toContain('  blocked   The cloud refused: an account limit is reached. 10 of 10 servers; next try 08:00:30 UTC');
  expect(lines.at(-1)).toBe('This needs a look.');
});

test('where it should be', () =>
  expect(whyNot(at(4, 400))).toEqual(['web is where it should be: 4 machines.', '', '  traffic   400 req/s / 100 = 4 → 4', '', 'Nothing is wrong.']));

describe('codes', () => {
  test('every code is explained; every hold and limit has its note', () => {
    for (const code of Object.keys(REASONS) as ReasonCode[]) {
      const explained = explainCode(code);
      expect(explained?.summary).toBe(REASONS[code]);
      if (code.startsWith('HOLD_') || code.startsWith('LIMIT_')) expect(GUARD_NOTES[code]?.meaning).toBeTruthy();
    }
  });
  test('HOLD_QUIET', () => expect(explainCode('HOLD_QUIET')).toMatchObject({ kind: 'hold', guard: { keys: ['limits.scale_in.after_quiet'], default: '5m' } }));
  test('unknown ones are not', () => {
    expect(explainCode('HOLD_NOTHING')).toBeNull();
    expect(explainCode('toString')).toBeNull();
  });
});
