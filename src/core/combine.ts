import type { HoldApplied, Proposal } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { HoldCode, ReasonCode } from './model/reasons.ts';
import type { Snapshot } from './model/snapshot.ts';
import { exactSize } from './policies/manual.ts';

export interface Combined {
  /** What the group should have by its policies, before any limit. */
  readonly wanted: number;
  /** The same before missing data and caps, for the quiet window: what the load asks for. */
  readonly loadWants: number;
  /** Caps of schedules and people; they are orders, so no quiet time protects what is above. */
  readonly cap: number | null;
  /** A person asked for exactly this: the pace of change is theirs. */
  readonly forced: boolean;
  readonly winner: Proposal | null;
  readonly proposals: readonly Proposal[];
  /** Missing data kept the group from shrinking, or could have. */
  readonly hold: HoldApplied | null;
}

/**
 * Out if any wants it, in only if all agree: the largest wish wins, floors (schedule, alert) only raise, and while data is
 * missing nothing falls below the present target. Order of power: paused > exact size of a person > max(policies, floors) under caps.
 */
export function combine(spec: GroupSpec, snapshot: Snapshot, proposals: readonly Proposal[], target: number): Combined {
  let wants: number | null = null;
  let floor = 0;
  let scheduleCap: number | null = null;
  let manualFloor = 0;
  let manualCap: number | null = null;
  let blocker: Proposal | null = null;
  for (const p of proposals) {
    if (p.advisory) continue;
    const cap = p.cap ?? null;
    if (p.type === 'manual') {
      if (p.floor === true && p.wants !== null) manualFloor = Math.max(manualFloor, p.wants);
      if (cap !== null && p.abstains) manualCap = least(manualCap, cap);
      continue;
    }
    if (p.wants !== null && p.floor === true) floor = Math.max(floor, p.wants);
    else if (p.wants !== null) wants = wants === null ? p.wants : Math.max(wants, p.wants);
    if (cap !== null) scheduleCap = least(scheduleCap, cap);
    if (p.blocksShrink && blocker === null) blocker = p;
  }
  const exact = exactSize(snapshot.manual, snapshot.atMs);
  // Everyone abstains: hold.
  const free = Math.max(wants ?? target, floor);
  const held = blocker !== null ? Math.max(free, target) : free;
  const capped = least(manualCap, Math.max(manualFloor, least(scheduleCap, held) ?? held)) ?? held;
  const wanted = exact !== null ? exact.size : capped;
  const cap = exact !== null ? exact.size : (least(manualCap, scheduleCap === null ? null : Math.max(scheduleCap, manualFloor)) ?? null);
  const marked = markWinner(proposals, wanted, capped < held && exact === null, exact !== null);
  return {
    wanted,
    loadWants: Math.max(free, manualFloor),
    cap,
    forced: exact !== null,
    ...marked,
    hold: blocker !== null && exact === null && (free < held || (blocker.wants === null && free <= target)) ? missingHold(spec, blocker, free, held) : null,
  };
}

function least(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

/** The proposal the wanted size comes from; the first of equals. Its winner mark goes into the record. */
function markWinner(proposals: readonly Proposal[], wanted: number, byCap: boolean, exact: boolean): Pick<Combined, 'winner' | 'proposals'> {
  let index = -1;
  for (let i = 0; i < proposals.length; i++) {
    const p = proposals[i] as Proposal;
    if (p.advisory || (exact && p.type !== 'manual')) continue;
    const speaks = byCap ? p.cap === wanted : p.wants === wanted;
    if (!speaks) continue;
    // The newest word of a person counts; among policies the first, and a real wish before a mere floor.
    const current = index < 0 ? null : (proposals[index] as Proposal);
    if (current === null || exact || (current.floor === true && p.floor !== true)) index = i;
  }
  if (index < 0) return { winner: null, proposals };
  const winner = { ...(proposals[index] as Proposal), winner: true };
  return { winner, proposals: proposals.map((p, i) => (i === index ? winner : p)) };
}

function missingHold(spec: GroupSpec, blocker: Proposal, from: number, to: number): HoldApplied {
  const key = blocker.reason === 'HOLD_COLLAPSE' ? 'limits.collapse_guard' : blocker.metric === null ? null : `metrics.${blocker.metric}.if_missing`;
  return {
    code: holdCode(blocker.reason),
    untilMs: null,
    from: Math.min(from, to),
    to,
    detail: blocker.error ?? blocker.arithmetic,
    key,
    at: key === null ? null : (spec.written[key] ?? null),
  };
}

const MISSING_HOLDS: ReadonlySet<ReasonCode> = new Set<HoldCode>(['HOLD_METRIC_MISSING', 'HOLD_METRIC_OLD', 'HOLD_COLLAPSE', 'HOLD_IN_PROGRESS']);
function holdCode(reason: ReasonCode): HoldCode {
  return MISSING_HOLDS.has(reason) ? (reason as HoldCode) : 'HOLD_METRIC_MISSING';
}
