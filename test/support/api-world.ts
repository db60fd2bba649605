/** A controller's operations kept in memory, with enough behind them that the API has something to say. For tests of the API. */

import type { ConfigPlan } from '../../src/api/config-operations.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import type { ApiDeps } from '../../src/api/server.ts';
import { createToken } from '../../src/api/tokens.ts';
import type { Decision, ManualOverride, Pause } from '../../src/core/model/model.ts';
import { type Actor, type CloudListing, type GroupStatus, OperationError, type Operations } from '../../src/engine/operations.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import {
  type Clock,
  type DecisionRow,
  type EventRow,
  type InstanceRow,
  type NewEvent,
  type ParsedAlerts,
  silentLog,
  type TokenRow,
} from '../../src/ports/ports.ts';
import { sampleInstance, sampleMetric, sampleSpec } from '../../src/testing/store-samples.ts';

export const T0 = Date.UTC(2026, 10, 22, 13, 32, 7);

/** Time moves when told; timers run then. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}
export function createTestClock(startMs = T0): TestClock {
  let now = 0;
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  const after: Clock['after'] = (ms, run) => {
    const timer = { atMs: now + ms, run };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    wall: () => startMs + now,
    mono: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
    advance: (ms) => {
      const until = now + ms;
      for (;;) {
        const due = [...timers].filter((t) => t.atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = Math.max(now, due.atMs);
        due.run();
      }
      now = until;
    },
  };
}

export function decisionOf(over: Partial<Decision> = {}): Decision {
  return {
    id: 'd_8kq2',
    atMs: T0,
    group: 'web',
    outcome: 'scale_out',
    reason: 'ABOVE_TARGET',
    from: 3,
    wanted: 6,
    target: 5,
    running: 3,
    serving: 3,
    sentence: 'traffic wanted 6, the step limit allowed 5.',
    proposals: [
      {
        policy: 'traffic',
        type: 'target',
        metric: 'rps',
        value: 1064,
        per: 200,
        exact: 5.32,
        wants: 6,
        abstains: false,
        blocksShrink: false,
        reason: 'ABOVE_TARGET',
        arithmetic: '1064 req/s / 200 = 5.3 → 6',
        ageS: 11,
        winner: true,
        error: null,
        advisory: false,
      },
    ],
    limits: [{ code: 'LIMIT_STEP', from: 6, to: 5, detail: '+2 every 2 min', key: 'limits.scale_out.step', at: 'drover.yaml:52:18' }],
    holds: [],
    blocked: [],
    actions: [{ kind: 'launch', zone: 'fsn1', cause: 'scale-out', replaces: null }],
    blind: false,
    actor: 'drover',
    config: '3f9c2a1',
    ...over,
  };
}

export function instanceOf(id: string, over: Partial<InstanceRow> = {}): InstanceRow {
  return sampleInstance('web', 1, {
    id,
    token: `tok-${id}`,
    templateId: 'tpl1',
    sinceMs: T0,
    createdAtMs: T0,
    servingSinceMs: T0,
    machineId: `m-${id}`,
    address: '10.0.0.7',
    port: 8080,
    zone: 'fsn1',
    pricePerHour: 0.01,
    healthSinceMs: T0,
    members: { edge: `web/${id}` },
    step: null,
    launchedBy: 'd_8kq2',
    ...over,
  });
}

export function statusOf(group: string, over: Partial<GroupStatus> = {}): GroupStatus {
  return {
    group,
    cloud: 'hetzner',
    mode: 'act',
    managed: true,
    state: 'holding',
    wanted: 2,
    target: 2,
    running: 2,
    serving: 1,
    min: 1,
    max: 10,
    demand: 1.7,
    sentence: 'holding at 2.',
    pause: null,
    manual: [],
    decisionId: 'd_8kq2',
    lastEvaluatedMs: T0,
    nextDueMs: T0 + 15_000,
    states: { booting: 1, serving: 1 },
    readings: {
      rps: { kind: 'value', value: 340, atMs: T0 - 11_000, ageMs: 11_000, coverage: 1 },
      cpu: { kind: 'missing', reason: 'source-error', detail: 'connection refused', atMs: T0 },
    },
    problem: null,
    ...over,
  };
}

const SAMPLE = sampleSpec('web');
const SPEC = sampleSpec('web', {
  cloud: 'hetzner',
  template: { id: 'tpl1', options: { image: 'debian-12', env: { DB_PASSWORD: 'canary-literal' }, token: { file: '/etc/drover/token' } } },
  naming: { prefix: 'web', style: 'random' },
  spread: [],
  balancers: [],
  evaluateEveryMs: 15_000,
  metrics: { rps: sampleMetric('rps', { query: 'rate(x[1m])' }) },
  policies: [{ name: 'traffic', type: 'target', options: { per_instance: 200 }, advisory: false }],
  limits: {
    ...SAMPLE.limits,
    scaleOut: { step: { count: 2, fraction: null }, everyMs: 120_000 },
    scaleIn: { step: { count: 1, fraction: null }, everyMs: 120_000, afterQuietMs: 300_000 },
  },
  health: { ...SAMPLE.health, check: { kind: 'none' }, everyMs: 5_000, timeoutMs: 2_000, graceMs: 60_000 },
  lifecycle: { ...SAMPLE.lifecycle, bootTimeoutMs: 300_000, drainTimeoutMs: 60_000 },
  pricePerHour: null,
  written: { max: 'drover.yaml:9:8' },
  hash: 'abc123',
});

/** What the fake controller holds, for tests to look at and to change. */
export interface FakeState {
  readonly groups: Map<string, GroupStatus>;
  readonly instances: Map<string, InstanceRow>;
  readonly decisions: DecisionRow[];
  readonly events: EventRow[];
  readonly tokens: Map<string, TokenRow>;
  readonly rejected: { receiver: string; why: string; details: unknown }[];
  readonly deliveries: Set<string>;
  readonly calls: { readonly name: string; readonly actor: Actor; readonly args: readonly unknown[] }[];
  readonly listeners: Set<(events: readonly EventRow[]) => void>;
  /** What discovery tells of each cloud; null: it has none of its own. */
  readonly clouds: Map<string, CloudListing | null>;
  notReady: string[];
  /** Thrown by everything that reads or writes the store. */
  fault: Error | null;
}

