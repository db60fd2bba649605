import type { InstanceView, RemovalCause } from './instance.ts';
import type { Json } from './json.ts';
import type { Reading } from './reading.ts';
import type { BlockedCode } from './reasons.ts';

/** An alert episode that concerns this group, as last heard. */
export interface AlertView {
  /** fingerprint + startsAt. */
  readonly episode: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAtMs: number;
  readonly lastHeardMs: number;
  readonly receiver: string;
}

/** A schedule's present meaning, resolved to instants during observe (cron, zones, holidays, ramps). */
export interface ScheduleWindow {
  /** Bounds now; null = no say. A ramp is already interpolated in. */
  readonly min: number | null;
  readonly max: number | null;
  readonly size: number | null;
  /** When this meaning ends, Unix ms; null = not known. */
  readonly untilMs: number | null;
  /** In words: `Mon-Fri 08:00-18:00 Europe/Berlin`. */
  readonly text: string;
}

export interface ManualOverride {
  readonly kind: 'floor' | 'cap' | 'exact';
  readonly size: number;
  /** Unix ms; null = until removed. */
  readonly untilMs: number | null;
  readonly by: string;
  readonly reason: string | null;
}

export interface Pause {
  readonly untilMs: number | null;
  readonly by: string;
  readonly reason: string | null;
}

/** A step of a machine's life that fails now: joining or leaving a balancer, a hook, becoming healthy. */
export interface Trouble {
  readonly code: BlockedCode;
  readonly instance: string;
  /** What the driver said, for people; no secrets, and without the name of the machine, so that equal ones are told once. */
  readonly detail: string;
  /** When the step is tried again, Unix ms; null: not known. */
  readonly nextTryMs: number | null;
}

/** Everything one evaluation may look at. Plain data; storing it makes the decision replayable for ever. */
export interface Snapshot {
  /** Wall time, Unix ms. */
  readonly atMs: number;
  /** Id the decision will get; drawn outside so that the core needs no randomness. */
  readonly decisionId: string;
  readonly instances: readonly InstanceView[];
  readonly readings: Readonly<Record<string, Reading>>;
  readonly alerts: readonly AlertView[];
  /** By policy name. Absent: outside its times. */
  readonly schedules: Readonly<Record<string, ScheduleWindow>>;
  readonly pause: Pause | null;
  readonly manual: readonly ManualOverride[];
  /** A freeze window is open until; null = none. */
  readonly freezeUntilMs: number | null;
  /** A person approved a change to this size; null = none. */
  readonly approved: number | null;
  /** The cloud's list was complete and fresh, and not suspiciously empty. When false: no health-caused or surplus removal. */
  readonly cloudTrusted: boolean;
  /** False: no complete list was read since the group was taken over, so a launch could be taken for one that exists already. Absent: there was one. */
  readonly cloudListed?: boolean;
  /** Every balancer of the group answered. */
  readonly balancerTrusted: boolean;
  /** Money spent this calendar month by this group, in the budget's currency; null = unknown. */
  readonly spentThisMonth: number | null;
  /** Steps that fail now; absent: none. They go into `blocked`, and where members are missing because of them the group is blocked. */
  readonly troubles?: readonly Trouble[];
  /** Who or what made the group due; recorded, never decided on. */
  readonly cause: string;
}

/** One run of equal wants. Times Unix ms, inclusive. */
export interface WantRun {
  readonly size: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** All data was there. */
  readonly complete: boolean;
}

/** A failed launch, by class, for back-off. */
export interface Backoff {
  readonly failures: number;
  readonly lastMs: number;
  readonly nextTryMs: number;
  readonly code: BlockedCode;
  readonly detail: string;
}

/** What the group remembers between evaluations; durable, so that windows survive restarts and fail-over. */
export interface GroupMemory {
  readonly target: number;
  readonly wants: readonly WantRun[];
  /** Sizes of target changes inside the longest rate window, for rate limits. */
  readonly moves: readonly { readonly atMs: number; readonly by: number }[];
  readonly lastOutMs: number | null;
  readonly lastInMs: number | null;
  /** Per policy, its own durable memory. */
  readonly policies: Readonly<Record<string, Json>>;
  /** Per metric: last good value and what the collapse and stuck guards need. */
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly value: number;
        readonly atMs: number;
        readonly changedMs: number;
        readonly collapsedFrom: number | null;
        readonly collapsedMs: number | null /** Serving members at the time of the value. */;
        readonly serving: number;
      }
    >
  >;
  /** End of the newest gap in any metric, Unix ms. */
  readonly lastGapMs: number | null;
  /** By failure class: capacity, quota, auth, transient, boot, hook. */
  readonly backoff: Readonly<Record<string, Backoff>>;
  /** Deletions committed within the destruction window. */
  readonly destroyed: readonly { readonly atMs: number; readonly cause: RemovalCause }[];
  /** Launches committed within the last hour, Unix ms. */
  readonly launched: readonly number[];
  /** The mass-unhealthy brake is on (it releases with hysteresis). */
  readonly brake: boolean;
  /** The group had its target size since the target last changed: fewer machines now is drift, not an unfinished move. */
  readonly reached?: boolean;
  /** Hash of the configuration of the last evaluation that was free to act; empty before the first. */
  readonly config: string;
  /** Whose clock all stored times of the group are counted by: a controller, and its wall time minus its monotonic time, ms. */
  readonly clock?: { readonly by: string; readonly offsetMs: number };
}
