import type { Decision } from '../../../core/model/decision.ts';
import type { InstanceState } from '../../../core/model/instance.ts';
import type { Pause } from '../../../core/model/snapshot.ts';
import { type AlertRow, type DecisionRow, type GroupRow, type InstanceRow, pauseInForce, type TokenRow } from '../../../ports/store.ts';
import type { Schema } from './schema.ts';
import type { SpecCache } from './spec-cache.ts';

/** Null and text of JSON. */
export function jsonOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
const parseOrNull = (text: string | null) => (text === null ? null : JSON.parse(text));

export function groupFromRow(row: Schema['groups'] & { spec: string }, pauseAll: Pause | null, specs: SpecCache): GroupRow {
  return {
    name: row.name,
    owner: row.owner,
    epoch: row.epoch,
    leaseUntilMs: row.lease_until_ms,
    managed: row.managed === 1,
    archivedAtMs: row.archived_ms,
    spec: specs.get(row.spec_key, row.spec),
    memory: parseOrNull(row.memory),
    pause: pauseInForce(parseOrNull(row.pause), pauseAll),
    manual: JSON.parse(row.manual),
    approved: parseOrNull(row.approved),
    nextN: row.next_n,
    frozen: row.frozen,
    createdAtMs: row.created_ms,
  };
}

const flag = (value: boolean) => (value ? 1 : 0);

/** Columns are what the store itself asks for; the rest of the row is read whole and kept as one text. */
export function instanceToRow(row: InstanceRow) {
  const { id, group, n, state, sinceMs, protected: isProtected, standby, detached, replaceRequested, removeRequested, ...body } = row;
  return {
    id,
    group,
    n,
    state,
    since_ms: sinceMs,
    protected: flag(isProtected),
    standby: flag(standby),
    detached: flag(detached),
    replace_requested: flag(replaceRequested),
    remove_requested: flag(removeRequested),
    body: JSON.stringify(body),
  };
}

export function instanceFromRow(row: Schema['instances']): InstanceRow {
  return {
    id: row.id,
    group: row.group_name,
    n: row.n,
    state: row.state as InstanceState,
    sinceMs: row.since_ms,
    ...keepingFromRow(row),
    replaceRequested: row.replace_requested === 1,
    ...JSON.parse(row.body),
  };
}

/** The flags by which a person keeps an instance or lets it go. */
export function keepingFromRow(row: Pick<Schema['instances'], 'protected' | 'standby' | 'detached' | 'remove_requested'>) {
  return {
    protected: row.protected === 1,
    standby: row.standby === 1,
    detached: row.detached === 1,
    removeRequested: row.remove_requested === 1,
  };
}

export function decisionFromRow(row: Pick<Schema['decisions'], 'first' | 'last' | 'count'>): DecisionRow {
  const decision = JSON.parse(row.first) as Decision;
  return { decision, count: row.count, last: row.last === null ? decision : JSON.parse(row.last) };
}

export function alertFromRow(row: Schema['alerts']): AlertRow {
  return {
    receiver: row.receiver,
    episode: row.episode,
    status: row.status as AlertRow['status'],
    name: row.name,
    labels: JSON.parse(row.labels),
    startsAtMs: row.starts_ms,
    lastHeardMs: row.last_heard_ms,
    resolvedAtMs: row.resolved_ms,
    ...(row.detail === null ? {} : JSON.parse(row.detail)),
  };
}

export function tokenFromRow(row: Schema['tokens']): TokenRow {
  return { id: row.id, name: row.name, role: row.role as TokenRow['role'], hash: row.hash, createdAtMs: row.created_ms, revokedAtMs: row.revoked_ms };
}
