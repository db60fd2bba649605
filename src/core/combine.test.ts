import { describe, expect, test } from 'vitest';
import { combine } from './combine.ts';
import { group, snapshot, T0 } from './fixtures/group.ts';
import type { Proposal } from './model/decision.ts';
import type { ManualOverride } from './model/snapshot.ts';

const proposal = (policy: string, more: Partial<Proposal>): Proposal => ({
  policy,
  type: 'target',
  metric: 'm',
  value: null,
  per: null,
  exact: null,
  wants: null,
  abstains: false,
  floor: false,
  cap: null,
  blocksShrink: false,
  reason: 'ABOVE_TARGET',
  arithmetic: policy,
  ageS: null,
  winner: false,
  error: null,
  advisory: false,
  ...more,
});
const want = (policy: string, wants: number, more: Partial<Proposal> = {}) => proposal(policy, { wants, ...more });
const floor = (policy: string, wants: number) => want(policy, wants, { floor: true, type: 'schedule' });
const cap = (policy: string, size: number) => proposal(policy, { abstains: true, cap: size, type: 'schedule' });
const silent = (policy: string) => proposal(policy, { abstains: true });
const missing = (policy: string) => proposal(policy, { blocksShrink: true, reason: 'HOLD_METRIC_MISSING', error: `${policy} is missing` });
const exact = (size: number): ManualOverride => ({ kind: 'exact', size, untilMs: null, by: 'ops', reason: null });
const manual = (more: Partial<Proposal>) => proposal('manual', { type: 'manual', reason: 'MANUAL', ...more });

const wanted = (target: number, ...proposals: Proposal[]) => {
  const { wanted: size, winner } = combine(group(), snapshot(), proposals, target);
  return [size, winner?.policy ?? null];
};

describe('out if any, in only if all', () => {
  test.each<[string, number, Proposal[], [number, string | null]]>([
    ['the largest wins', 4, [want('a', 5), want('b', 7), want('c', 2)], [7, 'b']],
    ['the first of equals wins', 4, [want('a', 5), want('b', 5)], [5, 'a']],
    ['one that wants to stay keeps the others from shrinking', 4, [want('a', 2), want('b', 4)], [4, 'b']],
    ['all agree', 4, [want('a', 2), want('b', 3)], [3, 'b']],
    ['who abstains is not asked', 4, [want('a', 2), silent('b')], [2, 'a']],
    ['all abstain: hold', 4, [silent('a'), silent('b')], [4, null]],
    ['no policies: hold', 4, [], [4, null]],
    ['a floor alone does not shrink', 8, [silent('a'), floor('hours', 4)], [8, null]],
    ['a floor raises', 2, [silent('a'), floor('hours', 4)], [4, 'hours']],
    ['a floor stops a shrink', 8, [want('a', 2), floor('hours', 4)], [4, 'hours']],
    ['a cap cuts', 8, [want('a', 9), cap('night', 3)], [3, 'night']],
    ['a cap beats a floor', 2, [want('a', 2), floor('hours', 6), cap('night', 3)], [3, 'night']],
    ['what is shown only has no say', 4, [want('a', 9, { advisory: true }), want('b', 4)], [4, 'b']],
  ])('%s', (_, target, proposals, expected) => expect(wanted(target, ...proposals)).toEqual(expected));
});

describe('missing data', () => {
  test('keeps the target, and says so', () => {
    const result = combine(group({ written: { 'metrics.m.if_missing': 'drover.yaml:9:3' } }), snapshot(), [want('a', 2), missing('b')], 4);
    expect(result).toMatchObject({ wanted: 4, loadWants: 2 });
    expect(result.hold).toEqual({
      code: 'HOLD_METRIC_MISSING',
      untilMs: null,
      from: 2,
      to: 4,
      detail: 'b is missing',
      key: 'metrics.m.if_missing',
      at: 'drover.yaml:9:3',
    });
  });
  test('does not keep the others from growing', () => {
    expect(combine(group(), snapshot(), [want('a', 6), missing('b')], 4)).toMatchObject({ wanted: 6, hold: null });
  });
  test('a cap is an order and holds all the same', () => expect(combine(group(), snapshot(), [missing('b'), cap('night', 3)], 4).wanted).toBe(3));
});

describe('people', () => {
  const with_ = (overrides: ManualOverride[], target: number, ...proposals: Proposal[]) => combine(group(), snapshot({ manual: overrides }), proposals, target);
  test('an exact size wins over all', () => {
    const result = with_([exact(3)], 4, want('a', 9), floor('hours', 6), missing('b'), manual({ wants: 3, cap: 3 }));
    expect(result).toMatchObject({ wanted: 3, forced: true, cap: 3, hold: null, winner: { policy: 'manual' } });
    expect(result.loadWants).toBe(9); // remembered: what the load asked for meanwhile
  });
  test('an expired one does not', () => expect(with_([{ ...exact(3), untilMs: T0 }], 4, want('a', 9))).toMatchObject({ wanted: 9, forced: false }));
  test('the newest of several wins', () => expect(with_([exact(3), exact(5)], 4, manual({ wants: 3 }), manual({ wants: 5 })).wanted).toBe(5));
  test('a floor beats the cap of a schedule, a cap beats everything', () => {
    expect(with_([], 4, want('a', 2), cap('night', 3), manual({ wants: 5, floor: true })).wanted).toBe(5);
    expect(with_([], 4, want('a', 9), manual({ wants: 5, floor: true }), manual({ abstains: true, cap: 2 })).wanted).toBe(2);
  });
});
