import { describe, expect, test } from 'vitest';
import { context, usable } from '../fixtures/context.ts';
import { MINUTE, T0 } from '../fixtures/group.ts';
import type { Json } from '../model/json.ts';
import { applyChange } from './apply-change.ts';
import type { PolicyContext } from './policy.ts';
import { stepPolicy } from './step.ts';

const options = (steps: unknown[], more: Record<string, unknown> = {}) => stepPolicy.options.parse({ metric: 'cpu', steps, ...more });
const GUARD = options([
  { above: '85%', change: '+2' },
  { below: '20%', change: -1 },
]);
const ask = (value: number | null, more: Partial<PolicyContext> = {}, o = GUARD, memory: Json = null) =>
  stepPolicy.propose(context([usable('cpu', value)], more), o, memory);

describe('bands', () => {
  test.each([
    [0.86, 6],
    [0.85, 6], // inclusive
    [0.849, null],
    [0.5, null],
    [0.201, null],
    [0.2, 3], // inclusive
    [0.1, 3],
  ])('cpu %d wants %j', (value, wants) => {
    const { proposal } = ask(value);
    expect(proposal.wants).toBe(wants);
    expect(proposal.abstains).toBe(wants === null);
  });
  test('the deepest band counts', () => {
    const o = options([
      { above: 50, change: 1 },
      { above: 90, change: 4 },
      { below: 30, change: -1 },
      { below: 10, change: -3 },
    ]);
    expect([60, 95, 20, 5].map((v) => ask(v, { target: 10 }, o).proposal.wants)).toEqual([11, 14, 9, 7]);
  });
  test('a metric in percent and a bound with a sign mean the same', () => {
    expect(stepPolicy.propose(context([usable('cpu', 86, { unit: 'percent' })]), GUARD, null).proposal).toMatchObject({
      wants: 6,
      reason: 'STEP_CROSSED',
      arithmetic: '86 %, at or above 85 %: +2 → 6',
    });
  });
  test('missing blocks shrinking', () => expect(ask(null).proposal).toMatchObject({ wants: null, abstains: false, blocksShrink: true }));
});

describe('rounding of shares: away from nothing, at least one', () => {
  test.each([
    [0.3, 5, 7], // +1.5 → +2
    [-0.3, 5, 4], // −1.5 → −1
    [0.01, 5, 6],
    [-0.01, 5, 4],
    [0.2, 5, 6], // exactly one
    [-0.2, 10, 8],
    [0.5, 0, 1],
    [-0.5, 1, 0],
    [-1, 3, 0],
  ])('%d of %d gives %d', (fraction, size, after) => expect(applyChange({ kind: 'fraction', fraction }, size)).toBe(after));
  test('counts and sizes', () => {
    expect(applyChange({ kind: 'by', count: -5 }, 3)).toBe(0);
    expect(applyChange({ kind: 'to', size: 5 }, 9)).toBe(5);
  });
});

describe('time in a band', () => {
  const o = options([
    { above: '85%', for: '1m', change: '+2' },
    { below: '20%', for: '10m', change: -1 },
  ]);
  /** Asks every 15 s from T0, as long as `values` last. */
  function watch(values: (number | null)[], more: Partial<PolicyContext> = {}) {
    let memory: Json = null;
    return values.map((v, i) => {
      const result = ask(v, { atMs: T0 + i * 15_000, ...more }, o, memory);
      memory = JSON.parse(JSON.stringify(result.memory));
      return result.proposal.wants;
    });
  }
  test('waits, keeps what there is while it waits to add, and then acts', () => expect(watch([0.9, 0.9, 0.9, 0.9, 0.9])).toEqual([4, 4, 4, 4, 6]));
  test('starts again when the value leaves the band', () => expect(watch([0.9, 0.9, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9])).toEqual([4, 4, null, 4, 4, 4, 4, 6]));
  test('a short gap does not restart the time towards adding', () => expect(watch([0.9, 0.9, null, 0.9, 0.9])).toEqual([4, 4, null, 4, 6]));
  test('any gap restarts the time towards removing', () => {
    const quiet = Array.from({ length: 41 }, () => 0.1);
    expect(watch(quiet).at(-1)).toBe(3);
    expect(watch([...quiet.slice(0, 20), null, ...quiet.slice(21)]).at(-1)).toBeNull();
  });
  test('a long silence restarts both', () => {
    const first = ask(0.9, {}, o).memory;
    expect(ask(0.9, { atMs: T0 + 10 * MINUTE }, o, first).proposal.wants).toBe(4);
  });
  test('a change of size starts the time again', () => {
    const memory = ask(0.9, {}, o).memory;
    const later = T0 + 70_000;
    expect(ask(0.9, { atMs: later }, o, memory).proposal.wants).toBe(6);
    expect(ask(0.9, { atMs: later, lastOutMs: T0 + 30_000 }, o, memory).proposal.wants).toBe(4);
  });
  test('memory stays the same object while nothing happens', () => {
    const { memory } = ask(0.9, {}, o);
    expect(ask(0.9, { atMs: T0 + 15_000 }, o, memory).memory).toBe(memory);
    const calm = ask(0.5).memory;
    expect(ask(0.5, { atMs: T0 + 15_000 }, GUARD, calm).memory).toBe(calm);
  });
});

describe('a breach that goes on while machines warm', () => {
  const o = options([
    { above: '85%', change: '+2' },
    { above: '95%', change: '+4' },
  ]);
  test('adds nothing inside one band, and the difference in a higher one', () => {
    const first = ask(0.9, {}, o);
    expect(first.proposal.wants).toBe(6);
    const warming = { atMs: T0 + 15_000, target: 6, running: 6, serving: 4, warming: 2 };
    const again = ask(0.9, warming, o, first.memory);
    expect(again.proposal).toMatchObject({ wants: 6, reason: 'HOLD_TOLERANCE' });
    expect(ask(0.97, warming, o, again.memory).proposal.wants).toBe(8);
    const warm = { atMs: T0 + MINUTE, target: 6, running: 6, serving: 6, warming: 0 };
    expect(ask(0.9, warm, o, again.memory).proposal.wants).toBe(8);
  });
  test('nor while its machines cannot be launched', () => {
    const { memory } = ask(0.9, {}, o);
    expect(ask(0.9, { atMs: T0 + 15_000, target: 6, running: 4, serving: 4 }, o, memory).proposal.wants).toBe(6);
  });
});

test('projects a mean onto other sizes, a total not', () => {
  const at = (size: number, o = GUARD) => stepPolicy.project?.(context([usable('cpu', 0.19)]), o, size);
  expect(at(4)).toBe(3);
  expect(at(3)).toBeNull(); // 25 %
  expect(stepPolicy.project?.(context([usable('cpu', 0.3)]), GUARD, 1)).toBe(3); // 120 % on one machine
  expect(at(1, options([{ below: '20%', change: -1 }], { measures: 'total' }))).toBe(0);
});

test('agrees to shrink only where a band removes', () => {
  expect(stepPolicy.canShrink(GUARD)).toBe(true);
  expect(stepPolicy.canShrink(options([{ above: 1, change: 1 }]))).toBe(false);
});

test.each([[[]], [[{ change: 1 }]], [[{ above: 1, below: 0, change: 1 }]], [[{ above: 1 }]], [[{ above: 1, change: 0 }]], [[{ above: 1, change: 1, for: 5 }]]])(
  'steps %j are refused',
  (steps) => expect(stepPolicy.options.safeParse({ metric: 'cpu', steps }).success).toBe(false),
);
