/** One seed: the production engine on virtual time through warm-up, storm and calm, against ground truth. */
import { decide } from '../../src/core/decide.ts';
import { unsettled } from './chaos/calm.ts';
import { dice } from './chaos/dice.ts';
import { describeScenario, drawScenario } from './chaos/scenario.ts';
import { calmDown, storm } from './chaos/storm.ts';
import { ChaosWorld } from './chaos/world.ts';

export interface ChaosResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Virtual time until books, cloud and balancers agreed again, ms. */
  readonly calmMs: number;
  readonly simulatedMs: number;
  /** What happened how often: a class that never happens tests nothing. */
  readonly marks: ReadonlyMap<string, number>;
  readonly scenario: string;
  readonly trace: readonly string[];
}

/** Back-off lasts up to 30 min, a postponed delete 5 min, a destruction window 5 min: twice all of it. */
const CALM_LIMIT_MS = 5_400_000;

/** `without`: fault classes left out, to find the ones that a failure needs. */
export async function runChaos(seed: number, without: ReadonlySet<string> = new Set()): Promise<ChaosResult> {
  const drawn = drawScenario(seed, dice(seed));
  const scenario = { ...drawn, faults: new Map([...drawn.faults].filter(([fault]) => !without.has(fault))) };
  const world = new ChaosWorld(scenario);
  world.checks.maxEver = scenario.spec.max;
  await world.outsideStore().control([{ kind: 'put-spec', spec: scenario.spec }], []);
  await world.start();
  await world.clock.advance(30_000);
  await storm(world);
  const calmMs = world.checks.found.length > 0 ? 0 : await calm(world);
  const violations = [...world.checks.found];
  if (violations.length === 0) violations.push(...(await history(world)));
  return { seed, violations, calmMs, simulatedMs: world.clock.mono(), marks: world.marks, scenario: describeScenario(scenario), trace: world.trace };
}

async function calm(world: ChaosWorld): Promise<number> {
  await calmDown(world);
  const began = world.clock.mono();
  const step = world.scenario.spec.evaluateEveryMs * 10;
  while (world.checks.found.length === 0 && world.clock.mono() - began < CALM_LIMIT_MS) {
    await world.clock.advance(step);
    if (unsettled(world).length > 0) continue;
    const calmMs = world.clock.mono() - began;
    // And it stays so.
    await world.clock.advance(60_000);
    const wrong = unsettled(world);
    if (wrong.length === 0) return calmMs;
    world.note(`unsettled again: ${wrong.join('; ')}`);
    world.mark('unsettled again');
  }
  for (const wrong of unsettled(world)) world.checks.fail('I28', wrong);
  return world.clock.mono() - began;
}

/** I22: what is stored decides the same again. I26: the chain of events is whole. */
async function history(world: ChaosWorld): Promise<string[]> {
  const wrong: string[] = [];
  for (const { row, first } of world.data.decisions.slice(-100)) {
    const again = decide(first.spec, first.snapshot, first.memory).decision;
    if (JSON.stringify(again) !== JSON.stringify(row.decision)) wrong.push(`I22 ${row.decision.id} replays differently`);
  }
  return wrong;
}
