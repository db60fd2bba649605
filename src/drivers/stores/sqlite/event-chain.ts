import { canonicalJson, chainText, GENESIS_HASH, wellFormed } from '../../../ports/event-chain.ts';
import type { EventRow, NewEvent } from '../../../ports/store.ts';
import type { Connection } from './connection.ts';
import type { EventQueries, StoredEvent } from './event-queries.ts';
import type { Rewindable } from './write-queue.ts';

interface Mark {
  readonly seq: number;
  readonly hash: string;
  readonly decisionSeq: number;
}

/** Running numbers and the head of the event chain, kept in memory between commits: this process alone writes the file. */
export class EventChain implements Rewindable {
  readonly #connection: Connection;
  readonly #queries: EventQueries;
  readonly #sha256: (text: string) => string;
  #seq = 0;
  #hash = GENESIS_HASH;
  #written = 0;
  #decisionSeq: number;
  #appended: EventRow[] = [];

  constructor(connection: Connection, queries: EventQueries, sha256: (text: string) => string, decisionSeq: number) {
    this.#connection = connection;
    this.#queries = queries;
    this.#sha256 = sha256;
    this.#decisionSeq = decisionSeq;
    const head = connection.get(queries.head, {});
    if (head) {
      this.#seq = head.seq;
      this.#hash = head.hash;
      this.#written = head.seq;
    }
  }

  nextDecisionSeq(): number {
    this.#decisionSeq += 1;
    return this.#decisionSeq;
  }

  append(event: NewEvent): void {
    const text = canonicalJson(event.data);
    const { atMs, group, type, actor } = wellFormed(event);
    const seq = this.#seq + 1;
    const hash = this.#sha256(chainText(this.#hash, { seq, atMs, group, type, actor }, text));
    this.#connection.run(this.#queries.addEvent, { seq, at_ms: atMs, group, type, actor, data: text, hash });
    this.#seq = seq;
    this.#hash = hash;
    this.#appended.push({ seq, atMs, group, type, actor, data: JSON.parse(text), hash });
  }

  mark(): Mark {
    return { seq: this.#seq, hash: this.#hash, decisionSeq: this.#decisionSeq };
  }

  rewind(mark: Mark): void {
    this.#seq = mark.seq;
    this.#hash = mark.hash;
    this.#decisionSeq = mark.decisionSeq;
    this.#written = Math.min(this.#written, mark.seq);
    this.#appended = [];
  }

  finish(): void {
    if (this.#seq === this.#written) return;
    this.#connection.run(this.#queries.setHead, { seq: this.#seq, hash: this.#hash });
    this.#written = this.#seq;
  }

  takeEvents(): readonly EventRow[] {
    const events = this.#appended;
    this.#appended = [];
    return events;
  }
}

export function eventFromRow(row: StoredEvent): EventRow {
  return { seq: row.seq, atMs: row.at_ms, group: row.group_name, type: row.type, actor: row.actor, data: JSON.parse(row.data), hash: row.hash };
}
