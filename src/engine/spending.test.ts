import { expect, test } from 'vitest';
import { SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import type { InstanceRow } from '../ports/ports.ts';
import { spentThisMonth } from './spending.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const row = (over: Partial<InstanceRow>): InstanceRow =>
  ({ machineId: 'm', state: 'serving', createdAtMs: NOON - 10 * 3_600_000, sinceMs: NOON, pricePerHour: 2, ...over }) as InstanceRow;

test('counts living and gone machines, from the first of the month only', () => {
  expect(spentThisMonth([row({})], null, NOON)).toBe(20);
  expect(spentThisMonth([row({ state: 'gone', sinceMs: NOON - 9 * 3_600_000 })], null, NOON)).toBe(2);
  expect(spentThisMonth([row({ createdAtMs: Date.UTC(2026, 9, 1) })], null, NOON)).toBe(2 * (21 * 24 + 12));
  expect(spentThisMonth([row({ machineId: null })], null, NOON)).toBe(0);
  expect(spentThisMonth([row({ pricePerHour: null })], 3, NOON)).toBe(30);
  expect(spentThisMonth([row({ pricePerHour: null })], null, NOON)).toBeNull();
});

test('a monthly budget stops growth when it is spent, and never the refill to min', async () => {
  const base = groupSpec();
  const spec = groupSpec({ pricePerHour: 60, limits: { ...base.limits, budget: { perHour: null, perMonth: 10, currency: 'EUR' } } });
  const sim = await SimGroup.open(spec);
  sim.load = 50;
  await sim.start();
  await sim.seconds(700); // one machine at 1 EUR a minute
  sim.load = 800;
  await sim.seconds(120);
  expect(sim.alive()).toBe(1);
  const [d] = await sim.store.decisions('web', { before: null, limit: 1 });
  expect(d?.last.limits.map((l) => l.code)).toContain('LIMIT_BUDGET');
  sim.cloud.kill(sim.cloud.alive('web')[0]?.id as string, 'gone');
  await sim.seconds(30);
  expect(sim.alive()).toBe(1);
});
