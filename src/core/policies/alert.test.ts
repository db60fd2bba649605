import { describe, expect, test } from 'vitest';
import { alertView, context } from '../fixtures/context.ts';
import { MINUTE, T0 } from '../fixtures/group.ts';
import type { Json } from '../model/json.ts';
import { alertPolicy, ONCE_UNTIL } from './alert.ts';
import type { PolicyContext } from './policy.ts';

const ask = (o: Record<string, unknown>, more: Partial<PolicyContext>, memory: Json = null) =>
  alertPolicy.propose(context([], more), alertPolicy.options.parse(o), memory);
const FLOOR = { alert: 'HighLoad', while_firing: { min: 6 } };
const STEP = { alert: 'HighLoad', change: '+2', every: '5m' };

describe('while firing', () => {
  test('a floor', () => {
    expect(ask(FLOOR, { alerts: [alertView()] }).proposal).toMatchObject({
      wants: 6,
      floor: true,
      reason: 'ALERT_FIRING',
      arithmetic: 'HighLoad is firing since 07:59:00 UTC: at least 6',
    });
  });
  test('nothing without an alert', () => expect(ask(FLOOR, {}).proposal).toMatchObject({ abstains: true, wants: null }));
  test('an alert that is not heard of any more is over', () => {
    const alerts = [alertView({ lastHeardMs: T0 - 6 * 60 * MINUTE })];
    expect(ask(FLOOR, { alerts }).proposal.abstains).toBe(true);
    expect(ask({ ...FLOOR, valid_for: '7h' }, { alerts }).proposal.wants).toBe(6);
  });
  test.each([
    [{ alert: 'Other' }, true],
    [{ labels: { job: 'web' } }, false],
    [{ labels: { job: 'api' } }, true],
    [{ labels: { team: 'web' } }, true],
    [{ alert: 'HighLoad', labels: { job: 'web' }, receiver: 'am' }, false],
    [{ alert: 'HighLoad', receiver: 'grafana' }, true],
  ])('matching %j', (o, abstains) => expect(ask({ ...o, while_firing: { min: 6 } }, { alerts: [alertView()] }).proposal.abstains).toBe(abstains));
  test('no label is found by accident', () =>
    expect(ask({ labels: { toString: 'x' }, while_firing: { min: 6 } }, { alerts: [alertView()] }).proposal.abstains).toBe(true));
});

describe('one change per period', () => {
  const alerts = [alertView()];
  test('is wanted until the period is over, then once more', () => {
    const first = ask(STEP, { alerts });
    expect(first.proposal).toMatchObject({ wants: 6, floor: true });
    const second = ask(STEP, { alerts, atMs: T0 + 4 * MINUTE, target: 6 }, first.memory);
    expect(second.proposal.wants).toBe(6);
    expect(second.memory).toBe(first.memory);
    const third = ask(STEP, { alerts: [alertView({ lastHeardMs: T0 + 5 * MINUTE })], atMs: T0 + 5 * MINUTE, target: 6 }, second.memory);
    expect(third.proposal.wants).toBe(8);
  });
  test('an alert that flaps inside the period changes nothing more', () => {
    const first = ask(STEP, { alerts });
    const resolved = ask(STEP, { atMs: T0 + MINUTE, target: 6 }, first.memory);
    expect(resolved.proposal.abstains).toBe(true);
    const again = ask(STEP, { alerts: [alertView({ episode: 'f1:2' })], atMs: T0 + 2 * MINUTE, target: 6 }, resolved.memory);
    expect(again.proposal.wants).toBe(6);
    expect(ask(STEP, { atMs: T0 + 6 * MINUTE, target: 6 }, again.memory).memory).toBeNull();
  });
  test('a change that removes agrees to shrinking', () => {
    expect(ask({ alert: 'HighLoad', change: -1 }, { alerts }).proposal).toMatchObject({ wants: 3, floor: false });
    expect(alertPolicy.canShrink(alertPolicy.options.parse({ alert: 'LowLoad', change: -1 }))).toBe(true);
    expect(alertPolicy.canShrink(alertPolicy.options.parse(FLOOR))).toBe(false);
  });
});

