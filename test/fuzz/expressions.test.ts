/** Whatever is written as a schedule, a time zone, a formula, a quantity or a selector: understood or refused in words, in bounded time, and the same both ways. */
import { expect, it } from 'vitest';
import { isTimeZone } from '../../src/config/calendar-checks.ts';
import { cronProblem } from '../../src/config/cron-problem.ts';
import type { Json } from '../../src/core/model/json.ts';
import { formulaPolicy } from '../../src/core/policies/formula.ts';
import { evaluate, FormulaError, parseExpression } from '../../src/core/policies/formula-expression.ts';
import {
  formatChange,
  formatDuration,
  formatNumber,
  formatPercent,
  formatStepLimit,
  parseChange,
  parseDuration,
  parseMoney,
  parsePercent,
  parseStepLimit,
  parseThreshold,
} from '../../src/core/units.ts';
import { defaultFreshness, lintQuery } from '../../src/drivers/sources/prometheus/promql.ts';
import { calendarProblems, resolveFreezes, resolveSchedule } from '../../src/kit/calendar.ts';
import { durationMs, durationText } from '../../src/kit/duration-text.ts';
import { explainFields, fill } from '../../src/kit/fill.ts';
import { parseICalDates } from '../../src/kit/ical-dates.ts';
import { jsonPointer, readPointer } from '../../src/kit/json-pointer.ts';
import { instantOf, isTimezone, wallOf } from '../../src/kit/local-time.ts';
import { DriverError } from '../../src/ports/ports.ts';
import type { Draw } from './support/draw.ts';
import {
  CHANGES,
  cron,
  FIRST_DAY,
  formulaSoup,
  formulaText,
  iCalendar,
  quantity,
  selector,
  type Tree,
  tree,
  treeValue,
  zone,
} from './support/expression-texts.ts';
import { fuzz } from './support/fuzz.ts';
import { need } from './support/vendor-oracles.ts';
import { oddText } from './support/words.ts';

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const schedule = (more: Record<string, Json>): Json => ({
  cron: null,
  for: null,
  timezone: 'UTC',
  dates: [],
  except: [],
  min: 4,
  max: null,
  size: null,
  ramp: 0,
  ...more,
});

/** Our own reading of a pattern and the library's must not differ: one refuses at the door, the other is run. */
function checkCron(pattern: string, timezone: string, atMs: number, forMs: number): void {
  const problem = cronProblem(pattern);
  const options = schedule({ cron: pattern, for: forMs, timezone });
  const told = calendarProblems(options, atMs);
  if (problem !== null) return;
  need(
    told.every((p) => p.message.includes('never starts')),
    `accepted at the door, refused later: ${JSON.stringify(told)}`,
  );
  const window = resolveSchedule(options, atMs);
  need(
    window === null || (window.min === 4 && window.untilMs !== null && window.untilMs > atMs && window.untilMs <= atMs + forMs && window.text !== ''),
    `at ${atMs}: ${JSON.stringify(window)}`,
  );
  need(JSON.stringify(resolveSchedule(options, atMs)) === JSON.stringify(window), 'asked twice, two answers');
  const until = resolveFreezes([{ cron: pattern, for: forMs, timezone, dates: [], except: [] }], atMs);
  need((until === null) === (window === null) && (until === null || until === window?.untilMs), `a freeze until ${until}, a schedule until ${window?.untilMs}`);
}

/** Each day has one start, also where the clock is changed; inside its time the window is open, outside it is not. */
function checkDaily(timezone: string, minuteOfDay: number, firstDay: number): void {
  const forMs = 30 * MINUTE;
  const options = schedule({ cron: `${minuteOfDay % 60} ${Math.floor(minuteOfDay / 60)} * * *`, for: forMs, timezone });
  let last = Number.NEGATIVE_INFINITY;
  for (let day = 0; day < 3; day++) {
    const wall = firstDay + day * DAY + minuteOfDay * MINUTE;
    const startMs = instantOf(timezone, wall);
    need(startMs > last, `the start of ${new Date(wall).toISOString()} in ${timezone} is not after the one before`);
    // A day that a zone leaves out (Apia, 30 December 2011) falls together with the next; none is in these years.
    need(startMs - last <= 26 * HOUR || day === 0, 'a day without a start');
    need(wallOf(timezone, startMs) === wall || wallOf(timezone, startMs) > wall, 'it starts before its time');
    // Of a repeated time the first: zones turn their clock back by 30 min, an hour or two.
    for (const back of [30, 60, 120])
      need(wallOf(timezone, startMs - back * MINUTE) !== wall, `it was ${new Date(wall).toISOString()} ${back} min before already`);
    last = startMs;
    need(
      resolveSchedule(options, startMs)?.untilMs === startMs + forMs,
      `at ${new Date(startMs).toISOString()} in ${timezone} it is not open until ${forMs / MINUTE} min later`,
    );
    need(resolveSchedule(options, startMs + forMs - 1) !== null, 'it closes early');
    need(resolveSchedule(options, startMs + forMs) === null, 'it closes late');
    need(resolveSchedule(options, startMs - 1) === null, 'it opens early');
  }
}

