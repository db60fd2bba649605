import type { GroupRow } from '../../../ports/store.ts';
import type { StoreContext } from './context.ts';
import { readGroup } from './reads.ts';

/** The file belongs to this process, so whoever asks gets the group at once; another owner than before is another epoch. */
export function acquireGroup(store: StoreContext, name: string, owner: string, ttlMs: number): GroupRow | null {
  const { connection, queries, clock } = store;
  const gate = connection.get(queries.gate, { name });
  if (!gate) return null;
  const epoch = gate.owner === owner ? gate.epoch : gate.epoch + 1;
  connection.run(queries.setLease, { name, owner, old_epoch: gate.epoch, epoch, until_ms: clock.wall() + ttlMs });
  return readGroup(store, name);
}

export function renewGroup(store: StoreContext, name: string, owner: string, epoch: number, ttlMs: number): boolean {
  const { connection, queries, clock } = store;
  const gate = connection.get(queries.gate, { name });
  if (gate?.owner !== owner || gate.epoch !== epoch) return false;
  return connection.run(queries.setLease, { name, owner, old_epoch: epoch, epoch, until_ms: clock.wall() + ttlMs }) === 1;
}
