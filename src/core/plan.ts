import { chooseVictims, mayBeChosen } from './choose-victims.ts';
import { leavingNow } from './destruction.ts';
import { launchesLeft, removalBan } from './guard-safety.ts';
import type { HoldApplied, LaunchAction, LimitApplied, PlannedAction } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import { type InstanceView, isCapacity, type RemovalCause } from './model/instance.ts';
import type { Backoff } from './model/snapshot.ts';
import { type Draft, launch, type PlanInput, remove, removeWithinBudget } from './plan-draft.ts';
import { planReplacements } from './plan-replacements.ts';
import { floorSize, formatMoment } from './units.ts';

/** From a target to what is started now: who is launched where, who leaves and why. It never takes a healthy member below the target. */

export type { PlanInput } from './plan-draft.ts';

export interface Plan {
  readonly actions: readonly PlannedAction[];
  readonly limits: readonly LimitApplied[];
  readonly holds: readonly HoldApplied[];
  /** Launches that were needed and wait for back-off. */
  readonly blocked: readonly { readonly cls: string; readonly backoff: Backoff }[];
  readonly needed: number;
  /** After these actions the group has its target size. */
  readonly reached: boolean;
}

export function plan(input: PlanInput): Plan {
  const { spec, snapshot, target, counts } = input;
  const ours = snapshot.instances.filter((i) => isCapacity(i.state) && !i.detached);
  // Also one in standby: who asked for its removal is told that it is done.
  const ordered = ours.filter((i) => i.removeRequested && !i.protected);
  const present = ours.filter((i) => !i.standby && !ordered.includes(i));
  const replaced = replacedInstances(present);
  const needed = target - (present.length - replaced.size);
  if (needed === 0 && ordered.length === 0 && replaced.size === 0 && counts.unhealthy === 0 && !wantsReplacing(spec, present, snapshot.atMs)) return QUIET;

  const draft: Draft = {
    input,
    actions: ordered.map((i) => remove(i, 'forced', 'a person asked for its removal')),
    limits: [],
    holds: [],
    present,
    launches: 0,
    leaving: leavingNow(snapshot.instances),
    serving: present.filter((i) => i.state === 'serving' && i.health !== 'unhealthy').length,
    zones: zoneCounts(spec, present),
  };
  const blocked = allowLaunches(draft, needed, replaced.size > 0 || counts.unhealthy > 0);
  if (needed > 0) launchNeeded(draft, needed);
  planReplacements(draft, replaced);
  if (needed < 0) removeSurplus(draft, -needed, replaced);
  return { actions: draft.actions, limits: draft.limits, holds: draft.holds, blocked, needed, reached: isReached(draft, needed) };
}

const QUIET: Plan = { actions: [], limits: [], holds: [], blocked: [], needed: 0, reached: true };

function wantsReplacing(spec: GroupSpec, present: readonly InstanceView[], atMs: number): boolean {
  const { maxAgeMs } = spec.lifecycle;
  return present.some((i) => i.replaceRequested || (maxAgeMs !== null && atMs - i.createdAtMs > maxAgeMs));
}

/** Instances whose replacement exists, with it: the two count as one. */
function replacedInstances(present: readonly InstanceView[]): ReadonlyMap<string, InstanceView> {
  const pairs = new Map<string, InstanceView>();
  for (const r of present) {
    if (r.replaces === null || pairs.has(r.replaces)) continue;
    if (present.some((i) => i.id === r.replaces)) pairs.set(r.replaces, r);
  }
  return pairs;
}

function zoneCounts(spec: GroupSpec, present: readonly InstanceView[]): Map<string, number> {
  const zones = new Map<string, number>();
  for (const zone of spec.spread) zones.set(zone, 0);
  for (const { zone } of present) if (zone !== null && zones.has(zone)) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return zones;
}

/** Sets how many launches may start now, and says what held the others back. */
function allowLaunches(draft: Draft, needed: number, forReplacement: boolean): Plan['blocked'] {
  const { spec, snapshot, memory, counts, target } = draft.input;
  const { atMs } = snapshot;
  if (needed <= 0 && !forReplacement && !wantsReplacing(spec, draft.present, atMs)) return [];
  if (snapshot.cloudListed === false) {
    if (needed > 0) heldLaunches(draft, 'HOLD_BACKOFF', target - needed, { detail: 'the cloud has not told yet which machines there are', untilMs: null });
    return [];
  }
  const failing = Object.keys(memory.backoff)
    .sort()
    .map((cls) => ({ cls, backoff: memory.backoff[cls] as Backoff }));
  const waiting = failing.filter(({ backoff }) => backoff.nextTryMs > atMs);
  const short = Math.max(0, needed);
  const runs = target - short;
  if (waiting.length > 0) {
    const nextTryMs = Math.max(...waiting.map(({ backoff }) => backoff.nextTryMs));
    if (short > 0) heldLaunches(draft, 'HOLD_BACKOFF', runs, { detail: `launches failed, next try ${formatMoment(nextTryMs, atMs)}`, untilMs: nextTryMs });
    return waiting;
  }
  // Living machines may pass max by the surge while something is replaced or leaves slowly; never by more.
  const surge = Math.max(1, floorSize(0.1 * spec.max));
  let launches = Math.max(0, spec.max + surge - counts.living);
  if (launches < short)
    heldLaunches(draft, 'HOLD_IN_PROGRESS', runs + launches, {
      detail: `${counts.living} machines live, max is ${spec.max}: earlier ones must be gone first`,
      untilMs: null,
    });
  const left = launchesLeft(spec, memory.launched, atMs);
  if (left !== null && left < launches) {
    launches = left;
    if (left < short) {
      const key = 'limits.launches_per_hour';
      const detail = `${spec.limits.launchesPerHour} launches an hour, ${left} left`;
      draft.limits.push({ code: 'LIMIT_RATE', from: target, to: runs + left, detail, key, at: spec.written[key] ?? null });
    }
  }
  if (failing.length > 0) launches = tryOne(draft, failing, launches, short, runs);
  draft.launches = launches;
  return [];
}

