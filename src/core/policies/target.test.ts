import { describe, expect, test } from 'vitest';
import { context, usable } from '../fixtures/context.ts';
import type { PolicyContext } from './policy.ts';
import { type TargetOptions, targetPolicy } from './target.ts';

const options = (o: Record<string, unknown>): TargetOptions => targetPolicy.options.parse({ metric: 'm', ...o });
const ask = (c: PolicyContext, o: Record<string, unknown>) => targetPolicy.propose(c, options(o), null).proposal;
const rps = (value: number, target: number, o: Record<string, unknown> = { per_instance: 200 }) =>
  ask(context([usable('m', value, { unit: 'req/s' })], { target }), o);
const cpu = (value: number, more: Partial<PolicyContext> = {}, o: Record<string, unknown> = { target: '60%' }, members: number | null = null) =>
  ask(context([usable('m', value, { members })], more), o);

describe('per instance', () => {
  test.each([
    // load, present target, wants
    [1064, 3, 6], // the example of the manual: 5.32 → 6
    [390, 2, 2], // 1.95, within 10 %
    [0, 4, 0],
    [199, 4, 1],
    [200, 4, 1],
    [201, 4, 2],
    [880, 4, 4], // 10 % over: tolerated
    [881, 4, 5],
    [720, 4, 4], // 10 % under: tolerated
    [719, 4, 4], // under tolerance, but 3.6 machines are 4
    [600, 4, 3],
    [100, 0, 1], // from nothing
  ])('%d req/s at %d wants %d', (load, target, wants) => expect(rps(load, target).wants).toBe(wants));
  test('says how', () => {
    expect(rps(1064, 3)).toMatchObject({ value: 1064, per: 200, exact: 5.32, wants: 6, reason: 'ABOVE_TARGET', arithmetic: '1064 req/s / 200 = 5.3 → 6' });
    expect(rps(880, 4).arithmetic).toBe('880 req/s / 200 = 4.4 → 4, within 10 %');
    expect(rps(400, 4)).toMatchObject({ wants: 2, reason: 'BELOW_TARGET' });
  });
  test.each([
    [150.4, 30, 4, '150.4 req/s / 30 = 5.01 → 6'],
    [298, 100, 4, '298 req/s / 100 = 2.98 → 3'],
    [150, 30, 4, '150 req/s / 30 = 5 → 5'],
    [1064, 200, 3, '1064 req/s / 200 = 5.3 → 6'],
    [100.01, 33.334, 2, '100.01 req/s / 33.334 = 3.0002 → 4'],
  ])('%d / %d: what is printed explains the rounding', (load, per_instance, target, text) =>
    expect(rps(load, target, { per_instance, tolerance: '0%' }).arithmetic).toBe(text),
  );
  test('any load: the printed quotient is on the right side of every whole number, and the printed load gives it', () => {
    for (let load = 1; load < 4000; load += 7.31) {
      const p = rps(load, 1, { per_instance: 37, tolerance: '0%' });
      const [, shown, exact, wants] = /^([\d.]+) req\/s \/ 37 = ([\d.]+) → (\d+)/.exec(p.arithmetic) ?? [];
      expect(Math.ceil(Number(exact)), p.arithmetic).toBe(Number(wants));
      expect(Math.abs(Number(shown) / 37 - Number(exact)), p.arithmetic).toBeLessThan(0.06);
    }
  });
  test('a tolerance of its own', () => {
    expect(rps(810, 4, { per_instance: 200, tolerance: '0%' }).wants).toBe(5);
    expect(rps(960, 4, { per_instance: 200, tolerance: '25%' }).wants).toBe(4);
  });
});

describe('ratio', () => {
  test.each([
    // value, serving, target, wants
    [0.9, 4, 4, 6],
    [0.6, 4, 4, 4],
    [0.66, 4, 4, 4], // exactly 10 % over: tolerated
    [0.67, 4, 4, 5],
    [0.54, 4, 4, 4],
    [0.3, 4, 4, 2],
    [0, 4, 4, 0],
    // Two warming: capacity, not in the metric. Two at 90 % are a load of 3, four are coming.
    [0.9, 2, 4, 4],
    [1.5, 2, 4, 5],
  ])('%d with %d serving of %d wants %d', (value, serving, target, wants) => expect(cpu(value, { serving, target }).wants).toBe(wants));
  test('uses the members the metric covers', () => {
    expect(cpu(0.9, {}, { target: '60%' }, 2).wants).toBe(4);
    expect(cpu(0.9, {}, { target: '60%' }, 8).wants).toBe(12);
    expect(cpu(0.3, {}, { target: '60%' }, 8).wants).toBe(4); // an idle group does not grow
  });
  test('understands percent, ratio and plain numbers', () => {
    const percent = ask(context([usable('m', 90, { unit: 'percent' })]), { target: '60%' });
    expect(percent).toMatchObject({ wants: 6, arithmetic: '4 × 90 % / 60 % = 6 → 6' });
    expect(ask(context([usable('m', 90, { unit: 'percent' })]), { target: 60 }).wants).toBe(6);
    expect(cpu(0.9).arithmetic).toBe('4 × 90 % / 60 % = 6 → 6');
    expect(ask(context([usable('m', 30)]), { target: 20 }).wants).toBe(6);
  });
  test('a mean over nobody says nothing and shrinks nothing', () => {
    expect(cpu(0.9, { serving: 0 })).toMatchObject({ wants: null, abstains: true, blocksShrink: true });
  });
});

describe('readings that are not plain values', () => {
  test('missing blocks shrinking', () => {
    expect(ask(context([usable('m', null)]), { per_instance: 1 })).toMatchObject({
      wants: null,
      blocksShrink: true,
      abstains: false,
      reason: 'HOLD_METRIC_MISSING',
    });
    expect(ask(context([]), { per_instance: 1 })).toMatchObject({ wants: null, blocksShrink: true, error: 'm is not configured' });
  });
  test('a floor for a missing metric only raises', () => {
    expect(ask(context([usable('m', null, { floor: 6 })]), { per_instance: 1 })).toMatchObject({ wants: 6, floor: true, blocksShrink: true });
  });
  test('a doubtful value may grow the group, not shrink it', () => {
    const doubtful = (v: number) => usable('m', v, { mayShrink: false, code: 'HOLD_COLLAPSE', problem: 'm fell' });
    expect(ask(context([doubtful(9)]), { per_instance: 1 })).toMatchObject({ wants: 9, reason: 'ABOVE_TARGET' });
    expect(ask(context([doubtful(1)]), { per_instance: 1 })).toMatchObject({ wants: 1, blocksShrink: true, reason: 'HOLD_COLLAPSE' });
  });
  test('a negative load is no load', () => expect(rps(-5, 4)).toMatchObject({ wants: null, blocksShrink: true }));
});

test('the same load on another number of machines', () => {
  const project = (load: number, size: number) => targetPolicy.project?.(context([usable('m', load)]), options({ per_instance: 100 }), size);
  expect(project(400, 3)).toBe(4);
  expect(project(400, 4)).toBe(4);
  expect(project(400, 8)).toBe(4);
  expect(targetPolicy.project?.(context([usable('m', null)]), options({ per_instance: 100 }), 3)).toBeNull();
});

test.each([
  [{ per_instance: 0 }],
  [{ per_instance: -1 }],
  [{}],
  [{ per_instance: 1, target: '60%' }],
  [{ target: '0%' }],
  [{ target: '60%', tolerance: 10 }],
  [{ targt: '60%' }],
])('options %j are refused', (o) => expect(targetPolicy.options.safeParse({ metric: 'm', ...o }).success).toBe(false));