export function append(state: FakeState, ...events: readonly NewEvent[]): EventRow[] {
  const rows = events.map((e, i) => ({ ...e, seq: state.events.length + 1 + i, hash: `h${state.events.length + 1 + i}` }));
  state.events.push(...rows);
  for (const listener of state.listeners) listener(rows);
  return rows;
}

export function createFakeState(): FakeState {
  const decision = decisionOf();
  return {
    groups: new Map([
      ['web', statusOf('web')],
      ['batch', statusOf('batch', { cloud: 'local', problem: 'server limit reached' })],
    ]),
    instances: new Map([
      ['web-1', instanceOf('web-1')],
      ['web-2', instanceOf('web-2', { n: 2, address: '2001:db8::7', zone: null, state: 'booting' })],
      ['batch-1', instanceOf('batch-1', { group: 'batch', port: null })],
      ['web-0', instanceOf('web-0', { state: 'gone' })],
    ]),
    decisions: [
      { decision, count: 1, last: decision },
      {
        decision: decisionOf({ id: 'd_hold', outcome: 'hold', reason: 'HOLD_QUIET', atMs: T0 - 60_000 }),
        count: 4,
        last: decisionOf({ id: 'd_hold', outcome: 'hold', reason: 'HOLD_QUIET', atMs: T0 - 15_000 }),
      },
    ],
    events: [],
    clouds: new Map([
      ['hetzner', null],
      ['local', null],
    ]),
    tokens: new Map(),
    rejected: [],
    deliveries: new Set(),
    calls: [],
    listeners: new Set(),
    notReady: [],
    fault: null,
  };
}

