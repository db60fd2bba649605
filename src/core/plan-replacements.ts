import { removalBan } from './guard-safety.ts';
import type { InstanceView, RemovalCause } from './model/instance.ts';
import { type Draft, launch, remove, removeWithinBudget } from './plan-draft.ts';
import { floorSize, formatDuration, formatElapsed } from './units.ts';

/** Replacing: launch first; the old one leaves once the new one serves; a tenth of the group at a time. */

interface Need {
  readonly instance: InstanceView;
  readonly cause: RemovalCause;
  readonly why: string;
  /** Lower first: a person's order, the sick, the old. */
  readonly rank: number;
  readonly sinceMs: number;
}

export function planReplacements(draft: Draft, pairs: ReadonlyMap<string, InstanceView>): void {
  const needs = neededReplacements(draft, pairs);
  if (needs.length === 0) return;
  const { spec, snapshot, memory, counts, target } = draft.input;
  const ban = removalBan(memory.brake, snapshot, counts);
  let underWay = 0;
  for (const r of pairs.values()) if (r.state !== 'serving') underWay++;
  const most = Math.max(1, floorSize(0.1 * target));
  for (const need of needs) {
    const replacement = pairs.get(need.instance.id);
    if (ban !== null && need.cause !== 'forced') {
      if (!draft.holds.some((h) => h.code === 'HOLD_BRAKE')) {
        const at = memory.brake ? (spec.written['limits.brake'] ?? null) : null;
        draft.holds.push({ code: 'HOLD_BRAKE', untilMs: null, from: target, to: target, detail: ban, key: memory.brake ? 'limits.brake' : null, at });
      }
    } else if (replacement !== undefined) {
      if (replacement.state === 'serving' && replacement.health !== 'unhealthy') retire(draft, need, replacement);
    } else if (underWay < most && draft.launches > 0) {
      launch(draft, 'replace', need.instance);
      underWay++;
    }
  }
}

/** The old one goes, if the healthy members that remain are as many as wanted. */
function retire(draft: Draft, need: Need, replacement: InstanceView): void {
  const { spec, target } = draft.input;
  const healthy = need.instance.health !== 'unhealthy';
  if (healthy && draft.serving - 1 < Math.max(spec.min, target)) return;
  const why = `${need.why}; ${replacement.id} serves in its place`;
  if (need.cause === 'forced') {
    draft.actions.push(remove(need.instance, 'forced', why));
    if (healthy) draft.serving--;
  } else removeWithinBudget(draft, need.instance, need.cause, why);
}

function neededReplacements(draft: Draft, pairs: ReadonlyMap<string, InstanceView>): readonly Need[] {
  const needs: Need[] = [];
  for (const instance of draft.present) {
    if (instance.state !== 'serving' || instance.protected) continue;
    const need = needFor(draft, instance, pairs.has(instance.id));
    if (need !== null) needs.push(need);
  }
  return needs.sort((a, b) => a.rank - b.rank || a.sinceMs - b.sinceMs || a.instance.n - b.instance.n);
}

function needFor(draft: Draft, instance: InstanceView, begun: boolean): Need | null {
  const { spec, snapshot } = draft.input;
  const { atMs } = snapshot;
  if (instance.replaceRequested) return { instance, cause: 'forced', why: 'a person asked for its replacement', rank: 0, sinceMs: instance.createdAtMs };
  const served = instance.servingSinceMs ?? instance.sinceMs;
  const sick = instance.health === 'unhealthy' && spec.health.replaceUnhealthy && atMs >= served + spec.health.graceMs;
  if (sick) {
    const why = `unhealthy for ${formatElapsed(Math.max(0, atMs - instance.healthSinceMs))}`;
    return { instance, cause: 'replace-unhealthy', why, rank: 1, sinceMs: instance.healthSinceMs };
  }
  const { maxAgeMs } = spec.lifecycle;
  if (maxAgeMs !== null && atMs - instance.createdAtMs > maxAgeMs) {
    const why = `${formatElapsed(atMs - instance.createdAtMs)} old, max_age is ${formatDuration(maxAgeMs)}`;
    return { instance, cause: 'replace-old', why, rank: 2, sinceMs: instance.createdAtMs };
  }
  // What was begun is finished, even if the machine looks well again: turning back would only make a flapping check churn machines.
  return begun ? { instance, cause: 'replace-unhealthy', why: 'it was unhealthy', rank: 1, sinceMs: instance.healthSinceMs } : null;
}
