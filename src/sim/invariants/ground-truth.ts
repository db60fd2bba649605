import type { GroupSpec } from '../../core/model/model.ts';
import type { GroupCommit, InstanceRow, Machine, NewEvent } from '../../ports/ports.ts';
import type { SimWorld } from '../world.ts';

/** Share by which a clock of a process may be off, with room. */
export const SLACK = 0.995;

export function cloudOf(world: SimWorld, group: string): string {
  return world.scenario.groups.find((g) => g.spec.name === group)?.spec.cloud ?? '';
}

/** The machine of a cloud as it truly is; undefined: it does not exist. */
export function machineOf(world: SimWorld, cloud: string, id: string): Machine | undefined {
  return world.clouds
    .get(cloud)
    ?.alive()
    .find((m) => m.id === id);
}

/** Machines that carry our tags, those on their way out included. */
export function ours(world: SimWorld, cloud: string, group?: string): Machine[] {
  return (world.clouds.get(cloud)?.alive(group) ?? []).filter((m) => m.owner?.install === world.installId);
}

/** The specification that a commit was decided by; a new one may have been put while it was on its way. */
export function specOf(world: SimWorld, change: GroupCommit): GroupSpec | undefined {
  const hash = change.decision?.decision.config;
  const present = world.group(change.group)?.spec;
  if (hash === undefined || present?.hash === hash) return present;
  return world.data.specs.get(change.group)?.get(hash) ?? present;
}

export function surgeOf(max: number): number {
  return Math.max(1, Math.floor(max / 10));
}

/** The machine of the row is left alone for good on a person's order. */
export function isForgotten(row: InstanceRow): boolean {
  return row.state === 'gone' && row.removalWhy?.startsWith('forgotten by ') === true;
}

/** A person ordered a size that may lie below what the policies want. */
export function isOrdered(world: SimWorld, group: string): boolean {
  return world.group(group)?.manual.some((m) => m.kind !== 'floor') ?? false;
}

/** What differs between two lists of words; empty: nothing. */
export function difference(what: string, a: readonly string[], b: readonly string[]): string[] {
  const [x, y] = [[...a].sort().join(' '), [...b].sort().join(' ')];
  return x === y ? [] : [`${what}: ${x || 'none'} | ${y || 'none'}`];
}

/** The commit that leads to one more call for the row. */
export function isNewTry(was: InstanceRow | undefined, { step }: InstanceRow): boolean {
  if (step?.error !== 'under way') return false;
  return was?.step?.kind !== step.kind || step.attempts > was.step.attempts;
}

/** After a commit of unknown outcome a process takes its group anew, as after a crash: a call whose end is not written down is made again at once. */
export function takesAnew({ scenario }: SimWorld): boolean {
  return scenario.faults['commit-unknown'] !== undefined || scenario.faults['store-slow'] !== undefined || scenario.faults.partition !== undefined;
}

/** A word in the data of an event. */
export function textOf({ data }: Pick<NewEvent, 'data'>, key: string): string {
  const value = data[key];
  return typeof value === 'string' ? value : '';
}
