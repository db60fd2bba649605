import { describe, expect, test } from 'vitest';
import { decide, initialMemory } from './decide.ts';
import { alertView } from './fixtures/context.ts';
import { group, instance, instances, LIMITS, MINUTE, policy, settled, snapshot, T0, value } from './fixtures/group.ts';
import type { GroupSpec, LimitsSpec } from './model/group.ts';
import { missing } from './model/reading.ts';
import type { GroupMemory, ManualOverride, ScheduleWindow, Snapshot } from './model/snapshot.ts';
import { POLICIES } from './policies/policies.ts';
import type { PolicyDefinition } from './policies/policy.ts';
import { proposal } from './policies/policy.ts';
import { rememberDestruction, rememberLaunch, rememberLaunchFailure } from './remember.ts';

const limits = (more: Partial<LimitsSpec>): Partial<GroupSpec> => ({ limits: { ...LIMITS, ...more } });
const load = (rps: number) => ({ rps: value(rps) });

/** A settled group of `size`, all serving, with this load now and (unless said otherwise) for the whole quiet window. */
function look(
  size: number,
  rps: number,
  more: { spec?: Partial<GroupSpec>; snap?: Partial<Snapshot>; memory?: Partial<GroupMemory> & { wanted?: number } } = {},
) {
  const spec = group(more.spec);
  const memory = settled(spec, size, { wanted: Math.ceil(rps / 100), ...more.memory });
  return decide(spec, snapshot({ instances: instances(size), readings: load(rps), ...more.snap }), memory);
}
const codes = (list: readonly { code: string; from: number; to: number }[]) => list.map((l) => `${l.code} ${l.from}→${l.to}`);

describe('bounds', () => {
  test('max cuts and is recorded with its key and place', () => {
    const { decision } = look(4, 900, { spec: { max: 5, written: { max: 'drover.yaml:8:10' } } });
    expect(decision).toMatchObject({
      outcome: 'scale_out',
      reason: 'ABOVE_TARGET',
      wanted: 9,
      target: 5,
      sentence: 'traffic wanted 9, the maximum allowed 5.',
    });
    expect(decision.limits).toEqual([{ code: 'LIMIT_MAX', from: 9, to: 5, detail: 'max 5', key: 'max', at: 'drover.yaml:8:10' }]);
  });
  test('at max, wanting more, is a hold by the limit', () => {
    expect(look(5, 900, { spec: { max: 5 } }).decision).toMatchObject({
      outcome: 'hold',
      reason: 'LIMIT_MAX',
      target: 5,
      sentence: 'Holding at 5: traffic wants 9; max 5.',
    });
  });
  test('min raises', () => expect(look(3, 0, { spec: { min: 3 } }).decision).toMatchObject({ outcome: 'hold', reason: 'LIMIT_MIN', wanted: 0, target: 3 }));
  test('a lowered max holds at once, whatever the pace and whatever is missing', () => {
    const { decision, memory } = look(10, 0, { spec: { max: 4 }, snap: { readings: {} }, memory: { config: 'c0', wanted: 10 } });
    expect(decision).toMatchObject({ outcome: 'scale_in', reason: 'CONFIG_CHANGED', from: 10, target: 4, sentence: 'Cut from 10 to the maximum of 4.' });
    expect(decision.actions).toHaveLength(5); // the destruction budget: half of the ten there are
    expect(codes(decision.limits)).toEqual(['LIMIT_MAX 10→4', 'LIMIT_DESTRUCTION 4→4']);
    expect(memory.target).toBe(4);
  });
  test('a raised min holds at once, past the step limit', () => {
    const { decision } = look(2, 200, { spec: { min: 12 }, memory: { config: 'c0' } });
    expect(decision).toMatchObject({ outcome: 'scale_out', reason: 'CONFIG_CHANGED', target: 12, sentence: 'Raised from 2 to the minimum of 12.' });
    expect(decision.actions).toHaveLength(10);
    expect(decision.actions[0]).toMatchObject({ kind: 'launch', cause: 'min' });
  });
});

