let zones: ReadonlySet<string> | null = null;

export function timeZones(): ReadonlySet<string> {
  zones ??= new Set(['UTC', ...Intl.supportedValuesOf('timeZone')]);
  return zones;
}

/** Old names (`US/Eastern`) are links in the database and fine; abbreviations and offsets are not names. */
export function isTimeZone(name: string): boolean {
  if (timeZones().has(name)) return true;
  if (!name.includes('/')) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** `2026-12-24` or `2026-12-24T18:00` as a number to compare with; null when there is no such day. */
export function localInstant(text: string, lastOfDay: boolean): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  const at = Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, hour || 0, minute || 0, second || 0);
  const date = new Date(at);
  if (date.getUTCMonth() !== (month ?? 1) - 1 || date.getUTCDate() !== day || (hour || 0) > 23 || (minute || 0) > 59) return null;
  return match[4] === undefined && lastOfDay ? at + 86_399_999 : at;
}
