import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { explainCode, explainLines, whyNot } from './explain.ts';
import { group, instances, LIMITS, MINUTE, policy, settled, snapshot, T0, value } from './fixtures/group.ts';
import { GUARD_NOTES } from './guard-notes.ts';
import type { GroupSpec } from './model/group.ts';
import { REASONS, type ReasonCode } from './model/reasons.ts';
import type { Snapshot } from './model/snapshot.ts';
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
    '  waiting   must stay quiet for 5 min, quiet since 07:56:48 UTC, then at most 1 (or 20 %) every 1 min, until T108 (1 min 48 s)   limits.scale_in.after_quiet (default)',
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

describe('why not never says that all is well when it is not', () => {
  const decided = (spec: GroupSpec, count: number, more: { snap?: Partial<Snapshot>; memory?: Parameters<typeof settled>[2]; target?: number } = {}) =>
    decide(spec, snapshot({ instances: instances(count), ...more.snap }), settled(spec, more.target ?? count, more.memory)).decision;
  const WELL = /is where it should be|Nothing is wrong/;

  test('blocked with nothing serving', () => {
    const { backoff } = rememberLaunchFailure(settled(spec, 2), 'quota', 'BLOCKED_QUOTA', '10 of 10 servers.', T0, null);
    const lines = whyNot(decided(group(), 0, { target: 2, memory: { backoff }, snap: { readings: { rps: value(200) } } }));
    expect(lines[0]).toBe('web: 0 of 2 machines serve; it is blocked: 10 of 10 servers.');
    expect(lines.at(-1)).toBe('This needs a look.');
  });
  test('observing an empty group', () => {
    const lines = whyNot(decided(group({ mode: 'observe', min: 2 }), 0, { snap: { readings: { rps: value(0) } } }));
    expect(lines[0]).toBe('web has 0 machines and would be 2; it observes and may not act.');
    expect(lines).toContain('  limit   0 → 2: min 2   min (default)');
    expect(lines.at(-1)).toBe('It acts once `mode: act` is written.');
  });
  test('observing what would stay as it is', () => {
    const lines = whyNot(decided(group({ mode: 'observe' }), 4));
    expect(lines[0]).toBe('web has 4 machines; it observes and may not act.');
    expect(lines.at(-1)).toBe('Nothing is wrong.');
  });
  test('machines that are starting', () => {
    const starting = [...instances(1), ...instances(3, { state: 'booting', servingSinceMs: null }).slice(1)];
    const lines = whyNot(decided(group(), 3, { snap: { instances: starting, readings: { rps: value(300) } } }));
    expect(lines[0]).toBe('web: 1 of 3 machines serve; 2 starting or unhealthy.');
    expect(lines.join()).not.toMatch(WELL);
  });
  test('at max it is not waiting', () => {
    const capped = group({ max: 2, written: { max: 'drover.yaml:8:10' } });
    const lines = whyNot(decided(capped, 2, { snap: { readings: { rps: value(480) } } }));
    expect(lines[0]).toBe('web is at max 2 and wants 5; it is not waiting: raise max (drover.yaml:8:10) for more.');
    expect(lines.at(-1)).toBe('Only a higher max helps: change max at drover.yaml:8:10, or make each machine carry more.');
  });
  test('at min it is well', () => {
    const lines = whyNot(decided(group({ min: 3 }), 3, { snap: { readings: { rps: value(0) } } }));
    expect([lines[0], lines.at(-1)]).toEqual(['web is at its minimum of 3; traffic needs only 0.', 'Nothing is wrong.']);
  });
  test('blind', () => {
    const lines = whyNot(decided(group(), 4, { snap: { readings: {} } }));
    expect(lines[0]).toBe('web is blind: no metric can be read. It keeps 4 machines, 4 of them serving.');
    expect(lines.at(-1)).toBe('Every metric of this group is missing: it is blind.');
  });
  test('paused', () => {
    const pause = { untilMs: T0 + 10 * MINUTE, by: 'ops', reason: null };
    const lines = whyNot(decided(group(), 4, { snap: { pause, readings: { rps: value(600) } } }), { time: (ms) => `T${(ms - T0) / 1000}` });
    expect(lines[0]).toBe('web has 4 machines and would be 6; it is paused.');
    expect(lines).toContain('  waiting   paused by ops until T600 (10 min)');
    expect(lines.join()).not.toMatch(WELL);
  });
});

describe('a person and the budget', () => {
  const scaled = (count: number, size: number, memory: Parameters<typeof settled>[2] = {}) => {
    const manual = [{ kind: 'exact' as const, size, untilMs: null, by: 'ops', reason: null }];
    return decide(group(), snapshot({ instances: instances(count), manual, readings: { rps: value(600) } }), settled(group(), count, memory)).decision;
  };
  const gone = (...agoMs: number[]) => agoMs.map((ms) => ({ atMs: T0 - ms, cause: 'scale-in' as const }));
  test('half of what is there goes at once, in the guard and in the plan', () => {
    const d = scaled(6, 3);
    expect(d).toMatchObject({ target: 3, limits: [], sentence: 'ops asked for 3.' });
    expect(d.actions).toHaveLength(3);
  });
  test('back at six, two used of three: one may go', () => {
    const d = scaled(6, 5, { destroyed: gone(MINUTE, 2 * MINUTE), launched: [T0 - 30_000, T0 - 30_000] });
    expect(d).toMatchObject({ target: 5, limits: [] });
    expect(d.actions).toHaveLength(1);
  });
  test('used up: how many, of how many, and when the next is free', () => {
    const d = scaled(6, 5, { destroyed: gone(MINUTE, 2 * MINUTE, 3 * MINUTE), launched: [T0 - 30_000, T0 - 30_000, T0 - 30_000] });
    expect(d).toMatchObject({
      target: 6,
      outcome: 'hold',
      reason: 'LIMIT_DESTRUCTION',
      sentence: 'Holding at 6: a person asked for 5; 3 of 3 deletions in 5 min used; the next is free at 08:02:00 UTC.',
    });
    expect(d.limits[0]).toMatchObject({ detail: '3 of 3 deletions in 5 min used', untilMs: T0 + 2 * MINUTE });
    expect(whyNot(d)).toContain('  limit   5 → 6: 3 of 3 deletions in 5 min used; the next is free at 08:02:00 UTC   limits.destruction (default)');
  });
  test('a part of it', () => expect(scaled(6, 1).sentence).toBe('A person asked for 1, the destruction budget allowed 3 for now.'));
  test('the table names the row that decided', () => {
    const lines = explainLines(scaled(6, 3));
    expect(lines.find((l) => l.startsWith('  manual'))).toMatch(/ 3 +a person$/);
    expect(lines.join()).not.toContain('largest');
  });
});

test('a cap that wins is not the largest', () => {
  const policies = [...group().policies, policy('schedule', { cron: '0 8 * * *', for: '10h', max: 2 }, { name: 'night' })];
  const capped = group({ policies });
  const schedules = { night: { min: null, max: 2, size: null, untilMs: null, text: 'nights' } };
  const { decision } = decide(capped, snapshot({ schedules }), settled(capped, 4, { wanted: 2 }));
  expect(explainLines(decision).find((l) => l.startsWith('  night   '))).toMatch(/decides$/);
});

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
