import { describe, expect, test } from 'vitest';
import type { Json } from '../core/model/json.ts';
import { calendarProblems, resolveFreezes, resolveSchedule } from './calendar.ts';
import { parseICalDates } from './ical-dates.ts';
import { instantOf, parseWall, wallOf } from './local-time.ts';

const HOUR = 3_600_000;
const at = (iso: string) => Date.parse(iso);
const schedule = (more: Record<string, Json> = {}): Json => ({
  cron: '0 8 * * 1-5',
  for: 10 * HOUR,
  timezone: 'Europe/Berlin',
  dates: [],
  except: [],
  min: 4,
  max: null,
  size: null,
  ramp: 0,
  ...more,
});

describe('local time', () => {
  test.each([
    ['Europe/Berlin', '2026-07-01T12:00', '2026-07-01T10:00:00Z'],
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:00:00Z'], // skipped
    ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00Z'], // repeated: the first
    ['America/New_York', '2026-03-08T02:15', '2026-03-08T07:00:00Z'], // skipped
    ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00Z'], // repeated: the first
    ['Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:30:00Z'], // skipped, half an hour
    ['UTC', '2026-02-28T23:59', '2026-02-28T23:59:00Z'],
  ])('%s %s is %s', (timezone, wall, instant) => {
    expect(new Date(instantOf(timezone, parseWall(wall)?.wall ?? 0)).toISOString()).toBe(new Date(instant).toISOString());
  });
  test('wall and instant are inverse away from changes', () => {
    for (let t = at('2026-01-01T00:00:00Z'); t < at('2027-01-01T00:00:00Z'); t += 37 * HOUR + 61_000) {
      expect(instantOf('America/New_York', wallOf('America/New_York', t))).toBe(t);
    }
  });
  test('dates that do not exist are refused', () => {
    expect(parseWall('2026-02-30')).toBeNull();
    expect(parseWall('2026-12-24T24:30')).toBeNull();
    expect(parseWall('24.12.2026')).toBeNull();
  });
});

describe('schedule', () => {
  test.each([
    ['2026-11-20T06:59:59Z', null], // Friday, an instant before 08:00 in Berlin
    ['2026-11-20T07:00:00Z', 4],
    ['2026-11-20T16:59:59Z', 4],
    ['2026-11-20T17:00:00Z', null],
    ['2026-11-21T09:00:00Z', null], // Saturday
    ['2026-07-20T06:00:00Z', 4], // summer time
  ])('office hours at %s: min %s', (time, min) => {
    const options = schedule();
    expect(resolveSchedule(options, at(time))?.min ?? null).toBe(min);
    expect(resolveSchedule(options, at(time))?.min ?? null).toBe(min); // and again from memory
  });
  test('says what it means and until when', () => {
    expect(resolveSchedule(schedule(), at('2026-11-20T09:00:00Z'))).toEqual({
      min: 4,
      max: null,
      size: null,
      untilMs: at('2026-11-20T17:00:00Z'),
      text: 'Mon-Fri 08:00-18:00 Europe/Berlin',
    });
  });
  test.each([
    ['Europe/Berlin', '2026-03-29', '2026-03-29T00:59:59Z', '2026-03-29T01:00:00Z'],
    ['America/New_York', '2026-03-08', '2026-03-08T06:59:59Z', '2026-03-08T07:00:00Z'],
  ])('%s: a start at 02:30 that the clock skips comes at the next valid instant, once', (timezone, _day, before, first) => {
    const options = schedule({ cron: '30 2 * * *', for: HOUR, timezone });
    expect(resolveSchedule(options, at(before))).toBeNull();
    expect(resolveSchedule(options, at(first))?.untilMs).toBe(at(first) + HOUR);
    expect(resolveSchedule(options, at(first) + HOUR - 1)?.min).toBe(4);
    expect(resolveSchedule(options, at(first) + HOUR)).toBeNull();
    expect(startsWithin(options, at(first) - 12 * HOUR, at(first) + 12 * HOUR)).toEqual([at(first)]);
  });
  test.each([
    ['Europe/Berlin', '2026-10-25T00:30:00Z'],
    ['America/New_York', '2026-11-01T05:30:00Z'],
  ])('%s: a start at a time that comes twice starts once, the first time', (timezone, first) => {
    const cron = timezone === 'Europe/Berlin' ? '30 2 * * *' : '30 1 * * *';
    const options = schedule({ cron, for: 30 * 60_000, timezone });
    expect(startsWithin(options, at(first) - 12 * HOUR, at(first) + 12 * HOUR)).toEqual([at(first)]);
  });
  test('every day of two years has exactly one start, whatever the clock does', () => {
    for (const timezone of ['Europe/Berlin', 'America/New_York']) {
      const options = schedule({ cron: '30 2 * * *', for: 20 * 60_000, timezone });
      for (const month of ['2025-03', '2025-11', '2026-03', '2026-10', '2026-11']) {
        const from = instantOf(timezone, parseWall(`${month}-01T00:00`)?.wall ?? 0);
        const starts = startsWithin(options, from, instantOf(timezone, parseWall(`${month}-15T00:00`)?.wall ?? 0));
        expect(starts).toHaveLength(14);
      }
    }
  });
  test('holidays do not start, one-off dates do', () => {
    const options = schedule({ except: ['2026-12-25'], dates: [{ from: '2026-12-26', to: '2026-12-27' }] });
    expect(resolveSchedule(options, at('2026-12-25T10:00:00Z'))).toBeNull();
    expect(resolveSchedule(options, at('2026-12-24T10:00:00Z'))?.min).toBe(4);
    expect(resolveSchedule(options, at('2026-12-25T22:59:59Z'))).toBeNull();
    expect(resolveSchedule(options, at('2026-12-25T23:00:00Z'))?.untilMs).toBe(at('2026-12-27T23:00:00Z'));
    expect(resolveSchedule(options, at('2026-12-27T23:00:00Z'))).toBeNull();
  });
  test('a holiday does not cut off a window that started the day before', () => {
    const night = schedule({ cron: '0 22 * * *', for: 8 * HOUR, timezone: 'UTC', except: ['2026-12-25'] });
    expect(resolveSchedule(night, at('2026-12-25T03:00:00Z'))?.min).toBe(4);
    expect(resolveSchedule(night, at('2026-12-25T23:00:00Z'))).toBeNull();
    expect(resolveSchedule(night, at('2026-12-26T03:00:00Z'))).toBeNull();
  });
  test('a ramp is full at the start and gone after the end', () => {
    const options = schedule({ timezone: 'UTC', ramp: 10 * 60_000, min: 10 });
    const min = (time: string) => resolveSchedule(options, at(time))?.min ?? null;
    expect(min('2026-11-20T07:49:59Z')).toBeNull();
    expect(min('2026-11-20T07:51:00Z')).toBe(1);
    expect(min('2026-11-20T07:55:00Z')).toBe(5);
    expect(min('2026-11-20T08:00:00Z')).toBe(10);
    expect(min('2026-11-20T17:59:59Z')).toBe(10);
    expect(min('2026-11-20T18:05:00Z')).toBe(5);
    expect(min('2026-11-20T18:10:00Z')).toBeNull();
  });
  test('overlapping starts last until the last of them ends', () => {
    const options = schedule({ cron: '*/10 * * * *', for: 15 * 60_000, timezone: 'UTC' });
    expect(resolveSchedule(options, at('2026-11-20T08:09:00Z'))?.untilMs).toBe(at('2026-11-20T08:15:00Z'));
    expect(resolveSchedule(options, at('2026-11-20T08:14:00Z'))?.untilMs).toBe(at('2026-11-20T08:25:00Z'));
  });
});