export function createFakeOperations(state: FakeState, clock: Clock): Operations {
  const guard = () => {
    if (state.fault !== null) throw state.fault;
  };
  const group = (name: string): GroupStatus => {
    guard();
    const found = state.groups.get(name);
    if (found === undefined) throw new OperationError('no-such-group', `There is no group ${name}.`);
    return found;
  };
  const instance = (id: string): InstanceRow => {
    guard();
    const found = state.instances.get(id);
    if (found === undefined) throw new OperationError('no-such-instance', `There is no instance ${id}.`);
    return found;
  };
  const row = (id: string): DecisionRow => {
    guard();
    const found = state.decisions.find((d) => d.decision.id === id);
    if (found === undefined) throw new OperationError('no-such-decision', `There is no decision ${id}.`);
    return found;
  };
  const note = (name: string, actor: Actor, ...args: readonly unknown[]) => void state.calls.push({ name, actor, args });
  const change = (id: string, set: Partial<InstanceRow>) => void state.instances.set(id, { ...instance(id), ...set });
  const newestFirst = <T>(rows: readonly T[], before: string | null, limit: number, id: (row: T) => string): T[] => {
    const from = before === null ? 0 : rows.findIndex((r) => id(r) === before) + 1;
    return rows.slice(from, from + limit);
  };
  return {
    fleet: async () => {
      guard();
      return [...state.groups.values()];
    },
    group: async (name) => group(name),
    spec: async (name) => ({ ...SPEC, name: group(name).group }),
    instances: async (name, withGone) => {
      guard();
      return [...state.instances.values()].filter((i) => (name === null || i.group === name) && (withGone || i.state !== 'gone'));
    },
    instance: async (id) => instance(id),
    unmanaged: async (name) => {
      group(name);
      return [
        {
          id: 'm-9',
          owner: null,
          name: 'old-web',
          state: 'running',
          address: null,
          port: null,
          zone: null,
          createdAtMs: null,
          pricePerHour: null,
          paidUntilMs: null,
        },
      ];
    },
    targets: async (cloud) => {
      guard();
      if (state.clouds.has(cloud)) return state.clouds.get(cloud) ?? null;
      throw new OperationError('invalid', `No cloud named ${cloud} is configured.`, 'cloud');
    },
    decisions: async (name, page) => {
      guard();
      const rows = state.decisions.filter((d) => name === null || d.decision.group === name);
      return newestFirst(rows, page.before, page.limit, (d) => d.decision.id);
    },
    decision: async (id) => {
      const inputs = { spec: SPEC, snapshot: {} as never, memory: {} as never };
      return { row: row(id), first: inputs, last: inputs };
    },
    replay: async (id) => ({ same: true, stored: row(id).decision, again: row(id).decision }),
    events: async (filter, page) => {
      guard();
      const rows = state.events
        .filter(
          (e) =>
            (filter.group === undefined || e.group === filter.group) && (filter.type === undefined || e.type === filter.type) && e.seq > (filter.afterSeq ?? 0),
        )
        .reverse();
      return newestFirst(rows, page.before, page.limit, (e) => String(e.seq));
    },
    onEvents: (listener) => {
      state.listeners.add(listener);
      return () => void state.listeners.delete(listener);
    },
    alerts: async (withResolved) => [
      {
        receiver: 'alertmanager',
        episode: 'e1',
        status: withResolved ? 'resolved' : 'firing',
        name: 'HighLoad',
        labels: { group: 'web' },
        startsAtMs: T0,
        lastHeardMs: T0,
        resolvedAtMs: withResolved ? T0 : null,
      },
    ],
    evaluate: async (name, set) => decisionOf({ group: group(name).group, sentence: `with ${JSON.stringify(set)}` }),
    victims: async (name, count) =>
      [...state.instances.values()]
        .filter((i) => i.group === group(name).group)
        .slice(0, count)
        .map((i, rank) => ({ instance: i.id, rank, why: 'oldest' })),
    readMetric: async (name, metric) => {
      const { readings } = group(name);
      const reading = Object.hasOwn(readings, metric) ? readings[metric] : undefined;
      if (reading === undefined) throw new OperationError('invalid', `${name} has no metric ${metric}.`, 'metric');
      return reading;
    },
    pause: async (actor, name, forMs, reason) => {
      if (name !== null) group(name);
      guard();
      note('pause', actor, name, forMs, reason);
      const pause: Pause = { untilMs: forMs === null ? null : clock.wall() + forMs, by: actor.name, reason };
      for (const [key, status] of state.groups) if (name === null || key === name) state.groups.set(key, { ...status, pause, state: 'paused' });
      return pause;
    },
    resume: async (actor, name) => {
      if (name !== null) group(name);
      note('resume', actor, name);
      for (const [key, status] of state.groups) if (name === null || key === name) state.groups.set(key, { ...status, pause: null });
    },
    scale: async (actor, name, kind, size, forMs, reason) => {
      const status = group(name);
      if (size !== null && size > status.max) throw new OperationError('invalid', `size is above max ${status.max}.`, 'size');
      note('scale', actor, name, kind, size, forMs, reason);
      const others = status.manual.filter((m) => m.kind !== kind);
      const manual: ManualOverride[] =
        size === null ? [...others] : [...others, { kind, size, untilMs: forMs === null ? null : clock.wall() + forMs, by: actor.name, reason }];
      state.groups.set(name, { ...status, manual });
      return manual;
    },
    approve: async (actor, name, size, forMs) => note('approve', actor, group(name).group, size, forMs),
    unfreeze: async (actor, name) => {
      if (group(name).state !== 'frozen') throw new OperationError('conflict', `${name} is not frozen.`);
      note('unfreeze', actor, name);
    },
    drain: async (actor, id, reason) => {
      if (instance(id).protected) throw new OperationError('refused', `${id} is protected.`);
      note('drain', actor, id, reason);
      change(id, { removeRequested: true });
    },
    protect: async (actor, id, on) => {
      note('protect', actor, id, on);
      change(id, { protected: on });
    },
    standby: async (actor, id, on) => {
      note('standby', actor, id, on);
      change(id, { standby: on });
    },
    replace: async (actor, id, reason) => {
      note('replace', actor, id, reason);
      change(id, { replaceRequested: true });
    },
    adopt: async (actor, name, machineId) => {
      group(name);
      if (machineId !== 'm-9') throw new OperationError('no-such-instance', `There is no machine ${machineId}.`);
      note('adopt', actor, name, machineId);
      return instanceOf(`${name}-9`, { machineId });
    },
    forget: async (actor, id) => {
      note('forget', actor, instance(id).id);
      state.instances.delete(id);
    },
    removeGroup: async (actor, name, drain) => {
      if (group(name).managed) throw new OperationError('refused', `${name} is still in the file.`);
      note('removeGroup', actor, name, drain);
      state.groups.delete(name);
    },
    receive: async (receiver, alerts, deliveryId) => {
      guard();
      const key = `${receiver}/${deliveryId}`;
      if (deliveryId !== null && state.deliveries.has(key)) return { fired: 0, refreshed: 0, resolved: 0, ignored: 0, duplicate: true, groups: [] };
      if (deliveryId !== null) state.deliveries.add(key);
      const resolved = alerts.filter((a) => a.status === 'resolved').length;
      return { fired: alerts.length - resolved, refreshed: 0, resolved, ignored: 0, duplicate: false, groups: ['web'] };
    },
    rejectDelivery: async (receiver, why, details) => void state.rejected.push({ receiver, why, details }),
    backup: async (path) => {
      guard();
      note('backup', { name: '', role: 'system' }, path);
    },
    verifyEvents: async () => {
      guard();
      return { firstBad: null, checked: state.events.length };
    },
    notReady: async () => state.notReady,
  };
}

