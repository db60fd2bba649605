import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { alertView } from './fixtures/context.ts';
import { group, instance, LIMITS, MINUTE, metric, policy, settled, snapshot, T0, value } from './fixtures/group.ts';
import { type Step, simulate } from './fixtures/world.ts';
import type { GroupSpec, PolicySpec } from './model/group.ts';
import type { InstanceView } from './model/instance.ts';
import { MISSING_REASONS, missing, type Reading } from './model/reading.ts';
import { REASONS } from './model/reasons.ts';
import type { GroupMemory, Snapshot } from './model/snapshot.ts';
import { rememberLaunchFailure } from './remember.ts';

const policies: fc.Arbitrary<PolicySpec[]> = fc.uniqueArray(
  fc.oneof(
    fc.integer({ min: 1, max: 300 }).map((per) => policy('target', { metric: 'rps', per_instance: per }, { name: 'traffic' })),
    fc.integer({ min: 20, max: 90 }).map((t) => policy('target', { metric: 'cpu', target: `${t}%` }, { name: 'cpu' })),
    fc
      .tuple(fc.integer({ min: 50, max: 95 }), fc.integer({ min: 5, max: 45 }), fc.integer({ min: 1, max: 4 }), fc.constantFrom('0s', '1m'))
      .map(([above, below, by, wait]) =>
        policy(
          'step',
          {
            metric: 'cpu',
            steps: [
              { above: `${above}%`, change: by, for: wait },
              { below: `${below}%`, change: -by, for: wait },
            ],
          },
          { name: 'steps' },
        ),
      ),
    fc.integer({ min: 1, max: 15 }).map((min) => policy('alert', { alert: 'HighLoad', while_firing: { min } }, { name: 'alert' })),
    fc.constantFrom(2, -1).map((change) => policy('alert', { alert: 'HighLoad', change }, { name: 'alert-step' })),
    fc.constant(policy('schedule', { cron: '0 8 * * *', for: '10h', min: 1 }, { name: 'hours' })),
    fc.integer({ min: 1, max: 300 }).map((per) => policy('formula', { formula: 'rps + 2 * max(rps, 10)', per_instance: per }, { name: 'mix' })),
  ),
  { selector: (p) => p.name, maxLength: 4 },
);

const spec: fc.Arbitrary<GroupSpec> = fc
  .record({
    min: fc.integer({ min: 0, max: 6 }),
    span: fc.integer({ min: 0, max: 20 }),
    policies,
    flap: fc.boolean(),
    observe: fc.boolean().map((b) => b),
    approve: fc.option(fc.integer({ min: 0, max: 4 })),
    launches: fc.option(fc.integer({ min: 0, max: 10 })),
    budget: fc.option(fc.integer({ min: 0, max: 20 })),
    maxAge: fc.option(fc.constantFrom(10 * MINUTE, 120 * MINUTE)),
    spread: fc.constantFrom<string[]>([], ['a', 'b']),
  })
  .map((r) =>
    group({
      min: r.min,
      max: Math.max(1, r.min + r.span),
      policies: r.policies,
      metrics: { rps: metric('rps'), cpu: metric('cpu') },
      spread: r.spread,
      pricePerHour: 1,
      lifecycle: { ...group().lifecycle, maxAgeMs: r.maxAge },
      limits: {
        ...LIMITS,
        flapCheck: r.flap,
        approve: { scaleIn: r.approve, scaleOut: null },
        launchesPerHour: r.launches,
        budget: r.budget === null ? null : { perHour: r.budget, perMonth: null, currency: 'EUR' },
      },
    }),
  );

const machine = fc.record({
  state: fc.constantFrom<InstanceView['state']>('intent', 'booting', 'warming', 'serving', 'serving', 'serving', 'serving', 'draining', 'terminating'),
  health: fc.constantFrom<InstanceView['health']>('healthy', 'healthy', 'healthy', 'healthy', 'unhealthy', 'unknown'),
  zone: fc.constantFrom(null, 'a', 'b'),
  protected: fc.boolean(),
  standby: fc.constantFrom(false, false, false, true),
  detached: fc.constantFrom(false, false, false, true),
  replaceRequested: fc.constantFrom(false, false, false, true),
  removeRequested: fc.constantFrom(false, false, false, false, true),
  sessions: fc.option(fc.integer({ min: 0, max: 5 })),
  replaces: fc.constantFrom(null, null, null, 'web-1', 'web-2'),
});
const machines = fc
  .array(machine, { maxLength: 16 })
  .map((list) => list.map((m, i) => instance(i + 1, { ...m, servingSinceMs: m.state === 'serving' ? T0 - 30 * MINUTE : null })));

