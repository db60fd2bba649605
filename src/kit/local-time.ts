/** Local wall time ⇄ instants. A "wall" is a local date and time written as if it were UTC, in ms. */

const DAY_MS = 86_400_000;
const MOST_FORMATS = 1000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatFor(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    // There are some 600 zones, but each may be written in many ways.
    for (const [oldest] of formats) if (formats.size >= MOST_FORMATS) formats.delete(oldest);
    formats.set(timezone, format);
  }
  return format;
}

export function isTimezone(timezone: string): boolean {
  try {
    formatFor(timezone);
    return true;
  } catch {
    return false;
  }
}

export function wallOf(timezone: string, atMs: number): number {
  const second = Math.floor(atMs / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatFor(timezone).formatToParts(second)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: s = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, s) + (atMs - second);
}

/** Local time minus UTC, ms. */
export function offsetAt(timezone: string, atMs: number): number {
  return wallOf(timezone, atMs) - atMs;
}

/** The instant of a wall time: of a repeated one the first, of a skipped one the next valid instant. */
export function instantOf(timezone: string, wall: number): number {
  const before = offsetAt(timezone, wall - DAY_MS);
  const after = offsetAt(timezone, wall + DAY_MS);
  if (before === after && wallOf(timezone, wall - before) === wall) return wall - before;
  const valid = [wall - before, wall - after].filter((t) => wallOf(timezone, t) === wall);
  if (valid.length > 0) return Math.min(...valid);
  // Skipped: the clock jumps somewhere in between; the jump itself is the next valid instant.
  let low = Math.min(wall - before, wall - after);
  let high = Math.max(wall - before, wall - after);
  const old = offsetAt(timezone, low);
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetAt(timezone, middle) === old) low = middle;
    else high = middle;
  }
  return Math.floor(high / 1000) * 1000;
}

/** `2026-12-24` or `2026-12-24T18:00` as a wall; null when it is no such day or time. */
export function parseWall(text: string): { readonly wall: number; readonly wholeDay: boolean } | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map((p) => Number(p ?? 0)) as [number, number, number, number, number, number];
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(wall);
  const real = back.getUTCFullYear() === year && back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return real ? { wall, wholeDay: match[4] === undefined } : null;
}

/** `2026-12-24` of a wall. */
export function dayOf(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10);
}
