import { type Decision, type GroupMemory, type GroupSpec, isCapacity, type PlannedAction, type RemovalCause } from '../core/model/model.ts';
import type { InstanceRow, StepKind } from '../ports/ports.ts';

/** A promise of this program was about to be broken. The group stops loudly; the others go on. */
export class InvariantViolated extends Error {
  readonly id: string;
  constructor(id: string, message: string) {
    super(`${id}: ${message}`);
    this.name = 'InvariantViolated';
    this.id = id;
  }
}

const HOUR_MS = 3_600_000;

/** Cheap checks of every decision and its plan before they are committed (reliability invariants I1, I3, I11, I14, I16, I19). */
export function assertDecision(spec: GroupSpec, decision: Decision, before: ReadonlyMap<string, InstanceRow>, memory: GroupMemory): void {
  const { target, from, actions } = decision;
  if (!Number.isSafeInteger(target) || target < 0) throw new InvariantViolated('I19', `target ${target} is not a count`);
  if (target > spec.max && target > from) throw new InvariantViolated('I19', `target ${target} is above max ${spec.max}`);
  if (target < from && target < spec.max) assertKnown(decision);
  let capacity = 0;
  for (const row of before.values()) if (isCapacity(row.state) && row.removalCause === null && !row.detached) capacity++;
  const launches = actions.filter((a) => a.kind === 'launch').length;
  for (const a of actions) if (a.kind !== 'launch') assertMayGo(a, before);
  if (launches === 0) return;
  const surge = Math.max(1, Math.ceil(spec.max / 10));
  if (capacity + launches > spec.max + surge)
    throw new InvariantViolated('I1', `${capacity} machines and ${launches} launches pass max ${spec.max} by more than ${surge}`);
  const { launchesPerHour } = spec.limits;
  if (launchesPerHour === null) return;
  const lately = memory.launched.filter((at) => at > decision.atMs - HOUR_MS).length;
  if (lately + launches > launchesPerHour)
    throw new InvariantViolated('I3', `${lately} launches in an hour and ${launches} more pass launches_per_hour ${launchesPerHour}`);
}

/** Missing data never removes: who lacks what it needs has to have kept the size, unless a person or a schedule set an upper bound. */
function assertKnown({ proposals, from, target, reason }: Decision): void {
  if (reason === 'MANUAL' || proposals.some((p) => !p.advisory && (p.cap ?? null) !== null)) return;
  const blind = proposals.find((p) => p.blocksShrink && !p.advisory);
  if (blind) throw new InvariantViolated('I16', `${from} → ${target} although ${blind.policy} lacks ${blind.error ?? 'its data'}`);
}

function assertMayGo(action: Extract<PlannedAction, { instance: string }>, before: ReadonlyMap<string, InstanceRow>): void {
  const row = before.get(action.instance);
  if (!row) throw new InvariantViolated('I11', `the plan removes ${action.instance}, which is not in the books`);
  if (row.protected || row.detached) throw new InvariantViolated('I14', `the plan removes ${action.instance}, which is protected`);
}

/** Right before a call: the committed row carries the intent of just this call (I25), names one machine for a deletion (I10), and it is ours to make. */
export function assertIntent(row: InstanceRow, kind: StepKind): void {
  if (row.step?.kind !== kind || row.step.attempts < 1) throw new InvariantViolated('I25', `${kind} of ${row.id} without a committed intent`);
  if (kind === 'create' && row.state !== 'intent') throw new InvariantViolated('I4', `a second create for ${row.id}, which is ${row.state}`);
  if (kind === 'delete' && (row.state !== 'terminating' || !row.machineId)) throw new InvariantViolated('I10', `delete of ${row.id}, which is ${row.state}`);
}

/** Deletions of the window with the one of now, against the budget (I12). `size`: what shares are measured by; forced ones and vanished machines are apart. */
export function assertBudget(spec: GroupSpec, memory: GroupMemory, cause: RemovalCause, size: number, atMs: number): void {
  if (cause === 'forced' || cause === 'vanished') return;
  const { windowMs, replace, all } = spec.limits.destruction;
  let [replaced, any] = [0, 0];
  for (const d of memory.destroyed) {
    if (d.atMs <= atMs - windowMs || d.cause === 'forced' || d.cause === 'vanished') continue;
    any++;
    if (d.cause === 'replace-unhealthy' || d.cause === 'replace-old') replaced++;
  }
  const most = (limit: { count: number; fraction: number }): number => Math.max(limit.count, Math.ceil(limit.fraction * size));
  if (any > most(all)) throw new InvariantViolated('I12', `${any} deletions in ${windowMs / 60_000} min, at most ${most(all)} may be`);
  if ((cause === 'replace-unhealthy' || cause === 'replace-old') && replaced > most(replace))
    throw new InvariantViolated('I12', `${replaced} replacements in ${windowMs / 60_000} min, at most ${most(replace)} may be`);
}