const PLAN: ConfigPlan = {
  running: '81d0c7e',
  next: '3f9c2a1',
  problems: [],
  changes: [{ kind: 'change', group: 'web', key: 'max', before: 10, after: 1, text: '! web   max   10 → 1' }],
  effects: [{ group: 'web', launches: 0, removals: 6, text: 'deletes 6 running instances' }],
  confirm: ['web'],
};
const MISTAKE = {
  code: 'E0104',
  severity: 'error',
  message: 'unknown key maxx',
  file: 'drover.yaml',
  line: 9,
  column: 5,
  endColumn: 9,
  label: 'here',
  help: 'max',
  suggestion: 'max',
} as const;

/** A receiver `am` with the bearer `s3cret` and a trivial format, and `lab`, which asks for no proof. */
export function createFakeReceivers(): ApiDeps['receivers'] {
  const parse = (body: string): ParsedAlerts => {
    try {
      const { alerts } = JSON.parse(body) as { alerts?: { name: string; status: 'firing' | 'resolved' }[] };
      if (!Array.isArray(alerts)) return { kind: 'malformed', why: 'alerts is missing' };
      if (alerts.length === 0) return { kind: 'ignored', why: 'a test message' };
      return {
        kind: 'alerts',
        truncated: 0,
        alerts: alerts.map((a) => ({ status: a.status, episode: `${a.name}@0`, name: a.name, labels: {}, annotations: {}, startsAtMs: T0, endsAtMs: null })),
      };
    } catch {
      return { kind: 'malformed', why: 'not JSON' };
    }
  };
  return {
    find: (name) => (name === 'am' || name === 'other' ? { format: { parse }, open: false } : name === 'lab' ? { format: { parse }, open: true } : null),
    verify: async (name, { headers }) => {
      if (name === 'lab') return { ok: true, replayId: null };
      if (headers['authorization'] === 'Bearer s3cret')
        return { ok: true, replayId: typeof headers['x-signed-at'] === 'string' ? headers['x-signed-at'] : null };
      if (headers['authorization'] === 'Bearer unreadable') return { ok: false, status: 503, why: 'secret: the environment variable X is not set' };
      return { ok: false, status: 401, why: 'the bearer token is wrong' };
    },
  };
}

