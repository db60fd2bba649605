/** The machines behind the proxy: which of them may get a request, and the check that says so. */
import { connect } from 'node:net';
import { Pool } from 'undici';

const CHECK_EVERY_MS = 250;
const CHECK_TIMEOUT_MS = 1000;
/** Failed checks in a row before a member that was up gets no more requests. */
const FALL = 2;
export const MAX_MEMBERS = 1000;

/** An HTTP path that must answer 2xx or 3xx, or null: a TCP connection must open. */
export type CheckPath = string | null;

export interface MemberSpec {
  readonly ref: string;
  /** Who put it there; only shown and compared. */
  readonly owner: string;
  readonly address: string;
  readonly port: number;
  /** 1..256. */
  readonly weight: number;
  readonly check: CheckPath;
}

export interface MemberView extends MemberSpec {
  readonly state: 'joining' | 'ready' | 'draining';
  readonly health: 'up' | 'down' | 'unknown';
  readonly sessions: number;
  readonly requests: number;
  readonly last_check: string | null;
}

export class ProxyMember {
  readonly spec: MemberSpec;
  readonly pool: Pool;
  state: MemberView['state'] = 'joining';
  health: MemberView['health'] = 'unknown';
  sessions = 0;
  requests = 0;
  #lastCheck: string | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(spec: MemberSpec) {
    this.spec = spec;
    const host = spec.address.includes(':') ? `[${spec.address}]` : spec.address;
    this.pool = new Pool(`http://${host}:${spec.port}`, {
      pipelining: 1,
      connect: { timeout: 2000 },
      headersTimeout: 60_000,
      bodyTimeout: 60_000,
      keepAliveTimeout: 3000, // shorter than the 5 s of Node's own servers: fewer connections that end as we send
    });
    void this.#checkLoop();
  }

  get eligible(): boolean {
    return this.state === 'ready' && this.health === 'up';
  }

  view(): MemberView {
    const { state, health, sessions, requests } = this;
    return { ...this.spec, state, health, sessions, requests, last_check: this.#lastCheck };
  }

  /** Back in: its check has to pass anew first. */
  rejoin(): void {
    this.state = 'joining';
    this.health = 'unknown';
    this.#failures = 0;
    this.#checkSoon();
  }

  drain(): void {
    this.state = 'draining';
  }

  /** A connection to it was refused: no more requests until a check passes. */
  suspect(): void {
    if (this.health === 'up') this.health = 'down';
    this.#checkSoon();
  }

  /** Requests under way end well; new ones are not possible. */
  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.pool.close().catch(() => {});
  }

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.pool.destroy();
  }

  #checkSoon(): void {
    if (this.#timer === null || this.#closed) return; // one is under way
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#checkLoop(), 0);
  }

  async #checkLoop(): Promise<void> {
    this.#timer = null;
    const failure = await (this.spec.check === null ? checkTcp(this.spec) : checkHttp(this.pool, this.spec.check));
    if (this.#closed) return;
    this.#lastCheck = failure ?? 'passed';
    if (failure === null) {
      this.#failures = 0;
      this.health = 'up';
      if (this.state === 'joining') this.state = 'ready';
    } else if (this.health !== 'up' || ++this.#failures >= FALL) this.health = 'down';
    this.#timer = setTimeout(() => void this.#checkLoop(), CHECK_EVERY_MS);
  }
}

/** Null: passed; else why not. */
async function checkHttp(pool: Pool, path: string): Promise<string | null> {
  try {
    const reply = await pool.request({
      method: 'GET',
      path,
      headersTimeout: CHECK_TIMEOUT_MS,
      bodyTimeout: CHECK_TIMEOUT_MS,
      signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
    });
    await reply.body.dump();
    return reply.statusCode >= 200 && reply.statusCode < 400 ? null : `answered ${reply.statusCode}`;
  } catch (e) {
    return e instanceof Error ? (('code' in e && typeof e.code === 'string' ? e.code : null) ?? e.name) : 'failed';
  }
}

function checkTcp(spec: MemberSpec): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: spec.address, port: spec.port, timeout: CHECK_TIMEOUT_MS });
    const end = (why: string | null) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end('timed out'));
    socket.once('error', (e: NodeJS.ErrnoException) => end(e.code ?? e.message));
  });
}

export class Members {
  readonly #byRef = new Map<string, ProxyMember>();
  #turn: number;

  /** `start`: where the rotation among equally loaded members begins. */
  constructor(start: number) {
    this.#turn = start;
  }

  get size(): number {
    return this.#byRef.size;
  }
  get(ref: string): ProxyMember | undefined {
    return this.#byRef.get(ref);
  }
  all(): ProxyMember[] {
    return [...this.#byRef.values()];
  }
  add(spec: MemberSpec): ProxyMember {
    const member = new ProxyMember(spec);
    this.#byRef.set(spec.ref, member);
    return member;
  }
  remove(ref: string): void {
    this.#byRef.get(ref)?.close();
    this.#byRef.delete(ref);
  }
  async destroy(): Promise<void> {
    const all = this.all();
    this.#byRef.clear();
    await Promise.all(all.map((m) => m.destroy()));
  }

  /** The member with the fewest requests for its weight, in turns among equals; never `not`. Null: none may get one. */
  choose(not: ProxyMember | null): ProxyMember | null {
    const eligible = this.all().filter((m) => m.eligible && m !== not);
    if (eligible.length === 0) return null;
    const load = (m: ProxyMember) => m.sessions / m.spec.weight;
    const from = this.#turn++ % eligible.length;
    let best = eligible[from] as ProxyMember;
    for (let i = 1; i < eligible.length; i++) {
      const next = eligible[(from + i) % eligible.length] as ProxyMember;
      if (load(next) < load(best)) best = next;
    }
    return best;
  }
}
