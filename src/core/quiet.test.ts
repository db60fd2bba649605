import { describe, expect, test } from 'vitest';
import { group, LIMITS, MINUTE, T0 } from './fixtures/group.ts';
import type { WantRun } from './model/snapshot.ts';
import { quietAt, quietWindow, rememberWant } from './quiet.ts';

const spec = group();
/** One want every 15 s from T0. */
function watch(sizes: readonly number[], wants: readonly WantRun[] = [], from = T0): readonly WantRun[] {
  return sizes.reduce<readonly WantRun[]>((w, size, i) => rememberWant(w, size, true, from + i * 15_000, spec), wants);
}
const minutes = (n: number, size: number) => Array.from({ length: n * 4 }, () => size);

describe('the window', () => {
  test('the highest want counts until it is five minutes old', () => {
    const wants = watch([...minutes(5, 3), 8, ...minutes(5, 3)]);
    const peak = T0 + 5 * MINUTE;
    const at = (ms: number) => quietWindow(wants, null, ms, spec).highest;
    expect(at(peak + 5 * MINUTE)).toBe(8);
    expect(at(peak + 15_000 + 5 * MINUTE)).toBe(3); // from the first look that wanted less
    expect(quietAt(wants, 8, peak + MINUTE, spec)).toBe(peak + 15_000 + 5 * MINUTE);
  });
  test('is known after four of five minutes', () => {
    const wants = watch(minutes(5, 3));
    expect(quietWindow(wants, null, T0 + 4 * MINUTE - 1, spec)).toMatchObject({ covered: false, coveredAtMs: T0 + 4 * MINUTE });
    expect(quietWindow(wants, null, T0 + 4 * MINUTE, spec).covered).toBe(true);
  });
  test('a gap in a metric inside it waits a whole window', () => {
    const wants = watch(minutes(10, 3));
    const gap = T0 + 4 * MINUTE;
    expect(quietWindow(wants, gap, gap + 5 * MINUTE - 1, spec)).toMatchObject({ covered: false, coveredAtMs: gap + 5 * MINUTE });
    expect(quietWindow(wants, gap, gap + 5 * MINUTE, spec).covered).toBe(true);
  });
  test('time without a controller is not known', () => {
    const before = watch(minutes(10, 3));
    const back = T0 + 20 * MINUTE;
    const wants = watch(minutes(4, 3), before, back);
    expect(quietWindow(wants, null, back + 4 * MINUTE - 1, spec).covered).toBe(false);
    expect(quietWindow(wants, null, back + 4 * MINUTE, spec).covered).toBe(true);
  });
  test('incomplete looks are not known', () => {
    const wants = rememberWant(watch(minutes(5, 3)), 3, false, T0 + 5 * MINUTE, spec);
    expect(quietWindow(wants, null, T0 + 7 * MINUTE, spec).covered).toBe(false);
  });
  test('no quiet time asked for: always known', () => {
    const hasty = group({ limits: { ...LIMITS, scaleIn: { ...LIMITS.scaleIn, afterQuietMs: 0 } } });
    const wants = rememberWant(rememberWant([], 9, true, T0, hasty), 2, true, T0 + 15_000, hasty);
    expect(quietWindow(wants, T0 + 15_000, T0 + 15_000, hasty)).toMatchObject({ highest: 2, covered: true });
  });
});

describe('memory', () => {
  test('stays the same array between confirmations', () => {
    const wants = watch([3]);
    expect(rememberWant(wants, 3, true, T0 + 45_000, spec)).toBe(wants);
    expect(rememberWant(wants, 3, true, T0 + 60_000, spec)).toEqual([{ size: 3, fromMs: T0, toMs: T0 + 60_000, complete: true }]);
  });
  test('drops what left the window and keeps the newest', () => {
    expect(watch([9, ...minutes(6, 3)])).toEqual([{ size: 3, fromMs: T0 + 15_000, toMs: T0 + 15_000 + 5 * MINUTE, complete: true }]);
  });
  test('a clock that goes back forgets what lies ahead', () => {
    const wants = watch(minutes(5, 3));
    expect(rememberWant(wants, 3, true, T0 - MINUTE, spec)).toEqual([{ size: 3, fromMs: T0 - MINUTE, toMs: T0 - MINUTE, complete: true }]);
  });
  test('stays small, and never forgets a high want when it does', () => {
    const slow = group({ evaluateEveryMs: 1_000, limits: { ...LIMITS, scaleIn: { ...LIMITS.scaleIn, afterQuietMs: 60 * MINUTE } } });
    let wants: readonly WantRun[] = [];
    for (let i = 0; i < 3_000; i++) {
      wants = rememberWant(wants, i === 100 ? 50 : i % 2, true, T0 + i * 1_000, slow);
      expect(wants.length).toBeLessThanOrEqual(241);
    }
    expect(quietWindow(wants, null, T0 + 3_000_000, slow)).toMatchObject({ highest: 50, covered: true });
  });
});
