import { durationMs, durationText } from './duration-text.ts';

/** A duration within limits, ms. It stays text; read it with `durationMs`. */
export function durationBetween(minMs: number, maxMs: number) {
  return durationText.refine((text) => {
    if (!durationText.safeParse(text).success) return true; // said already
    const ms = durationMs(text);
    return ms >= minMs && ms <= maxMs;
  }, `must be between ${minMs} ms and ${maxMs} ms`);
}

/** The time limit of one call: 50 ms to 60 s. */
export const timeoutOption = durationBetween(50, 60_000);
