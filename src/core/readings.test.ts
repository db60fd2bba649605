import { describe, expect, test } from 'vitest';
import { group, LIMITS, MINUTE, metric, settled, snapshot, T0, value } from './fixtures/group.ts';
import type { MetricSpec } from './model/group.ts';
import { missing, type Reading } from './model/reading.ts';
import type { GroupMemory } from './model/snapshot.ts';
import { resolveReadings } from './readings.ts';

type MetricMemory = GroupMemory['metrics'][string];
const known = (v: number, more: Partial<MetricMemory> = {}): MetricMemory => ({
  value: v,
  atMs: T0 - 15_000,
  changedMs: T0 - 15_000,
  collapsedFrom: null,
  collapsedMs: null,
  serving: 4,
  ...more,
});

function resolve(
  raw: Reading | undefined,
  spec: Partial<MetricSpec> = {},
  before: MetricMemory | null = null,
  more: { atMs?: number; serving?: number; others?: Record<string, Reading> } = {},
) {
  const metrics = { m: metric('m', spec), other: metric('other') };
  const g = group({ metrics });
  const memory = settled(g, 4, { metrics: before === null ? {} : { m: before } });
  const readings: Record<string, Reading> = { ...(raw === undefined ? {} : { m: raw }), ...more.others };
  const result = resolveReadings(g, ['m'], snapshot({ readings, atMs: more.atMs ?? T0 }), memory, more.serving ?? 4);
  return { ...result, m: result.readings['m'], before: memory };
}

describe('what is a value and what is missing', () => {
  test('a plain value', () => {
    const { m, complete, blind, metrics } = resolve(value(7, { ageMs: 4_000, atMs: T0 - 4_000, members: 3 }));
    expect(m).toMatchObject({ value: 7, ageS: 4, members: 3, mayShrink: true, code: null, gap: false });
    expect({ complete, blind }).toEqual({ complete: true, blind: false });
    expect(metrics['m']).toEqual({ value: 7, atMs: T0 - 4_000, changedMs: T0, collapsedFrom: null, collapsedMs: null, serving: 4 });
  });
  test.each<[string, Reading | undefined, Partial<MetricSpec>, string]>([
    ['not read', undefined, {}, 'absent'],
    ['empty', missing('empty', 'no series', T0), {}, 'empty'],
    ['NaN', value(Number.NaN), {}, 'nan'],
    ['infinity', value(Number.POSITIVE_INFINITY), {}, 'nan'],
    ['below its range', value(-1), { min: 0 }, 'out-of-range'],
    ['above its range', value(101), { max: 100 }, 'out-of-range'],
    ['from the future', value(1, { atMs: T0 + 6_000 }), {}, 'future'],
    ['old by its time', value(1, { atMs: T0 - 61_000 }), {}, 'stale'],
    ['old by its age', value(1, { ageMs: 61_000 }), {}, 'stale'],
  ])('%s', (_, raw, spec, reason) => {
    const { m, complete, blind, lastGapMs } = resolve(raw, spec);
    expect(m).toMatchObject({ value: null, mayShrink: false, gap: true, code: reason === 'stale' ? 'HOLD_METRIC_OLD' : 'HOLD_METRIC_MISSING' });
    expect(m?.problem).toContain(`(${reason}: `);
    expect({ complete, blind, lastGapMs }).toEqual({ complete: false, blind: true, lastGapMs: T0 });
  });
  test('zero is a value', () => expect(resolve(value(0)).m).toMatchObject({ value: 0, mayShrink: true }));
  test('an unknown age stays unknown', () => expect(resolve(value(1, { ageMs: null })).m?.ageS).toBeNull());
  test('a little ahead of our clock is fine', () => expect(resolve(value(1, { atMs: T0 + 4_000 })).m?.value).toBe(1));
  test('partial data and thin windows may not shrink', () => {
    expect(resolve(value(1, { partial: true })).m).toMatchObject({ value: 1, mayShrink: false, gap: true, code: 'HOLD_METRIC_MISSING' });
    expect(resolve(value(1, { coverage: 0.79 })).m).toMatchObject({ value: 1, mayShrink: false, gap: true });
    expect(resolve(value(1, { coverage: 0.8 })).m?.mayShrink).toBe(true);
  });
  test('metrics that move nothing make no gap', () => {
    const g = group({ metrics: { a: metric('a'), b: metric('b') } });
    const result = resolveReadings(g, ['a'], snapshot({ readings: { a: value(1) } }), settled(g, 4), 4);
    expect(result).toMatchObject({ complete: true, blind: false, lastGapMs: null });
  });
});

describe('stuck', () => {
  const spec = { stuckAfterMs: 10 * MINUTE };
  test('only when asked for, only when it lasts, never at zero', () => {
    const since = (ms: number, v = 5) => known(v, { changedMs: T0 - ms });
    expect(resolve(value(5), spec, since(11 * MINUTE)).m).toMatchObject({ value: null, code: 'HOLD_METRIC_OLD' });
    expect(resolve(value(5), spec, since(9 * MINUTE)).m?.value).toBe(5);
    expect(resolve(value(5), {}, since(11 * MINUTE)).m?.value).toBe(5);
    expect(resolve(value(0), spec, since(11 * MINUTE, 0)).m?.value).toBe(0);
    expect(resolve(value(6), spec, since(11 * MINUTE)).m?.value).toBe(6);
  });
});

