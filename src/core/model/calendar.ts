/** When a schedule or a freeze applies, as configured (durations already ms). Resolved to instants outside the core. */
export interface CalendarTimes {
  /** Five fields, local time of `timezone`; null with `dates` only. */
  readonly cron: string | null;
  /** How long each start of `cron` lasts, ms; null with `dates` only. */
  readonly for: number | null;
  /** IANA name. */
  readonly timezone: string;
  /** One-off times, local: `2026-12-24` (whole days, the last one included) or `2026-12-24T18:00`. */
  readonly dates: readonly { readonly from: string; readonly to: string }[];
  /** Local dates (`2026-12-25`) on which `cron` does not start. */
  readonly except: readonly string[];
}

/** Options of a schedule policy. */
export interface ScheduleTimes extends CalendarTimes {
  readonly min: number | null;
  readonly max: number | null;
  readonly size: number | null;
  /** Time in which min (or size) is built up before the start and given back after the end, ms. */
  readonly ramp: number;
}

/**
 * The floor on a ramp: from 0 at `start − ramp` up to `full` at `start`, and back to 0 at `end + ramp`.
 * It rises to the next whole machine, so capacity is never late; null outside.
 */
export function rampedFloor(full: number, window: { readonly startMs: number; readonly endMs: number; readonly rampMs: number }, atMs: number): number | null {
  const { startMs, endMs, rampMs } = window;
  if (atMs >= startMs && atMs < endMs) return full;
  if (rampMs <= 0 || atMs < startMs - rampMs || atMs >= endMs + rampMs) return null;
  const share = atMs < startMs ? (atMs - (startMs - rampMs)) / rampMs : (endMs + rampMs - atMs) / rampMs;
  return Math.ceil(full * share - 1e-9);
}
