import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ceilSize,
  change,
  duration,
  floorSize,
  formatChange,
  formatClock,
  formatDuration,
  formatElapsed,
  formatMeasure,
  formatMoment,
  formatNumber,
  formatPace,
  formatPercent,
  formatQuotient,
  formatSince,
  formatStepLimit,
  formatUntil,
  money,
  parseChange,
  parseDuration,
  parseMoney,
  parsePercent,
  parseStepLimit,
  parseThreshold,
  percent,
  stepLimit,
} from './units.ts';

const message = (schema: z.ZodType, input: unknown) => schema.safeParse(input).error?.issues[0]?.message;

describe('durations', () => {
  test.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['10d', 864_000_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['2w', 1_209_600_000],
    ['0s', 0],
    ['1h 30m', 5_400_000],
  ])('%s', (text, ms) => expect(parseDuration(text)).toEqual({ ok: true, value: ms }));
  test.each([
    [5, 'a duration needs a unit: write 5m or 5s'],
    ['5', 'a duration needs a unit: write 5m or 5s'],
    [0, 'a duration needs a unit: write 0s'],
    ['5 min', 'a duration is written like 30s, 5m, 1h30m or 10d'],
    ['-5m', 'a duration is written like 30s, 5m, 1h30m or 10d'],
    ['', 'a duration is written like 30s, 5m, 1h30m or 10d'],
    ['5000d', 'a duration is at most 10 years'],
    [null, 'a duration is written like 30s, 5m or 1h30m'],
  ])('%j is refused', (input, why) => expect(parseDuration(input)).toEqual({ ok: false, message: why }));
  test('as a field, with a range', () => {
    expect(duration({ min: '10s', max: '1d' }).parse('2m')).toBe(120_000);
    expect(message(duration({ min: '10s' }), '5s')).toBe('at least 10 s');
    expect(message(duration({ max: '1d' }), '25h')).toBe('at most 1 d');
    expect(message(duration(), 5)).toBe('a duration needs a unit: write 5m or 5s');
  });
  test.each([
    [0, '0 s'],
    [450, '450 ms'],
    [30_000, '30 s'],
    [148_000, '2 min 28 s'],
    [300_000, '5 min'],
    [5_400_000, '1 h 30 min'],
    [273_600_000, '3 d 4 h'],
    [-30_000, '-30 s'],
    [59_999.6, '1 min'],
  ])('%d is shown as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

test.each([
  [993, '1 s'],
  [450, '0.5 s'],
  [5_320, '5.3 s'],
  [9_960, '10 s'],
  [148_400, '2 min 28 s'],
  [599_800, '10 min'],
  [3_598_000, '1 h'],
  [5_430_000, '1 h 31 min'],
  [-993, '-1 s'],
  [0, '0 s'],
])('a measured %d is told as %s', (ms, text) => expect(formatElapsed(ms)).toBe(text));

test('moments stay what they are, far ones are told as lengths', () => {
  const now = Date.UTC(2026, 10, 22, 13, 32, 7);
  expect([formatSince(now - 61_000, now), formatSince(now - 1_000, now + 60_000)]).toEqual(['since 13:31:06 UTC', 'since 13:32:06 UTC']);
  expect(formatSince(now - 76 * 3_600_000, now)).toBe('for 3 d 4 h');
  expect([formatUntil(now + 60_000, now), formatUntil(now + 76 * 3_600_000, now)]).toEqual(['until 13:33:07 UTC', 'for another 3 d 4 h']);
  expect([formatMoment(now + 993, now), formatMoment(now + 76 * 3_600_000, now)]).toEqual(['at 13:32:07 UTC', 'in 3 d 4 h']);
});

test.each([
  [5.0133, '5.01'],
  [2.98, '2.98'],
  [5, '5'],
  [5.3, '5.3'],
  [0.96, '0.96'],
  [100.004, '100.004'],
  [188.4, '188.4'],
  [(0.1 + 0.2) / 0.1, '3'],
  [0, '0'],
])('the quotient %d is shown as %s', (n, text) => expect(formatQuotient(n)).toBe(text));

describe('percentages, thresholds', () => {
  test('60% is 0.6', () => expect(parsePercent('60%')).toEqual({ ok: true, value: 0.6 }));
  test.each([
    [60, 'a percentage needs its sign: write 60%'],
    ['60', 'a percentage needs its sign: write 60%'],
    [0.6, 'a percentage needs its sign: write 60%'],
    ['much', 'a percentage is written like 60%'],
    ['-5%', 'a percentage is written like 60%'],
  ])('%j is refused', (input, why) => expect(parsePercent(input)).toEqual({ ok: false, message: why }));
  test('range', () => expect(message(percent({ max: 1 }), '120%')).toBe('at most 100 %'));
  test('a bound keeps whether it was a percentage', () => {
    expect(parseThreshold('85%')).toEqual({ ok: true, value: { value: 0.85, percent: true } });
    expect(parseThreshold(85)).toEqual({ ok: true, value: { value: 85, percent: false } });
    expect(parseThreshold('-3.5')).toEqual({ ok: true, value: { value: -3.5, percent: false } });
    expect(parseThreshold('high').ok).toBe(false);
    expect(parseThreshold(Number.NaN).ok).toBe(false);
  });
});

describe('steps and changes', () => {
  test.each([
    [4, { count: 4, fraction: null }],
    ['4', { count: 4, fraction: null }],
    ['100%', { count: null, fraction: 1 }],
    ['max(100%, 4)', { count: 4, fraction: 1 }],
    ['max(1, 20%)', { count: 1, fraction: 0.2 }],
    [['20%', 1], { count: 1, fraction: 0.2 }],
  ])('step %j', (input, limit) => expect(parseStepLimit(input)).toEqual({ ok: true, value: limit }));
  test.each([[0], ['0%'], [-1], [1.5], ['max(1,2)'], ['min(1, 20%)'], [[]], [['20%', '30%']], [['1', '20%', 3]], [true]])('step %j is refused', (input) =>
    expect(parseStepLimit(input).ok).toBe(false),
  );
  test('shown', () => {
    expect(formatStepLimit(stepLimit().parse('max(100%, 4)'))).toBe('max(4, 100 %)');
    expect(formatPace({ count: 4, fraction: null }, 120_000)).toBe('at most 4 every 2 min');
    expect(formatPace({ count: 1, fraction: 0.2 }, 60_000)).toBe('at most 1 (or 20 %) every 1 min');
  });
  test.each([
    ['+2', { kind: 'by', count: 2 }, '+2'],
    [2, { kind: 'by', count: 2 }, '+2'],
    [-1, { kind: 'by', count: -1 }, '-1'],
    ['-1', { kind: 'by', count: -1 }, '-1'],
    ['+30%', { kind: 'fraction', fraction: 0.3 }, '+30 %'],
    ['-10%', { kind: 'fraction', fraction: -0.1 }, '-10 %'],
    ['to 5', { kind: 'to', size: 5 }, 'to 5'],
  ])('change %j', (input, parsed, shown) => {
    expect(parseChange(input)).toEqual({ ok: true, value: parsed });
    expect(formatChange(change().parse(input))).toBe(shown);
  });
  test.each([[0], ['+0'], [1.5], ['+1.5'], ['double'], ['to -1'], [null]])('change %j is refused', (input) => expect(parseChange(input).ok).toBe(false));
});

test('money', () => {
  expect(parseMoney('120 EUR/month')).toEqual({ ok: true, value: { amount: 120, currency: 'EUR', per: 'month' } });
  expect(money().parse('0.0066 eur/h')).toEqual({ amount: 0.0066, currency: 'EUR', per: 'hour' });
  for (const input of ['120', '120 EUR', 'EUR 120/month', '120 EUR/day', 120]) expect(parseMoney(input).ok).toBe(false);
});

test.each([
  [1064, '1064'],
  [188.4, '188'],
  [5.32, '5.3'],
  [4, '4'],
  [0.35, '0.35'],
  [0.0066, '0.0066'],
  [-5.32, '-5.3'],
  [0, '0'],
  [99.96, '100'],
  [Number.NaN, 'NaN'],
])('%d is shown as %s', (n, text) => expect(formatNumber(n)).toBe(text));

test('measures, shares and clocks', () => {
  expect(formatPercent(0.6)).toBe('60 %');
  expect(formatMeasure(71, 'percent')).toBe('71 %');
  expect(formatMeasure(0.71, 'ratio')).toBe('71 %');
  expect(formatMeasure(1064, 'req/s')).toBe('1064 req/s');
  expect(formatClock(Date.UTC(2026, 10, 22, 13, 32, 7))).toBe('13:32:07');
  expect(formatClock(-1000)).toBe('23:59:59');
});

test('sizes ignore floating-point dust and nothing else', () => {
  expect((0.1 + 0.2) / 0.1).toBeGreaterThan(3);
  expect(ceilSize((0.1 + 0.2) / 0.1)).toBe(3);
  expect(ceilSize(5.001)).toBe(6);
  expect(floorSize(0.6 / 0.2)).toBe(3);
  expect(floorSize(2.999)).toBe(2);
  expect(ceilSize(-3)).toBe(0);
});

test('units make readable JSON Schema', () => {
  const schema = z.toJSONSchema(z.strictObject({ for: duration().prefault('30s').describe('How long.'), step: stepLimit(), change: change() }), {
    io: 'input',
  });
  expect(schema).toMatchObject({ properties: { for: { description: 'How long.', default: '30s' } }, required: ['step', 'change'] });
});
