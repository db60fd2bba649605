import type { Combined } from './combine.ts';
import type { Counts } from './counts.ts';
import type { HoldApplied, LimitApplied } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { HoldCode, LimitCode } from './model/reasons.ts';
import type { GroupMemory, Snapshot, WantRun } from './model/snapshot.ts';
import type { Situation } from './propose.ts';

export interface GuardInput {
  readonly situation: Situation;
  readonly combined: Combined;
  readonly wants: readonly WantRun[];
  readonly lastGapMs: number | null;
  /** The mass-unhealthy brake after this look. */
  readonly brake: boolean;
  /** Size to begin with at a first start; 0 afterwards. */
  readonly startAt: number;
}

/** The size on its way through the guards. */
export interface Passage {
  readonly input: GuardInput;
  readonly spec: GroupSpec;
  readonly snapshot: Snapshot;
  readonly memory: GroupMemory;
  readonly counts: Counts;
  /** Where pace is counted from: the present target inside min…max, since bounds hold at once. */
  readonly base: number;
  size: number;
  readonly limits: LimitApplied[];
  readonly holds: HoldApplied[];
}

/** Records a limit without moving the size. */
export function note(
  p: Passage,
  code: LimitCode,
  key: string,
  detail: string,
  size: { readonly from: number; readonly to: number; readonly untilMs?: number | null },
): void {
  const until = size.untilMs == null ? {} : { untilMs: size.untilMs };
  p.limits.push({ code, from: size.from, to: size.to, detail, key, at: p.spec.written[key] ?? null, ...until });
}

/** Records a limit and moves the size to it. */
export function limit(p: Passage, code: LimitCode, key: string, detail: string, to: number, untilMs: number | null = null): void {
  note(p, code, key, detail, { from: p.size, to, untilMs });
  p.size = to;
}

/** Records a hold and moves the size to it. */
export function hold(p: Passage, code: HoldCode, key: string | null, detail: string, what: { readonly to: number; readonly untilMs: number | null }): void {
  p.holds.push({ code, untilMs: what.untilMs, from: p.size, to: what.to, detail, key, at: key === null ? null : (p.spec.written[key] ?? null) });
  p.size = what.to;
}