function checkZone(name: string, atMs: number): void {
  const known = isTimezone(name);
  need(!isTimeZone(name) || known, 'accepted at the door, unknown later');
  if (!known) return;
  const wall = wallOf(name, atMs);
  const back = instantOf(name, wall);
  need(
    Math.abs(wall - atMs) <= 26 * HOUR && back <= atMs && atMs - back <= 3 * HOUR && wallOf(name, back) === wall,
    `${atMs} is ${wall} there and ${back} back`,
  );
}

function checkFormula(node: Tree): void {
  const metrics = { a: 2, b: -7.5, rps: 0, queue_len: Number.NaN };
  const text = formulaText(node);
  if (text.length > 1000) return;
  const got = evaluate(parseExpression(text), (name) => (Object.hasOwn(metrics, name) && !Number.isNaN(metrics[name as 'a']) ? metrics[name as 'a'] : null));
  const want = treeValue(node, metrics);
  need(Object.is(got, want) || got === want, `${text} is ${got}, not ${want}`);
}

function checkFormulaText(text: string): void {
  const { success } = formulaPolicy.options.safeParse({ formula: text, per_instance: 1 });
  try {
    const parsed = parseExpression(text);
    need(typeof evaluate(parsed, () => 1) === 'number', 'its value is no number');
    need(JSON.stringify(JSON.parse(JSON.stringify(parsed))) === JSON.stringify(parsed), 'its tree is no plain JSON');
  } catch (e) {
    if (!(e instanceof FormulaError)) throw e;
    need(!success && e.message !== '' && e.message.length <= 500, `refused with ${e.message.slice(0, 600)}`);
  }
}

function checkQuantity(input: unknown): void {
  const duration = parseDuration(input);
  need(!duration.ok || (Number.isSafeInteger(duration.value) && duration.value >= 0), `a time of ${duration.ok ? duration.value : ''}`);
  const percent = parsePercent(input);
  need(!percent.ok || (Number.isFinite(percent.value) && percent.value >= 0), `a share of ${percent.ok ? percent.value : ''}`);
  const step = parseStepLimit(input);
  need(
    !step.ok ||
      (Number.isFinite(step.value.count ?? 0) && Number.isFinite(step.value.fraction ?? 0) && (step.value.count ?? 0) + (step.value.fraction ?? 0) > 0),
    `a step of ${JSON.stringify(step)}`,
  );
  const change = parseChange(input);
  need(
    !change.ok || (Number.isFinite(Object.values(change.value).find((v) => typeof v === 'number')) && formatChange(change.value) !== ''),
    `a change of ${JSON.stringify(change)}`,
  );
  const money = parseMoney(input);
  need(
    !money.ok || (Number.isFinite(money.value.amount) && money.value.amount >= 0 && /^[A-Z]{3}$/.test(money.value.currency)),
    `money: ${JSON.stringify(money)}`,
  );
  const bound = parseThreshold(input);
  need(!bound.ok || Number.isFinite(bound.value.value), `a bound of ${bound.ok ? bound.value.value : ''}`);
  for (const parsed of [duration, percent, step, change, money, bound])
    need(parsed.ok || (parsed.message !== '' && parsed.message.length < 500), 'refused without words, or with too many');
  if (step.ok) need(formatStepLimit(step.value) !== '', 'a step that cannot be said');
  if (typeof input === 'string' && durationText.safeParse(input).success) {
    const ms = durationMs(input);
    need(Number.isFinite(ms), `the time ${input.slice(0, 50)} is ${ms} ms`);
    need(!duration.ok || duration.value === ms, `${input} is ${ms} ms for drivers and ${duration.ok ? duration.value : ''} ms for groups`);
  }
}

