import type { Fault } from '../../../src/sim/faults.ts';
import type { CloudScenario, Scenario } from '../../../src/sim/scenario.ts';

/** What the drawn world is narrowed to, so that a bug that needs rare company is met sooner. It is told in the table. */
export interface Bias {
  /** Only these classes of faults are on, each with this strength. */
  readonly faults?: Scenario['faults'];
  /** Only seeds that draw this. */
  readonly tickMs?: number;
  readonly profile?: Scenario['profile'];
  readonly controllers?: number;
  /** So many groups at most. */
  readonly groups?: number;
  /** What every cloud of the world can. */
  readonly cloud?: Partial<CloudScenario['can']>;
}

/** A test that fails with the bug, where the bug lies outside what the simulator runs. */
export interface NamedTest {
  readonly file: string;
  readonly name: string;
}

/** One line of the program changed for the worse, as it has gone wrong somewhere before. */
export interface Mutant {
  readonly name: string;
  /** What it recreates; R, F and I as in the catalogue of incidents, faults and invariants. */
  readonly incident: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly bias?: Bias;
  /** Only these invariants count as caught: another one that is broken has more likely to do with the world than with the bug. */
  readonly shows?: readonly string[];
  readonly test?: NamedTest;
}

/** The source with the bug in it. Throws where the place is not there, or not the only one: then the mutant would be harmless. */
export function planted(source: string, mutant: Mutant): string {
  const places = source.split(mutant.find).length - 1;
  if (places !== 1) throw new Error(`"${mutant.name}" cannot be planted: its text is ${places} times in ${mutant.file}`);
  return source.replace(mutant.find, () => mutant.replace);
}

/** The scenario of a seed, narrowed. */
export function biased(scenario: Scenario, bias: Bias): Scenario {
  const { faults, profile, controllers, groups, cloud } = bias;
  return {
    ...scenario,
    ...(faults === undefined ? {} : { faults }),
    ...(profile === undefined ? {} : { profile }),
    ...(controllers === undefined ? {} : { controllers, skews: Array.from({ length: controllers }, () => ({ wallMs: 0, rate: 1 })) }),
    ...(groups === undefined ? {} : { groups: scenario.groups.slice(0, groups) }),
    ...(cloud === undefined ? {} : { clouds: scenario.clouds.map((each) => ({ ...each, can: { ...each.can, ...cloud } })) }),
  };
}

/** In words, for the table. */
export function describeBias(bias: Bias | undefined): string {
  if (bias === undefined) return 'any';
  const faults = bias.faults === undefined ? [] : [`only ${(Object.keys(bias.faults) as Fault[]).join(', ')}`];
  const profile = bias.profile === undefined ? [] : [`${bias.profile} store`];
  const controllers = bias.controllers === undefined ? [] : [`${bias.controllers} controllers`];
  const groups = bias.groups === undefined ? [] : [`${bias.groups} group${bias.groups === 1 ? '' : 's'}`];
  const tick = bias.tickMs === undefined ? [] : [`tick ${bias.tickMs} ms`];
  const cloud = Object.entries(bias.cloud ?? {}).map(([key, value]) => `${key} ${value}`);
  return [...faults, ...tick, ...profile, ...controllers, ...groups, ...cloud].join('; ');
}
