/** Our nouns as JSON documents. Pure. */
import type { Decision, GroupSpec, Json, JsonObject, ManualOverride, Pause, PlannedAction, Proposal, Reading } from '../core/model/model.ts';
import type { GroupStatus, VictimView } from '../engine/operations.ts';
import type { AlertRow, DecisionRow, EventRow, InstanceRow, Machine, TokenRow } from '../ports/ports.ts';
import type { DecisionJson, EventJson, InstanceJson, ReadingJson, StatusJson } from './documents.ts';

/** Dates beyond this are not representable; a broken clock or row must not break the reply. */
const MAX_TIME_MS = 8.64e15;

export function isoTime(atMs: number): string {
  return new Date(Number.isFinite(atMs) && Math.abs(atMs) <= MAX_TIME_MS ? atMs : 0).toISOString();
}
export function isoTimeOrNull(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs);
}
/** JSON has no NaN and no infinities: what is not a number is not known. */
function numberOrNull(value: number | null | undefined): number | null {
  return value === null || value === undefined || !Number.isFinite(value) ? null : value;
}

function proposalView(p: Proposal): DecisionJson['proposals'][number] {
  return {
    policy: p.policy,
    type: p.type,
    metric: p.metric,
    value: numberOrNull(p.value),
    per: numberOrNull(p.per),
    exact: numberOrNull(p.exact),
    wants: p.wants,
    abstains: p.abstains,
    blocks_shrink: p.blocksShrink,
    reason: p.reason,
    arithmetic: p.arithmetic,
    age_s: numberOrNull(p.ageS),
    winner: p.winner,
    error: p.error,
    advisory: p.advisory,
  };
}

function actionView(a: PlannedAction): DecisionJson['actions'][number] {
  return a.kind === 'launch'
    ? { kind: 'launch', cause: a.cause, instance: null, replaces: a.replaces, zone: a.zone, why: null }
    : { kind: 'remove', cause: a.cause, instance: a.instance, replaces: null, zone: null, why: a.why };
}

/** One decision; `run` when equal holds followed it. */
export function decisionView(d: Decision, run: { readonly count: number; readonly lastMs: number } = { count: 1, lastMs: d.atMs }): DecisionJson {
  return {
    schema: 'drover.decision/v1',
    id: d.id,
    group: d.group,
    at: isoTime(d.atMs),
    outcome: d.outcome,
    reason: d.reason,
    from: d.from,
    wanted: d.wanted,
    target: d.target,
    running: d.running,
    serving: d.serving,
    sentence: d.sentence,
    proposals: d.proposals.map(proposalView),
    limits: d.limits.map((l) => ({ code: l.code, from: l.from, to: l.to, detail: l.detail, key: l.key, at: l.at })),
    holds: d.holds.map((h) => ({ code: h.code, until: isoTimeOrNull(h.untilMs), from: h.from, to: h.to, detail: h.detail, key: h.key, at: h.at })),
    blocked: d.blocked.map((b) => ({ code: b.code, detail: b.detail, next_try: isoTimeOrNull(b.nextTryMs) })),
    actions: d.actions.map(actionView),
    blind: d.blind,
    actor: d.actor,
    config: d.config,
    count: run.count,
    last_at: isoTime(run.lastMs),
  };
}

export function decisionRowView(row: DecisionRow): DecisionJson {
  return decisionView(row.decision, { count: row.count, lastMs: row.last.atMs });
}

export function pauseView(p: Pause): NonNullable<StatusJson['pause']> {
  return { until: isoTimeOrNull(p.untilMs), by: p.by, reason: p.reason };
}

export function manualView(m: ManualOverride): StatusJson['manual'][number] {
  return { kind: m.kind, size: m.size, until: isoTimeOrNull(m.untilMs), by: m.by, reason: m.reason };
}

export function readingView(r: Reading): ReadingJson {
  if (r.kind === 'missing') {
    return { kind: 'missing', value: null, at: isoTime(r.atMs), age_s: null, coverage: null, partial: false, missing: r.reason, detail: r.detail };
  }
  return {
    kind: 'value',
    value: numberOrNull(r.value),
    at: isoTime(r.atMs),
    age_s: r.ageMs === null ? null : r.ageMs / 1000,
    coverage: numberOrNull(r.coverage),
    partial: r.partial ?? false,
    missing: null,
    detail: null,
  };
}

export function statusView(s: GroupStatus): StatusJson {
  return {
    group: s.group,
    cloud: s.cloud,
    mode: s.mode,
    managed: s.managed,
    state: s.state,
    wanted: s.wanted,
    target: s.target,
    running: s.running,
    serving: s.serving,
    min: s.min,
    max: s.max,
    demand: numberOrNull(s.demand),
    sentence: s.sentence,
    pause: s.pause === null ? null : pauseView(s.pause),
    manual: s.manual.map(manualView),
    decision: s.decisionId,
    last_evaluated: isoTimeOrNull(s.lastEvaluatedMs),
    next_due: isoTimeOrNull(s.nextDueMs),
    states: { ...s.states },
    readings: Object.fromEntries(Object.entries(s.readings).map(([metric, reading]) => [metric, readingView(reading)])),
    problem: s.problem,
  };
}