/** After failures one machine is tried at a time, until it works. */
function tryOne(draft: Draft, failing: Plan['blocked'], launches: number, short: number, runs: number): number {
  const late = failing.some(({ cls }) => cls === 'boot' || cls === 'hook' || cls === 'balancer');
  const trying = late ? draft.input.counts.warming : draft.input.counts.intents;
  const one = Math.min(launches, Math.max(0, 1 - trying));
  if (one < Math.min(short, launches))
    heldLaunches(draft, 'HOLD_IN_PROGRESS', runs + one, { detail: 'after failed launches one machine is tried at a time', untilMs: null });
  return one;
}

function heldLaunches(draft: Draft, code: 'HOLD_BACKOFF' | 'HOLD_IN_PROGRESS', to: number, more: { detail: string; untilMs: number | null }): void {
  draft.holds.push({ code, from: draft.input.target, to, key: null, at: null, ...more });
}

function launchNeeded(draft: Draft, needed: number): void {
  const { from, target, byMinimum, memory } = draft.input;
  const grown = memory.reached === false ? needed : Math.max(0, target - from);
  for (let k = 0; k < needed && draft.launches > 0; k++) {
    if (k < needed - grown) launch(draft, 'drift', null, whyMissing(draft.input));
    else launch(draft, byMinimum ? 'min' : 'scale-out', null);
  }
}

const FAILED: ReadonlySet<RemovalCause> = new Set<RemovalCause>(['boot-failed', 'hook-failed']);

/** Why machines are missing though the target stands: our own failures and removals leave traces; without any they went by themselves. */
function whyMissing({ snapshot, memory }: PlanInput): LaunchAction['after'] {
  const { atMs, instances } = snapshot;
  for (const _ in memory.backoff) return 'failure';
  const newest = memory.launched.at(-1) ?? Number.NEGATIVE_INFINITY;
  // What was removed before the newest launch has been made up for by it.
  const causes: RemovalCause[] = memory.destroyed.filter((d) => d.atMs > newest).map((d) => d.cause);
  for (const i of instances) if (!isCapacity(i.state) && !i.detached && i.sinceMs > newest) causes.push(i.removalCause ?? 'scale-in');
  if (causes.some((cause) => FAILED.has(cause))) return 'failure';
  if (causes.some((cause) => cause !== 'vanished' && cause !== 'scale-in')) return 'removal';
  const launched = memory.launched.filter((at) => at > atMs - HOUR_MS).length;
  const young = instances.filter((i) => i.createdAtMs > atMs - HOUR_MS).length;
  // A launch whose machine is not there may have failed.
  return launched > young ? 'unknown' : undefined;
}
const HOUR_MS = 3_600_000;

/** More machines than the target: the budget, the brake and the healthy members say how many go now. */
function removeSurplus(draft: Draft, surplus: number, replaced: ReadonlyMap<string, InstanceView>): void {
  const { spec, snapshot, memory, counts, target } = draft.input;
  const ban = removalBan(memory.brake, snapshot, counts);
  if (ban !== null) {
    draft.holds.push({
      code: 'HOLD_BRAKE',
      untilMs: null,
      from: target,
      to: target + surplus,
      detail: ban,
      key: memory.brake ? 'limits.brake' : null,
      at: null,
    });
    return;
  }
  const replacing = new Set([...replaced.values()].map((r) => r.id));
  const free = draft.present.filter((i) => !replaced.has(i.id) && !(replacing.has(i.id) && i.state !== 'serving'));
  for (const { instance, why } of chooseVictims(spec, free.filter(mayBeChosen), surplus, snapshot.atMs)) {
    const healthy = instance.state === 'serving' && instance.health !== 'unhealthy';
    // Never below what is wanted by our own hand: others are counted on only once they serve.
    if (healthy && draft.serving - 1 < Math.max(spec.min, target)) continue;
    if (!removeWithinBudget(draft, instance, 'scale-in', why)) break;
  }
}

function isReached(draft: Draft, needed: number): boolean {
  let started = 0;
  for (const a of draft.actions) {
    if (a.kind === 'launch' && a.replaces === null) started++;
    else if (a.kind === 'remove' && a.cause === 'scale-in') started--;
  }
  return started === needed;
}
