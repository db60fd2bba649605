import type { GroupSpec, HookSpec, LimitsSpec, MetricSpec, PolicySpec } from '../core/model/model.ts';
import type { CloudAbilities } from '../ports/ports.ts';
import type { Dice } from './dice.ts';
import { FAULT_NAMES, type Fault } from './faults.ts';

/** One cloud as drawn. */
export interface CloudScenario {
  readonly name: string;
  readonly can: Pick<CloudAbilities, 'idempotency' | 'consistencyMs' | 'callLimitMs' | 'concurrency' | 'zones' | 'listsForeign'>;
  readonly bootMs: number;
  readonly deleteMs: number;
  readonly reusesAddresses: boolean;
  /** Machines the account may have; null: any number. */
  readonly quota: number | null;
}

/** How the load of a group moves. */
export interface LoadScenario {
  readonly shape: 'constant' | 'wave' | 'steps' | 'ramp' | 'flash' | 'walk';
  readonly low: number;
  readonly high: number;
  readonly periodMs: number;
}

export interface GroupScenario {
  readonly spec: GroupSpec;
  readonly load: LoadScenario;
}

/** Everything a seed stands for, written out: what a run depends on beside the dice. */
export interface Scenario {
  readonly seed: number;
  /** Time between two regular evaluations of a group, ms; all other times are drawn in proportion. */
  readonly tickMs: number;
  /** Exclusive: one process at a time. Shared: several at once. */
  readonly profile: 'exclusive' | 'shared';
  readonly controllers: number;
  /** Mean time of a call to store, cloud, balancer and back, ms; 0: answers at once. */
  readonly latencyMs: number;
  /** Clocks of the processes: difference to true wall time in ms, and rate. */
  readonly skews: readonly { readonly wallMs: number; readonly rate: number }[];
  readonly clouds: readonly CloudScenario[];
  readonly groups: readonly GroupScenario[];
  /** Strength of each fault class that is on, 0..1. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly stormMs: number;
}

const HOUR = 3_600_000;

/** Draws a scenario: every class of faults is off with p = ½ or more, else its strength is drawn in orders of magnitude (swarm testing, Groce et al. 2012). */
export function drawScenario(seed: number, dice: Dice): Scenario {
  const top = dice.fork('topology');
  // The ordinary pace, and faster ones that put more evaluations beside the same faults.
  const tickMs = top.pick([30_000, 30_000, 60_000, 60_000, 60_000, 60_000, 10_000, 1_000]);
  const scale = tickMs / 30_000;
  const profile = top.chance(0.5) ? ('shared' as const) : ('exclusive' as const);
  const controllers = profile === 'shared' ? top.int(1, 4) : 1;
  const clouds = Array.from({ length: top.pick([1, 1, 2]) }, (_, i) => drawCloud(`cloud-${i}`, scale, dice.fork(`cloud ${i}`)));
  const many = top.chance(0.02);
  const count = many ? 24 : top.pick([1, 1, 2, 3, 5]);
  const groups = Array.from({ length: count }, (_, i) => {
    const own = dice.fork(`group ${i}`);
    const cloud = clouds[i % clouds.length] as CloudScenario;
    return drawGroup(`g${i}`, cloud, tickMs, own);
  });
  const hours = many ? top.pick([2, 4]) : top.pick([12, 24]);
  return {
    seed,
    tickMs,
    profile,
    controllers,
    latencyMs: top.chance(0.5) ? 0 : top.logUniform(1, 500 * scale),
    skews: Array.from({ length: controllers }, () => ({
      wallMs: top.chance(0.5) ? 0 : top.int(-4_000, 4_000),
      rate: top.chance(0.5) ? 1 : 1 + (top.unit() - 0.5) * 0.002,
    })),
    clouds,
    groups,
    faults: drawFaults(dice.fork('swarm')),
    stormMs: Math.round(hours * HOUR * Math.min(1, scale)),
  };
}

function drawFaults(dice: Dice): Scenario['faults'] {
  const faults: Partial<Record<Fault, number>> = {};
  const share = dice.pick([0.1, 0.25, 0.5]);
  for (const fault of FAULT_NAMES) {
    const strength = dice.logUniform(0.02, 0.5);
    if (dice.chance(share)) faults[fault] = strength;
  }
  return faults;
}

function drawCloud(name: string, scale: number, dice: Dice): CloudScenario {
  const ms = (value: number): number => Math.round(value * scale);
  return {
    name,
    can: {
      idempotency: dice.pick(['token', 'unique-name', 'none'] as const),
      consistencyMs: ms(dice.pick([0, 0, 10_000, 60_000, 300_000])),
      callLimitMs: dice.pick([5_000, 20_000, 60_000]),
      concurrency: dice.pick([1, 3, 10]),
      zones: true,
      listsForeign: dice.chance(0.5),
    },
    bootMs: ms(dice.pick([5_000, 30_000, 90_000, 200_000])),
    deleteMs: ms(dice.pick([0, 10_000, 120_000])),
    reusesAddresses: dice.chance(0.5),
    quota: dice.chance(0.15) ? dice.int(4, 12) : null,
  };
}

function drawGroup(name: string, cloud: CloudScenario, tickMs: number, dice: Dice): GroupScenario {
  const spec = drawSpec(name, cloud, tickMs, dice);
  const high = spec.max * 100 * dice.pick([0.4, 0.8, 1.2]);
  const shape = dice.pick(['constant', 'wave', 'steps', 'ramp', 'flash', 'walk'] as const);
  return { spec, load: { shape, low: high * dice.pick([0, 0.1, 0.5]), high, periodMs: Math.round(tickMs * dice.logUniform(20, 1_000)) } };
}

function drawSpec(name: string, cloud: CloudScenario, tickMs: number, dice: Dice): GroupSpec {
  const ms = (value: number): number => Math.round((value * tickMs) / 30_000);
  const min = dice.pick([0, 1, 2, 3]);
  const max = min + dice.pick([1, 2, 5, 9]);
  const policies: PolicySpec[] = [target('traffic', 'load', 100)];
  const metrics: Record<string, MetricSpec> = { load: metric(name, 'load', tickMs, dice) };
  if (dice.chance(0.3)) {
    policies.push(target('jobs', 'jobs', 10));
    metrics['jobs'] = metric(name, 'jobs', tickMs, dice);
  }
  if (dice.chance(0.3)) policies.push(alertPolicy(max, ms(600_000), dice));
  return {
    name,
    mode: 'act',
    cloud: cloud.name,
    template: { id: 't1', options: {} },
    naming: { prefix: `${name}-`, style: dice.pick(['random', 'increasing'] as const) },
    spread: dice.chance(0.3) ? ['a', 'b'] : [],
    balancers: dice.pick([['lb'], ['lb'], ['lb', 'edge'], []]).map((balancer) => ({ balancer, port: null, weight: null })),
    min,
    max,
    initial: null,
    evaluateEveryMs: tickMs,
    metrics,
    policies,
    limits: drawLimits(ms, dice),
    health: {
      check: dice.chance(0.3) ? { kind: 'none' } : { kind: 'http', path: '/', port: null },
      everyMs: tickMs,
      timeoutMs: Math.min(2_000, tickMs),
      healthyAfter: dice.pick([1, 2]),
      unhealthyAfter: dice.pick([2, 3]),
      replaceUnhealthy: dice.chance(0.9),
      graceMs: ms(dice.pick([0, 120_000])),
    },
    lifecycle: {
      bootTimeoutMs: ms(dice.pick([600_000, 900_000])),
      warmupMs: ms(dice.pick([0, 0, 60_000])),
      drainTimeoutMs: ms(dice.pick([0, 60_000, 300_000])),
      maxAgeMs: dice.chance(0.15) ? ms(3_600_000) : null,
      removeFirst: dice.pick(['oldest', 'newest'] as const),
      removeOutdatedFirst: dice.chance(0.5),
    },
    hooks: drawHooks(ms, dice),
    notify: [],
    freezes: [],
    pricePerHour: null,
    written: {},
    hash: 'h1',
  };
}

function drawLimits(ms: (value: number) => number, dice: Dice): LimitsSpec {
  return {
    scaleOut: { step: { count: 4, fraction: 1 }, everyMs: ms(dice.pick([30_000, 60_000])) },
    scaleIn: {
      step: dice.pick([
        { count: 1, fraction: 0.2 },
        { count: 4, fraction: 0.5 },
      ]),
      everyMs: ms(60_000),
      afterQuietMs: ms(dice.pick([120_000, 300_000])),
    },
    collapseGuard: dice.pick([null, 0.5]),
    flapCheck: dice.chance(0.7),
    budget: null,
    launchesPerHour: dice.chance(0.2) ? dice.pick([6, 30]) : null,
    brake: { fraction: 0.3, count: 3 },
    destruction: dice.chance(0.3)
      ? { windowMs: ms(300_000), replace: { count: 5, fraction: 0.5 }, all: { count: 50, fraction: 1 } }
      : { windowMs: ms(300_000), replace: { count: 1, fraction: 0.1 }, all: { count: 2, fraction: 0.5 } },
    approve: { scaleIn: null, scaleOut: null },
  };
}

function target(name: string, of: string, perInstance: number): PolicySpec {
  return { name, type: 'target', options: { metric: of, per_instance: perInstance, target: null, tolerance: 0.1 }, advisory: false };
}

function metric(group: string, name: string, tickMs: number, dice: Dice): MetricSpec {
  return {
    name,
    source: 'src',
    query: `${group}/${name}`,
    unit: null,
    maxAgeMs: Math.max(60_000, 3 * tickMs),
    ifMissing: dice.chance(0.2) ? { kind: 'floor', size: 2 } : { kind: 'hold' },
    min: 0,
    max: null,
    stuckAfterMs: null,
  };
}

function alertPolicy(max: number, everyMs: number, dice: Dice): PolicySpec {
  const floor = dice.chance(0.6);
  return {
    name: 'alarm',
    type: 'alert',
    options: {
      alert: 'High',
      labels: {},
      receiver: null,
      while_firing: floor ? { min: Math.max(1, Math.ceil(max / 2)) } : null,
      change: floor ? null : { kind: 'by', count: 1 },
      every: everyMs,
      valid_for: 10 * everyMs,
    },
    advisory: false,
  };
}

function drawHooks(ms: (value: number) => number, dice: Dice): HookSpec[] {
  const hooks: HookSpec[] = [];
  for (const name of ['before_attach', 'before_delete'] as const) {
    if (dice.chance(0.3)) hooks.push({ name, driver: 'x', options: null, timeoutMs: ms(30_000), onFailure: dice.pick(['replace', 'continue', 'retry']) });
  }
  return hooks;
}