export function instanceView(i: InstanceRow): InstanceJson {
  return {
    id: i.id,
    group: i.group,
    n: i.n,
    template: i.templateId,
    state: i.state,
    since: isoTime(i.sinceMs),
    created: isoTime(i.createdAtMs),
    serving_since: isoTimeOrNull(i.servingSinceMs),
    machine: i.machineId,
    address: i.address,
    port: i.port,
    zone: i.zone,
    price_per_hour: numberOrNull(i.pricePerHour),
    paid_until: isoTimeOrNull(i.paidUntilMs),
    health: i.health,
    health_since: isoTime(i.healthSinceMs),
    protected: i.protected,
    standby: i.standby,
    detached: i.detached,
    replace_requested: i.replaceRequested,
    remove_requested: i.removeRequested,
    removal_cause: i.removalCause,
    removal_why: i.removalWhy,
    replaces: i.replaces,
    members: { ...i.members },
    step:
      i.step === null
        ? null
        : { kind: i.step.kind, started: isoTime(i.step.startedMs), attempts: i.step.attempts, next_try: isoTime(i.step.nextTryMs), error: i.step.error },
    launched_by: i.launchedBy,
    removed_by: i.removedBy,
  };
}

export function machineView(m: Machine) {
  return {
    id: m.id,
    name: m.name,
    state: m.state,
    address: m.address,
    port: m.port,
    zone: m.zone,
    created: isoTimeOrNull(m.createdAtMs),
    tagged: m.owner !== null,
    tagged_group: m.owner?.group ?? null,
  };
}

export function eventView(e: EventRow): EventJson {
  return { schema: 'drover.event/v1', seq: e.seq, at: isoTime(e.atMs), group: e.group, type: e.type, actor: e.actor, data: mutable(e.data), hash: e.hash };
}

export function alertView(a: AlertRow) {
  return {
    receiver: a.receiver,
    episode: a.episode,
    status: a.status,
    name: a.name,
    labels: { ...a.labels },
    starts: isoTime(a.startsAtMs),
    last_heard: isoTime(a.lastHeardMs),
    resolved: isoTimeOrNull(a.resolvedAtMs),
  };
}

export function victimView(v: VictimView) {
  return { instance: v.instance, rank: v.rank, why: v.why };
}

export function tokenView(t: TokenRow) {
  return { id: t.id, name: t.name, role: t.role, created: isoTime(t.createdAtMs), revoked: isoTimeOrNull(t.revokedAtMs) };
}

/** The schemas' JSON type has no `readonly`; the value is the same. */
type MutableJson = null | boolean | number | string | MutableJson[] | { [key: string]: MutableJson };
export function jsonView(value: Json): MutableJson {
  return value as MutableJson;
}
function mutable(value: JsonObject): { [key: string]: MutableJson } {
  return value as { [key: string]: MutableJson };
}

/** Keys of driver options that may hold a secret. The configuration wants references there; a literal must still not be read back (S4). */
const SECRET_KEY = /pass(word|wd|phrase)?$|secret|token|authori[sz]ation|api[_-]?key|private[_-]?key|credential|cookie|^auth$/i;
const REFERENCE_KEYS = new Set(['env', 'file']);

function isReference(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && REFERENCE_KEYS.has(keys[0] ?? '');
}

/** Driver options as they are, with every value under a secret's key hidden unless it is a reference (`{ env: … }`, `{ file: … }`). */
export function hideSecrets(value: Json, underSecret = false): MutableJson {
  if (value === null) return null;
  if (typeof value !== 'object') return underSecret && typeof value === 'string' ? '***' : value;
  if (Array.isArray(value)) return value.map((v: Json) => hideSecrets(v, underSecret));
  if (isReference(value)) return mutable(value as JsonObject);
  const entries = Object.entries(value as JsonObject).map(([key, v]) => [key, hideSecrets(v, underSecret || SECRET_KEY.test(key))] as const);
  return Object.fromEntries(entries);
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/** Our own field names in snake_case. For values whose keys are all ours. */
function snakeKeys(value: unknown): MutableJson {
  if (typeof value === 'number') return numberOrNull(value);
  if (value === null || typeof value !== 'object') return (value ?? null) as MutableJson;
  if (Array.isArray(value)) return value.map(snakeKeys);
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [snake(key), snakeKeys(v)]));
}

/** A group's expanded configuration. Names and driver options keep their own keys. */
export function specView(spec: GroupSpec) {
  const { template, metrics, policies, hooks, freezes, written, hash, ...ours } = spec;
  return {
    schema: 'drover.spec/v1' as const,
    group: spec.name,
    hash,
    spec: {
      ...(snakeKeys(ours) as { [key: string]: MutableJson }),
      template: { id: template.id, options: hideSecrets(template.options) },
      metrics: Object.fromEntries(
        Object.entries(metrics).map(([name, { query, ...m }]) => [name, { ...(snakeKeys(m) as { [key: string]: MutableJson }), query: hideSecrets(query) }]),
      ),
      policies: policies.map((p) => ({ name: p.name, type: p.type, advisory: p.advisory, options: hideSecrets(p.options) })),
      hooks: hooks.map(({ options, ...h }) => ({ ...(snakeKeys(h) as { [key: string]: MutableJson }), options: hideSecrets(options) })),
      freezes: freezes.map((f) => hideSecrets(f)),
    },
    written: { ...written },
  };
}
