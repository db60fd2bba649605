/** Dates of an iCalendar file of holidays, for `except`: whole-day events, single or yearly. */

const MAX_DATES = 5_000;
/** A yearly holiday is written out for this many years from its first. */
const YEARS = 60;
/** Later ones would be written with six digits, in a year or sixty. */
const LAST_YEAR = 9900;

/** Local dates as `2026-12-25`, sorted, each once. Throws RangeError for a repetition that is not yearly, or for too many dates. */
export function parseICalDates(text: string): readonly string[] {
  const days = new Set<string>();
  // Long lines are folded: a line that starts with a blank continues the one before (RFC 5545, 3.1).
  const lines = text.replace(/\r?\n[ \t]/g, '').split(/\r?\n/);
  let event: Record<string, string> | null = null;
  for (const line of lines) {
    if (line === 'BEGIN:VEVENT') event = {};
    else if (line === 'END:VEVENT') {
      if (event !== null) for (const day of daysOf(event)) days.add(day);
      if (days.size > MAX_DATES) throw new RangeError(`more than ${MAX_DATES} dates`);
      event = null;
    } else if (event !== null) {
      const match = /^([A-Z-]+)(?:;[^:]*)?:(.*)$/.exec(line);
      if (match) event[match[1] as string] = match[2] as string;
    }
  }
  return [...days].sort();
}

function daysOf(event: Readonly<Record<string, string>>): readonly string[] {
  const start = dayFrom(event['DTSTART']);
  if (start === null) return [];
  // DTEND of a whole-day event is the day after the last one.
  const end = dayFrom(event['DTEND']) ?? start + DAY_MS;
  const length = Math.min(366, Math.max(1, Math.round((end - start) / DAY_MS)));
  const days: string[] = [];
  for (const first of repeats(start, event['RRULE'])) for (let k = 0; k < length; k++) days.push(new Date(first + k * DAY_MS).toISOString().slice(0, 10));
  return days;
}

const DAY_MS = 86_400_000;

function dayFrom(value: string | undefined): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)/.exec(value ?? '');
  if (!match) return null;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  return year <= LAST_YEAR && date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : null;
}

/** A number of a repetition rule. A holiday must not be lost because its rule cannot be read. */
function ruleNumber(text: string | undefined, absent: number, rule: string): number {
  if (text === undefined) return absent;
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) throw new RangeError(`only yearly repetition is understood, not ${rule}`);
  return Number(text);
}

function repeats(start: number, rule: string | undefined): readonly number[] {
  if (rule === undefined) return [start];
  const parts = new Map(rule.split(';').map((p) => p.split('=') as [string, string]));
  const plain = [...parts.keys()].every((k) => ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYMONTH', 'BYMONTHDAY', 'WKST'].includes(k));
  if (parts.get('FREQ') !== 'YEARLY' || !plain) throw new RangeError(`only yearly repetition is understood, not ${rule}`);
  const every = ruleNumber(parts.get('INTERVAL'), 1, rule);
  const count = Math.min(YEARS, ruleNumber(parts.get('COUNT'), YEARS, rule));
  const until = dayFrom(parts.get('UNTIL')) ?? Number.POSITIVE_INFINITY;
  const first = new Date(start);
  const all: number[] = [];
  for (let k = 0; k < count; k++) {
    const day = Date.UTC(first.getUTCFullYear() + k * every, first.getUTCMonth(), first.getUTCDate());
    // 29 February exists in leap years only.
    if (day <= until && new Date(day).getUTCDate() === first.getUTCDate()) all.push(day);
  }
  return all;
}
