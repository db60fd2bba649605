import { z } from 'zod';
import type { StepLimit } from './model/group.ts';

/** Units as operators write them, and numbers as people read them. Pure; no locale. */

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };
const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (message: string): { readonly ok: false; readonly message: string } => ({ ok: false, message });

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g;
/** Ten years: longer is a slip of the finger. */
const MAX_DURATION_MS = 3650 * 86_400_000;

/** `30s`, `5m`, `1h30m`, `10d` → ms. A number without a unit is refused: seconds or minutes cannot be guessed. */
export function parseDuration(input: unknown): Parsed<number> {
  const text = typeof input === 'number' ? String(input) : input;
  if (typeof text !== 'string') return bad('a duration is written like 30s, 5m or 1h30m');
  const compact = text.trim().replaceAll(' ', '');
  if (compact.length <= 60 && /^\d+(\.\d+)?$/.test(compact)) {
    return bad(compact === '0' ? 'a duration needs a unit: write 0s' : `a duration needs a unit: write ${compact}m or ${compact}s`);
  }
  if (compact.length > 60 || !DURATION.test(compact)) return bad('a duration is written like 30s, 5m, 1h30m or 10d');
  let ms = 0;
  for (const [, count, unit] of compact.matchAll(DURATION_PART)) ms += Number(count) * (UNIT_MS[unit as string] as number);
  if (ms > MAX_DURATION_MS) return bad('a duration is at most 10 years');
  return ok(Math.floor(ms + 0.5));
}

/** `60%` → 0.6. A bare number is refused: 0.6 and 60 could both be meant. */
export function parsePercent(input: unknown): Parsed<number> {
  if (typeof input === 'number') return bad(`a percentage needs its sign: write ${formatNumber(input > 0 && input <= 1 ? input * 100 : input)}%`);
  if (typeof input !== 'string') return bad('a percentage is written like 60%');
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(input.trim());
  if (match) return Number.isFinite(Number(match[1])) ? ok(Number(match[1]) / 100) : bad('a percentage has at most 300 digits');
  const number = Number(input.trim());
  return input.trim() !== '' && number >= 0 ? parsePercent(number) : bad('a percentage is written like 60%');
}

function parseCount(input: unknown): number | null {
  const number = typeof input === 'string' && /^\d+$/.test(input.trim()) ? Number(input) : input;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 1_000_000 ? number : null;
}

const STEP_HELP = 'a step is a count (4), a share (100%), or the larger of both: max(4, 100%)';

/** `4`, `100%`, `max(4, 100%)` or a list of the two; the larger counts. */
export function parseStepLimit(input: unknown): Parsed<StepLimit> {
  const inner = typeof input === 'string' ? /^max\((.*)\)$/.exec(input.trim())?.[1] : undefined;
  const parts: readonly unknown[] = inner !== undefined ? inner.split(',') : Array.isArray(input) ? input : [input];
  if (parts.length === 0 || parts.length > 2) return bad(STEP_HELP);
  let limit: StepLimit = { count: null, fraction: null };
  for (const part of parts) {
    const count = parseCount(part);
    const fraction = count === null && typeof part === 'string' ? parsePercent(part) : bad('');
    if (count !== null && limit.count === null) limit = { ...limit, count };
    else if (fraction.ok && limit.fraction === null) limit = { ...limit, fraction: fraction.value };
    else return bad(STEP_HELP);
  }
  if ((limit.count ?? 0) === 0 && (limit.fraction ?? 0) === 0) return bad('a step of nothing would never move: write 1 or more');
  return ok(limit);
}

/** A change of size. Numbers are relative, since YAML turns `+2` into 2. */
export type Change =
  | { readonly kind: 'by'; readonly count: number }
  | { readonly kind: 'fraction'; readonly fraction: number }
  | { readonly kind: 'to'; readonly size: number };

const CHANGE_HELP = 'a change is written +2, -1, +30% or "to 5"';

/** `+2` (also 2), `-1`, `+30%`, `-10%`, `to 5`. */
export function parseChange(input: unknown): Parsed<Change> {
  if (typeof input === 'number')
    return Number.isInteger(input) && input !== 0 && size(input) <= 1_000_000 ? ok({ kind: 'by', count: input }) : bad(CHANGE_HELP);
  if (typeof input !== 'string') return bad(CHANGE_HELP);
  const text = input.trim();
  const to = /^to\s+(\d{1,6})$/.exec(text);
  if (to) return ok({ kind: 'to', size: Number(to[1]) });
  const relative = /^([+-]?)\s*(\d{1,6}(?:\.\d+)?)\s*(%?)$/.exec(text);
  if (!relative || Number(relative[2]) === 0) return bad(CHANGE_HELP);
  const signed = (relative[1] === '-' ? -1 : 1) * Number(relative[2]);
  if (relative[3] === '%') return ok({ kind: 'fraction', fraction: signed / 100 });
  return Number.isInteger(signed) ? ok({ kind: 'by', count: signed }) : bad(CHANGE_HELP);
}