export interface ApiWorld {
  readonly state: FakeState;
  readonly deps: ApiDeps;
  /** A live token of each role. */
  readonly token: Readonly<Record<TokenRow['role'], string>>;
}

export function createApiWorld(clock: Clock, over: Partial<ApiDeps> = {}): ApiWorld {
  const state = createFakeState();
  const secrets = createSecrets('/');
  const mint = (role: TokenRow['role'], name = `the-${role}`): string => {
    const { value, row } = createToken(secrets, name, role, T0);
    state.tokens.set(row.id, row);
    return value;
  };
  const token = { admin: mint('admin'), operator: mint('operator'), viewer: mint('viewer'), receiver: mint('receiver', 'am') };
  const deps: ApiDeps = {
    operations: createFakeOperations(state, clock),
    config: {
      validate: async (text) => (text.includes('maxx') ? [MISTAKE] : []),
      plan: async (text) => (text.includes('maxx') ? { ...PLAN, next: null, problems: [MISTAKE] } : PLAN),
      apply: async (text, _actor, confirm) =>
        text.includes('maxx') ? { applied: false, plan: { ...PLAN, next: null, problems: [MISTAKE] } } : { applied: confirm.includes('web'), plan: PLAN },
      running: async () => ({ hash: '81d0c7e', file: 'drover.yaml', text: 'groups: {}', loadedMs: T0, error: null }),
    },
    receivers: createFakeReceivers(),
    store: {
      tokens: async () => {
        if (state.fault !== null) throw state.fault;
        return [...state.tokens.values()];
      },
      control: async (changes, events) => {
        if (state.fault !== null) throw state.fault;
        for (const c of changes) if (c.kind === 'token') state.tokens.set(c.token.id, c.token);
        append(state, ...events);
        return true;
      },
    },
    secrets,
    clock,
    log: silentLog,
    metrics: createMetrics(clock, '0.1.0'),
    version: '0.1.0',
    installId: 'inst1',
    backupDir: '/var/lib/drover/backups',
    tls: null,
    insecureHttp: false,
    openScrapes: [],
    trustedProxies: [],
    ...over,
  };
  return { state, deps, token };
}
