/** Asks one backend again and again whether it may have traffic. */
import { connect } from 'node:net';
import { Pool } from 'undici';
import type { BackendView, CheckSpec } from './balancing.ts';

/** As much of an answer as is searched for `body`. */
const MAX_BODY_BYTES = 64 * 1024;

export interface CheckedPlace {
  readonly address: string;
  readonly port: number;
  readonly pool: Pool;
}

/** Connections to one backend, kept for the next requests. */
export function openPool(address: string, port: number): Pool {
  const host = address.includes(':') ? `[${address}]` : address;
  return new Pool(`http://${host}:${port}`, {
    pipelining: 1,
    connect: { timeout: 2000 },
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
    keepAliveTimeout: 3000, // shorter than the 5 s of Node's own servers: fewer connections that end as we send
  });
}

export class HealthCheck {
  /** `unknown` until the first check is over, and always for kind `none`. */
  status: BackendView['status'] = 'unknown';
  /** `passed`, or why it did not. Null: none is over yet. */
  last: string | null = null;
  readonly #place: CheckedPlace;
  readonly #spec: CheckSpec;
  readonly #onPassed: () => void;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(place: CheckedPlace, spec: CheckSpec, onPassed: () => void = () => {}) {
    this.#place = place;
    this.#spec = spec;
    this.#onPassed = onPassed;
    if (spec.kind !== 'none') void this.#run();
  }

  get mayServe(): boolean {
    return this.#spec.kind === 'none' || this.status === 'up';
  }

  /** As if it were new: a check has to pass first. */
  restart(): void {
    this.status = 'unknown';
    this.#failures = 0;
    this.soon();
  }

  /** Out until the next check that passes. Nothing without checks: it would stay out for good. */
  takeOut(why: string): void {
    if (this.status !== 'up') return;
    this.status = 'down';
    this.last = why;
  }

  /** Checks now instead of after the interval. */
  soon(): void {
    if (this.#timer === null || this.#closed) return; // one is under way
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), 0);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#timer = null;
    const failure = await (this.#spec.kind === 'connection' ? checkConnection(this.#place, this.#spec) : checkHttp(this.#place, this.#spec));
    if (this.#closed) return;
    this.last = failure ?? 'passed';
    if (failure === null) {
      this.#failures = 0;
      this.status = 'up';
      this.#onPassed();
    } else if (this.status !== 'up' || ++this.#failures >= this.#spec.attempts) {
      this.status = 'down';
      this.#failures = 0;
    }
    this.#timer = setTimeout(() => void this.#run(), this.#spec.intervalMs);
  }
}

/** Null: passed; else why not. */
async function checkHttp(place: CheckedPlace, spec: CheckSpec): Promise<string | null> {
  try {
    const { timeoutMs } = spec;
    const reply = await place.pool.request({
      method: 'GET',
      path: spec.path,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = spec.kind === 'http-body' ? await readStart(reply.body) : await reply.body.dump().then(() => '');
    if (reply.statusCode < 200 || reply.statusCode >= 400) return `answered ${reply.statusCode}`;
    return body.includes(spec.kind === 'http-body' ? spec.body : '') ? null : 'the body did not match';
  } catch (e) {
    return e instanceof Error ? (('code' in e && typeof e.code === 'string' ? e.code : null) ?? e.name) : 'failed';
  }
}

async function readStart(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function checkConnection(place: CheckedPlace, spec: CheckSpec): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: place.address, port: place.port, timeout: spec.timeoutMs });
    const end = (why: string | null) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('timed out'));
    socket.once('error', (e: NodeJS.ErrnoException) => end(e.code ?? e.message));
  });
}