describe('pace out', () => {
  test.each([
    [1, 2000, 5], // +4
    [4, 2000, 8], // +4 = 100 %
    [6, 2000, 12], // 100 %
    [4, 600, 6],
  ])('%d at %d req/s goes to %d', (size, rps, target) => expect(look(size, rps).decision.target).toBe(target));
  test('what moved in the period is part of the step', () => {
    const moved = (by: number, ago: number) => look(6, 2000, { memory: { moves: [{ atMs: T0 - ago, by }], lastOutMs: T0 - ago } }).decision;
    expect(moved(2, 10_000).target).toBe(8); // from 4: 4 allowed, 2 used
    expect(moved(4, 10_000)).toMatchObject({ target: 6, outcome: 'hold', reason: 'HOLD_RATE' });
    expect(moved(4, 10_000).holds[0]).toMatchObject({ untilMs: T0 + 20_000, key: 'limits.scale_out.every' });
    expect(moved(4, 30_000).target).toBe(12);
  });
  test('a step of its own', () => {
    const spec = limits({ scaleOut: { step: { count: 2, fraction: null }, everyMs: 2 * MINUTE } });
    expect(look(3, 600, { spec }).decision).toMatchObject({ wanted: 6, target: 5, sentence: 'traffic wanted 6, the step limit allowed 5.' });
  });
});

