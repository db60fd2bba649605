import { type DecisionEntry, instancesOf, type MemoryData, specKey } from './data.ts';

export function retainRows(
  data: MemoryData,
  olderThan: { readonly decisionsMs: number; readonly eventsMs: number; readonly instancesMs: number },
  nowMs: number,
): void {
  retainDecisions(data, nowMs - olderThan.decisionsMs);
  retainSpecs(data, nowMs - olderThan.decisionsMs);
  retainInstances(data, nowMs - olderThan.instancesMs);
  const beforeMs = nowMs - olderThan.eventsMs;
  retainEvents(data, beforeMs);
  for (const [key, alert] of data.alerts) if (alert.lastHeardMs < beforeMs) data.alerts.delete(key);
  for (const [key, atMs] of data.once) if (atMs < beforeMs) data.once.delete(key);
}

/** The newest run of each group stays whatever its age. */
function retainDecisions(data: MemoryData, beforeMs: number): void {
  const keep = ({ row, seq }: DecisionEntry) =>
    row.decision.atMs >= beforeMs || row.last.atMs >= beforeMs || data.decisionsOf.get(row.decision.group)?.at(-1)?.seq === seq;
  if (data.decisions.every(keep)) return;
  data.decisions = data.decisions.filter(keep);
  for (const [group, entries] of data.decisionsOf) data.decisionsOf.set(group, entries.filter(keep));
  data.decisionById.clear();
  for (const entry of data.decisions) data.decisionById.set(entry.row.decision.id, entry);
}

/** What a group has, and what a decision that is kept was made with, stays whatever its age. */
function retainSpecs(data: MemoryData, beforeMs: number): void {
  for (const [group, specs] of data.specs) {
    const decided = new Set((data.decisionsOf.get(group) ?? []).flatMap((entry) => [entry.first.spec.hash, entry.last.spec.hash]));
    for (const hash of specs.keys()) {
      const key = specKey(group, hash);
      if (decided.has(hash) || data.groups.get(group)?.spec.hash === hash || (data.specPutMs.get(key) ?? 0) >= beforeMs) continue;
      specs.delete(hash);
      data.specPutMs.delete(key);
    }
  }
}

function retainInstances(data: MemoryData, beforeMs: number): void {
  for (const row of data.instances.values()) {
    if (row.state !== 'gone' || row.sinceMs >= beforeMs) continue;
    data.instances.delete(row.id);
    const rows = instancesOf(data, row.group);
    rows.byN.delete(row.n);
    rows.living = null;
    rows.all = null;
  }
}

function retainEvents(data: MemoryData, beforeMs: number): void {
  const kept = data.events.findIndex((event) => event.atMs >= beforeMs);
  const cut = kept === -1 ? data.events.at(-1) : data.events[kept - 1];
  if (!cut) return;
  data.checkpoint = { seq: cut.seq, hash: cut.hash };
  data.events = kept === -1 ? [] : data.events.slice(kept);
}
