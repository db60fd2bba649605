/** Events as they happen, as server-sent events: id = sequence number, event = type, data = the event document. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Operations } from '../engine/operations.ts';
import type { Clock, EventRow, Log } from '../ports/ports.ts';
import type { HandlerInput } from './contract.ts';
import { ApiProblem } from './problem.ts';
import type { TokenBook } from './tokens.ts';
import { eventView } from './view.ts';

export const MAX_STREAMS = 100;
/** Unsent bytes of one reader before it is dropped; it comes back with Last-Event-ID. */
const MAX_UNSENT_BYTES = 1_048_576;
/** Older events than these are not sent again: the reader is told of the gap. */
const MAX_BACKFILL = 5000;
/** Events that may arrive while the backfill is read. */
const MAX_PENDING = 10_000;
/** A comment this often keeps proxies from closing the connection; the token is checked again as often. */
const PING_MS = 5000;
const PAGE = 1000;

export interface StreamDeps {
  readonly operations: Pick<Operations, 'events' | 'onEvents'>;
  readonly book: TokenBook;
  readonly clock: Clock;
  readonly log: Log;
  readonly headers: () => Readonly<Record<string, string>>;
}
type Query = HandlerInput<'stream'>;

export interface Streams {
  open(request: FastifyRequest, reply: FastifyReply, query: Query, tokenId: string): Promise<void>;
  /** Ends all of them and refuses new ones. */
  close(): void;
}

function wants(event: EventRow, query: Query): boolean {
  return (query.group === undefined || event.group === query.group) && (query.type === undefined || event.type === query.type);
}

function startOf(request: FastifyRequest, query: Query): number | null {
  const header = request.headers['last-event-id'];
  if (header === undefined || header === '') return query.after_seq ?? null;
  if (typeof header !== 'string' || !/^\d{1,15}$/.test(header)) throw new ApiProblem(400, 'malformed', 'Last-Event-ID is the number of an event.');
  return Number(header);
}

/** Events after `after`, oldest first, at most MAX_BACKFILL; `gap` when there were more. */
async function backfill(operations: StreamDeps['operations'], after: number, query: Query): Promise<{ readonly events: EventRow[]; readonly gap: boolean }> {
  const filter = {
    afterSeq: after,
    ...(query.group === undefined ? {} : { group: query.group }),
    ...(query.type === undefined ? {} : { type: query.type }),
  };
  const newestFirst: EventRow[] = [];
  let before: string | null = null;
  for (;;) {
    const rows: readonly EventRow[] = await operations.events(filter, { before, limit: PAGE });
    newestFirst.push(...rows);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return { events: newestFirst.reverse(), gap: false };
    if (newestFirst.length >= MAX_BACKFILL) return { events: newestFirst.slice(0, MAX_BACKFILL).reverse(), gap: true };
    before = String(last.seq);
  }
}

function eventText(event: EventRow): string {
  // Event types are ours, but a line break in one would forge another field.
  return `id: ${event.seq}\nevent: ${event.type.replace(/[\r\n]/g, ' ')}\ndata: ${JSON.stringify(eventView(event))}\n\n`;
}

export function createStreams(deps: StreamDeps): Streams {
  const open = new Set<() => void>();
  let reserved = 0;
  let closed = false;

  const start = (request: FastifyRequest, reply: FastifyReply, query: Query, tokenId: string, first: readonly string[], live: Live) => {
    const raw = reply.raw;
    reply.hijack();
    raw.writeHead(200, { ...deps.headers(), 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no', 'x-request-id': request.id });
    let cancelPing = () => {};
    let over = false;
    const finish = () => {
      if (over) return;
      over = true;
      cancelPing();
      live.stop();
      open.delete(finish);
      raw.end();
    };
    const write = (text: string) => {
      if (over) return;
      raw.write(text);
      if (raw.writableLength <= MAX_UNSENT_BYTES) return;
      deps.log.warn({ request: request.id, unsent: raw.writableLength }, 'a reader of the event stream is too slow and was dropped');
      finish();
      raw.destroy();
    };
    const ping = () => {
      cancelPing = deps.clock.after(PING_MS, () => {
        write(': ping\n\n');
        // A store that cannot be read now does not revoke anybody.
        deps.book.stillValid(tokenId).then(
          (valid) => (valid ? undefined : finish()),
          () => undefined,
        );
        if (!over) ping();
      });
    };
    open.add(finish);
    raw.on('close', finish);
    raw.on('error', finish);
    write('retry: 2000\n\n');
    for (const text of first) write(text);
    live.flow((event) => {
      if (wants(event, query)) write(eventText(event));
    });
    ping();
    if (closed || raw.destroyed) finish();
  };

  return {
    open: async (request, reply, query, tokenId) => {
      const after = startOf(request, query);
      if (closed || open.size + reserved >= MAX_STREAMS) {
        throw new ApiProblem(503, 'overloaded', `There are ${MAX_STREAMS} event streams already, or the controller is stopping.`, { 'retry-after': '10' });
      }
      reserved++;
      // Before the backfill, so that nothing falls between the two.
      const live = subscribe(deps.operations, after ?? 0);
      try {
        const past = after === null ? { events: [], gap: false } : await backfill(deps.operations, after, query);
        const first = past.events.map(eventText);
        const oldest = past.events[0];
        if (past.gap && oldest !== undefined) first.unshift(`event: gap\ndata: ${JSON.stringify({ after, before: oldest.seq })}\n\n`);
        live.skipTo(past.events.at(-1)?.seq ?? after ?? 0);
        if (live.overflowed()) throw new ApiProblem(503, 'overloaded', 'Too many events at once. Connect again.', { 'retry-after': '2' });
        start(request, reply, query, tokenId, first, live);
      } catch (error) {
        live.stop();
        throw error;
      } finally {
        reserved--;
      }
    },
    close: () => {
      closed = true;
      for (const finish of [...open]) finish();
    },
  };
}

interface Live {
  /** Events up to this number were sent already. */
  skipTo(seq: number): void;
  /** More came than can wait: what waits has a hole. */
  overflowed(): boolean;
  /** Hands over what waited, then each event as it comes. */
  flow(take: (event: EventRow) => void): void;
  stop(): void;
}

function subscribe(operations: StreamDeps['operations'], from: number): Live {
  let sent = from;
  let overflow = false;
  let pending: EventRow[] = [];
  let take: (event: EventRow) => void = (event) => {
    if (pending.length < MAX_PENDING) pending.push(event);
    else overflow = true;
  };
  const unsubscribe = operations.onEvents((events) => {
    for (const event of events) if (event.seq > sent) take(event);
  });
  return {
    skipTo: (seq) => {
      sent = Math.max(sent, seq);
    },
    flow: (consume) => {
      take = (event) => {
        if (event.seq <= sent) return;
        sent = event.seq;
        consume(event);
      };
      for (const event of pending) take(event);
      pending = [];
    },
    overflowed: () => overflow,
    stop: unsubscribe,
  };
}
