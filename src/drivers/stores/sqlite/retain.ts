import type { StoreContext } from './context.ts';
import { type ChainParts, cutEvents } from './events.ts';
import type { WriteQueue } from './write-queue.ts';

/** Rows deleted in one transaction. */
const STEP = 500;

/** Deletes in small transactions, so that cycles go on in between; stopped half-way it is simply gone on with the next time. */
export async function retainRows(
  store: StoreContext,
  parts: ChainParts,
  queue: WriteQueue,
  olderThan: { readonly decisionsMs: number; readonly eventsMs: number; readonly instancesMs: number },
): Promise<void> {
  const { connection, queries } = store;
  const nowMs = store.clock.wall();
  const before = (ageMs: number) => nowMs - ageMs;
  const untilDone = async (step: () => boolean) => {
    while (await queue.add(step));
  };
  await untilDone(() => connection.run(queries.deleteDecisions, { before_ms: before(olderThan.decisionsMs), limit: STEP }) === STEP);
  await untilDone(() => connection.run(queries.deleteSpecs, { before_ms: before(olderThan.decisionsMs), limit: STEP }) === STEP);
  await untilDone(() => connection.run(queries.deleteGone, { before_ms: before(olderThan.instancesMs), limit: STEP }) === STEP);
  await untilDone(() => cutEvents(parts, before(olderThan.eventsMs), nowMs));
  await queue.add(() => {
    connection.run(queries.deleteAlerts, { before_ms: before(olderThan.eventsMs) });
    connection.run(queries.deleteOnce, { before_ms: before(olderThan.eventsMs) });
  });
}
