import type { GroupSpec } from './model/group.ts';
import { type InstanceView, isCapacity, type RemovalCause } from './model/instance.ts';
import type { GroupMemory } from './model/snapshot.ts';
import { floorSize, formatDuration } from './units.ts';

const HOUR_MS = 3_600_000;

/** Budgets for deleting machines over a sliding window: the last fence against a mistake anywhere above. */

/** A person's own order is logged, not budgeted; a machine that vanished was not destroyed by us. */
export function isBudgeted(cause: RemovalCause): boolean {
  return cause !== 'forced' && cause !== 'vanished';
}
export function isReplacement(cause: RemovalCause): boolean {
  return cause === 'replace-unhealthy' || cause === 'replace-old';
}

export function destructionLimit(spec: GroupSpec, kind: 'replace' | 'all', size: number): number {
  const { count, fraction } = spec.limits.destruction[kind];
  return Math.max(count, floorSize(fraction * size));
}

function counts(kind: 'replace' | 'all', cause: RemovalCause): boolean {
  return kind === 'replace' ? isReplacement(cause) : isBudgeted(cause);
}

/**
 * What the share of a budget is measured by: the machines that are there (`there`, of `machinesThere`), or as many as there were
 * when the window began, if that was more. What was launched in the window made up for what went, and is not counted twice.
 */
export function destructionSize(spec: GroupSpec, memory: GroupMemory, there: number, atMs: number): number {
  // Launches are remembered for an hour; of a longer window its last hour counts.
  const start = atMs - Math.min(spec.limits.destruction.windowMs, HOUR_MS);
  let [gone, shrunk] = [0, 0];
  for (const d of memory.destroyed) {
    if (d.atMs <= start) continue;
    gone++;
    if (d.cause === 'scale-in') shrunk++;
  }
  for (const at of memory.launched) if (at > start) gone--;
  // Only scale-in makes a group smaller; whatever else is deleted is made up for.
  return there + Math.max(0, Math.min(gone, shrunk));
}

type Counted = Pick<InstanceView, 'state' | 'standby' | 'detached' | 'removalCause'>;

/**
 * How large the group is: capacity, of it no more than the target (a machine too many or a replacement beside the old one is no size),
 * and what scale-in has on its way out. Others that leave are made up for; standby and detached ones are apart.
 */
export function machinesThere(instances: Iterable<Counted>, target: number): number {
  let [capacity, leaving] = [0, 0];
  for (const i of instances) {
    if (i.detached) continue;
    if (i.state === 'draining' && (i.removalCause ?? 'scale-in') === 'scale-in') leaving++;
    else if (isCapacity(i.state) && !i.standby) capacity++;
  }
  return Math.min(capacity, target) + leaving;
}

export interface Room {
  readonly limit: number;
  readonly used: number;
  /** When the next deletion is free, Unix ms; null: one is free now, or it hangs on machines that are still leaving. */
  readonly untilMs: number | null;
  /** `2 of 3 deletions in 5 min used`. */
  readonly detail: string;
}

/**
 * The one rule, for the guard, the plan and the moment of deletion. `there`: `machinesThere` now; `leaving`: those on their way out that
 * are promised already and not in the memory yet, or asked for beside this one.
 */
export function destructionRoom(spec: GroupSpec, memory: GroupMemory, kind: 'replace' | 'all', there: number, leaving: number, atMs: number): Room {
  const { windowMs } = spec.limits.destruction;
  const limit = destructionLimit(spec, kind, destructionSize(spec, memory, there, atMs));
  const times = memory.destroyed.filter((d) => d.atMs > atMs - windowMs && counts(kind, d.cause)).map((d) => d.atMs);
  times.sort((a, b) => a - b);
  const used = times.length + leaving;
  // So many must leave the window before there is room for one more.
  const last = used < limit ? undefined : times[used - limit];
  const what = kind === 'replace' ? 'replacements' : 'deletions';
  const share = used === 0 ? `at most ${limit} ${limit === 1 ? what.slice(0, -1) : what}` : `${used} of ${limit} ${what}`;
  const detail = `${share} in ${formatDuration(windowMs)}${used === 0 ? '' : ' used'}`;
  return { limit, used, untilMs: last === undefined ? null : last + windowMs, detail };
}

export type Allowed = { readonly ok: true } | { readonly ok: false; readonly retryAtMs: number; readonly detail: string };

/** How long to wait where the room hangs on machines that are still leaving. */
const ASK_AGAIN_MS = 15_000;

/**
 * May one more machine be deleted now? Asked when planning and again at the moment of deletion. `there`: `machinesThere` of the group
 * then, this machine included. `leaving`: promised already and not remembered as deleted; at the moment of deletion 0.
 */
export function allowDestruction(
  spec: GroupSpec,
  memory: GroupMemory,
  there: number,
  cause: RemovalCause,
  atMs: number,
  leaving: Leaving = NONE_LEAVING,
): Allowed {
  if (!isBudgeted(cause)) return { ok: true };
  for (const kind of isReplacement(cause) ? (['replace', 'all'] as const) : (['all'] as const)) {
    const { limit, used, untilMs, detail } = destructionRoom(spec, memory, kind, there, leaving[kind], atMs);
    if (used >= limit) return { ok: false, retryAtMs: untilMs ?? atMs + ASK_AGAIN_MS, detail };
  }
  return { ok: true };
}

/** Removals promised and not yet deleted, by the budget they will use. */
export interface Leaving {
  readonly replace: number;
  readonly all: number;
}
export const NONE_LEAVING: Leaving = { replace: 0, all: 0 };

export function leavingNow(instances: readonly InstanceView[]): Leaving {
  let [replace, all] = [0, 0];
  for (const i of instances) {
    if (i.state !== 'draining' || i.detached) continue;
    const cause = i.removalCause ?? 'scale-in';
    if (counts('all', cause)) all++;
    if (counts('replace', cause)) replace++;
  }
  return { replace, all };
}
