import { limitDestruction, limitPaceIn, limitPaceOut, waitUntilQuiet } from './guard-pace.ts';
import { type GuardInput, hold, limit, note, type Passage } from './guard-passage.ts';
import { applyBrake, avoidFlapping, limitBudget, limitLaunchRate } from './guard-safety.ts';
import type { HoldApplied, LimitApplied } from './model/decision.ts';
import type { HoldCode } from './model/reasons.ts';
import { formatUntil } from './units.ts';

/** Everything that limits or holds a change, in one fixed order; each leaves its code, key and place of writing in the record. */

export interface Guarded {
  readonly target: number;
  readonly limits: readonly LimitApplied[];
  readonly holds: readonly HoldApplied[];
  /** Nothing may be changed at all now. */
  readonly stopped: boolean;
}

export function guard(input: GuardInput): Guarded {
  const { spec, snapshot, memory, counts, target } = input.situation;
  const base = Math.max(Math.min(Math.max(target, input.startAt), spec.max), spec.min);
  const p: Passage = { input, spec, snapshot, memory, counts, base, size: input.combined.wanted, limits: [], holds: [] };
  if (input.combined.hold !== null) p.holds.push(input.combined.hold);
  clampToBounds(p);
  // Inside the bounds and nothing to move: none of the guards of movement has a say.
  if (p.size !== base) limitMovement(p);
  return stop(p);
}

function limitMovement(p: Passage): void {
  const { forced } = p.input.combined;
  const grows = p.size > p.base;
  const goal = grows || forced ? p.size : waitUntilQuiet(p);
  if (!forced) {
    if (grows) limitPaceOut(p);
    else limitPaceIn(p);
    avoidFlapping(p);
  }
  if (p.size > p.base) {
    limitBudget(p);
    limitLaunchRate(p);
  } else if (p.size < p.base) {
    applyBrake(p);
    limitDestruction(p);
  }
  if (!forced) askForApproval(p, goal);
}

function clampToBounds(p: Passage): void {
  const { spec, base } = p;
  const { target } = p.input.situation;
  if (target > base) note(p, 'LIMIT_MAX', 'max', `max ${spec.max}`, { from: Math.max(target, p.size), to: base });
  if (target < base && base === spec.min) note(p, 'LIMIT_MIN', 'min', `min ${spec.min}`, { from: Math.min(target, p.size), to: base });
  if (p.size > spec.max && target <= base) limit(p, 'LIMIT_MAX', 'max', `max ${spec.max}`, spec.max);
  if (p.size < spec.min && target >= base) limit(p, 'LIMIT_MIN', 'min', `min ${spec.min}`, spec.min);
  p.size = Math.max(Math.min(p.size, spec.max), spec.min);
}

/** The whole intended change counts, not the step of now: else a large one would pass in small pieces. */
function askForApproval(p: Passage, goal: number): void {
  const { approve } = p.spec.limits;
  const grows = goal > p.base;
  const free = grows ? approve.scaleOut : approve.scaleIn;
  const by = grows ? goal - p.base : p.base - goal;
  if (free === null || by <= free || p.size === p.base) return;
  const { approved } = p.snapshot;
  const allowed = approved === null ? p.base : grows ? Math.max(p.base, Math.min(p.size, approved)) : Math.min(p.base, Math.max(p.size, approved));
  if (allowed === p.size) return;
  const key = grows ? 'limits.approve.scale_out' : 'limits.approve.scale_in';
  const detail = `${grows ? 'adding' : 'removing'} more than ${free} needs a person: ${p.base} → ${goal}`;
  hold(p, 'HOLD_APPROVAL', key, detail, { to: allowed, untilMs: null });
}

/** Freeze, observe, pause: the size stays, whatever the guards before said; what it would have been is in the record. */
function stop(p: Passage): Guarded {
  const { spec, snapshot } = p;
  const { target } = p.input.situation;
  const { freezeUntilMs, pause, atMs } = snapshot;
  const before = p.holds.length;
  if (freezeUntilMs !== null && freezeUntilMs > atMs) {
    holdAll(p, 'HOLD_FREEZE', 'freezes', `a freeze is open ${formatUntil(freezeUntilMs, atMs)}`, freezeUntilMs);
  }
  if (spec.mode === 'observe') holdAll(p, 'HOLD_OBSERVE', 'mode', 'observe mode: it decides and records, and cannot act', null);
  if (pause !== null && (pause.untilMs === null || pause.untilMs > atMs)) {
    const left = pause.untilMs === null ? 'until resumed' : formatUntil(pause.untilMs, atMs);
    holdAll(p, 'HOLD_PAUSED', null, `paused by ${pause.by} ${left}${pause.reason === null ? '' : `: ${pause.reason}`}`, pause.untilMs);
  }
  const stopped = p.holds.length > before;
  return { target: stopped ? target : p.size, limits: p.limits, holds: p.holds, stopped };
}

function holdAll(p: Passage, code: HoldCode, key: string | null, detail: string, untilMs: number | null): void {
  const { target } = p.input.situation;
  p.holds.push({ code, untilMs, from: p.size, to: target, detail, key, at: key === null ? null : (p.spec.written[key] ?? null) });
}
