import { describe, expect, it } from 'vitest';
import { isTimeZone, localInstant } from './calendar-checks.ts';
import { cronProblem } from './cron-problem.ts';
import { distance, listWords, nearest } from './suggest.ts';

describe('distance', () => {
  it('counts letters left out, added, changed, and neighbours swapped, as one each', () => {
    expect(distance('max', 'max', 2)).toBe(0);
    expect(distance('mx', 'max', 2)).toBe(1);
    expect(distance('mxa', 'max', 2)).toBe(1);
    expect(distance('target', 'tragte', 2)).toBe(2);
    expect(distance('target', 'policies', 2)).toBeGreaterThan(2);
  });
});

describe('nearest', () => {
  it('takes the nearest, whatever the style of writing', () => {
    expect(nearest('scaleIn', ['scale_out', 'scale_in'])).toBe('scale_in');
    expect(nearest('warm-up', ['warmup', 'drain'])).toBe('warmup');
    expect(nearest('mni', ['max', 'min'])).toBe('min');
    expect(nearest('mi', ['max', 'min'])).toBe('min');
    expect(nearest('after', ['every', 'after_quiet'])).toBe('after_quiet');
  });
  it('says nothing when nothing is near', () => {
    expect(nearest('desired', ['min', 'max', 'initial'])).toBeNull();
    expect(nearest('', ['a'])).toBeNull();
    expect(nearest('x'.repeat(1000), ['a'])).toBeNull();
    expect(nearest('am', ['pm'])).toBeNull();
  });
});

it('lists words as people do', () => {
  expect(listWords([])).toBe('');
  expect(listWords(['a', 'b', 'c'])).toBe('`a`, `b` or `c`');
  expect(listWords(['a', 'b', 'c'], 2)).toBe('`a`, `b`, …');
});

describe('cron', () => {
  it.each(['* * * * *', '0 8 * * 1-5', '*/5 0-23/2 * JAN-MAR mon,FRI', '0 8 29 2 *', '0 0 L * *', '0 0 * * 5#2', '0 0 31 4 1', '0 0 30,31 2,3 *'])(
    '%s is fine',
    (expression) => {
      expect(cronProblem(expression)).toBeNull();
    },
  );
  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '0 24 * * *',
    '0 0 0 * *',
    '0 0 32 * *',
    '0 0 * 13 *',
    '0 0 * * 8',
    'a * * * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '@daily',
    '0 8 * * foo',
    '0 8 * JANUARY *',
    '5/15 * * * *',
    '0 0 32W * *',
  ])('%s is not', (expression) => {
    expect(cronProblem(expression)?.kind).toBe('invalid');
  });
  it.each(['0 8 30 2 *', '0 8 31 4,6,9,11 *'])('%s never fires', (expression) => {
    expect(cronProblem(expression)?.kind).toBe('never');
  });
});

it('knows time zones by name, old names too, and no abbreviations', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'US/Eastern', 'Etc/UTC', 'America/Argentina/Buenos_Aires']) expect(isTimeZone(zone), zone).toBe(true);
  for (const zone of ['CET2', 'Europe/Berln', '+01:00', '', 'Mars/Base', 'berlin']) expect(isTimeZone(zone), zone).toBe(false);
});

it('reads local dates, and only days that exist', () => {
  expect(localInstant('2026-12-24', false)).toBe(Date.UTC(2026, 11, 24));
  expect(localInstant('2026-12-24T18:30', false)).toBe(Date.UTC(2026, 11, 24, 18, 30));
  for (const text of ['2026-02-30', '2026-13-01', '2026-12-24T25:00', 'tomorrow', '2026-1-1']) expect(localInstant(text, true), text).toBeNull();
});
