import { Cron } from 'croner';
import { type CalendarTimes, rampedFloor, type ScheduleTimes } from '../core/model/calendar.ts';
import type { Json } from '../core/model/json.ts';
import type { ScheduleWindow } from '../core/model/snapshot.ts';
import { dayOf, instantOf, isTimezone, offsetAt, parseWall, wallOf } from './local-time.ts';

/**
 * What a schedule or freeze means at a moment. Cron runs on wall time, where every day has 24 hours; each start is then turned
 * into an instant by our own rule: a time the clock skips starts at the next valid instant, a repeated one starts once, the first time.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Starts looked at for one answer; more than this lie inside one window only in absurd patterns. */
const MAX_STARTS = 5_000;

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Bounds now by the options of a schedule policy; null outside its times. */
export function resolveSchedule(options: Json, atMs: number): ScheduleWindow | null {
  const schedule = options as unknown as ScheduleTimes;
  const known = remembered(schedule, atMs);
  if (known !== undefined) return known;
  const spans = spansAround(schedule, atMs, schedule.ramp);
  const inside = spans.filter((s) => s.startMs <= atMs && atMs < s.endMs);
  const text = describe(schedule);
  if (inside.length > 0) {
    const untilMs = Math.max(...inside.map((s) => s.endMs));
    const window = { min: schedule.min, max: schedule.max, size: schedule.size, untilMs, text };
    return remember(schedule, { fromMs: atMs, untilMs: Math.min(untilMs, nextStart(schedule, atMs) ?? untilMs), window });
  }
  const full = schedule.size ?? schedule.min;
  let best: ScheduleWindow | null = null;
  for (const span of full === null ? [] : spans) {
    const min = rampedFloor(full ?? 0, { ...span, rampMs: schedule.ramp }, atMs);
    if (min === null || (best?.min ?? -1) >= min) continue;
    best = { min, max: null, size: null, untilMs: atMs < span.startMs ? span.startMs : span.endMs + schedule.ramp, text: `${text}, on its ramp` };
  }
  if (best !== null) return best;
  const next = nextStart(schedule, atMs);
  return remember(schedule, { fromMs: atMs, untilMs: next === null ? atMs + HOUR_MS : Math.max(atMs, next - schedule.ramp), window: null });
}

/** When the freeze that is open now ends; null: none is open. */
export function resolveFreezes(freezes: readonly Json[], atMs: number): number | null {
  let until: number | null = null;
  for (const freeze of freezes) {
    for (const { startMs, endMs } of spansAround(freeze as unknown as CalendarTimes, atMs, 0)) {
      if (startMs <= atMs && atMs < endMs && endMs > (until ?? 0)) until = endMs;
    }
  }
  return until;
}

/** What is wrong with the times, by key; for messages at configuration time. */
export function calendarProblems(options: Json, atMs: number): readonly { readonly key: string; readonly message: string }[] {
  const times = options as unknown as CalendarTimes;
  if (!isTimezone(times.timezone)) return [{ key: 'timezone', message: `\`${times.timezone}\` is not a known time zone` }];
  const problems: { key: string; message: string }[] = [];
  if (times.cron !== null) {
    try {
      if (cronOf(times.cron).nextRun(new Date(atMs)) === null) problems.push({ key: 'cron', message: `\`${times.cron}\` never starts` });
    } catch (e) {
      problems.push({ key: 'cron', message: (e instanceof Error ? e.message : String(e)).replace(/^CronPattern: /, '') });
    }
  }
  for (const { from, to } of times.dates) {
    const span = dateSpan(times.timezone, from, to);
    if (span === null) problems.push({ key: 'dates', message: `\`${from}\` to \`${to}\` are not dates` });
    else if (span.endMs <= span.startMs) problems.push({ key: 'dates', message: `\`${to}\` is not after \`${from}\`` });
  }
  for (const day of times.except) if (parseWall(day) === null) problems.push({ key: 'except', message: `\`${day}\` is not a date` });
  return problems;
}

// Answers stay true until the window ends or the next one starts; the key is the options object, which never changes.
interface Answer {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly window: ScheduleWindow | null;
}
const answers = new WeakMap<object, Answer>();

function remembered(schedule: ScheduleTimes, atMs: number): ScheduleWindow | null | undefined {
  const answer = answers.get(schedule);
  return answer !== undefined && answer.fromMs <= atMs && atMs < answer.untilMs ? answer.window : undefined;
}
function remember(schedule: ScheduleTimes, answer: Answer): ScheduleWindow | null {
  answers.set(schedule, answer);
  return answer.window;
}

