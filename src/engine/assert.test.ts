import { describe, expect, test } from 'vitest';
import { SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import { decide } from '../core/decide.ts';
import { group, instances, snapshot, T0, value } from '../core/fixtures/group.ts';
import type { Decision, GroupMemory } from '../core/model/model.ts';
import { initialMemory } from '../core/remember.ts';
import type { InstanceRow } from '../ports/ports.ts';
import { assertBudget, assertDecision, assertIntent, InvariantViolated } from './assert.ts';
import { newRow } from './rows.ts';

const spec = group();
const memory: GroupMemory = { ...initialMemory(spec, T0, 4), target: 4 };
const good: Decision = decide(spec, snapshot({ instances: instances(4), readings: { rps: value(400) } }), memory).decision;
const blind = good.proposals.map((p) => ({ ...p, blocksShrink: true, error: 'no series' }));
const launches = (n: number): Decision['actions'] => Array.from({ length: n }, () => ({ kind: 'launch', zone: null, cause: 'scale-out', replaces: null }));
const remove: Decision['actions'] = [{ kind: 'remove', instance: 'web-1', cause: 'scale-in', why: 'oldest' }];

async function rowOf(patch: Partial<InstanceRow>): Promise<InstanceRow> {
  const sim = await SimGroup.open(groupSpec());
  const row = await sim.store.group('web');
  if (!row) throw new Error('no group');
  return { ...newRow({ row, memory, rows: new Map() }, 1, 'web-1', T0), ...patch };
}

describe('what a decision must never say', () => {
  const check =
    (over: Partial<Decision>, rows: ReadonlyMap<string, InstanceRow> = new Map(), m = memory, s = spec) =>
    () =>
      assertDecision(s, { ...good, ...over }, rows, m);
  test('a good one passes', () => expect(check({})).not.toThrow());
  test.each([
    ['I19', { target: Number.NaN }],
    ['I19', { target: -1 }],
    ['I19', { target: 2.5 }],
    ['I19', { target: 21 }],
    ['I16', { from: 4, target: 3, proposals: blind }],
    ['I1', { actions: launches(23) }],
    ['I11', { actions: remove }],
  ] as const)('%s: %j', (id, over) => expect(check(over as Partial<Decision>)).toThrow(new RegExp(`^${id}:`)));
  test('a person may shrink a blind group, and max may be lowered', () => {
    expect(check({ from: 4, target: 3, proposals: blind, reason: 'MANUAL' })).not.toThrow();
    expect(check({ from: 30, target: 20, proposals: blind })).not.toThrow();
  });
  test('I14: protected and detached ones stay', async () => {
    for (const flag of ['protected', 'detached'] as const) {
      const row = await rowOf({ state: 'serving', [flag]: true });
      expect(check({ actions: remove }, new Map([[row.id, row]]))).toThrow(/^I14:/);
    }
    const row = await rowOf({ state: 'serving' });
    expect(check({ actions: remove }, new Map([[row.id, row]]))).not.toThrow();
  });
  test('I3: not more launches than an hour may have', () => {
    const capped = { ...spec, limits: { ...spec.limits, launchesPerHour: 3 } };
    const launched = { ...memory, launched: [T0 - 1_000, T0 - 2_000] };
    expect(check({ actions: launches(1) }, new Map(), launched, capped)).not.toThrow();
    expect(check({ actions: launches(2) }, new Map(), launched, capped)).toThrow(/^I3:/);
  });
});

describe('right before a call', () => {
  const step = { kind: 'create', startedMs: T0, attempts: 1, nextTryMs: T0, error: null } as const;
  test.each([
    ['passes', { state: 'intent', step }, 'create', null],
    ['I25', { state: 'intent', step: null }, 'create', /^I25:/],
    ['I25', { state: 'intent', step: { ...step, attempts: 0 } }, 'create', /^I25:/],
    ['I4', { state: 'serving', step }, 'create', /^I4:/],
    ['passes', { state: 'terminating', machineId: 'm-1', step: { ...step, kind: 'delete' } }, 'delete', null],
    ['I10', { state: 'terminating', machineId: null, step: { ...step, kind: 'delete' } }, 'delete', /^I10:/],
    ['I10', { state: 'serving', machineId: 'm-1', step: { ...step, kind: 'delete' } }, 'delete', /^I10:/],
  ] as const)('%s: %j', async (_, patch, kind, says) => {
    const row = await rowOf(patch);
    if (says) expect(() => assertIntent(row, kind)).toThrow(says);
    else expect(() => assertIntent(row, kind)).not.toThrow();
  });
});

test('I12: a deletion over the budget is refused however it came there', () => {
  const destroyed = (n: number, cause: 'scale-in' | 'replace-unhealthy' | 'forced') => ({
    ...memory,
    destroyed: Array.from({ length: n }, () => ({ atMs: T0, cause })),
  });
  expect(() => assertBudget(spec, destroyed(2, 'scale-in'), 'scale-in', 4, T0)).not.toThrow();
  expect(() => assertBudget(spec, destroyed(3, 'scale-in'), 'scale-in', 4, T0)).toThrow(/^I12: 3 deletions/);
  expect(() => assertBudget(spec, destroyed(2, 'replace-unhealthy'), 'replace-unhealthy', 4, T0)).toThrow(/^I12: 2 replacements/);
  expect(() => assertBudget(spec, destroyed(9, 'forced'), 'scale-in', 4, T0)).not.toThrow();
  expect(() => assertBudget(spec, destroyed(9, 'scale-in'), 'forced', 4, T0)).not.toThrow();
});

test('a broken promise freezes the one group, durably, and says so', async () => {
  const sim = await SimGroup.open(groupSpec());
  await sim.start();
  await sim.seconds(10);
  const runner = sim.engine.runners.get('web');
  if (!runner) throw new Error('no runner');
  const remember = runner.remember.bind(runner);
  runner.remember = (next) => remember({ ...next, target: Number.NaN });
  await sim.seconds(5);
  expect(new InvariantViolated('I19', 'x').message).toBe('I19: x');
  expect((await sim.store.group('web'))?.frozen).toMatch(/drover groups unfreeze web/);
  const [event] = await sim.store.events({ type: 'group.frozen' }, { before: null, limit: 1 });
  expect(event?.group).toBe('web');
});
