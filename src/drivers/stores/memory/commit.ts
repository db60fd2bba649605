import type { GroupSpec } from '../../../core/model/group.ts';
import type { Pause } from '../../../core/model/snapshot.ts';
import { type CommitRefusal, type CommitResult, type DecisionInputs, type GroupCommit, type GroupRow, type InstanceRow, isKept } from '../../../ports/store.ts';
import { type Change, contradiction } from './change.ts';
import { readPauseAll } from './reads.ts';

export function applyCommit(change: Change, commit: GroupCommit, nowMs: number): CommitResult {
  const row = change.data.groups.get(commit.group);
  if (!row) return { ok: false, why: 'no-such-group' };
  const why = refusalOf(change, row, commit, nowMs) ?? victimRefusal(change, commit);
  if (why) return { ok: false, why };
  const { memory, nextN, frozen } = commit;
  if (memory !== undefined || nextN !== undefined || frozen !== undefined) {
    change.setGroup(row, {
      ...(memory !== undefined && { memory }),
      ...(nextN !== undefined && { nextN }),
      ...(frozen !== undefined && { frozen }),
    });
  }
  for (const instance of commit.instances ?? []) putInstance(change, row.name, instance);
  if (commit.decision) putDecision(change, row, commit.decision);
  for (const event of commit.events ?? []) change.append(event);
  return { ok: true };
}

function refusalOf(change: Change, row: GroupRow, { expect }: GroupCommit, nowMs: number): CommitRefusal | null {
  if (row.epoch !== expect.epoch) return 'fenced';
  if (!expect.mayAct) return null;
  if (!row.managed || row.archivedAtMs !== null) return 'unmanaged';
  if (row.frozen !== null) return 'frozen';
  if (isPaused(row.pause, nowMs) || isPaused(readPauseAll(change.data), nowMs)) return 'paused';
  return row.spec.mode === 'observe' ? 'observe' : null;
}

function isPaused(pause: Pause | null, nowMs: number): boolean {
  return pause !== null && (pause.untilMs === null || pause.untilMs > nowMs);
}

function victimRefusal(change: Change, commit: GroupCommit): CommitRefusal | null {
  for (const id of commit.expect.victims ?? []) {
    const stored = change.data.instances.get(id);
    if (stored && stored.group !== commit.group) contradiction(`instance ${id} belongs to group ${stored.group}, not to ${commit.group}`);
    const row = stored ?? commit.instances?.find((instance) => instance.id === id);
    if (row && isKept(row)) return 'protected';
  }
  return null;
}

function putInstance(change: Change, group: string, row: InstanceRow): void {
  if (row.group !== group) contradiction(`instance ${row.id} of group ${row.group} in a change of group ${group}`);
  const old = change.data.instances.get(row.id);
  if (old && old.group !== group) contradiction(`instance ${row.id} belongs to another group than ${group}`);
  const { protected: isProtected, standby, detached, replaceRequested, removeRequested } = old ?? row;
  change.setInstance({ ...row, protected: isProtected, standby, detached, replaceRequested, removeRequested });
}

function putDecision(change: Change, group: GroupRow, entry: NonNullable<GroupCommit['decision']>): void {
  const { decision } = entry;
  const inputs: DecisionInputs = { spec: specOf(change, group, decision.config), snapshot: entry.inputs.snapshot, memory: entry.inputs.memory };
  const newest = entry.kind === 'repeat' ? change.data.decisionsOf.get(group.name)?.at(-1) : undefined;
  if (newest) {
    const count = newest.row.count + Math.max(1, entry.count);
    change.repeatDecision(newest, { row: { decision: newest.row.decision, count, last: decision }, last: inputs });
    return;
  }
  change.addDecision({ row: { decision, count: Math.max(1, entry.count), last: decision }, first: inputs, last: inputs });
}

/** The spec a decision was made with: by its hash, for the configuration may have changed since; the present one where the hash is unknown. */
function specOf(change: Change, group: GroupRow, hash: string): GroupSpec {
  if (group.spec.hash === hash) return group.spec;
  return change.data.specs.get(group.name)?.get(hash) ?? group.spec;
}
