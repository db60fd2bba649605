import type { GroupSpec } from './model/group.ts';
import type { RemovalCause } from './model/instance.ts';
import type { GroupMemory } from './model/snapshot.ts';
import { floorSize, formatDuration } from './units.ts';

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

export function destroyedInWindow(spec: GroupSpec, memory: GroupMemory, kind: 'replace' | 'all', atMs: number): number {
  const start = atMs - spec.limits.destruction.windowMs;
  let n = 0;
  for (const d of memory.destroyed) if (d.atMs > start && counts(kind, d.cause)) n++;
  return n;
}

/** When the window will hold fewer than `limit` deletions. */
export function destructionFreeAt(spec: GroupSpec, memory: GroupMemory, kind: 'replace' | 'all', limit: number, atMs: number): number {
  const { windowMs } = spec.limits.destruction;
  const times = memory.destroyed.filter((d) => d.atMs > atMs - windowMs && counts(kind, d.cause)).map((d) => d.atMs);
  times.sort((a, b) => a - b);
  const last = times[times.length - limit];
  return last === undefined ? atMs : last + windowMs;
}

export function destructionDetail(spec: GroupSpec, kind: 'replace' | 'all', limit: number): string {
  const what = kind === 'replace' ? 'replacements' : 'deletions';
  return `at most ${limit} ${what} in ${formatDuration(spec.limits.destruction.windowMs)}`;
}

export type Allowed = { readonly ok: true } | { readonly ok: false; readonly retryAtMs: number; readonly detail: string };

/** May one more machine be deleted now? Asked when planning and again at the moment of deletion. `targetSize`: the target then. */
export function allowDestruction(spec: GroupSpec, memory: GroupMemory, targetSize: number, cause: RemovalCause, atMs: number): Allowed {
  if (!isBudgeted(cause)) return { ok: true };
  for (const kind of isReplacement(cause) ? (['replace', 'all'] as const) : (['all'] as const)) {
    const limit = destructionLimit(spec, kind, targetSize);
    if (destroyedInWindow(spec, memory, kind, atMs) < limit) continue;
    return { ok: false, retryAtMs: destructionFreeAt(spec, memory, kind, limit, atMs), detail: destructionDetail(spec, kind, limit) };
  }
  return { ok: true };
}
