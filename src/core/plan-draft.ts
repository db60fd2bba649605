import type { Counts } from './counts.ts';
import { allowDestruction, destructionRoom, isBudgeted, isReplacement, type Leaving, machinesThere } from './destruction.ts';
import type { HoldApplied, LaunchAction, LimitApplied, PlannedAction, RemoveAction } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { InstanceView, RemovalCause } from './model/instance.ts';
import type { GroupMemory, Snapshot } from './model/snapshot.ts';

export interface PlanInput {
  readonly spec: GroupSpec;
  readonly snapshot: Snapshot;
  /** With the brake and back-off of this look. */
  readonly memory: GroupMemory;
  readonly counts: Counts;
  readonly from: number;
  readonly target: number;
  /** The target rose only because the minimum (or the first start) asks for it. */
  readonly byMinimum: boolean;
}

/** The plan while it is being made. */
export interface Draft {
  readonly input: PlanInput;
  readonly actions: PlannedAction[];
  readonly limits: LimitApplied[];
  readonly holds: HoldApplied[];
  /** Capacity that is not ordered away by a person. */
  readonly present: readonly InstanceView[];
  /** Launches that may still start now. */
  launches: number;
  /** Removals under way or planned here, as the destruction budget will see them. */
  leaving: Leaving;
  /** Healthy members left after what is planned. */
  serving: number;
  readonly zones: Map<string, number>;
}

/** One launch in the emptiest zone; the first written of equals. */
export function launch(draft: Draft, cause: LaunchAction['cause'], replaces: InstanceView | null, after?: LaunchAction['after']): void {
  let zone: string | null = null;
  if (replaces?.zone != null && draft.zones.has(replaces.zone)) draft.zones.set(replaces.zone, (draft.zones.get(replaces.zone) ?? 1) - 1);
  for (const [name, count] of draft.zones) if (zone === null || count < (draft.zones.get(zone) ?? 0)) zone = name;
  if (zone !== null) draft.zones.set(zone, (draft.zones.get(zone) ?? 0) + 1);
  draft.launches--;
  draft.actions.push({ kind: 'launch', zone, cause, ...(after === undefined ? {} : { after }), replaces: replaces?.id ?? null });
}

export function remove(i: InstanceView, cause: RemovalCause, why: string): RemoveAction {
  return { kind: 'remove', instance: i.id, cause, why };
}

/** Plans one removal if the destruction budget has room; true: planned. */
export function removeWithinBudget(draft: Draft, i: InstanceView, cause: RemovalCause, why: string): boolean {
  const { spec, snapshot, memory, from, target } = draft.input;
  const there = machinesThere(snapshot.instances, Math.max(from, target));
  if (!allowDestruction(spec, memory, there, cause, snapshot.atMs, draft.leaving).ok) {
    if (!draft.limits.some((l) => l.code === 'LIMIT_DESTRUCTION')) draft.limits.push(destructionLimitOf(draft, cause, there));
    return false;
  }
  draft.actions.push(remove(i, cause, why));
  if (isBudgeted(cause)) draft.leaving = { all: draft.leaving.all + 1, replace: draft.leaving.replace + (isReplacement(cause) ? 1 : 0) };
  if (i.state === 'serving' && i.health !== 'unhealthy') draft.serving--;
  return true;
}

/** The record of the budget that has no room. */
function destructionLimitOf({ input, leaving }: Draft, cause: RemovalCause, there: number): LimitApplied {
  const { spec, snapshot, memory, target } = input;
  const room = (kind: 'replace' | 'all') => destructionRoom(spec, memory, kind, there, leaving[kind], snapshot.atMs);
  const ofReplacements = isReplacement(cause) ? room('replace') : null;
  const full = ofReplacements !== null && ofReplacements.used >= ofReplacements.limit ? ofReplacements : room('all');
  const key = 'limits.destruction';
  const until = full.untilMs === null ? {} : { untilMs: full.untilMs };
  return { code: 'LIMIT_DESTRUCTION', from: target, to: target, detail: full.detail, key, at: spec.written[key] ?? null, ...until };
}