describe('pace in', () => {
  test.each([
    [10, 100, 8], // 20 %
    [4, 100, 3], // at least 1
    [7, 100, 6], // 20 % of 7 is 1.4: 1
    [2, 100, 1],
  ])('%d at %d req/s goes to %d', (size, rps, target) =>
    expect(look(size, rps).decision).toMatchObject({ outcome: 'scale_in', reason: 'BELOW_TARGET', target }),
  );
  test('the highest want of the window counts', () => {
    const wants = [
      { size: 7, fromMs: T0 - 20 * MINUTE, toMs: T0 - 3 * MINUTE, complete: true },
      { size: 3, fromMs: T0 - 3 * MINUTE, toMs: T0 - 15_000, complete: true },
    ];
    const { decision } = look(8, 300, { memory: { wants } });
    expect(decision).toMatchObject({ target: 7, outcome: 'scale_in', sentence: 'traffic needs only 3, the quiet time allowed 7 for now.' });
    expect(codes(decision.holds)).toEqual(['HOLD_QUIET 3→7']);
    const held = look(7, 300, { memory: { wants } }).decision;
    expect(held).toMatchObject({ outcome: 'hold', reason: 'HOLD_QUIET', target: 7 });
    expect(held.holds[0]).toMatchObject({
      untilMs: T0 + 2 * MINUTE,
      detail: 'must stay quiet for 5 min, quiet since 07:57:00 UTC, then at most 1 (or 20 %) every 1 min',
    });
  });
  test('a window that is not known waits', () => {
    expect(look(4, 100, { memory: { wants: [] } }).decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_QUIET' });
    expect(look(4, 100, { memory: { lastGapMs: T0 - MINUTE } }).decision.holds[0]).toMatchObject({ code: 'HOLD_QUIET', untilMs: T0 + 4 * MINUTE });
  });
  test('one step per period', () => {
    const { decision } = look(8, 100, { memory: { moves: [{ atMs: T0 - 20_000, by: -2 }], lastInMs: T0 - 20_000 } });
    expect(decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_RATE' });
    expect(decision.holds[0]).toMatchObject({ untilMs: T0 + 40_000, key: 'limits.scale_in.every' });
  });
  test('not while members warm', () => {
    const warming = (createdAtMs: number) => [...instances(3), instance(9, { state: 'booting', servingSinceMs: null, createdAtMs })];
    expect(look(4, 100, { snap: { instances: warming(T0 - MINUTE) } }).decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_WARMUP' });
    // Past its boot timeout it holds nothing up, and is the first to go.
    expect(look(4, 100, { snap: { instances: warming(T0 - 6 * MINUTE) } }).decision.actions).toMatchObject([{ kind: 'remove', instance: 'web-9' }]);
  });
  test('not within the scale-out cooldown', () => {
    const { decision } = look(4, 100, { memory: { lastOutMs: T0 - 10_000 } });
    expect(decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_RATE' });
    expect(decision.holds.at(-1)).toMatchObject({ key: 'limits.scale_out.every', untilMs: T0 + 20_000 });
  });
  test('wishes that were never launched are taken back at once, once it is quiet', () => {
    const { decision } = look(10, 300, { snap: { instances: instances(4) } });
    expect(decision).toMatchObject({ target: 3, outcome: 'scale_in' });
    expect(decision.actions.map((a) => a.kind)).toEqual(['remove']);
  });
});

describe('flap check', () => {
  const cpu = (steps: unknown[]) => ({ policies: [policy('step', { metric: 'rps', steps }, { name: 'cpu' })] });
  const bands = cpu([
    { above: 0.8, change: 2 },
    { below: 0.4, change: -1 },
  ]);
  test('on the way in: what would ask for more at once is not done', () => {
    const spec = cpu([
      { above: 0.6, change: 1 },
      { below: 0.4, change: -1 },
    ]);
    const { decision } = look(2, 0.35, { spec, memory: { wanted: 1 } });
    expect(decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_FLAP', target: 2 });
    expect(look(2, 0.29, { spec, memory: { wanted: 1 } }).decision.target).toBe(1); // 58 % on one
  });
  test('on the way in: the nearest size that would not', () => {
    const spec = {
      ...cpu([
        { below: 0.5, change: -4 },
        { above: 0.8, change: 1 },
      ]),
      ...limits({ scaleIn: { ...LIMITS.scaleIn, step: { count: 10, fraction: null } } }),
    };
    const { decision } = look(8, 0.5, { spec, memory: { wanted: 4 } });
    expect(codes(decision.holds)).toEqual(['HOLD_FLAP 4→6']); // 4 × 100 %, 5 × 80 %: both too many; 6 × 67 %
    expect(decision.target).toBe(6);
  });
  test('on the way out: the nearest size that would not ask for fewer', () => {
    const { decision } = look(1, 0.9, { spec: bands });
    expect(codes(decision.holds)).toEqual(['HOLD_FLAP 3→2']); // 3 × 30 % would shrink; 2 × 45 % stays
    expect(decision).toMatchObject({ outcome: 'scale_out', target: 2, sentence: 'cpu wanted 3, the flap check allowed 2.' });
  });
  test('on the way out: overload gets one machine rather than none, but not while one is on its way', () => {
    const tight = cpu([
      { above: 0.8, change: 2 },
      { below: 0.7, change: -1 },
    ]);
    expect(look(1, 0.9, { spec: tight }).decision.target).toBe(2);
    const coming = [instance(1), instance(2, { state: 'booting', servingSinceMs: null })];
    expect(look(2, 0.9, { spec: tight, snap: { instances: coming } }).decision).toMatchObject({ target: 2, reason: 'HOLD_FLAP' });
  });
  test('off', () => expect(look(1, 0.9, { spec: { ...bands, ...limits({ flapCheck: false }) } }).decision.target).toBe(3));
});

describe('money and launches', () => {
  const budget = (perHour: number | null, perMonth: number | null) => limits({ budget: { perHour, perMonth, currency: 'EUR' } });
  test('an hour', () => {
    expect(look(4, 900, { spec: { ...budget(0.6, null), pricePerHour: 0.1 } }).decision).toMatchObject({
      target: 6,
      sentence: 'traffic wanted 9, the money budget allowed 6.',
    });
    expect(look(4, 900, { spec: { ...budget(0.2, null), pricePerHour: 0.1 } }).decision).toMatchObject({ target: 4, outcome: 'hold', reason: 'LIMIT_BUDGET' });
    expect(look(4, 900, { spec: budget(0.6, null) }).decision.target).toBe(8); // no price known: it cannot say
    const priced = instances(4, { pricePerHour: 0.1 });
    expect(look(4, 900, { spec: budget(0.6, null), snap: { instances: priced } }).decision.target).toBe(6);
  });
  test('a month, and never below what there is or min', () => {
    expect(look(4, 900, { spec: budget(null, 120), snap: { spentThisMonth: 119 } }).decision.target).toBe(8);
    expect(look(4, 900, { spec: budget(null, 120), snap: { spentThisMonth: 120 } }).decision).toMatchObject({ target: 4, reason: 'LIMIT_BUDGET' });
    expect(look(2, 900, { spec: { ...budget(null, 120), min: 4 }, snap: { spentThisMonth: 500 } }).decision).toMatchObject({ target: 4, outcome: 'scale_out' });
  });
  test('launches of an hour cut the target and the launches', () => {
    const spec = limits({ launchesPerHour: 3 });
    const launched = [T0 - 10 * MINUTE, T0 - 70 * MINUTE];
    const { decision } = look(4, 900, { spec, memory: { launched } });
    expect(decision).toMatchObject({ target: 6, sentence: 'traffic wanted 9, the launch rate allowed 6.' });
    const gone = look(4, 400, { spec, snap: { instances: instances(1) }, memory: { launched: [T0 - 1, T0 - 2] } }).decision;
    expect(gone.actions).toHaveLength(1);
    expect(codes(gone.limits)).toEqual(['LIMIT_RATE 4→2']);
  });
});

describe('back-off', () => {
  const failing = (atMs: number) =>
    rememberLaunchFailure(settled(group(), 4), 'quota', 'BLOCKED_QUOTA', 'server limit reached (10 of 10).', atMs, null).backoff;
  test('launches wait, the target does not, and it says who refused', () => {
    const { decision, memory } = look(4, 600, { memory: { backoff: failing(T0 - 10_000) } });
    expect(decision).toMatchObject({ outcome: 'blocked', reason: 'BLOCKED_QUOTA', target: 6, actions: [] });
    expect(decision.blocked).toEqual([{ code: 'BLOCKED_QUOTA', detail: 'server limit reached (10 of 10).', nextTryMs: T0 + 20_000 }]);
    expect(codes(decision.holds)).toEqual(['HOLD_BACKOFF 6→4']);
    expect(decision.sentence).toBe(
      'Wants 6 and has 4. The cloud refused: an account limit is reached. server limit reached (10 of 10); next try at 08:00:20 UTC.',
    );
    expect(memory.reached).toBe(false);
  });
  test('nothing is launched before the cloud has told which machines there are', () => {
    const { decision } = look(4, 600, { snap: { cloudListed: false } });
    expect(decision).toMatchObject({ target: 6, actions: [] });
    expect(codes(decision.holds)).toEqual(['HOLD_BACKOFF 6→4']);
    expect(look(4, 600).decision.actions).toHaveLength(2);
  });
  test('then one machine is tried at a time', () => {
    const backoff = failing(T0 - 31_000);
    const first = look(6, 600, { snap: { instances: instances(4) }, memory: { backoff, reached: false } }).decision;
    expect(first.actions).toHaveLength(1);
    expect(first).toMatchObject({ outcome: 'scale_out', sentence: 'Still on the way to 6 machines: launching 1 more.' });
    const trying = [...instances(4), instance(9, { state: 'intent', servingSinceMs: null })];
    expect(look(6, 600, { snap: { instances: trying }, memory: { backoff } }).decision).toMatchObject({ outcome: 'hold', actions: [] });
  });
  test('scale-in and removals go on', () => {
    expect(look(4, 100, { memory: { backoff: failing(T0) } }).decision).toMatchObject({ outcome: 'scale_in', target: 3 });
  });
  test('a machine that serves since ends a failure of booting', () => {
    const m = rememberLaunchFailure(settled(group(), 4), 'boot', 'BLOCKED_BOOT', 'late', T0 - 10_000, null);
    const list = [...instances(3), instance(4, { servingSinceMs: T0 - 5_000 })];
    expect(look(4, 400, { snap: { instances: list }, memory: { backoff: m.backoff } }).memory.backoff).toEqual({});
  });
});

describe('brake and destruction budget', () => {
  const sick = (bad: number, all: number) => instances(all).map((i, k) => (k < bad ? { ...i, health: 'unhealthy' as const, healthSinceMs: T0 - MINUTE } : i));
  test('a mass of unhealthy members stops replacing and shrinking', () => {
    const { decision, memory } = look(10, 1000, { snap: { instances: sick(3, 10) } });
    expect(decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_BRAKE', actions: [] });
    expect(decision.sentence).toBe('Holding at 10: 3 of 10 look unhealthy (30 %): the check itself may be sick.');
    expect(memory.brake).toBe(true);
    expect(look(10, 100, { snap: { instances: sick(3, 10) } }).decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_BRAKE', target: 10 });
  });
  test.each([
    [2, 10, false, false],
    [3, 11, false, false], // 27 %
    [3, 10, false, true],
    [2, 10, true, true], // hysteresis: off below half
    [1, 10, true, false],
    [0, 10, true, false],
  ])('%d of %d unhealthy, brake %j before: %j', (bad, all, before, after) => {
    expect(look(all, all * 100, { snap: { instances: sick(bad, all) }, memory: { brake: before } }).memory.brake).toBe(after);
  });
  test('a list that cannot be trusted removes nothing', () => {
    expect(look(4, 100, { snap: { cloudTrusted: false } }).decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_BRAKE', target: 4 });
    expect(look(4, 100, { snap: { balancerTrusted: false } }).decision).toMatchObject({ outcome: 'hold', reason: 'HOLD_BRAKE', target: 4 });
    expect(look(4, 600, { snap: { cloudTrusted: false } }).decision.target).toBe(6);
  });
  test('scale-in takes no more than the budget of what there is', () => {
    const spec = limits({ scaleIn: { step: { count: 100, fraction: null }, everyMs: MINUTE, afterQuietMs: 0 } });
    const { decision } = look(10, 100, { spec });
    expect(decision).toMatchObject({ target: 5, reason: 'BELOW_TARGET' });
    expect(codes(decision.limits)).toEqual(['LIMIT_DESTRUCTION 1→5']);
    const used = rememberDestruction(settled(group(), 10), 'boot-failed', T0 - MINUTE).destroyed;
    expect(look(10, 100, { spec, memory: { destroyed: used } }).decision.target).toBe(6);
  });
});

describe('approval', () => {
  const spec = limits({ approve: { scaleIn: 3, scaleOut: 5 }, scaleIn: { ...LIMITS.scaleIn, afterQuietMs: 0 } });
  test('the whole intended change counts, not the step', () => {
    const { decision } = look(10, 200, { spec });
    expect(decision).toMatchObject({
      outcome: 'hold',
      reason: 'HOLD_APPROVAL',
      target: 10,
      sentence: 'Holding at 10: traffic needs only 2; removing more than 3 needs a person: 10 → 2.',
    });
    expect(look(10, 700, { spec }).decision.target).toBe(8);
  });
  test('an approval lets it go as far as approved', () => {
    expect(look(10, 200, { spec, snap: { approved: 2 } }).decision.target).toBe(8);
    expect(look(10, 200, { spec, snap: { approved: 9 } }).decision).toMatchObject({ target: 9 });
    expect(look(4, 1900, { spec, snap: { approved: 6 } }).decision).toMatchObject({ target: 6 });
    expect(look(4, 1900, { spec }).decision).toMatchObject({ target: 4, reason: 'HOLD_APPROVAL' });
  });
  test('a person who asks for a size needs no second one', () => {
    const manual: ManualOverride[] = [{ kind: 'exact', size: 4, untilMs: null, by: 'ops', reason: null }];
    expect(look(10, 1000, { spec, snap: { manual } }).decision.target).toBe(5); // the destruction budget still counts
  });
});

describe('standing still', () => {
  test.each<[string, Partial<GroupSpec>, Partial<Snapshot>, string, string]>([
    ['pause', {}, { pause: { untilMs: T0 + 80 * MINUTE, by: 'ops', reason: 'release day' } }, 'HOLD_PAUSED', 'paused by ops until 09:20:00 UTC: release day'],
    ['observe', { mode: 'observe' }, {}, 'HOLD_OBSERVE', 'would scale out 4 → 6, traffic wants 6'],
    ['freeze', {}, { freezeUntilMs: T0 + MINUTE }, 'HOLD_FREEZE', 'a freeze is open until 08:01:00 UTC'],
  ])('%s records the wish and moves nothing', (_, spec, snap, reason, words) => {
    const { decision, memory } = look(4, 600, { spec, snap });
    expect(decision).toMatchObject({ outcome: 'hold', reason, wanted: 6, target: 4, actions: [] });
    expect(decision.holds.at(-1)).toMatchObject({ code: reason, from: 6, to: 4 });
    expect(decision.sentence).toContain(words);
    expect(memory.target).toBe(4);
    expect(memory.wants.at(-1)?.size).toBe(6);
    const idle = look(4, 0, { spec, snap: { ...snap, instances: instances(2) } });
    expect(idle.decision.actions).toEqual([]);
  });
  test('an expired pause or freeze does not', () => {
    expect(look(4, 600, { snap: { pause: { untilMs: T0, by: 'ops', reason: null }, freezeUntilMs: T0 } }).decision.target).toBe(6);
  });
  test('while observing, what runs is the size', () => {
    const { decision, memory } = look(4, 600, { spec: { mode: 'observe' }, snap: { instances: instances(5) } });
    expect(decision).toMatchObject({ from: 5, target: 5, wanted: 6 });
    expect(memory.target).toBe(5);
  });
});

describe('missing data', () => {
  test('blind: holds, says so, and counts as a gap', () => {
    const { decision, memory } = look(4, 0, { snap: { readings: { rps: missing('empty', 'no series', T0) } } });
    expect(decision).toMatchObject({
      outcome: 'hold',
      reason: 'HOLD_METRIC_MISSING',
      blind: true,
      target: 4,
      sentence: 'Holding at 4: rps is missing (empty: no series).',
    });
    expect(memory.lastGapMs).toBe(T0);
  });
  test('a policy of an unknown type, or one that fails, is as good as missing', () => {
    const failing: PolicyDefinition = {
      ...(POLICIES['target'] as PolicyDefinition),
      type: 'own',
      propose: () => {
        throw new Error('boom');
      },
    };
    const spec = group({
      policies: [policy('target', { metric: 'rps', per_instance: 100 }), { name: 'mine', type: 'own', options: { metric: 'rps' }, advisory: false }],
    });
    const ask = (table: typeof POLICIES) => decide(spec, snapshot({ readings: load(100) }), settled(spec, 4, { wanted: 1 }), table).decision;
    expect(ask(POLICIES)).toMatchObject({
      outcome: 'hold',
      target: 4,
      reason: 'HOLD_METRIC_MISSING',
      sentence: 'Holding at 4, not 1: there is no policy type own.',
    });
    expect(ask({ ...POLICIES, own: failing }).proposals[1]).toMatchObject({ error: 'the policy failed: boom', blocksShrink: true });
  });
  test('a policy of the user’s own takes part, with sizes made sane', () => {
    const own: PolicyDefinition = {
      ...(POLICIES['target'] as PolicyDefinition),
      type: 'own',
      metricsOf: () => [],
      propose: (c) => ({ proposal: proposal({ wants: c.serving + 1.5, reason: 'ABOVE_TARGET', arithmetic: 'mine' }), memory: { n: 1 } }),
    };
    const spec = group({ policies: [{ name: 'mine', type: 'own', options: {}, advisory: false }] });
    const { decision, memory } = decide(spec, snapshot(), settled(spec, 4), { ...POLICIES, own });
    expect(decision).toMatchObject({ target: 6, sentence: 'mine wants 6: mine.' });
    expect(memory.policies).toEqual({ mine: { n: 1 } });
  });
});

describe('people, schedules and alerts', () => {
  const manual = (kind: ManualOverride['kind'], size: number): Partial<Snapshot> => ({
    manual: [{ kind, size, untilMs: T0 + 60 * MINUTE, by: 'ops', reason: 'sale' }],
  });
  test('an exact size is taken at once, past the pace of the policies', () => {
    const { decision } = look(2, 200, { snap: manual('exact', 12) });
    expect(decision).toMatchObject({
      outcome: 'scale_out',
      reason: 'MANUAL',
      target: 12,
      actor: 'ops',
      sentence: 'ops asked for 12 until 09:00:00 UTC: sale.',
    });
    expect(look(4, 400, { snap: manual('exact', 2), memory: { wants: [] } }).decision).toMatchObject({ outcome: 'scale_in', reason: 'MANUAL', target: 2 });
  });
  test('inside min and max, and not under a brake', () => {
    expect(look(4, 400, { snap: manual('exact', 99) }).decision.target).toBe(20);
    expect(look(4, 400, { spec: { min: 3 }, snap: manual('exact', 0) }).decision.target).toBe(3);
    expect(look(4, 400, { snap: { ...manual('exact', 2), cloudTrusted: false } }).decision.target).toBe(4);
  });
  test('floor and cap', () => {
    expect(look(4, 100, { snap: manual('floor', 6) }).decision).toMatchObject({ target: 6, reason: 'MANUAL', actor: 'ops' });
    // A cap is an order: it needs no quiet time, but keeps the pace.
    expect(look(10, 1000, { snap: manual('cap', 4) }).decision).toMatchObject({ target: 8, reason: 'MANUAL', wanted: 4 });
  });
  const hours = {
    policies: [
      policy('target', { metric: 'rps', per_instance: 100 }, { name: 'traffic' }),
      policy('schedule', { cron: '0 8 * * *', for: '10h', min: 6 }, { name: 'hours' }),
    ],
  };
  const window = (more: Partial<ScheduleWindow>): Partial<Snapshot> => ({
    schedules: { hours: { min: null, max: null, size: null, untilMs: null, text: 'daily 08:00-18:00', ...more } },
  });
  test('a schedule', () => {
    expect(look(4, 400, { spec: hours, snap: window({ min: 6 }) }).decision).toMatchObject({
      target: 6,
      reason: 'SCHEDULE_FLOOR',
      sentence: 'hours wants 6: daily 08:00-18:00: at least 6.',
    });
    expect(look(6, 100, { spec: hours, snap: window({ min: 6 }) }).decision).toMatchObject({ target: 6, outcome: 'hold' });
    expect(look(6, 100, { spec: hours }).decision.target).toBe(5);
    expect(look(6, 600, { spec: hours, snap: window({ size: 4 }), memory: { wants: [] } }).decision).toMatchObject({ target: 5, reason: 'SCHEDULE_FLOOR' });
  });
  test('an alert, and nothing forced when it is over', () => {
    const spec = { policies: [policy('alert', { alert: 'HighLoad', while_firing: { min: 6 } })] };
    expect(look(4, 0, { spec, snap: { alerts: [alertView()] } }).decision).toMatchObject({ target: 6, reason: 'ALERT_FIRING' });
    expect(look(6, 0, { spec }).decision).toMatchObject({
      target: 6,
      outcome: 'hold',
      reason: 'HOLD_TOLERANCE',
      sentence: 'Holding at 6: no policy asks for a change.',
    });
  });
});

describe('starting', () => {
  const first = (spec: GroupSpec, existing: number) =>
    decide(spec, snapshot({ instances: instances(existing), readings: {} }), initialMemory(spec, T0, existing));
  test('with nothing: min, or the initial size', () => {
    const { decision, memory } = first(group({ min: 2 }), 0);
    expect(decision).toMatchObject({ outcome: 'scale_out', reason: 'LIMIT_MIN', from: 0, target: 2, sentence: 'Raised from 0 to the minimum of 2.' });
    expect(decision.actions).toEqual([0, 1].map(() => ({ kind: 'launch', zone: null, cause: 'min', replaces: null })));
    expect(memory.reached).toBe(true);
    expect(first(group({ min: 2, initial: 5 }), 0).decision).toMatchObject({ target: 5, reason: 'CONFIG_CHANGED' });
  });
  test('with machines: as many as there are', () => expect(first(group({ min: 2, initial: 5 }), 3).decision).toMatchObject({ target: 3, outcome: 'hold' }));
  test('a first look under a pause does not use up the initial size', () => {
    const spec = group({ min: 2, initial: 5 });
    const paused = decide(spec, snapshot({ instances: [], pause: { untilMs: null, by: 'ops', reason: null } }), initialMemory(spec, T0, 0)).memory;
    expect(decide(spec, snapshot({ instances: [] }), paused).decision.target).toBe(5);
  });
  test('rememberLaunch counts towards the rate', () => {
    const spec = group({ ...limits({ launchesPerHour: 1 }), min: 2 });
    expect(decide(spec, snapshot({ instances: [], readings: {} }), rememberLaunch(initialMemory(spec, T0, 0), T0)).decision.actions).toEqual([]);
  });
});

describe('memory', () => {
  test('is the same object while only time moves', () => {
    const spec = group();
    const { memory } = decide(spec, snapshot(), settled(spec, 4));
    for (let ms = 1_000; ms < 30_000; ms += 1_000) {
      expect(decide(spec, snapshot({ atMs: T0 + ms, readings: { rps: value(400, { atMs: T0 + ms }) } }), memory).memory).toBe(memory);
    }
  });
  test('windows are pruned', () => {
    const m = look(4, 400, {
      memory: { moves: [{ atMs: T0 - 2 * MINUTE, by: 1 }], destroyed: [{ atMs: T0 - 6 * MINUTE, cause: 'scale-in' }], launched: [T0 - 61 * MINUTE] },
    }).memory;
    expect(m).toMatchObject({ moves: [], destroyed: [], launched: [] });
  });
});
