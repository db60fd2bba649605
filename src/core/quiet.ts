import type { GroupSpec } from './model/group.ts';
import type { WantRun } from './model/snapshot.ts';

/** The stabilisation window: what the load asked for lately, as runs of equal sizes, durable over restarts and fail-over. */

/** Share of the window that must be known before anything shrinks. */
const MIN_COVERAGE = 0.8;
/** More runs than this are merged pairwise to their larger size: an upper bound, so shrinking only gets more careful. */
const MAX_RUNS = 240;

/**
 * A run is confirmed in memory only this often, so that an unchanged group has an unchanged memory. A hole of the same length
 * stays unseen; that is the share of the window that may be unknown anyway.
 */
function confirmEvery(spec: GroupSpec): number {
  return Math.max(spec.evaluateEveryMs, spec.limits.scaleIn.afterQuietMs * (1 - MIN_COVERAGE));
}
/** Evaluations further apart than this leave a hole: the controller was away. */
function longestStep(spec: GroupSpec): number {
  return confirmEvery(spec) + 2.5 * spec.evaluateEveryMs;
}

/** The same array when nothing but a little time has passed. */
export function rememberWant(wants: readonly WantRun[], size: number, complete: boolean, atMs: number, spec: GroupSpec): readonly WantRun[] {
  const last = wants[wants.length - 1];
  if (last === undefined) return [{ size, fromMs: atMs, toMs: atMs, complete }];
  // The wall clock went back: what lies ahead of it cannot be trusted, and forgetting only delays shrinking.
  if (atMs < last.toMs) return rememberWant(past(wants, atMs), size, complete, atMs, spec);
  const joined = atMs - last.toMs <= longestStep(spec);
  if (joined && last.size === size && last.complete === complete) {
    if (atMs - last.toMs < confirmEvery(spec)) return wants;
    return [...kept(wants, atMs, spec).slice(0, -1), { ...last, toMs: atMs }];
  }
  const closed = joined ? [...wants.slice(0, -1), { ...last, toMs: atMs }] : wants;
  return merged([...kept(closed, atMs, spec), { size, fromMs: atMs, toMs: atMs, complete }]);
}

function past(wants: readonly WantRun[], atMs: number): readonly WantRun[] {
  return wants.filter((run) => run.toMs <= atMs);
}

/** Runs that still reach into the window; the newest always stays. */
function kept(wants: readonly WantRun[], atMs: number, spec: GroupSpec): readonly WantRun[] {
  const start = atMs - spec.limits.scaleIn.afterQuietMs;
  const first = wants.findIndex((run) => run.toMs > start);
  return first < 0 ? wants.slice(-1) : first === 0 ? wants : wants.slice(first);
}

function merged(wants: readonly WantRun[]): readonly WantRun[] {
  if (wants.length <= MAX_RUNS) return wants;
  const out: WantRun[] = [];
  for (let i = 0; i < wants.length; i++) {
    const [a, b] = [wants[i] as WantRun, wants[i + 1]];
    if (b === undefined || b.fromMs !== a.toMs || i > MAX_RUNS) out.push(a);
    else {
      out.push({ size: Math.max(a.size, b.size), fromMs: a.fromMs, toMs: b.toMs, complete: a.complete && b.complete });
      i++;
    }
  }
  return out;
}

export interface QuietWindow {
  /** The highest want of the window: shrinking stops there. */
  readonly highest: number;
  /** Enough of the window is known, without a gap in it. */
  readonly covered: boolean;
  /** Earliest moment at which it can be covered, if data keeps coming. */
  readonly coveredAtMs: number;
}

export function quietWindow(wants: readonly WantRun[], lastGapMs: number | null, atMs: number, spec: GroupSpec): QuietWindow {
  const quietMs = spec.limits.scaleIn.afterQuietMs;
  const start = atMs - quietMs;
  let highest = 0;
  let known = 0;
  let streakFrom = atMs;
  let streak = true;
  for (let i = wants.length - 1; i >= 0; i--) {
    const run = wants[i] as WantRun;
    const end = i === wants.length - 1 ? atMs : run.toMs;
    if (end <= start && i < wants.length - 1) break;
    highest = Math.max(highest, run.size);
    if (run.complete) known += Math.max(0, end - Math.max(run.fromMs, start));
    streak = streak && run.complete && end >= streakFrom;
    if (streak) streakFrom = run.fromMs;
  }
  const gap = lastGapMs !== null && lastGapMs > start && quietMs > 0;
  const covered = !gap && known >= quietMs * MIN_COVERAGE;
  const full = Math.max(streakFrom + quietMs * MIN_COVERAGE, gap ? lastGapMs + quietMs : 0);
  return { highest, covered, coveredAtMs: Math.max(atMs, Math.ceil(full)) };
}

/** When the last want of at least `size` leaves the window. */
export function quietAt(wants: readonly WantRun[], size: number, atMs: number, spec: GroupSpec): number {
  for (let i = wants.length - 1; i >= 0; i--) {
    const run = wants[i] as WantRun;
    if (run.size >= size) return (i === wants.length - 1 ? atMs : run.toMs) + spec.limits.scaleIn.afterQuietMs;
  }
  return atMs;
}
