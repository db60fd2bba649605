import type { GroupSpec, PolicySpec } from '../../src/core/model/model.ts';
import { sampleMetric, sampleSpec } from '../../src/testing/store-samples.ts';

/** A whole GroupSpec with quick times, for tests of engine and core. */
export function groupSpec(over: Partial<GroupSpec> = {}): GroupSpec {
  const { limits, health, lifecycle } = sampleSpec('web');
  return sampleSpec('web', {
    cloud: 'sim',
    template: { id: 't1', options: {} },
    naming: { prefix: 'web', style: 'random' },
    spread: [],
    balancers: [{ balancer: 'lb', port: null, weight: null }],
    evaluateEveryMs: 1_000,
    metrics: { load: sampleMetric('load', { source: 'src', unit: 'req/s' }) },
    policies: [targetPolicy()],
    limits: {
      ...limits,
      scaleOut: { step: { count: 4, fraction: 1 }, everyMs: 1_000 },
      scaleIn: { step: { count: 4, fraction: 0.5 }, everyMs: 2_000, afterQuietMs: 5_000 },
      collapseGuard: null,
      destruction: { windowMs: 300_000, replace: { count: 5, fraction: 0.5 }, all: { count: 50, fraction: 1 } },
    },
    health: { ...health, check: { kind: 'http', path: '/healthz', port: null }, healthyAfter: 1 },
    lifecycle: { ...lifecycle, bootTimeoutMs: 30_000, drainTimeoutMs: 5_000, removeOutdatedFirst: false },
    pricePerHour: null,
    written: {},
    hash: 'h1',
    ...over,
  });
}

export function targetPolicy(): PolicySpec {
  return { name: 'traffic', type: 'target', options: { metric: 'load', per_instance: 100, target: null, tolerance: 0.1 }, advisory: false };
}
