import type { Pause } from '../../../core/model/snapshot.ts';
import { type CommitRefusal, type CommitResult, type GroupCommit, type InstanceRow, isKept } from '../../../ports/store.ts';
import { contradiction, type StoreContext } from './context.ts';
import { readPauseAll } from './reads.ts';
import { instanceToRow, keepingFromRow } from './rows.ts';
import type { Schema } from './schema.ts';

/** A spec's key is `<hash>:<this much of the digest of its text>`. */
export const SPEC_DIGEST_CHARS = 16;

type Gate = Pick<Schema['groups'], 'epoch' | 'managed' | 'archived_ms' | 'observe' | 'pause' | 'frozen' | 'spec_key'>;

/** The engine's change of one group. Every check comes before the first write, so a refusal has nothing to undo. */
export function applyCommit(store: StoreContext, change: GroupCommit): CommitResult {
  const { connection, queries } = store;
  const gate = connection.get(queries.gate, { name: change.group });
  const why = gate ? (refusalOf(store, gate, change) ?? victimRefusal(store, change)) : 'no-such-group';
  if (!gate || why) return { ok: false, why: why ?? 'no-such-group' };
  if (change.memory !== undefined || change.nextN !== undefined) advance(store, change);
  if (change.frozen !== undefined) connection.run(queries.setFrozen, { name: change.group, frozen: change.frozen });
  for (const row of change.instances ?? []) putInstance(store, change.group, row);
  if (change.decision) putDecision(store, gate, change.group, change.decision);
  for (const event of change.events ?? []) store.chain.append(event);
  return { ok: true };
}

function refusalOf(store: StoreContext, gate: Gate, change: GroupCommit): CommitRefusal | null {
  if (gate.epoch !== change.expect.epoch) return 'fenced';
  if (!change.expect.mayAct) return null;
  if (gate.managed !== 1 || gate.archived_ms !== null) return 'unmanaged';
  if (gate.frozen !== null) return 'frozen';
  const nowMs = store.clock.wall();
  const own = gate.pause === null ? null : (JSON.parse(gate.pause) as Pause);
  if (isPaused(own, nowMs) || isPaused(readPauseAll(store), nowMs)) return 'paused';
  return gate.observe === 1 ? 'observe' : null;
}

function isPaused(pause: Pause | null, nowMs: number): boolean {
  return pause !== null && (pause.untilMs === null || pause.untilMs > nowMs);
}

/** A victim's flags are those stored; for a row that this commit brings, those it brings. */
function victimRefusal(store: StoreContext, change: GroupCommit): CommitRefusal | null {
  for (const id of change.expect.victims ?? []) {
    const row = store.connection.get(store.queries.instanceGate, { id });
    if (row) {
      if (row.group_name !== change.group) contradiction(store, `instance ${id} belongs to group ${row.group_name}, not to ${change.group}`);
      if (isKept(keepingFromRow(row))) return 'protected';
      continue;
    }
    const brought = change.instances?.find((instance) => instance.id === id);
    if (brought && isKept(brought)) return 'protected';
  }
  return null;
}

function advance(store: StoreContext, change: GroupCommit): void {
  const changed = store.connection.run(store.queries.advance, {
    name: change.group,
    epoch: change.expect.epoch,
    memory: change.memory === undefined ? null : JSON.stringify(change.memory),
    next_n: change.nextN ?? null,
  });
  if (changed !== 1) contradiction(store, `group ${change.group} changed its epoch inside a transaction`);
}

function putInstance(store: StoreContext, group: string, row: InstanceRow): void {
  if (row.group !== group) contradiction(store, `instance ${row.id} of group ${row.group} in a change of group ${group}`);
  const changed = store.connection.run(store.queries.putInstance, instanceToRow(row));
  if (changed !== 1) contradiction(store, `instance ${row.id} belongs to another group than ${group}`);
}

function putDecision(store: StoreContext, gate: Gate, group: string, entry: NonNullable<GroupCommit['decision']>): void {
  const { connection, queries, chain } = store;
  const { decision } = entry;
  const count = Math.max(1, entry.count);
  const text = JSON.stringify(decision);
  const inputs = { spec_key: specKey(store, gate, group, decision.config), inputs: JSON.stringify(entry.inputs) };
  if (entry.kind === 'repeat') {
    const run = connection.get(queries.repeatDecision, { group, count, last: text, last_ms: decision.atMs });
    if (run) {
      connection.run(queries.putInputs, { seq: run.seq, part: 1, ...inputs });
      return;
    }
  }
  const seq = chain.nextDecisionSeq();
  connection.run(queries.addDecision, { seq, id: decision.id, group, at_ms: decision.atMs, count, first: text });
  connection.run(queries.putInputs, { seq, part: 0, ...inputs });
}

/** The spec a decision was made with: by its hash, for the configuration may have changed since; the present one where the hash is unknown. */
function specKey(store: StoreContext, gate: Gate, group: string, hash: string): string {
  if (gate.spec_key.slice(0, -SPEC_DIGEST_CHARS - 1) === hash) return gate.spec_key;
  return store.connection.get(store.queries.specByHash, { group, hash })?.key ?? gate.spec_key;
}
