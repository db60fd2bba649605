import { destructionRoom, leavingNow, machinesThere } from './destruction.ts';
import { hold, limit, type Passage } from './guard-passage.ts';
import type { StepLimit } from './model/group.ts';
import { isCapacity } from './model/instance.ts';
import { quietAt, quietWindow } from './quiet.ts';
import { ceilSize, floorSize, formatClock, formatDuration, formatPace, formatSince } from './units.ts';

/** How fast a group may move: windows are computed from stored moves and wants, so they survive restarts and fail-over. */

/** The largest step from this size; a share rounds away from nothing and is at least one machine. */
export function stepSize(step: StepLimit, size: number, direction: 'out' | 'in'): number {
  const part = (step.fraction ?? 0) * size;
  return Math.max(1, step.count ?? 0, direction === 'out' ? ceilSize(part) : floorSize(part));
}

/** Moves of one direction inside the last `everyMs`, oldest first, as positive counts. */
function movesWithin(p: Passage, direction: 'out' | 'in', everyMs: number): { readonly atMs: number; readonly by: number }[] {
  const found: { atMs: number; by: number }[] = [];
  for (const m of p.memory.moves) {
    if (m.atMs <= p.snapshot.atMs - everyMs || m.by === 0 || m.by > 0 !== (direction === 'out')) continue;
    found.push({ atMs: m.atMs, by: m.by < 0 ? -m.by : m.by });
  }
  return found;
}

interface Room {
  readonly allowed: number;
  /** When there is room again, where there is none now. */
  readonly untilMs: number;
}

/** A step per period, as the HPA counts it: what moved in the period is part of the step, which is measured from where the period began. */
function room(p: Passage, direction: 'out' | 'in', from: number): Room {
  const { step, everyMs } = direction === 'out' ? p.spec.limits.scaleOut : p.spec.limits.scaleIn;
  const moves = movesWithin(p, direction, everyMs);
  let moved = 0;
  for (const m of moves) moved += m.by;
  const left = (done: number) => stepSize(step, Math.max(0, direction === 'out' ? from - done : from + done), direction) - done;
  const allowed = left(moved);
  let untilMs = p.snapshot.atMs;
  for (const m of moves) {
    if (left(moved) > 0) break;
    moved -= m.by;
    untilMs = m.atMs + everyMs;
  }
  return { allowed, untilMs };
}

export function limitPaceOut(p: Passage): void {
  const { step, everyMs } = p.spec.limits.scaleOut;
  const { allowed, untilMs } = room(p, 'out', p.base);
  const pace = formatPace(step, everyMs);
  if (allowed <= 0) hold(p, 'HOLD_RATE', 'limits.scale_out.every', pace, { to: p.base, untilMs });
  else if (p.size - p.base > allowed) limit(p, 'LIMIT_STEP', 'limits.scale_out.step', pace, p.base + allowed);
}

/** Shrinks only to the highest want of the window, and only when the window is known. Caps are orders: what is above them need not be quiet. */
export function waitUntilQuiet(p: Passage): number {
  const { spec, input, snapshot, base } = p;
  const { cap } = input.combined;
  const quiet = quietWindow(input.wants, input.lastGapMs, snapshot.atMs, spec);
  const ordered = cap === null ? base : Math.max(spec.min, Math.min(base, cap));
  const allowed = Math.max(p.size, quiet.covered ? Math.min(quiet.highest, ordered) : ordered);
  if (allowed <= p.size) return p.size;
  const { afterQuietMs, step, everyMs } = spec.limits.scaleIn;
  const untilMs = quiet.covered ? quietAt(input.wants, allowed, snapshot.atMs, spec) : quiet.coveredAtMs;
  const since = formatSince(Math.min(snapshot.atMs, untilMs - afterQuietMs), snapshot.atMs);
  const what = quiet.covered
    ? `must stay quiet for ${formatDuration(afterQuietMs)}, quiet ${since}`
    : `the last ${formatDuration(afterQuietMs)} must be known without a gap`;
  hold(p, 'HOLD_QUIET', 'limits.scale_in.after_quiet', `${what}, then ${formatPace(step, everyMs)}`, {
    to: allowed,
    untilMs,
  });
  return allowed;
}

export function limitPaceIn(p: Passage): void {
  const { spec, counts, base, snapshot, memory } = p;
  // Wishes that no machine answers to yet are taken back freely: nothing is removed by that.
  const from = base > counts.running ? Math.max(counts.running, p.size) : base;
  if (p.size >= from) return;
  const { step, everyMs } = spec.limits.scaleIn;
  const { allowed, untilMs } = room(p, 'in', from);
  const pace = formatPace(step, everyMs);
  if (allowed <= 0) hold(p, 'HOLD_RATE', 'limits.scale_in.every', pace, { to: from, untilMs });
  else if (from - p.size > allowed) limit(p, 'LIMIT_STEP', 'limits.scale_in.step', pace, from - allowed);
  const warming = p.size < from && counts.warming > 0 ? warmingNow(p) : 0;
  if (warming > 0) hold(p, 'HOLD_WARMUP', null, `${warming} not serving yet: removing now would judge half-told load`, { to: from, untilMs: null });
  const cooled = memory.lastOutMs === null ? snapshot.atMs : memory.lastOutMs + spec.limits.scaleOut.everyMs;
  if (p.size < from && cooled > snapshot.atMs) {
    const detail = `the last scale-out was at ${formatClock(memory.lastOutMs ?? 0)} UTC`;
    hold(p, 'HOLD_RATE', 'limits.scale_out.every', detail, { to: from, untilMs: cooled });
  }
}

/** Machines that may still come to serve; one that is past its time to boot must not keep the group large for ever. */
function warmingNow({ spec, snapshot }: Passage): number {
  const patienceMs = spec.lifecycle.bootTimeoutMs + spec.lifecycle.warmupMs;
  let n = 0;
  for (const i of snapshot.instances) {
    if (i.standby || i.detached || i.state === 'serving' || !isCapacity(i.state)) continue;
    if (snapshot.atMs - i.createdAtMs <= patienceMs) n++;
  }
  return n;
}

/** The most that may go at once, counting what went in the window and what is leaving already. */
export function limitDestruction(p: Passage): void {
  const { spec, counts, snapshot, memory } = p;
  const present = Math.min(p.base, counts.running);
  if (p.size >= present) return;
  const leaving = leavingNow(snapshot.instances).all;
  const room = destructionRoom(spec, memory, 'all', machinesThere(snapshot.instances, Math.max(memory.target, p.base)), leaving, snapshot.atMs);
  const size = Math.max(p.size, present - Math.max(0, room.limit - room.used));
  if (size === p.size) return;
  limit(p, 'LIMIT_DESTRUCTION', 'limits.destruction', room.detail, size, room.untilMs);
}