const good = (max: number): fc.Arbitrary<Reading> => fc.integer({ min: 0, max: max * 100 }).map((v) => value(v / 100));
const anyReading = (max: number): fc.Arbitrary<Reading> =>
  fc.oneof(
    { weight: 4, arbitrary: good(max) },
    fc.constantFrom(...MISSING_REASONS).map((reason) => missing(reason, 'test', T0)),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1).map((v) => value(v)),
    good(max).map((r): Reading => ({ ...r, atMs: T0 - 10 * MINUTE })),
    good(max).map((r): Reading => (r.kind === 'value' ? { ...r, partial: true } : r)),
  );

const overrides: fc.Arbitrary<Snapshot['manual']> = fc.array(
  fc.record({
    kind: fc.constantFrom('floor' as const, 'cap' as const, 'exact' as const),
    size: fc.integer({ min: 0, max: 30 }),
    untilMs: fc.constantFrom(null, T0 - 1, T0 + MINUTE),
    by: fc.constant('ops'),
    reason: fc.constant(null),
  }),
  { maxLength: 2 },
);
const schedules: fc.Arbitrary<Snapshot['schedules']> = fc
  .option(fc.record({ min: fc.option(fc.integer({ min: 0, max: 10 })), max: fc.option(fc.integer({ min: 0, max: 10 })) }))
  .map((w) => (w === null ? {} : { hours: { ...w, size: null, untilMs: null, text: 'daily' } }));

/** `plain`: nothing but the load speaks. */
const view = (reading: (max: number) => fc.Arbitrary<Reading>, plain: boolean): fc.Arbitrary<Snapshot> =>
  fc
    .record({
      instances: machines,
      rps: reading(3000),
      cpu: reading(2),
      alert: fc.boolean(),
      schedules: plain ? fc.constant({}) : schedules,
      manual: plain ? fc.constant([]) : overrides,
      trusted: fc.constantFrom(true, true, true, false),
      approved: fc.option(fc.integer({ min: 0, max: 20 })),
    })
    .map((r) =>
      snapshot({
        instances: r.instances,
        readings: { rps: r.rps, cpu: r.cpu },
        alerts: r.alert ? [alertView()] : [],
        schedules: r.schedules,
        manual: r.manual,
        cloudTrusted: r.trusted,
        approved: r.approved,
      }),
    );

const memoryOf = (g: GroupSpec): fc.Arbitrary<GroupMemory> =>
  fc
    .record({
      target: fc.integer({ min: 0, max: 30 }),
      wanted: fc.integer({ min: 0, max: 30 }),
      known: fc.boolean(),
      out: fc.option(fc.integer({ min: 0, max: 90_000 })),
      brake: fc.boolean(),
      destroyed: fc.integer({ min: 0, max: 4 }),
      failing: fc.option(fc.integer({ min: 0, max: 60_000 })),
      fresh: fc.boolean(),
      reached: fc.boolean(),
    })
    .map((r) => {
      const m = settled(g, r.target, {
        wanted: r.wanted,
        brake: r.brake,
        reached: r.reached,
        config: r.fresh ? '' : g.hash,
        lastOutMs: r.out === null ? null : T0 - r.out,
        moves: r.out === null ? [] : [{ atMs: T0 - r.out, by: 2 }],
        destroyed: Array.from({ length: r.destroyed }, (_, i) => ({ atMs: T0 - i * MINUTE, cause: 'scale-in' as const })),
        ...(r.known ? {} : { wants: [] }),
      });
      return r.failing === null ? m : rememberLaunchFailure(m, 'quota', 'BLOCKED_QUOTA', 'full', T0 - r.failing, null);
    });

const world = (reading: (max: number) => fc.Arbitrary<Reading>, plain = false) =>
  spec.chain((g) => fc.record({ g: fc.constant(g), snap: view(reading, plain), memory: memoryOf(g) }));
const RUNS = { numRuns: 600 };

