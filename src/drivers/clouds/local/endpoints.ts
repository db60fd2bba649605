/** Which address and port the next machine gets. */
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import { type LocalOptions, portRange } from './options.ts';
import type { Endpoint } from './tags.ts';

const CONNECT_MS = 250;
/** Something that listens on every address would otherwise be asked 65,534 times. */
const MOST_BUSY = 64;

/** All endpoints of the configured kind, by number. */
export interface Pool {
  readonly size: number;
  at(index: number): Endpoint;
  /** Number of an endpoint; -1: not of this pool. */
  indexOf(endpoint: Endpoint): number;
}

export function poolOf(options: LocalOptions, port: number | undefined): Pool {
  if (options.addresses === 'shared') {
    if (port !== undefined)
      throw new DriverError('bad-request', 'template.port is only for `addresses: own`: with shared addresses each machine gets its own port');
    const { from, to } = portRange(options.ports);
    return {
      size: to - from + 1,
      at: (i) => ({ address: options.address, port: from + i }),
      indexOf: (e) => (e.address === options.address && e.port >= from && e.port <= to ? e.port - from : -1),
    };
  }
  if (port === undefined) throw new DriverError('bad-request', 'template.port is needed with `addresses: own`');
  const prefix = options.network.replace(/0\.0\/16$/, '');
  return {
    // Without the network's first and last address.
    size: 65_534,
    at: (i) => ({ address: `${prefix}${(i + 1) >> 8}.${(i + 1) & 255}`, port }),
    indexOf: (e) => {
      if (!e.address.startsWith(prefix)) return -1;
      const [high = 0, low = 0] = e.address.slice(prefix.length).split('.').map(Number);
      return high * 256 + low - 1;
    },
  };
}

/** What one look at the process table says. */
export interface Seen {
  readonly tokens: ReadonlySet<string>;
  readonly endpoints: readonly Endpoint[];
  /** Those of other installations on this host: their machines may still boot and not listen yet. */
  readonly elsewhere: readonly Endpoint[];
  /** Looks are numbered in the order in which they began. */
  readonly look: number;
}

interface Reservation {
  readonly token: string;
  /** Number of the newest look that had begun when the machine was made; null: it is being made. */
  madeAt: number | null;
}

/** Hands out endpoints so that two machines never get the same one, and one just freed comes last: a balancer may still know its old owner. */
export class Endpoints {
  readonly #sockets: DriverPorts['sockets'];
  readonly #max: number;
  /** Kept until a later look shows that the machine is gone: the look at hand may be older than its start. */
  readonly #reserved = new Map<string, Reservation>();
  #next: number | null = null;
  /** One choice at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(sockets: DriverPorts['sockets'], max: number) {
    this.#sockets = sockets;
    this.#max = max;
  }

  /** The next free one, or one behind it: `skip` says how many to pass over. Throws quota (max) or no-capacity (nothing free). */
  reserve(pool: Pool, token: string, seen: Seen, skip = 0): Promise<Endpoint> {
    const choice = this.#turn.then(() => this.#choose(pool, token, seen, skip));
    this.#turn = choice.catch(() => {});
    return choice;
  }

  made(endpoint: Endpoint, newestLook: number): void {
    const reservation = this.#reserved.get(keyOf(endpoint));
    if (reservation !== undefined) reservation.madeAt = newestLook;
  }

  release(endpoint: Endpoint): void {
    this.#reserved.delete(keyOf(endpoint));
  }

  async #choose(pool: Pool, token: string, seen: Seen, skip: number): Promise<Endpoint> {
    for (const [key, r] of this.#reserved) if (r.madeAt !== null && r.madeAt < seen.look && !seen.tokens.has(r.token)) this.#reserved.delete(key);
    const living = new Set([...seen.tokens, ...[...this.#reserved.values()].map((r) => r.token)]).size;
    if (living >= this.#max) throw new DriverError('quota', `there are ${living} machines on this host already (max: ${this.#max})`);
    const ours = seen.endpoints.map((e) => pool.indexOf(e));
    const taken = new Set([...ours, ...seen.elsewhere.map((e) => pool.indexOf(e))]);
    // After a restart: go on behind the highest one in use.
    this.#next ??= Math.max(-1, ...ours) + 1;
    let busy = 0;
    for (let tried = 0; tried < pool.size && busy < MOST_BUSY; tried++) {
      const index = (this.#next + skip + tried) % pool.size;
      const endpoint = pool.at(index);
      if (taken.has(index) || this.#reserved.has(keyOf(endpoint))) continue;
      if (await this.#sockets.canConnect({ host: endpoint.address, port: endpoint.port }, CONNECT_MS)) {
        busy++;
        continue;
      }
      this.#next = index + 1;
      this.#reserved.set(keyOf(endpoint), { token, madeAt: null });
      return endpoint;
    }
    if (busy === MOST_BUSY)
      throw new DriverError('no-capacity', `programs of others listen on ${busy} of the addresses and ports of this cloud, one after the other`);
    throw new DriverError('no-capacity', 'every address and port of this cloud is in use');
  }
}

function keyOf(endpoint: Endpoint): string {
  return `${endpoint.address}:${endpoint.port}`;
}
