import { drainNow, trapped } from '../platform/one-turn.ts';
import type { Store } from '../ports/ports.ts';
import { dice } from './dice.ts';
import type { Fault } from './faults.ts';
import { put } from './people.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { Storm } from './storm.ts';
import type { StoryLine } from './trace.ts';
import type { Invariant } from './watch.ts';
import { SimWorld, type Violation } from './world.ts';

export interface RunOptions {
  /** Instead of what the seed draws. */
  readonly scenario?: Scenario;
  readonly invariants: readonly Invariant[];
  /** Keep the story. */
  readonly story?: boolean;
  /** Hits to let happen; not given: all. */
  readonly only?: ReadonlySet<string>;
  /** Looked at between two stretches of the storm of so much virtual time, ms (default: 6 h and nobody looks). */
  readonly every?: { readonly ms: number; readonly look: (world: SimWorld) => void };
  /** How long the store keeps history; it is cut after each stretch. Default: 200 evaluations, machines that are gone 400. */
  readonly retain?: Parameters<Store['retain']>[0];
}

export interface RunResult {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly events: number;
  /** Evaluations. */
  readonly ticks: number;
  /** Groups × hours of virtual time under faults, and in all. */
  readonly stormGroupHours: number;
  readonly groupHours: number;
  /** From the end of the faults until all was as it must be, in evaluation intervals. */
  readonly calmTicks: number;
  /** What happened how often. */
  readonly marks: ReadonlyMap<string, number>;
  readonly hits: readonly string[];
  readonly story: readonly StoryLine[];
}

/** Back-off lasts up to 30 min, a postponed delete 5 min, a slow delete an hour, a destruction window its own length: twice all of it. */
function calmLimitMs(scenario: Scenario): number {
  return 3 * 3_600_000 + 60 * scenario.tickMs;
}

/**
 * One seed from beginning to end: warm-up without faults, storm, calm. The production engine and core run as they are, on virtual time,
 * inside this call; nothing real is waited for. Must be called from a macrotask.
 */
export function runSeed(seed: number, options: RunOptions): RunResult {
  const scenario = options.scenario ?? drawScenario(seed, dice(seed));
  const { stackTraceLimit } = Error;
  // The simulated world fails by the million; where it was thrown matters only to somebody who reads the story.
  if (!options.story) Error.stackTraceLimit = 0;
  try {
    return trapped(() => run(scenario, options));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function run(scenario: Scenario, options: RunOptions): RunResult {
  const { tickMs } = scenario;
  const { every = { ms: 6 * 3_600_000, look: () => {} } } = options;
  const { retain = { decisionsMs: 200 * tickMs, eventsMs: 200 * tickMs, instancesMs: 400 * tickMs } } = options;
  const world = new SimWorld(scenario, (w) => options.invariants.map((i) => i.open(w, (text) => w.fail(i.id, text))), options);
  const goOn = (): boolean => world.violations.length === 0;
  const to = (mono: number): void => {
    if (goOn()) world.clock.runTo(mono, drainNow, goOn);
  };
  void world.outside().control(
    scenario.groups.map(({ spec }) => ({ kind: 'put-spec' as const, spec })),
    [],
  );
  for (const { spec } of scenario.groups) world.watch.tell('reloaded', spec.name, spec);
  const storm = new Storm(world);
  drainNow();
  storm.startAll();
  to(world.now + 20 * tickMs);
  storm.begin();
  const began = world.now;
  while (goOn() && !storm.over) {
    to(Math.min(world.now + every.ms, began + scenario.stormMs));
    void world.outside().retain(retain);
    drainNow();
    every.look(world);
  }
  const stormMs = world.now - began;
  const calmMs = goOn() ? calm(world, storm, to) : 0;
  if (goOn()) world.watch.tell('ended');
  const groupHours = (ms: number): number => (ms * scenario.groups.length) / 3_600_000;
  return {
    seed: scenario.seed,
    scenario,
    violations: world.violations,
    hash: world.trace.hash,
    events: world.trace.events,
    ticks: world.ticks,
    stormGroupHours: groupHours(stormMs),
    groupHours: groupHours(world.now),
    calmTicks: calmMs / tickMs,
    marks: world.marks,
    hits: world.hitList,
    story: world.trace.story,
  };
}

/** Faults end, people take back what they asked for, and within a bounded time everything must be as it should, and stay so. */
function calm(world: SimWorld, storm: Storm, to: (mono: number) => void): number {
  const { scenario } = world;
  calmDown(world, storm);
  const began = world.now;
  let asked = 0;
  while (world.violations.length === 0 && world.now - began < calmLimitMs(scenario)) {
    to(world.now + 5 * scenario.tickMs);
    if (world.now - began > asked * 50 * scenario.tickMs) {
      asked++;
      clearUp(world);
    }
    if (world.watch.unsettled().length > 0) continue;
    const calmMs = world.now - began;
    to(world.now + 10 * scenario.tickMs);
    const wrong = world.watch.unsettled();
    if (wrong.length === 0) return calmMs;
    world.true(`unsettled again: ${wrong.join('; ')}`);
    world.mark('unsettled again');
  }
  if (world.violations.length === 0) for (const wrong of world.watch.unsettled()) world.fail('I28', wrong);
  return world.now - began;
}

function calmDown(world: SimWorld, storm: Storm): void {
  world.true('CALM');
  world.calm = true;
  world.raging.clear();
  world.sick.clear();
  world.disarm();
  for (const b of world.balancers.values()) for (const e of b.entries()) b.setSessions(e.address, 0);
  storm.raiseAll();
  clearUp(world);
}

/** What a diligent operator does after an outage: every wish withdrawn, tags put back, what waits for a person looked at. */
export function clearUp(world: SimWorld): void {
  const { scenario } = world;
  for (const cloud of world.clouds.values()) cloud.restoreTags();
  const process = world.running()[0];
  if (!process) return;
  const store = world.outside();
  void store.control([{ kind: 'pause', group: null, pause: null }], []);
  for (const { spec } of scenario.groups) {
    const { name } = spec;
    world.watch.tell('acknowledged', { kind: 'resume', group: name });
    void store.control(
      [
        { kind: 'pause', group: name, pause: null },
        { kind: 'manual', group: name, manual: [] },
        { kind: 'unfreeze', group: name },
        ...world.rows(name).map((r) => ({ kind: 'flags' as const, instance: r.id, set: { protected: false, standby: false } })),
      ],
      [],
    );
    put(world, process, { ...spec, lifecycle: { ...spec.lifecycle, maxAgeMs: null }, hash: 'calm' });
    for (const p of world.running()) {
      const runner = p.engine.runners.get(name);
      if (!runner) continue;
      for (const machine of runner.held) {
        world.true(`a person adopts ${machine}`);
        p.operating.adopt({ name: 'ops', role: 'operator' }, name, machine).then(
          () => world.watch.tell('acknowledged', { kind: 'adopt', group: name, machine }),
          () => {},
        );
      }
      void p.engine.refresh(name).catch(() => {});
    }
  }
}

export function withoutFaults(scenario: Scenario, without: ReadonlySet<Fault>): Scenario {
  return { ...scenario, faults: Object.fromEntries(Object.entries(scenario.faults).filter(([fault]) => !without.has(fault as Fault))) };
}
