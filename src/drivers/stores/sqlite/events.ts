import { chainText, GENESIS_HASH } from '../../../ports/event-chain.ts';
import type { Connection } from './connection.ts';
import type { EventQueries } from './event-queries.ts';
import type { Schema } from './schema.ts';

/** Rows per step of a long walk; between steps everything else has its turn. */
const STEP = 2000;

export interface ChainParts {
  readonly connection: Connection;
  readonly queries: EventQueries;
  readonly sha256: (text: string) => string;
  /** Secret of this store's checkpoints. */
  readonly checkpointKey: string;
}
type Checkpoint = Schema['checkpoints'];

/**
 * A keyed digest in the nested form of HMAC, over text because that is what the port hashes. The key lies in the same file: it shows
 * a cut made by anything but the store, and cannot stop someone who has the file and knows this code.
 */
export function checkpointMac(parts: Pick<ChainParts, 'sha256' | 'checkpointKey'>, point: Pick<Checkpoint, 'seq' | 'hash' | 'at_ms'>): string {
  const inner = parts.sha256(`${parts.checkpointKey}:inner:${point.seq}:${point.hash}:${point.at_ms}`);
  return parts.sha256(`${parts.checkpointKey}:outer:${inner}`);
}

/** Cuts the oldest events older than the time, at most one step of them; true when there may be more. Runs inside a transaction. */
export function cutEvents(parts: ChainParts, beforeMs: number, nowMs: number): boolean {
  const { connection, queries } = parts;
  const first = connection.get(queries.firstEventSeq, {})?.seq ?? null;
  if (first === null) return false;
  const firstKept = connection.get(queries.firstEventFrom, { at_ms: beforeMs, limit: 1 })?.seq;
  const lastOld = firstKept === undefined ? connection.get(queries.lastEventSeq, {})?.seq : firstKept - 1;
  if (lastOld === undefined || lastOld === null || lastOld < first) return false;
  const cut = Math.min(lastOld, first + STEP - 1);
  const hash = connection.get(queries.eventHash, { seq: cut })?.hash;
  // A hole in the chain: somebody else deleted there. It is not covered up by a checkpoint.
  if (hash === undefined) return false;
  const point = { seq: cut, hash, at_ms: nowMs };
  connection.run(queries.addCheckpoint, { ...point, mac: checkpointMac(parts, point) });
  connection.run(queries.deleteCheckpoints, { seq: cut });
  connection.run(queries.deleteEvents, { seq: cut });
  return cut < lastOld;
}

/**
 * Walks the chain from the newest checkpoint (or the very first event) to the head as it was at the start. The first number that is
 * missing, doubled, or not what it was when it was written is the first bad one.
 */
export async function verifyChain(parts: ChainParts, pause: () => Promise<void>): Promise<{ firstBad: number | null; checked: number }> {
  const { connection, queries } = parts;
  for (;;) {
    const point = connection.get(queries.checkpoints, {}) ?? null;
    const head = connection.get(queries.head, {}) ?? { seq: 0, hash: GENESIS_HASH };
    const last = connection.get(queries.lastEventSeq, {})?.seq ?? null;
    if (point && checkpointMac(parts, point) !== point.mac) return { firstBad: point.seq, checked: 0 };
    const walk = { seq: point?.seq ?? 0, hash: point?.hash ?? GENESIS_HASH, checked: 0 };
    const firstSeq = connection.get(queries.firstEventSeq, {})?.seq ?? null;
    if (firstSeq !== null && firstSeq <= walk.seq) return { firstBad: firstSeq, checked: 0 };
    if (last !== null && last > head.seq) return { firstBad: head.seq + 1, checked: 0 };
    const bad = await walkTo(parts, walk, head.seq, pause);
    // Retention cut the chain meanwhile: start again from its checkpoint.
    if ((connection.get(queries.checkpoints, {})?.seq ?? null) !== (point?.seq ?? null)) continue;
    if (bad !== null) return { firstBad: bad, checked: walk.checked };
    if (walk.hash !== head.hash) return { firstBad: head.seq, checked: walk.checked };
    return { firstBad: null, checked: walk.checked };
  }
}

async function walkTo(
  parts: ChainParts,
  walk: { seq: number; hash: string; checked: number },
  lastSeq: number,
  pause: () => Promise<void>,
): Promise<number | null> {
  while (walk.seq < lastSeq) {
    const rows = parts.connection.all(parts.queries.eventsAfter, { seq: walk.seq, limit: Math.min(STEP, lastSeq - walk.seq) });
    if (rows.length === 0) return walk.seq + 1;
    for (const row of rows) {
      const event = { seq: row.seq, atMs: row.at_ms, group: row.group_name, type: row.type, actor: row.actor };
      if (row.seq !== walk.seq + 1) return walk.seq + 1;
      if (parts.sha256(chainText(walk.hash, event, row.data)) !== row.hash) return row.seq;
      walk.seq = row.seq;
      walk.hash = row.hash;
      walk.checked += 1;
    }
    await pause();
  }
  return null;
}
