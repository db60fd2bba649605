import type { LoadedConfig } from '../config/config.ts';
import { RETIRING } from '../engine/engine.ts';
import { type Actor, OperationError } from '../engine/operations.ts';
import type { ControlChange, NewEvent, Store } from '../ports/ports.ts';

/** Brings the store's groups to what the file says, in one transaction. A group that left the file is unmanaged: its machines are kept. */
export async function syncGroups(store: Store, config: LoadedConfig, actor: Actor, nowMs: number): Promise<readonly string[]> {
  const rows = await store.groups();
  const retiring = await store.meta(RETIRING);
  const leaving = new Set(Array.isArray(retiring) ? retiring.map(String) : []);
  const changes: ControlChange[] = [];
  const events: NewEvent[] = [];
  const changed: string[] = [];
  const tell = (group: string, type: string, data: NewEvent['data']): void => {
    changed.push(group);
    events.push({ atMs: nowMs, group, type, actor: actor.name, data });
  };
  await refuseMoves(store, config);
  for (const spec of config.groups) {
    const row = rows.find((r) => r.name === spec.name);
    if (row?.managed && row.archivedAtMs === null && row.spec.hash === spec.hash) continue;
    changes.push({ kind: 'put-spec', spec });
    tell(spec.name, row ? 'config.changed' : 'config.added', { hash: spec.hash, mode: spec.mode, min: spec.min, max: spec.max });
    if (leaving.delete(spec.name)) changes.push({ kind: 'meta', key: RETIRING, value: [...leaving] });
  }
  for (const row of rows) {
    if (!row.managed || row.archivedAtMs !== null || leaving.has(row.name) || config.groups.some((g) => g.name === row.name)) continue;
    changes.push({ kind: 'unmanage', group: row.name });
    tell(row.name, 'config.removed', { note: 'removed from the file; its machines are kept' });
  }
  if (changes.length > 0) await store.control(changes, events);
  return changed;
}

/** A group that has machines cannot change its cloud: the new one would not know them, and they would be forgotten and billed. */
export async function refuseMoves(store: Store, config: LoadedConfig): Promise<void> {
  const rows = await store.groups();
  for (const spec of config.groups) {
    const row = rows.find((r) => r.name === spec.name && r.archivedAtMs === null);
    if (!row || row.spec.cloud === spec.cloud) continue;
    const living = await store.instances(spec.name, false);
    if (living.length === 0) continue;
    throw new OperationError(
      'refused',
      `${spec.name} has ${living.length} machine(s) in the cloud ${row.spec.cloud}; the file moves it to ${spec.cloud}, which would not know them. Start a new group there, or remove this one first (drover groups remove ${spec.name} --drain).`,
    );
  }
}