describe('every decision', () => {
  test('stays inside min and max', () => {
    fc.assert(
      fc.property(world(anyReading), ({ g, snap, memory }) => {
        const { decision, memory: after } = decide(g, snap, memory);
        expect(Number.isInteger(decision.target)).toBe(true);
        // Without pause, freeze and observe mode, whatever else holds: never above max, never below min.
        expect(decision.target).toBeLessThanOrEqual(g.max);
        expect(decision.target).toBeGreaterThanOrEqual(g.min);
        expect(after.target).toBe(decision.target);
        expect(Number.isFinite(decision.wanted)).toBe(true);
      }),
      RUNS,
    );
  });

  test('has one reason of the closed list, a sentence, and records that agree with its numbers', () => {
    fc.assert(
      fc.property(world(anyReading), ({ g, snap, memory }) => {
        const { decision: d } = decide(g, snap, memory);
        expect(Object.keys(REASONS)).toContain(d.reason);
        expect(d.sentence).toMatch(/^[\p{L}\d].*\.$/u);
        expect(d.sentence).not.toMatch(/undefined|NaN|null|\.\./);
        expect(d.proposals.filter((p) => p.winner).length).toBeLessThanOrEqual(1);
        if (d.outcome === 'scale_out') expect(d.target > d.from || memory.reached === false).toBe(true);
        if (d.outcome === 'hold') expect(d.actions).toEqual([]);
        if (d.outcome === 'blocked') expect(d.blocked.length).toBeGreaterThan(0);
        for (const x of [...d.limits, ...d.holds]) expect(x.detail).not.toBe('');
      }),
      RUNS,
    );
  });

  test('is the same from the same inputs, and from inputs that went through JSON', () => {
    fc.assert(
      fc.property(world(anyReading), ({ g, snap, memory }) => {
        const first = decide(g, snap, memory);
        expect(decide(g, snap, memory)).toEqual(first);
        // NaN and infinities do not survive JSON; stored, such a reading is null, which is as missing as they are.
        const finite = Object.values(snap.readings).every((r) => r.kind === 'missing' || Number.isFinite(r.value));
        fc.pre(finite);
        const [g2, s2, m2] = JSON.parse(JSON.stringify([g, snap, memory])) as [GroupSpec, Snapshot, GroupMemory];
        const again = decide(g2, s2, m2);
        expect(JSON.stringify(again)).toBe(JSON.stringify(first));
      }),
      RUNS,
    );
  });

  test('the inputs are not changed', () => {
    fc.assert(
      fc.property(world(good), ({ g, snap, memory }) => {
        const before = JSON.stringify([g, snap, memory]);
        decide(g, snap, memory);
        expect(JSON.stringify([g, snap, memory])).toBe(before);
      }),
      { numRuns: 200 },
    );
  });
});

describe('missing data', () => {
  test('never scales in: only max, a cap or an exact size of a person or a schedule may', () => {
    const used = (g: GroupSpec) => g.policies.some((p) => ['target', 'step', 'formula'].includes(p.type));
    fc.assert(
      fc.property(
        world((max) => anyReading(max), true),
        fc.constantFrom('rps', 'cpu'),
        ({ g, snap, memory }, gone) => {
          fc.pre(used(g) && g.policies.some((p) => JSON.stringify(p.options).includes(gone)));
          const readings = { ...snap.readings, [gone]: missing('source-error', 'no answer', T0) };
          const { decision } = decide(g, { ...snap, readings }, memory);
          expect(decision.target).toBeGreaterThanOrEqual(Math.min(memory.target, g.max));
        },
      ),
      RUNS,
    );
  });
  test('still lets the others grow the group', () => {
    const g = group({
      metrics: { rps: metric('rps'), cpu: metric('cpu') },
      policies: [policy('target', { metric: 'rps', per_instance: 100 }), policy('target', { metric: 'cpu', target: '60%' }, { name: 'b' })],
    });
    expect(decide(g, snapshot({ readings: { rps: value(700) } }), settled(g, 4)).decision.target).toBe(7);
  });
});

test('more load never gives a smaller target', () => {
  // A reading that fell by itself is judged by its past (collapse guard), so both are compared with the same memory and no guard.
  fc.assert(
    fc.property(world(good, true), fc.integer({ min: 0, max: 300_000 }), ({ g, snap, memory }, more) => {
      // A step policy between its bands abstains (nothing said is no wish for fewer), so beside others it is not monotone by design.
      const steps = g.policies.filter((p) => p.type === 'step');
      const alone = steps.length > 0 ? steps : g.policies.filter((p) => p.type !== 'alert');
      const monotone = { ...g, policies: alone, limits: { ...g.limits, collapseGuard: null, approve: { scaleIn: null, scaleOut: null }, flapCheck: false } };
      const rps = snap.readings['rps'] as Extract<Reading, { kind: 'value' }>;
      const cpu = snap.readings['cpu'] as Extract<Reading, { kind: 'value' }>;
      const heavier = { rps: { ...rps, value: rps.value + more / 100 }, cpu: { ...cpu, value: cpu.value + more / 150_000 } };
      const low = decide(monotone, snap, memory).decision.target;
      const high = decide(monotone, { ...snap, readings: heavier }, memory).decision.target;
      expect(high).toBeGreaterThanOrEqual(low);
    }),
    RUNS,
  );
});

