import type { BlockedCode, HoldCode, LimitCode, ReasonCode } from './reasons.ts';

export type Outcome = 'scale_out' | 'scale_in' | 'replace' | 'hold' | 'blocked';

/** What one policy wants, and why. */
export interface Proposal {
  readonly policy: string;
  readonly type: string;
  readonly metric: string | null;
  /** The metric's value as used. */
  readonly value: number | null;
  /** What one instance carries, or the target ratio. */
  readonly per: number | null;
  /** The size before rounding. */
  readonly exact: number | null;
  /** The size wanted; null when the policy abstains or its data is missing. */
  readonly wants: number | null;
  /** The policy has nothing to say now (between bands, no alert, outside its times): not asked for agreement. */
  readonly abstains: boolean;
  /** `wants` is a lower bound only: it asks for no fewer and does not agree to shrinking (schedule min, manual floor, alert). */
  readonly floor?: boolean;
  /** Upper bound it sets (schedule max or size, manual cap). */
  readonly cap?: number | null;
  /** Data it needs to agree to shrinking is missing: wanted may not fall below the present target. */
  readonly blocksShrink: boolean;
  readonly reason: ReasonCode;
  /** The arithmetic in one line, e.g. `1064 req/s / 200 = 5.3 → 6`. */
  readonly arithmetic: string;
  /** Age of the metric, seconds; null where unknown or not a metric. */
  readonly ageS: number | null;
  readonly winner: boolean;
  /** For a policy that could not read: why. */
  readonly error: string | null;
  /** Shown and recorded only (forecast-only, switched off). */
  readonly advisory: boolean;
}

/** One guard that changed the size. */
export interface LimitApplied {
  readonly code: LimitCode;
  readonly from: number;
  readonly to: number;
  /** The number behind it in words, e.g. `max 12`, `+4 every 30 s`. */
  readonly detail: string;
  /** Configuration key, e.g. `limits.scale_out.step`. */
  readonly key: string;
  /** Where that key was written, `drover.yaml:52:18`; null when it is a default. */
  readonly at: string | null;
  /** When there is room for one more, Unix ms, where the limit is a window and that is known. */
  readonly untilMs?: number;
}

/** One guard that kept the size as it is (or a part of the change back). */
export interface HoldApplied {
  readonly code: HoldCode;
  /** When it ends if nothing changes, Unix ms; null where that cannot be known. */
  readonly untilMs: number | null;
  /** The size it held back. */
  readonly from: number;
  readonly to: number;
  readonly detail: string;
  readonly key: string | null;
  readonly at: string | null;
}

/** The record of one evaluation, holds included. */
export interface Decision {
  readonly id: string;
  readonly atMs: number;
  readonly group: string;
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  /** Target before this evaluation. */
  readonly from: number;
  /** What policies want, before limits. */
  readonly wanted: number;
  /** After limits, holds and brakes. */
  readonly target: number;
  /** Machines that exist and are not leaving. */
  readonly running: number;
  /** Machines healthy in the balancer. */
  readonly serving: number;
  /** One sentence for people, the same everywhere. */
  readonly sentence: string;
  readonly proposals: readonly Proposal[];
  readonly limits: readonly LimitApplied[];
  readonly holds: readonly HoldApplied[];
  readonly blocked: readonly { readonly code: BlockedCode; readonly detail: string; readonly nextTryMs: number | null }[];
  /** What the plan starts now, in words of the plan. */
  readonly actions: readonly PlannedAction[];
  /** Every metric of the group is missing. */
  readonly blind: boolean;
  /** Who caused it when a person did, else `drover`. */
  readonly actor: string;
  /** Hash of the configuration it was made with. */
  readonly config: string;
}

export interface LaunchAction {
  readonly kind: 'launch';
  readonly zone: string | null;
  readonly cause: 'scale-out' | 'replace' | 'drift' | 'min';
  /** With cause `drift`: why a machine is missing, as far as it is known; absent: it is gone and nothing of ours explains it. */
  readonly after?: 'failure' | 'removal' | 'unknown';
  /** The instance this launch replaces, if any. */
  readonly replaces: string | null;
}
export interface RemoveAction {
  readonly kind: 'remove';
  readonly instance: string;
  readonly cause: import('./instance.ts').RemovalCause;
  /** Why this one, e.g. `unhealthy for 42 s`, `most crowded zone b, 3 sessions`. */
  readonly why: string;
}
export type PlannedAction = LaunchAction | RemoveAction;