/** What is printed is read back as what it was. */
function checkPrinted(ms: number, share: number): void {
  const told = parseDuration(formatDuration(ms).replaceAll('min', 'm'));
  // Two units are printed, so the rest may be rounded away.
  need(told.ok && Math.abs(told.value - ms) <= Math.max(1000, ms / 20), `${ms} ms is printed ${formatDuration(ms)}`);
  const percent = parsePercent(formatPercent(share));
  need(percent.ok && Math.abs(percent.value - share) <= Math.max(0.005, share / 20), `${share} is printed ${formatPercent(share)}`);
  need(Number.isFinite(Number(formatNumber(share * ms))), `${share * ms} is printed ${formatNumber(share * ms)}`);
}

function checkSelector(text: string): void {
  const freshness = defaultFreshness(text);
  need(freshness === null || freshness.startsWith('time() - max(timestamp('), `the age of ${text} by ${freshness}`);
  need(
    lintQuery(text).every((sentence) => sentence !== ''),
    'a warning without words',
  );
  if (jsonPointer.safeParse(text).success) readPointer({ queue: { ready: 1 } }, text);
  if (explainFields(text, ['ip', 'instance']) === null)
    need(!/\{\{\s*(ip|instance)\s*\}\}/.test(fill(text, { ip: '10.0.0.1', instance: 'web-1' })), 'a field is left over');
  try {
    fill(text, { ip: null });
  } catch (e) {
    if (!(e instanceof DriverError)) throw e;
  }
}

function checkDates(text: string): void {
  try {
    const days = parseICalDates(text);
    need(days.length <= 5000 && days.every((day) => /^\d{4}-\d\d-\d\d$/.test(day)), `the day ${days.find((day) => !/^\d{4}-\d\d-\d\d$/.test(day))}`);
  } catch (e) {
    if (!(e instanceof RangeError) || !/repetition|dates/.test(e.message)) throw e;
  }
}

interface Case {
  readonly what: keyof typeof CHECKS;
  readonly given: readonly unknown[];
}
const CHECKS = {
  cron: checkCron,
  daily: checkDaily,
  zone: checkZone,
  formula: checkFormula,
  formulaText: checkFormulaText,
  quantity: checkQuantity,
  printed: checkPrinted,
  selector: checkSelector,
  dates: checkDates,
} as const;
const KINDS = [
  ...([
    'cron',
    'cron',
    'cron',
    'zone',
    'formula',
    'formula',
    'formulaText',
    'formulaText',
    'quantity',
    'quantity',
    'quantity',
    'printed',
    'selector',
    'dates',
  ] as const),
  'daily' as const,
];

function aDay(draw: Draw): number {
  return FIRST_DAY + draw.below(1400) * DAY;
}

/** Around a change of the clock mostly. */
function aStart(draw: Draw): Case['given'] {
  if (draw.oneIn(3)) return [zone(draw), draw.below(1440), aDay(draw)];
  const { timezone, day } = draw.pick(CHANGES);
  return [timezone, draw.below(260), day - draw.below(2) * DAY];
}

function make(draw: Draw): Case {
  const what = draw.pick(KINDS);
  const atMs = aDay(draw) + draw.below(DAY);
  switch (what) {
    case 'cron':
      return { what, given: [cron(draw), zone(draw), atMs, draw.pick([MINUTE, HOUR, 10 * HOUR, 3 * DAY, 400 * DAY])] };
    case 'daily':
      return { what, given: aStart(draw) };
    case 'zone':
      return {
        what,
        given: [
          draw.oneIn(3) ? zone(draw) : draw.pick([oddText(draw), '+01:00', 'GMT+1', 'EST', 'europe/berlin', 'Etc/GMT-14', 'Europe/Berlin ', 'Mars/Olympus']),
          atMs,
        ],
      };
    case 'formula':
      return { what, given: [tree(draw)] };
    case 'formulaText':
      return { what, given: [formulaSoup(draw)] };
    case 'quantity':
      return { what, given: [quantity(draw)] };
    case 'printed':
      return { what, given: [draw.oneIn(2) ? draw.below(5000) : draw.below(100 * DAY), draw.below(3000) / 1000] };
    case 'selector':
      return { what, given: [selector(draw)] };
    case 'dates':
      return { what, given: [iCalendar(draw)] };
  }
}

it('whatever is written as an expression is understood or refused, soon, and the same both ways', async () => {
  const tried = new Map<string, number>();
  await fuzz<Case>({
    name: 'expressions',
    make,
    check: ({ what, given }) => {
      tried.set(what, (tried.get(what) ?? 0) + 1);
      (CHECKS[what] as (...given: readonly unknown[]) => void)(...given);
    },
    show: (one) => JSON.stringify(one),
  });
  if (process.env['FUZZ_AT'] === undefined) expect(tried.size).toBe(Object.keys(CHECKS).length);
});