test('paused, frozen or observing: no action, no move', () => {
  const still = fc.constantFrom<[Partial<GroupSpec>, Partial<Snapshot>]>(
    [{}, { pause: { untilMs: null, by: 'ops', reason: null } }],
    [{}, { freezeUntilMs: T0 + 1 }],
    [{ mode: 'observe' }, {}],
  );
  fc.assert(
    fc.property(world(anyReading), still, ({ g, snap, memory }, [specMore, snapMore]) => {
      const { decision, memory: after } = decide({ ...g, ...specMore }, { ...snap, ...snapMore }, memory);
      expect(decision.actions).toEqual([]);
      expect(decision.outcome).toBe('hold');
      expect(['HOLD_PAUSED', 'HOLD_FREEZE', 'HOLD_OBSERVE']).toContain(decision.reason);
      expect(decision.target).toBe(decision.from);
      expect(after.moves).toEqual(memory.moves.filter((m) => m.atMs > T0 - MINUTE));
    }),
    RUNS,
  );
});

describe('the plan', () => {
  test('never touches what is protected or detached, nor what is in standby unasked, removes each machine once, and keeps enough healthy members', () => {
    fc.assert(
      fc.property(world(anyReading), ({ g, snap, memory }) => {
        const { decision: d } = decide(g, snap, memory);
        const byId = new Map(snap.instances.map((i) => [i.id, i]));
        const removed = d.actions.filter((a) => a.kind === 'remove');
        expect(new Set(removed.map((a) => a.instance)).size).toBe(removed.length);
        for (const a of removed) {
          const i = byId.get(a.instance) as InstanceView;
          expect([i.protected, i.detached, i.standby && !i.removeRequested]).toEqual([false, false, false]);
          expect(['intent', 'booting', 'warming', 'serving']).toContain(i.state);
        }
        const ours = removed
          .filter((a) => a.cause !== 'forced')
          .filter((a) => byId.get(a.instance)?.health !== 'unhealthy' && byId.get(a.instance)?.state === 'serving').length;
        const ordered = snap.instances.filter(
          (i) => i.removeRequested && !i.protected && !i.standby && !i.detached && i.state === 'serving' && i.health !== 'unhealthy',
        ).length;
        if (ours > 0) expect(d.serving - ordered - ours).toBeGreaterThanOrEqual(Math.max(g.min, d.target));
      }),
      RUNS,
    );
  });
  test('living machines stay within max and the surge', () => {
    fc.assert(
      fc.property(world(anyReading), ({ g, snap, memory }) => {
        const { decision: d } = decide(g, snap, memory);
        const living = snap.instances.filter((i) => i.state !== 'terminating' && !i.detached).length;
        const launched = d.actions.filter((a) => a.kind === 'launch').length;
        if (launched > 0) expect(living + launched).toBeLessThanOrEqual(g.max + Math.max(1, Math.floor(g.max * 0.1)));
      }),
      RUNS,
    );
  });
});