describe('if_missing', () => {
  const gone = missing('source-error', 'no answer', T0);
  test('hold', () => expect(resolve(gone).m).toMatchObject({ value: null, floor: null }));
  test('floor', () => expect(resolve(gone, { ifMissing: { kind: 'floor', size: 6 } }).m).toMatchObject({ value: null, floor: 6, mayShrink: false }));
  test('last, for so long', () => {
    const spec: Partial<MetricSpec> = { ifMissing: { kind: 'last', forMs: 5 * MINUTE } };
    expect(resolve(gone, spec, known(9)).m).toMatchObject({ value: 9, ageS: 15, mayShrink: false, gap: true });
    expect(resolve(gone, spec, known(9, { atMs: T0 - 6 * MINUTE })).m?.value).toBeNull();
    expect(resolve(gone, spec).m?.value).toBeNull();
  });
  test('use another metric, to grow on only', () => {
    const spec: Partial<MetricSpec> = { ifMissing: { kind: 'use', metric: 'other' } };
    expect(resolve(gone, spec, null, { others: { other: value(3) } }).m).toMatchObject({ value: 3, mayShrink: false, gap: true });
    expect(resolve(gone, spec).m?.value).toBeNull();
    expect(resolve(gone, { ifMissing: { kind: 'use', metric: 'm' } }).m?.value).toBeNull();
  });
  test('the last good value stays remembered', () => expect(resolve(gone, {}, known(9)).metrics).toEqual({ m: known(9) }));
});

describe('collapse guard', () => {
  const step = (v: number, before: MetricMemory, more: { atMs?: number; serving?: number } = {}) =>
    resolve(value(v, { atMs: more.atMs ?? T0 }), {}, before, more);
  test('a fall by more than half at once is taken for an outage', () => {
    const { m, metrics, complete } = step(49, known(100));
    expect(m).toMatchObject({ value: 49, mayShrink: false, code: 'HOLD_COLLAPSE', gap: false });
    expect(metrics['m']).toMatchObject({ collapsedFrom: 100, collapsedMs: T0 });
    expect(complete).toBe(true);
  });
  test('half is not more than half, and growth is no collapse', () => {
    expect(step(50, known(100)).m?.mayShrink).toBe(true);
    expect(step(500, known(100)).m?.mayShrink).toBe(true);
    expect(step(0, known(0)).m?.mayShrink).toBe(true);
  });
  test('it lasts until it has persisted, and ends when the value comes back', () => {
    const fallen = known(40, { collapsedFrom: 100, collapsedMs: T0 - 4 * MINUTE });
    expect(step(40, fallen).m?.code).toBe('HOLD_COLLAPSE');
    expect(step(5, fallen).metrics['m']?.collapsedMs).toBe(T0 - 4 * MINUTE);
    expect(step(40, { ...fallen, collapsedMs: T0 - 5 * MINUTE }).m?.mayShrink).toBe(true);
    const back = step(60, fallen);
    expect(back.m?.mayShrink).toBe(true);
    expect(back.metrics['m']).toMatchObject({ collapsedFrom: null, collapsedMs: null });
  });
  test('a fall that goes with the members is explained', () => {
    expect(step(40, known(100), { serving: 2 }).m?.mayShrink).toBe(true); // 4 → 2 serving: a total may halve
    expect(step(20, known(100), { serving: 2 }).m?.code).toBe('HOLD_COLLAPSE');
    expect(step(40, known(100), { serving: 8 }).m?.mayShrink).toBe(true); // 4 → 8 serving: a mean halves
    expect(step(0, known(100), { serving: 0 }).m?.code).toBe('HOLD_COLLAPSE'); // a dead group is not a quiet one
  });
  test('off', () => {
    const g = group({ metrics: { m: metric('m') }, limits: { ...LIMITS, collapseGuard: null } });
    const result = resolveReadings(g, ['m'], snapshot({ readings: { m: value(1) } }), settled(g, 4, { metrics: { m: known(100) } }), 4);
    expect(result.readings['m']?.mayShrink).toBe(true);
  });
});

test('memory keeps its identity while a value stays', () => {
  const before = resolve(value(5));
  const g = group({ metrics: { m: metric('m') } });
  const memory = settled(g, 4, { metrics: before.metrics });
  const again = (ms: number) => resolveReadings(g, ['m'], snapshot({ atMs: T0 + ms, readings: { m: value(5, { atMs: T0 + ms }) } }), memory, 4).metrics;
  expect(again(15_000)).toBe(memory.metrics);
  expect(again(45_000)).not.toBe(memory.metrics);
  expect(again(45_000)['m']?.changedMs).toBe(T0);
});
