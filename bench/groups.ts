/** The groups, machines and load of the benches that need no real machines. */
import type { GroupSpec } from '../src/core/model/model.ts';
import { newRow, tokenOf } from '../src/engine/rows.ts';
import type { GroupRow, InstanceRow, Machine } from '../src/ports/ports.ts';
import { sampleMetric, sampleSpec } from '../src/testing/store-samples.ts';

export const EVERY_MS = 10_000;
export const MACHINES = 3;
export const PER_INSTANCE = 100;
/** Groups behind one balancer: one balancer for thousands of members would be read by all of them. */
export const GROUPS_PER_BALANCER = 50;

export const groupName = (i: number): string => `g${String(i).padStart(5, '0')}`;
export const numberOf = (name: string): number => Number(name.slice(1));
export const balancerOf = (i: number): string => `lb${Math.floor(i / GROUPS_PER_BALANCER)}`;

/** Limits as the defaults of the configuration, apart from the quiet time: a bench is shorter than five minutes. */
export function benchSpec(i: number): GroupSpec {
  const name = groupName(i);
  const { limits, health, lifecycle } = sampleSpec(name);
  return sampleSpec(name, {
    cloud: 'bench',
    template: { id: 't1', options: { image: 'bench' } },
    spread: [],
    balancers: [{ balancer: balancerOf(i), port: null, weight: null }],
    evaluateEveryMs: EVERY_MS,
    metrics: { load: sampleMetric('load', { source: 'src', query: { group: i }, unit: 'req/s' }) },
    policies: [{ name: 'traffic', type: 'target', options: { metric: 'load', per_instance: PER_INSTANCE, target: null, tolerance: 0.1 }, advisory: false }],
    limits: { ...limits, scaleIn: { ...limits.scaleIn, everyMs: 10_000, afterQuietMs: 15_000 } },
    health: { ...health, check: { kind: 'none' }, everyMs: 10_000, timeoutMs: 1_000, healthyAfter: 1 },
    lifecycle: { ...lifecycle, drainTimeoutMs: 5_000, removeOutdatedFirst: false },
    pricePerHour: null,
    written: {},
    hash: `h${i}`,
  });
}

/** One group in 200 swings so far that it grows and shrinks; the others wobble within what three machines carry. */
export function loadOf(i: number, atMs: number): number {
  const phase = (i * 0.618) % 1;
  const amplitude = i % 200 === 0 ? 110 : 35;
  return 255 + amplitude * Math.sin(2 * Math.PI * (atMs / 60_000 + phase));
}

/** The machines of a group that was started long ago. */
export function machinesOf(i: number, installId: string, startMs: number): Machine[] {
  return Array.from({ length: MACHINES }, (_, k): Machine => {
    const n = k + 1;
    const number = i * MACHINES + n;
    return {
      id: `m-${groupName(i)}-${n}`,
      owner: { install: installId, group: groupName(i), token: tokenOf(installId, groupName(i), n), instance: `${groupName(i)}${n}`, templateId: 't1' },
      name: `${groupName(i)}${n}`,
      state: 'running',
      address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
      port: 8080,
      zone: null,
      createdAtMs: startMs,
      pricePerHour: null,
      paidUntilMs: null,
    };
  });
}

/** The rows of those machines, serving. */
export function rowsOf(row: GroupRow, i: number, installId: string, startMs: number): InstanceRow[] {
  return machinesOf(i, installId, startMs).map(
    (m, k): InstanceRow => ({
      ...newRow({ row, memory: row.memory as never, rows: new Map() }, k + 1, m.name, startMs),
      token: m.owner?.token ?? '',
      state: 'serving',
      servingSinceMs: startMs,
      machineId: m.id,
      address: m.address,
      port: m.port,
      health: 'healthy',
      members: { [balancerOf(i)]: `s:${m.address}:${m.port}` },
    }),
  );
}