export interface Money {
  readonly amount: number;
  /** Three letters, upper case. */
  readonly currency: string;
  readonly per: 'hour' | 'month';
}

/** `120 EUR/month`, `0.0066 EUR/h`. */
export function parseMoney(input: unknown): Parsed<Money> {
  const help = 'an amount of money is written 120 EUR/month or 0.0066 EUR/h';
  if (typeof input !== 'string') return bad(help);
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]{3})\s*\/\s*(h|hour|month)$/.exec(input.trim());
  if (!match || Number(match[1]) > 1e12) return bad(help);
  return ok({ amount: Number(match[1]), currency: (match[2] as string).toUpperCase(), per: match[3] === 'month' ? 'month' : 'hour' });
}

/** A bound of a policy: `85%` or a number in the metric's own unit. */
export interface Threshold {
  /** 0.85 for `85%`. */
  readonly value: number;
  readonly percent: boolean;
}

export function parseThreshold(input: unknown): Parsed<Threshold> {
  if (typeof input === 'number') return Number.isFinite(input) ? ok({ value: input, percent: false }) : bad('a bound is a number or a percentage such as 85%');
  if (typeof input !== 'string') return bad('a bound is a number or a percentage such as 85%');
  const percent = parsePercent(input.includes('%') ? input : null);
  if (percent.ok) return ok({ value: percent.value, percent: true });
  const number = Number(input.trim());
  return input.trim() !== '' && Number.isFinite(number) ? ok({ value: number, percent: false }) : bad('a bound is a number or a percentage such as 85%');
}

/** A zod field of a unit: takes what an operator writes, gives what the core computes with. */
function field<T>(parse: (input: unknown) => Parsed<T>, written: z.ZodType) {
  return written.transform((input: unknown, ctx): T => {
    const parsed = parse(input);
    if (parsed.ok) return parsed.value;
    ctx.addIssue({ code: 'custom', message: parsed.message });
    return z.NEVER;
  });
}

function between(value: Parsed<number>, range: { min?: number; max?: number }, show: (n: number) => string): Parsed<number> {
  if (!value.ok) return value;
  if (range.min !== undefined && value.value < range.min) return bad(`at least ${show(range.min)}`);
  if (range.max !== undefined && value.value > range.max) return bad(`at most ${show(range.max)}`);
  return value;
}

const text = () => z.union([z.string(), z.number()]);

/** A duration; `min` and `max` are written as durations, too. Output: ms. */
export function duration(range: { readonly min?: string; readonly max?: string } = {}) {
  const bound = (written: string | undefined) => {
    const parsed = written === undefined ? null : parseDuration(written);
    if (parsed && !parsed.ok) throw new RangeError(parsed.message);
    return parsed?.value;
  };
  const [min, max] = [bound(range.min), bound(range.max)];
  const limits = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return field((v) => between(parseDuration(v), limits, formatDuration), text());
}

/** A percentage; output and range are fractions (1 = 100 %). */
export function percent(range: { readonly min?: number; readonly max?: number } = {}) {
  return field((v) => between(parsePercent(v), range, formatPercent), text());
}
export const stepLimit = () => field(parseStepLimit, z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()])).max(2)]));
export const change = () => field(parseChange, text());
export const money = () => field(parseMoney, z.string());
export const threshold = () => field(parseThreshold, text());

const size = (n: number) => (n < 0 ? -n : n);

/** Nearest whole number, halves up: the same on every machine. */
export function round(n: number): number {
  return Math.floor(n + 0.5);
}

/** A number with as many digits as mean something: 1064, 188, 5.3, 0.35, 0.0066. */
export function formatNumber(n: number): string {
  if (!Number.isFinite(n)) return String(n);
  const abs = size(n);
  if (abs >= 1e15 || abs === 0) return String(n === 0 ? 0 : n);
  if (abs >= 100) return String(round(n));
  let scale = 10;
  if (abs < 1) while (abs * scale < 10 && scale < 1e12) scale *= 10;
  return String(round(n * scale) / scale);
}

/** 0.6 → `60 %`. */
export function formatPercent(fraction: number): string {
  return `${formatNumber(fraction * 100)} %`;
}

/** `30 s`, `2 min 28 s`, `1 h 30 min`, `3 d 4 h`: the two largest units. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1000 && ms > 0) return `${round(ms)} ms`;
  const total = round(ms / 1000);
  const [d, h, m, s] = [Math.floor(total / 86_400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60, total % 60];
  const pair = (a: number, unitA: string, b: number, unitB: string) => (b === 0 ? `${a} ${unitA}` : `${a} ${unitA} ${b} ${unitB}`);
  if (d > 0) return pair(d, 'd', h, 'h');
  if (h > 0) return pair(h, 'h', m, 'min');
  return m > 0 ? pair(m, 'min', s, 's') : `${s} s`;
}

/** A measured time: no more precise than people read it. Below 10 s a tenth, below 10 min the second, above the minute. */
export function formatElapsed(ms: number): string {
  if (ms < 0) return `-${formatElapsed(-ms)}`;
  if (ms < 9_950) return `${round(ms / 100) / 10} s`;
  const s = round(ms / 1000);
  return formatDuration(s < 600 ? s * 1000 : round(s / 60) * 60_000);
}

