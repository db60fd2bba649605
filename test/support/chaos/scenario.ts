import type { GroupSpec, HookSpec, PolicySpec } from '../../../src/core/model/model.ts';
import type { CloudAbilities } from '../../../src/ports/ports.ts';
import { groupSpec, targetPolicy } from '../specs.ts';
import type { Dice } from './dice.ts';

/** Everything that can go wrong. A scenario has a tenth, a quarter or half of it, each with a strength drawn in orders of magnitude (swarm testing). */
export const FAULTS = [
  'create-before',
  'create-after',
  'create-late',
  'create-refused',
  'throttled',
  'unauthorized',
  'cloud-slow',
  'list-empty',
  'list-missing',
  'list-stale',
  'list-stopped',
  'list-error',
  'list-incomplete',
  'get-error',
  'delete-error',
  'delete-after',
  'delete-ignored',
  'machine-dies',
  'machine-stops',
  'machine-sick',
  'all-sick',
  'never-healthy',
  'lb-error',
  'lb-after',
  'lb-slow',
  'lb-incomplete',
  'lb-restart',
  'metric-missing',
  'metric-hangs',
  'hook-fails',
  'hook-hangs',
  'people',
  'wall-jump',
  'crash',
  'stop',
  'foreign',
  'id-reused',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Scenario {
  readonly seed: number;
  readonly can: Partial<CloudAbilities>;
  readonly bootMs: number;
  readonly deleteMs: number;
  readonly reusesAddresses: boolean;
  readonly spec: GroupSpec;
  /** Strength of each fault class that is on, 0..1. */
  readonly faults: ReadonlyMap<Fault, number>;
  readonly stormMs: number;
  /** Where the load walks to. */
  readonly loadMax: number;
}

export function drawScenario(seed: number, dice: Dice): Scenario {
  const swarm = dice.fork('swarm');
  const faults = new Map<Fault, number>();
  const share = swarm.pick([0.1, 0.25, 0.5]);
  for (const fault of FAULTS) {
    const strength = swarm.logUniform(0.02, 0.5);
    if (swarm.chance(share)) faults.set(fault, strength);
  }
  const cloud = dice.fork('cloud');
  const bootMs = cloud.pick([500, 2_000, 8_000, 15_000]);
  const can: Partial<CloudAbilities> = {
    idempotency: cloud.pick(['token', 'unique-name', 'none'] as const),
    consistencyMs: cloud.pick([0, 0, 2_000, 10_000, 30_000, 60_000]),
    callLimitMs: cloud.pick([5_000, 20_000]),
    concurrency: cloud.pick([1, 3, 10]),
    listsForeign: cloud.chance(0.5),
  };
  const spec = drawSpec(dice.fork('spec'));
  return {
    seed,
    can,
    bootMs,
    deleteMs: cloud.pick([0, 1_000, 20_000]),
    reusesAddresses: cloud.chance(0.5),
    spec,
    faults,
    stormMs: cloud.int(120, 360) * 1_000,
    loadMax: spec.max * 110,
  };
}

function drawSpec(dice: Dice): GroupSpec {
  const base = groupSpec();
  const min = dice.pick([0, 1, 2, 3]);
  const max = min + dice.pick([1, 2, 5, 9]);
  const evaluateEveryMs = dice.pick([1_000, 1_000, 2_000, 5_000]);
  const wide = dice.chance(0.5);
  const load = base.metrics['load'] as NonNullable<(typeof base.metrics)[string]>;
  const second = dice.chance(0.3);
  const jobs: PolicySpec = { ...targetPolicy(), name: 'jobs', options: { metric: 'jobs', per_instance: 10, target: null, tolerance: 0.1 } };
  return {
    ...base,
    min,
    max,
    evaluateEveryMs,
    balancers: dice.pick([['lb'], ['lb'], ['lb', 'edge'], []]).map((balancer) => ({ balancer, port: null, weight: null })),
    spread: dice.chance(0.3) ? ['a', 'b'] : [],
    metrics: second ? { load, jobs: { ...load, name: 'jobs', query: 'jobs' } } : { load },
    policies: second ? [targetPolicy(), jobs] : [targetPolicy()],
    limits: {
      ...base.limits,
      scaleIn: { ...base.limits.scaleIn, afterQuietMs: dice.pick([5_000, 20_000]) },
      scaleOut: { ...base.limits.scaleOut, everyMs: dice.pick([1_000, 10_000]) },
      destruction: wide
        ? base.limits.destruction
        : { windowMs: dice.pick([60_000, 300_000]), replace: { count: 1, fraction: 0.1 }, all: { count: 2, fraction: 0.5 } },
    },
    health: {
      ...base.health,
      check: dice.pick([{ kind: 'http', path: '/', port: null } as const, { kind: 'http', path: '/', port: null } as const, { kind: 'none' } as const]),
      everyMs: evaluateEveryMs,
      healthyAfter: dice.pick([1, 2]),
      graceMs: dice.pick([0, 10_000]),
    },
    lifecycle: {
      ...base.lifecycle,
      bootTimeoutMs: dice.pick([40_000, 90_000]),
      warmupMs: dice.pick([0, 0, 3_000, 10_000]),
      drainTimeoutMs: dice.pick([0, 5_000, 20_000]),
      maxAgeMs: dice.chance(0.15) ? 120_000 : null,
      removeFirst: dice.pick(['oldest', 'newest']),
    },
    hooks: drawHooks(dice),
  };
}

function drawHooks(dice: Dice): HookSpec[] {
  const hooks: HookSpec[] = [];
  for (const name of ['before_attach', 'before_delete'] as const) {
    if (dice.chance(0.4)) hooks.push({ name, driver: 'x', options: null, timeoutMs: 3_000, onFailure: dice.pick(['replace', 'continue', 'retry']) });
  }
  return hooks;
}

/** For a failure message: the whole draw, not only the seed. */
export function describeScenario(s: Scenario): string {
  const { spec } = s;
  return JSON.stringify({
    seed: s.seed,
    can: s.can,
    boot: s.bootMs,
    del: s.deleteMs,
    reuse: s.reusesAddresses,
    storm: s.stormMs,
    min: spec.min,
    max: spec.max,
    every: spec.evaluateEveryMs,
    lbs: spec.balancers.length,
    check: spec.health.check.kind,
    lifecycle: spec.lifecycle,
    destruction: spec.limits.destruction,
    hooks: spec.hooks.map((h) => `${h.name}/${h.onFailure}`),
    faults: Object.fromEntries([...s.faults].map(([k, v]) => [k, Number(v.toFixed(2))])),
  });
}