test.each([
  [{ while_firing: { min: 1 } }],
  [{ alert: 'x' }],
  [{ alert: 'x', change: 1, while_firing: { min: 1 } }],
  [{ alert: 'x', change: 1, every: 5 }],
  [{ alert: 'x', while_firing: { min: 0 } }],
])('options %j are refused', (o) => expect(alertPolicy.options.safeParse(o).success).toBe(false));

describe('a trigger: one change each', () => {
  const trigger = (episode: string, startsAtMs = T0, untilMs = T0 + 10 * MINUTE) =>
    alertView({ episode, startsAtMs, lastHeardMs: startsAtMs, labels: { job: 'web', [ONCE_UNTIL]: String(untilMs) } });
  const ONE = { alert: 'HighLoad', change: '+1', every: '1m' };

  test('changes once, however long it is told of', () => {
    const alerts = [trigger('a')];
    const first = ask(ONE, { alerts });
    expect(first.proposal).toMatchObject({ wants: 5, floor: true, arithmetic: 'HighLoad is firing: +1 once → 5' });
    const held = ask(ONE, { alerts, atMs: T0 + MINUTE / 2, target: 4 }, first.memory);
    expect(held.proposal.wants).toBe(5);
    expect(held.memory).toBe(first.memory);
    const later = ask(ONE, { alerts, atMs: T0 + 2 * MINUTE, target: 5 }, held.memory);
    expect(later.proposal.wants).toBe(5);
    const over = ask(ONE, { alerts, atMs: T0 + 10 * MINUTE, target: 5 }, later.memory);
    expect(over.proposal.abstains).toBe(true);
    expect(ask(ONE, { atMs: T0 + 11 * MINUTE, target: 5 }, over.memory).memory).toBeNull();
  });
  test('each of several has its change, oldest first, whatever the order and however soon', () => {
    const alerts = [trigger('b', T0 + 1), trigger('c', T0 + 2), trigger('a')];
    let memory: Json = null;
    const sizes: (number | null)[] = [];
    for (let i = 0; i < 5; i++) {
      // The target stays behind, as limits may have it.
      const result = ask(ONE, { alerts, atMs: T0 + 10 + i, target: 4 }, memory);
      sizes.push(result.proposal.wants);
      memory = result.memory;
    }
    expect(sizes).toEqual([5, 6, 7, 7, 7]);
    expect(ask(ONE, { atMs: T0 + 5 * MINUTE }, memory).memory).toBeNull();
  });
  test('of removal, too', () => {
    const first = ask({ ...ONE, change: '-1' }, { alerts: [trigger('a'), trigger('b', T0 + 1)] });
    expect(first.proposal).toMatchObject({ wants: 3, floor: false });
    expect(ask({ ...ONE, change: '-1' }, { alerts: [trigger('a'), trigger('b', T0 + 1)], atMs: T0 + 1 }, first.memory).proposal.wants).toBe(2);
  });
  test.each([
    ['over', String(T0)],
    ['of no time at all', 'soon'],
  ])('that is %s says nothing', (_, until) => {
    const alerts = [alertView({ labels: { job: 'web', [ONCE_UNTIL]: until } })];
    expect(ask(ONE, { alerts }).proposal.abstains).toBe(true);
    expect(ask(FLOOR, { alerts }).proposal.abstains).toBe(true);
  });
  test('holds a floor as long as it lasts', () => {
    expect(ask(FLOOR, { alerts: [trigger('a')] }).proposal.wants).toBe(6);
    expect(ask(FLOOR, { alerts: [trigger('a')], atMs: T0 + 10 * MINUTE }).proposal.abstains).toBe(true);
  });
});
