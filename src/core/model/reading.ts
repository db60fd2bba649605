/** Why a metric has no usable value. A missing value is never replaced by zero. */
export const MISSING_REASONS = [
  'absent', // the source has no such series
  'empty', // the source answered, with nothing in it
  'stale', // newest sample is older than max_age
  'nan', // NaN or an infinity
  'out-of-range', // outside the metric's declared range
  'future', // sample time lies ahead of our clock
  'stuck', // unchanged for longer than stuck_after (opt-in; zero is never stuck)
  'source-error', // the source failed, hung, lied about its format, or was too large
  'multiple-series', // more than one series where one is needed
] as const;
export type MissingReason = (typeof MISSING_REASONS)[number];

/** One metric value with its time. */
export interface ReadingValue {
  readonly kind: 'value';
  readonly value: number;
  /** When the world had this value, Unix ms (the read time where the sample time is unknown). */
  readonly atMs: number;
  /** Age of the newest sample when read, ms; null where the source cannot tell. */
  readonly ageMs: number | null;
  /** Share of the window that had samples, 0..1. */
  readonly coverage: number;
  /** How many members the value covers, where the source can tell (for ratio targets). */
  readonly members?: number;
  /** The source flagged the value as partial or degraded: growing on it is fine, shrinking is not. */
  readonly partial?: boolean;
}

/** A metric without a usable value. */
export interface ReadingMissing {
  readonly kind: 'missing';
  readonly reason: MissingReason;
  /** What the source said, for people; no secrets. */
  readonly detail: string;
  readonly atMs: number;
}

export type Reading = ReadingValue | ReadingMissing;

export function missing(reason: MissingReason, detail: string, atMs: number): ReadingMissing {
  return { kind: 'missing', reason, detail, atMs };
}
