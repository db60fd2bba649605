import { type Decision, type GroupSpec, isCapacity } from '../core/model/model.ts';
import type { InstanceRow } from '../ports/ports.ts';

/** A promise of this program was about to be broken. The group stops loudly; the others go on. */
export class InvariantViolated extends Error {
  readonly id: string;
  constructor(id: string, message: string) {
    super(`${id}: ${message}`);
    this.name = 'InvariantViolated';
    this.id = id;
  }
}

/** Cheap checks of every decision and its plan before they are committed (reliability invariants I1, I11, I14, I19). */
export function assertDecision(spec: GroupSpec, decision: Decision, before: ReadonlyMap<string, InstanceRow>): void {
  const { target, actions } = decision;
  if (!Number.isSafeInteger(target) || target < 0) throw new InvariantViolated('I19', `target ${target} is not a count`);
  if (target > spec.max && target > decision.from) throw new InvariantViolated('I19', `target ${target} is above max ${spec.max}`);
  let capacity = 0;
  for (const row of before.values()) if (isCapacity(row.state) && row.removalCause === null) capacity++;
  let launches = 0;
  for (const a of actions) {
    if (a.kind === 'launch') launches++;
    else {
      const row = before.get(a.instance);
      if (!row) throw new InvariantViolated('I11', `the plan removes ${a.instance}, which is not in the books`);
      if (row.protected || row.detached) throw new InvariantViolated('I14', `the plan removes ${a.instance}, which is protected`);
    }
  }
  const surge = Math.max(1, Math.ceil(spec.max / 10));
  if (launches > 0 && capacity + launches > spec.max + surge)
    throw new InvariantViolated('I1', `${capacity} machines and ${launches} launches pass max ${spec.max} by more than ${surge}`);
}
