/** A client that reads the stream of events for as long as it lasts: what it saw once must be in the books for ever, and unchanged. */
import { type Client, streamEvents } from '../../src/api/client.ts';
import type { EventJson } from '../../src/api/documents.ts';
import { createStreamFetch } from '../../src/cli/stream-fetch.ts';

const SILENCE_MS = 60_000;
const PAGE = 1_000;

export class Witness {
  /** What was seen on the stream and not yet compared, by number. */
  readonly #seen = new Map<number, EventJson>();
  /** The newest event of the books that was read, and its hash. */
  #last: Pick<EventJson, 'seq' | 'hash'> = { seq: 0, hash: '' };
  #reading: Promise<void> = Promise.resolve();
  #compared = 0;

  /** Reads the stream until it breaks. */
  watch(url: string, token: string): void {
    const options = { url, token, fetch: createStreamFetch({ ca: null, silenceMs: SILENCE_MS }), afterSeq: Math.max(this.#last.seq, ...this.#seen.keys()) };
    this.#reading = this.#read(options).catch(() => {}); // it was killed
  }

  /** Everything the dead controller sent has been read. */
  rest(): Promise<void> {
    return this.#reading;
  }

  /** Events that were seen on the stream and found again in the books. */
  get compared(): number {
    return this.#compared;
  }

  /** Every event since the last call, oldest first; throws where the books differ from what was seen, or have a gap. */
  async compare(client: Client): Promise<readonly EventJson[]> {
    const seen = new Map(this.#seen);
    const problems: string[] = [];
    const fresh = await this.#since(client);
    if (this.#last.seq > 0) {
      const again = fresh.shift();
      if (again?.seq !== this.#last.seq || again.hash !== this.#last.hash) problems.push(`event ${this.#last.seq} is not what it was`);
    }
    let expected = this.#last.seq + 1;
    for (const event of fresh) {
      if (event.seq !== expected++) problems.push(`event ${event.seq} follows ${expected - 2}`);
      const was = seen.get(event.seq);
      seen.delete(event.seq);
      if (!was) continue;
      this.#compared++;
      if (JSON.stringify(was) !== JSON.stringify(event)) problems.push(`event ${event.seq} was ${JSON.stringify(was)} and is ${JSON.stringify(event)}`);
    }
    for (const event of seen.values()) problems.push(`event ${event.seq} (${event.type}) was seen on the stream and is not in the books`);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const last = fresh.at(-1);
    if (last) this.#last = last;
    for (const seq of this.#seen.keys()) if (seq <= this.#last.seq) this.#seen.delete(seq);
    return fresh;
  }

  /** From the last one that is known, so that it is compared too. */
  async #since(client: Client): Promise<EventJson[]> {
    const found: EventJson[] = [];
    for (let before: string | null = null; ; ) {
      const page = await client.events({ limit: PAGE, after_seq: Math.max(0, this.#last.seq - 1), ...(before === null ? {} : { before }) });
      found.push(...page.events);
      before = page.next;
      if (before === null) return found.reverse();
    }
  }

  async #read(options: Parameters<typeof streamEvents>[0]): Promise<void> {
    for await (const told of streamEvents(options)) {
      // A reader that comes back is told again what it knows; the two must agree.
      if (told.kind === 'event') this.#seen.set(told.event.seq, this.#seen.get(told.event.seq) ?? told.event);
    }
  }
}
