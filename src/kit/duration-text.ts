/** Times as operators write them: `500ms`, `30s`, `5m`, `1h30m`, `2d`. */
import { z } from 'zod';

const UNITS_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const PATTERN = /^(?=.)(\d{1,12}d)?(\d{1,12}h)?(\d{1,12}m(?!s))?(\d{1,12}s)?(\d{1,12}ms)?$/;

/** The text of a duration. It stays text in validated options, so that validating them twice changes nothing; `durationMs` gives the number. */
export const durationText = z.string().regex(PATTERN, 'must be a time such as 500ms, 30s, 5m or 1h30m');

/** Milliseconds of a text that passed `durationText`. */
export function durationMs(text: string): number {
  if (!PATTERN.test(text)) throw new RangeError(`not a duration: ${text}`);
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|d|h|m|s)/g)) ms += Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
  return ms;
}
