import type { GroupSpec, PolicySpec } from '../../src/core/model/model.ts';

/** A whole GroupSpec with quick times, for tests of engine and core. */
export function groupSpec(over: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name: 'web',
    mode: 'act',
    cloud: 'sim',
    template: { id: 't1', options: {} },
    naming: { prefix: 'web', style: 'random' },
    spread: [],
    balancers: [{ balancer: 'lb', port: null, weight: null }],
    min: 1,
    max: 10,
    initial: null,
    evaluateEveryMs: 1_000,
    metrics: {
      load: {
        name: 'load',
        source: 'src',
        query: 'load',
        unit: 'req/s',
        maxAgeMs: 60_000,
        ifMissing: { kind: 'hold' },
        min: null,
        max: null,
        stuckAfterMs: null,
      },
    },
    policies: [targetPolicy()],
    limits: {
      scaleOut: { step: { count: 4, fraction: 1 }, everyMs: 1_000 },
      scaleIn: { step: { count: 4, fraction: 0.5 }, everyMs: 2_000, afterQuietMs: 5_000 },
      collapseGuard: null,
      flapCheck: true,
      budget: null,
      launchesPerHour: null,
      brake: { fraction: 0.3, count: 3 },
      destruction: { windowMs: 300_000, replace: { count: 5, fraction: 0.5 }, all: { count: 50, fraction: 1 } },
      approve: { scaleIn: null, scaleOut: null },
    },
    health: {
      check: { kind: 'http', path: '/healthz', port: null },
      everyMs: 1_000,
      timeoutMs: 500,
      healthyAfter: 1,
      unhealthyAfter: 3,
      replaceUnhealthy: true,
      graceMs: 0,
    },
    lifecycle: { bootTimeoutMs: 30_000, warmupMs: 0, drainTimeoutMs: 5_000, maxAgeMs: null, removeFirst: 'oldest', removeOutdatedFirst: false },
    hooks: [],
    notify: [],
    freezes: [],
    pricePerHour: null,
    written: {},
    hash: 'h1',
    ...over,
  };
}

export function targetPolicy(): PolicySpec {
  return { name: 'traffic', type: 'target', options: { metric: 'load', per_instance: 100, target: null, tolerance: 0.1 }, advisory: false };
}