/** Starts found by asking every minute, as the engine would. */
function startsWithin(options: Json, fromMs: number, toMs: number): number[] {
  const starts: number[] = [];
  let open = resolveSchedule(options, fromMs - 60_000) !== null;
  for (let t = fromMs; t < toMs; t += 60_000) {
    const now = resolveSchedule(options, t) !== null;
    if (now && !open) starts.push(t);
    open = now;
  }
  return starts;
}

describe('freezes', () => {
  const weekend: Json = { cron: '0 18 * * 5', for: 62 * HOUR, timezone: 'UTC', dates: [], except: [] };
  const release: Json = { cron: null, for: null, timezone: 'America/New_York', dates: [{ from: '2026-11-20T12:00', to: '2026-11-20T14:00' }], except: [] };
  test('the latest end of those open', () => {
    expect(resolveFreezes([weekend, release], at('2026-11-20T17:30:00Z'))).toBe(at('2026-11-20T19:00:00Z'));
    expect(resolveFreezes([weekend, release], at('2026-11-20T18:30:00Z'))).toBe(at('2026-11-23T08:00:00Z'));
    expect(resolveFreezes([weekend, release], at('2026-11-23T08:00:00Z'))).toBeNull();
    expect(resolveFreezes([], at('2026-11-23T08:00:00Z'))).toBeNull();
  });
});

test('mistakes are named by key', () => {
  const now = at('2026-11-20T00:00:00Z');
  expect(calendarProblems(schedule(), now)).toEqual([]);
  expect(calendarProblems(schedule({ timezone: 'Europe/Berln' }), now)).toEqual([{ key: 'timezone', message: '`Europe/Berln` is not a known time zone' }]);
  expect(calendarProblems(schedule({ cron: '0 0 30 2 *' }), now)).toEqual([{ key: 'cron', message: '`0 0 30 2 *` never starts' }]);
  expect(calendarProblems(schedule({ cron: '61 8 * * *' }), now)[0]?.key).toBe('cron');
  expect(calendarProblems(schedule({ dates: [{ from: '2026-12-26', to: '2026-12-24' }] }), now)[0]?.key).toBe('dates');
  expect(calendarProblems(schedule({ except: ['2026-02-30'] }), now)[0]?.key).toBe('except');
});

test('iCalendar holidays: single, several days, yearly, folded', () => {
  const text = [
    'BEGIN:VCALENDAR',
    'BEGIN:VEVENT',
    'DTSTART;VALUE=DATE:20261224',
    'DTEND;VALUE=DATE:20261227',
    'SUMMARY:Christmas, which is a word that goes',
    '  on in the next line',
    'END:VEVENT',
    'BEGIN:VEVENT',
    'DTSTART;VALUE=DATE:20250101',
    'RRULE:FREQ=YEARLY;COUNT=2',
    'END:VEVENT',
    'END:VCALENDAR',
  ].join('\r\n');
  expect(parseICalDates(text)).toEqual(['2025-01-01', '2026-01-01', '2026-12-24', '2026-12-25', '2026-12-26']);
  expect(() => parseICalDates('BEGIN:VEVENT\nDTSTART:20260101\nRRULE:FREQ=DAILY\nEND:VEVENT')).toThrow(RangeError);
});
