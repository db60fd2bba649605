import type { Decision } from '../core/model/decision.ts';
import type { GroupSpec, MetricSpec } from '../core/model/group.ts';
import type { GroupMemory, Snapshot } from '../core/model/snapshot.ts';
import type { Clock } from '../ports/clock.ts';
import type { AlertRow, DecisionInputs, GroupCommit, InstanceRow, NewEvent } from '../ports/store.ts';

/** A wall clock that a test sets. What is due at once comes once everything ready has run; nothing else may wait on it. */
export interface SetClock extends Clock {
  nowMs: number;
}
export function setClock(nowMs: number): SetClock {
  const clock: SetClock = {
    nowMs,
    wall: () => clock.nowMs,
    mono: () => clock.nowMs,
    sleep: () => Promise.reject(new Error('the store does not sleep')),
    after: (ms, run) => {
      if (ms > 0) throw new Error('the store sets no timers');
      const timer = setImmediate(run);
      return () => clearImmediate(timer);
    },
  };
  return clock;
}

export function sampleSpec(name: string, over: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name,
    mode: 'act',
    cloud: 'local',
    template: { id: 'template-1', options: { command: ['web', '--port', '8080'], env: { A: 'b' } } },
    naming: { prefix: name, style: 'increasing' },
    spread: ['a', 'b'],
    balancers: [{ balancer: 'front', port: 8080, weight: null }],
    min: 1,
    max: 10,
    initial: null,
    evaluateEveryMs: 10_000,
    metrics: {},
    policies: [{ name: 'load', type: 'target', options: { per: 200 }, advisory: false }],
    limits: {
      scaleOut: { step: { count: 4, fraction: 1 }, everyMs: 30_000 },
      scaleIn: { step: { count: 1, fraction: 0.2 }, everyMs: 60_000, afterQuietMs: 300_000 },
      collapseGuard: 0.5,
      flapCheck: true,
      budget: null,
      launchesPerHour: null,
      brake: { fraction: 0.3, count: 3 },
      destruction: { windowMs: 300_000, replace: { count: 1, fraction: 0.1 }, all: { count: 2, fraction: 0.5 } },
      approve: { scaleIn: null, scaleOut: null },
    },
    health: {
      check: { kind: 'http', path: '/', port: null },
      everyMs: 1000,
      timeoutMs: 500,
      healthyAfter: 2,
      unhealthyAfter: 3,
      replaceUnhealthy: true,
      graceMs: 0,
    },
    lifecycle: { bootTimeoutMs: 60_000, warmupMs: 0, drainTimeoutMs: 30_000, maxAgeMs: null, removeFirst: 'oldest', removeOutdatedFirst: true },
    hooks: [],
    notify: [],
    freezes: [],
    pricePerHour: 0.018,
    written: { min: 'drover.yaml:3:8' },
    hash: `hash-${name}`,
    ...over,
  };
}

export function sampleMetric(name: string, over: Partial<MetricSpec> = {}): MetricSpec {
  return {
    name,
    source: 'default',
    query: name,
    unit: null,
    maxAgeMs: 60_000,
    ifMissing: { kind: 'hold' },
    min: null,
    max: null,
    stuckAfterMs: null,
    ...over,
  };
}

export function sampleMemory(target: number): GroupMemory {
  return {
    target,
    wants: [{ size: target, fromMs: 1, toMs: 2, complete: true }],
    moves: [],
    lastOutMs: null,
    lastInMs: null,
    policies: { load: { level: 0.1 + 0.2 } },
    metrics: {},
    lastGapMs: null,
    backoff: {},
    destroyed: [],
    launched: [],
    brake: false,
    config: 'config',
  };
}

export function sampleInstance(group: string, n: number, over: Partial<InstanceRow> = {}): InstanceRow {
  return {
    id: `${group}-${n}`,
    group,
    n,
    token: `token-${group}-${n}`,
    templateId: 'template-1',
    state: 'serving',
    sinceMs: 5000,
    createdAtMs: 4000,
    servingSinceMs: 5000,
    machineId: `m-${n}`,
    address: '127.0.0.1',
    port: 8000 + n,
    zone: null,
    pricePerHour: 0.018,
    paidUntilMs: null,
    health: 'healthy',
    healthSinceMs: 4500,
    protected: false,
    standby: false,
    detached: false,
    replaceRequested: false,
    removeRequested: false,
    removalCause: null,
    removalWhy: null,
    replaces: null,
    members: { front: `slot-${n}` },
    step: { kind: 'attach', startedMs: 4900, attempts: 1, nextTryMs: 0, error: null },
    launchedBy: 'd-1',
    removedBy: null,
    ...over,
  };
}

export function sampleDecision(group: string, id: string, atMs: number, over: Partial<Decision> = {}): Decision {
  return {
    id,
    atMs,
    group,
    outcome: 'hold',
    reason: 'HOLD_TOLERANCE',
    from: 2,
    wanted: 2,
    target: 2,
    running: 2,
    serving: 2,
    sentence: `Holding at 2 machines, “${group}”.`,
    proposals: [],
    limits: [],
    holds: [],
    blocked: [],
    actions: [],
    blind: false,
    actor: 'drover',
    config: `hash-${group}`,
    ...over,
  };
}

export function sampleInputs(decisionId: string, atMs: number, target = 2): Omit<DecisionInputs, 'spec'> {
  const snapshot: Snapshot = {
    atMs,
    decisionId,
    instances: [],
    readings: { load: { kind: 'value', value: 1064.25, atMs, ageMs: 5000, coverage: 1 } },
    alerts: [],
    schedules: {},
    pause: null,
    manual: [],
    freezeUntilMs: null,
    approved: null,
    cloudTrusted: true,
    balancerTrusted: true,
    spentThisMonth: null,
    cause: 'tick',
  };
  return { snapshot, memory: sampleMemory(target) };
}

export function decisionEntry(group: string, id: string, atMs: number, kind: 'new' | 'repeat' = 'new', count = 1): NonNullable<GroupCommit['decision']> {
  return { kind, decision: sampleDecision(group, id, atMs), inputs: sampleInputs(id, atMs), count };
}

export function sampleEvent(type: string, group: string | null = null, over: Partial<NewEvent> = {}): NewEvent {
  return { atMs: 1000, group, type, actor: 'drover', data: { b: 1, a: ['x', null, { z: true, y: 0.5 }] }, ...over };
}

export function sampleAlert(episode: string, over: Partial<AlertRow> = {}): AlertRow {
  return {
    receiver: 'am',
    episode,
    status: 'firing',
    name: 'HighLoad',
    labels: { job: 'web' },
    startsAtMs: 500,
    lastHeardMs: 1000,
    resolvedAtMs: null,
    ...over,
  };
}