/** Patterns kept ready, some 60 KB each; of more, the one made first is made again when it is needed. */
const MOST_PATTERNS = 500;
const crons = new Map<string, Cron>();
function cronOf(pattern: string): Cron {
  let cron = crons.get(pattern);
  if (cron === undefined) {
    cron = new Cron(pattern, { timezone: 'UTC', paused: true, mode: '5-part' });
    for (const [oldest] of crons) if (crons.size >= MOST_PATTERNS) crons.delete(oldest);
    crons.set(pattern, cron);
  }
  return cron;
}

/** Spans that touch the moment, each widened by the ramp: the one-off dates and the newest starts of the cron. */
function spansAround(times: CalendarTimes, atMs: number, rampMs: number): readonly Span[] {
  const spans: Span[] = [];
  const touches = (s: Span) => s.startMs - rampMs <= atMs && atMs < s.endMs + rampMs;
  for (const { from, to } of times.dates) {
    const span = dateSpan(times.timezone, from, to);
    if (span !== null && touches(span)) spans.push(span);
  }
  if (times.cron === null || times.for === null) return spans;
  const { timezone } = times;
  // Near a change of the clock, walls run up to some hours apart from instants: look a little further ahead.
  const shift = offsetAt(timezone, atMs + rampMs + 3 * HOUR_MS) === offsetAt(timezone, atMs - 3 * HOUR_MS) ? 0 : 3 * HOUR_MS;
  let wall = wallOf(timezone, atMs) + rampMs + shift;
  for (let seen = 0; seen < MAX_STARTS; ) {
    const starts = cronOf(times.cron).previousRuns(seen === 0 ? 4 : 50, new Date(Math.floor(wall / 1000) * 1000 + 1000));
    for (const start of starts) {
      const startMs = instantOf(timezone, start.getTime());
      const span = { startMs, endMs: startMs + times.for };
      if (span.endMs + rampMs <= atMs) return spans;
      if (touches(span) && !times.except.includes(dayOf(start.getTime()))) {
        spans.push(span);
        // All starts last equally long: an earlier one that is open too ends no later.
        if (startMs <= atMs) return spans;
      }
    }
    const last = starts.at(-1);
    if (last === undefined) return spans;
    wall = last.getTime() - 1000;
    seen += starts.length;
  }
  return spans;
}

/** A `to` without a time of day is the last whole day. */
function dateSpan(timezone: string, from: string, to: string): Span | null {
  const [first, last] = [parseWall(from), parseWall(to)];
  if (first === null || last === null) return null;
  return { startMs: instantOf(timezone, first.wall), endMs: instantOf(timezone, last.wholeDay ? last.wall + DAY_MS : last.wall) };
}

/** The next moment at which any span starts; a holiday's start counts too: looking again there is harmless. */
function nextStart(times: CalendarTimes, atMs: number): number | null {
  let next: number | null = null;
  const earlier = (t: number) => {
    if (t > atMs && (next === null || t < next)) next = t;
  };
  for (const { from, to } of times.dates) {
    const span = dateSpan(times.timezone, from, to);
    if (span !== null) earlier(span.startMs);
  }
  if (times.cron === null) return next;
  // From a little before: a start that the clock skipped may still lie ahead as an instant.
  let wall = wallOf(times.timezone, atMs) - 3 * HOUR_MS;
  for (let k = 0; k < MAX_STARTS; k++) {
    const run = cronOf(times.cron).nextRun(new Date(wall));
    if (run === null) return next;
    const startMs = instantOf(times.timezone, run.getTime());
    earlier(startMs);
    if (startMs > atMs) return next;
    wall = run.getTime();
  }
  return next;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const two = (n: number) => String(n).padStart(2, '0');

/** `Mon-Fri 08:00-18:00 Europe/Berlin` where the pattern is that simple, else the pattern itself. */
function describe(times: CalendarTimes): string {
  if (times.cron === null || times.for === null)
    return `${times.dates.length === 1 ? `${times.dates[0]?.from} to ${times.dates[0]?.to}` : 'on certain dates'} ${times.timezone}`;
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = times.cron.trim().split(/\s+/);
  const simple = /^\d+$/.test(minute) && /^\d+$/.test(hour) && day === '*' && month === '*' && /^(\*|[0-7](-[0-7])?(,[0-7](-[0-7])?)*)$/.test(weekday);
  if (!simple || times.for > DAY_MS) return `cron ${times.cron} for ${Math.round(times.for / 60_000)} min ${times.timezone}`;
  const start = Number(hour) * 60 + Number(minute);
  const end = (start + Math.round(times.for / 60_000)) % 1440;
  const days = weekday === '*' ? 'daily' : weekday.replace(/[0-7]/g, (d) => DAYS[Number(d)] as string);
  return `${days} ${two(Number(hour))}:${two(Number(minute))}-${two(Math.floor(end / 60))}:${two(end % 60)} ${times.timezone}`;
}