/** Beyond this a time of day alone would be read as today's. */
const CLOCK_REACH_MS = 20 * 3_600_000;

/** `since 14:32:07 UTC`: a moment that stays, not an age that grows with every look; far away ones as a length in words. */
export function formatSince(atMs: number, nowMs: number): string {
  return nowMs - atMs > CLOCK_REACH_MS ? `for ${formatElapsed(nowMs - atMs)}` : `since ${formatClock(atMs)} UTC`;
}
/** `until 14:32:07 UTC`, or for far ones `for another 3 d 4 h`. */
export function formatUntil(atMs: number, nowMs: number): string {
  return atMs - nowMs > CLOCK_REACH_MS ? `for another ${formatElapsed(atMs - nowMs)}` : `until ${formatClock(atMs)} UTC`;
}
/** `at 14:32:07 UTC`, or for far ones `in 3 d 4 h`. */
export function formatMoment(atMs: number, nowMs: number): string {
  return atMs - nowMs > CLOCK_REACH_MS ? `in ${formatElapsed(atMs - nowMs)}` : `at ${formatClock(atMs)} UTC`;
}

const decimals = (text: string): number => (text.includes('.') ? text.length - text.indexOf('.') - 1 : 0);
function fixed(n: number, digits: number): string {
  let scale = 1;
  for (let k = 0; k < digits; k++) scale *= 10;
  return String(round(n * scale) / scale);
}

/** A size before rounding, with digits enough to see why it is rounded as it is: 5.0133 is `5.01`, never `5`; 2.98 never `3`. */
export function formatQuotient(exact: number): string {
  const usual = formatNumber(exact);
  const whole = round(exact);
  const off = size(exact - whole);
  if (!Number.isFinite(exact) || off <= DUST * Math.max(1, size(exact)) || !Number.isInteger(Number(usual))) return usual;
  for (let digits = 1; digits <= 9; digits++) {
    const text = fixed(exact, digits);
    if (!Number.isInteger(Number(text))) return text;
  }
  return exact > whole ? `a little more than ${whole}` : `a little less than ${whole}`;
}

/** `value` with as many digits as it takes for `times` × value / `per` to give the printed quotient: `150.4`, not `150`, where that is 5.01. */
export function formatDividend(value: number, times: number, per: number, quotient: string): string {
  const usual = formatNumber(value);
  const wanted = Number(quotient);
  if (!Number.isFinite(wanted)) return usual;
  const gives = (text: string) => Number(fixed((times * Number(text)) / per, decimals(quotient))) === wanted;
  if (gives(usual)) return usual;
  for (let digits = 1; digits <= 9; digits++) {
    const text = fixed(value, digits);
    if (gives(text)) return text;
  }
  return usual;
}

/** `4`, `100 %`, `max(4, 100 %)`. */
export function formatStepLimit(limit: StepLimit): string {
  if (limit.count === null) return formatPercent(limit.fraction ?? 0);
  return limit.fraction === null ? String(limit.count) : `max(${limit.count}, ${formatPercent(limit.fraction)})`;
}

/** `at most 4 (or 100 %) every 30 s`: the larger of the two counts. */
export function formatPace(limit: StepLimit, everyMs: number): string {
  const share = limit.fraction === null ? '' : formatPercent(limit.fraction);
  const most = limit.count === null ? share : share === '' ? String(limit.count) : `${limit.count} (or ${share})`;
  return `at most ${most} every ${formatDuration(everyMs)}`;
}

/** `+2`, `-1`, `+30 %`, `to 5`. */
export function formatChange(c: Change): string {
  if (c.kind === 'to') return `to ${c.size}`;
  if (c.kind === 'by') return c.count > 0 ? `+${c.count}` : String(c.count);
  return c.fraction > 0 ? `+${formatPercent(c.fraction)}` : formatPercent(c.fraction);
}

/** 1064 with `req/s` → `1064 req/s`; a ratio or percent metric → `71 %`. */
export function formatMeasure(value: number, unit: string | null): string {
  if (unit === 'percent') return `${formatNumber(value)} %`;
  if (unit === 'ratio') return formatPercent(value);
  return unit === null ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
}

const two = (n: number) => (n < 10 ? `0${n}` : String(n));

/** Time of day in UTC, `14:32:07`: the core knows no other zone. */
export function formatClock(atMs: number): string {
  const s = Math.floor(atMs / 1000) % 86_400;
  const day = s < 0 ? s + 86_400 : s;
  return `${two(Math.floor(day / 3600))}:${two(Math.floor(day / 60) % 60)}:${two(day % 60)}`;
}

/** Floating-point dust: (0.1 + 0.2) / 0.1 must be 3 machines, not 4. */
const DUST = 1e-9;
export function ceilSize(exact: number): number {
  return Math.max(0, Math.ceil(exact - DUST * Math.max(1, exact)));
}
export function floorSize(exact: number): number {
  return Math.max(0, Math.floor(exact + DUST * Math.max(1, exact)));
}