describe('in a simulated hour', () => {
  /** Direction changes of the target. */
  function turns(steps: readonly Step[]): number {
    let last = 0;
    let count = 0;
    for (const { decision: d } of steps) {
      const direction = Math.sign(d.target - d.from);
      if (direction === 0) continue;
      if (last !== 0 && direction !== last) count++;
      last = direction;
    }
    return count;
  }
  const constant = (load: number) => (serving: number, _tick: number, atMs: number) => ({
    rps: value(load, { atMs }),
    // A mean over the members: the load of one machine is a third of a full one per 100.
    cpu: value(Math.min(2, load / 150 / Math.max(1, serving)), { atMs }),
  });
  const TICKS = 4 * 60;

  test('constant load gives at most one change of direction, and ends at rest', () => {
    const metrics = { rps: metric('rps'), cpu: metric('cpu') };
    const usual = policies.map((list) => list.filter((p) => !p.type.startsWith('alert')));
    fc.assert(
      fc.property(
        usual,
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (list, load, bootTicks, existing) => {
          const steps = simulate(
            { spec: group({ min: 1, max: 20, policies: list, metrics }), bootTicks, drainTicks: 2, existing, readings: constant(load) },
            TICKS,
          );
          expect(turns(steps)).toBeLessThanOrEqual(1);
          const late = steps.slice(-40).filter(({ decision: d }) => d.target > d.from);
          expect(late).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a rise is followed out and a fall in, without ever serving fewer than wanted on the way in', () => {
    const spec = group({ min: 2, max: 20 });
    const load = (tick: number) => (tick < 40 ? 180 : tick < 120 ? 1150 : 260);
    const steps = simulate({ spec, bootTicks: 4, drainTicks: 2, existing: 2, readings: (_s, tick, atMs) => ({ rps: value(load(tick), { atMs }) }) }, 2 * TICKS);
    expect(steps[39]?.serving).toBe(2);
    expect(steps[60]?.serving).toBe(12);
    expect(steps.at(-1)?.serving).toBe(3);
    for (const { serving } of steps.slice(120)) expect(serving).toBeGreaterThanOrEqual(3);
    // Nothing shrinks in the five minutes after the fall, and never faster than the destruction budget.
    expect(steps.slice(120, 140).every(({ decision: d }) => d.target === 12)).toBe(true);
    for (let i = 1; i + 20 < steps.length; i++) {
      const deleted = steps.slice(i, i + 20).reduce((sum, s) => sum + s.deleted, 0);
      const size = Math.max(...steps.slice(i - 1, i + 20).map((s) => s.living));
      expect(deleted).toBeLessThanOrEqual(Math.max(2, Math.floor(0.5 * size)));
    }
    expect(steps.every((s) => s.living <= 20 + 2)).toBe(true);
  });

  test('machines that vanish are made again, sick ones are replaced after their replacement serves', () => {
    const spec = group({ min: 4, max: 10 });
    const meddle = (machines: InstanceView[], tick: number) => {
      if (tick === 10) return machines.filter((m) => m.id !== 'web-1');
      return tick === 60 ? machines.map((m) => (m.id === 'web-2' ? { ...m, health: 'unhealthy' as const, healthSinceMs: T0 + 60 * 15_000 } : m)) : machines;
    };
    const steps = simulate({ spec, bootTicks: 4, drainTicks: 2, existing: 4, readings: constant(300), meddle }, 120);
    expect(steps[10]?.decision).toMatchObject({
      outcome: 'replace',
      reason: 'DRIFT',
      sentence: '1 of 4 machines is gone without our doing: launching 1 in its place.',
    });
    expect(steps[20]?.serving).toBe(4);
    expect(steps[60]?.decision).toMatchObject({ outcome: 'replace', reason: 'REPLACE_UNHEALTHY', actions: [{ kind: 'launch', replaces: 'web-2' }] });
    const removal = steps.find((s) => s.decision.actions.some((a) => a.kind === 'remove'));
    expect(removal?.decision.actions).toEqual([
      { kind: 'remove', instance: 'web-2', cause: 'replace-unhealthy', why: 'unhealthy for 1 min; web-6 serves in its place' },
    ]);
    expect(removal?.decision.serving).toBe(4);
    expect(steps.at(-1)).toMatchObject({ serving: 4, living: 4 });
  });

  test('a source that is away, and comes back low, shrinks nothing for a whole window', () => {
    const spec = group({ min: 1, max: 20 });
    const readings = (_s: number, tick: number, atMs: number) => ({
      rps: tick >= 60 && tick < 70 ? missing('empty', 'no series', atMs) : value(tick < 60 ? 1000 : 100, { atMs }),
    });
    const steps = simulate({ spec, bootTicks: 2, drainTicks: 2, existing: 10, readings }, TICKS);
    // The last missing look is tick 69; the window of 20 ticks is free of it at tick 89.
    expect(steps.slice(0, 89).every(({ decision: d }) => d.target === 10)).toBe(true);
    expect(steps.slice(60, 70).every(({ decision: d }) => d.blind && d.reason === 'HOLD_METRIC_MISSING')).toBe(true);
    expect(steps.at(-1)?.decision.target).toBeLessThan(10);
  });

  test('every decision of a lively hour replays from its stored inputs', () => {
    const spec = group({ min: 2, max: 20 });
    const steps = simulate(
      { spec, bootTicks: 3, drainTicks: 1, existing: 2, readings: (_s, tick, atMs) => ({ rps: value(600 + 500 * Math.sin(tick / 15), { atMs }) }) },
      TICKS,
    );
    for (const { decision, inputs } of steps) {
      const stored = JSON.parse(JSON.stringify({ spec, ...inputs })) as { spec: GroupSpec; snapshot: Snapshot; memory: GroupMemory };
      expect(JSON.stringify(decide(stored.spec, stored.snapshot, stored.memory).decision)).toBe(JSON.stringify(decision));
    }
    expect(new Set(steps.map((s) => s.decision.outcome))).toEqual(new Set(['hold', 'scale_out', 'scale_in']));
  });
});
