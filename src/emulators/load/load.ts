import { type Dispatcher, Pool } from 'undici';
import { whyNotHere } from '../machines/namespace.ts';

/** What a stretch of load came to. */
export interface LoadCount {
  readonly requests: number;
  /** No answer, a cut answer, or a status of 500 and above. */
  readonly failed: number;
  /** Not sent because too many were under way: neither a request nor a failure. */
  readonly skipped: number;
}

export interface Failure {
  /** When the request was sent, Unix ms. */
  readonly sentMs: number;
  /** When it had failed, Unix ms. */
  readonly atMs: number;
  readonly what: string;
}

export interface Load {
  /** Requests a second; at most `maxRate`. Takes effect at once. */
  rate: number;
  count(): LoadCount;
  /** The first `keepFailures` failures. */
  failures(): readonly Failure[];
  /** Ends sending and waits for what is under way; a second call waits for the same. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** This is a load generator for demos and tests, not for anyone else's server. */
  readonly url: string;
  readonly rate: number;
  readonly maxRate?: number;
  /** Requests under way at once. Default 200. */
  readonly maxUnderWay?: number;
  readonly timeoutMs?: number;
  /** Failures described; the rest is only counted. Default 100. */
  readonly keepFailures?: number;
}

const TICK_MS = 10;

/**
 * Open-loop load: requests leave at their rate whatever the answers do, as users do, within bounds. GETs over keep-alive connections.
 * Throws when the address is not on this machine.
 */
export function startLoad(options: LoadOptions): Load {
  const { hostname } = new URL(options.url);
  if (!/^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(hostname)) throw new Error(`load goes to this machine only, not to ${hostname}`);
  return start(options);
}

/** The same to any address, from inside a network namespace out of which nothing goes. Rejects in the machine's own. */
export async function startLoadInNamespace(options: LoadOptions): Promise<Load> {
  const why = await whyNotHere();
  if (why !== null) throw new Error(`load goes to this machine only: ${why}`);
  return start(options);
}

function start(options: LoadOptions): Load {
  const url = new URL(options.url);
  const maxRate = options.maxRate ?? 5_000;
  const maxUnderWay = options.maxUnderWay ?? 200;
  const pool = new Pool(url.origin, { connections: 64, pipelining: 1, headersTimeout: options.timeoutMs ?? 10_000, bodyTimeout: options.timeoutMs ?? 10_000 });
  const failures: Failure[] = [];
  const underWay = new Set<Promise<void>>();
  let requests = 0;
  let failed = 0;
  let skipped = 0;
  let owed = 0;
  let last = performance.now();
  const load = { rate: options.rate, count: () => ({ requests, failed, skipped }), failures: () => failures, stop };

  const keep = options.keepFailures ?? 100;
  const fail = (sentMs: number, what: string): void => {
    failed++;
    if (failures.length < keep) failures.push({ sentMs, atMs: Date.now(), what });
  };
  const one = async (): Promise<void> => {
    requests++;
    const sentMs = Date.now();
    try {
      const answer: Dispatcher.ResponseData = await pool.request({ path: url.pathname + url.search, method: 'GET' });
      await answer.body.dump();
      if (answer.statusCode >= 500) fail(sentMs, `status ${answer.statusCode}`);
    } catch (e) {
      fail(sentMs, e instanceof Error ? e.message : String(e));
    }
  };
  const timer = setInterval(() => {
    const now = performance.now();
    // After a stall of our own the debt is dropped: a burst would measure us, not the servers.
    owed = Math.min(owed + (Math.min(load.rate, maxRate) * (now - last)) / 1000, maxRate / 10);
    last = now;
    for (; owed >= 1; owed--) {
      if (underWay.size >= maxUnderWay) skipped++;
      else {
        const sent = one().finally(() => underWay.delete(sent));
        underWay.add(sent);
      }
    }
  }, TICK_MS);

  let ended: Promise<void> | null = null;
  function stop(): Promise<void> {
    ended ??= end();
    return ended;
  }
  async function end(): Promise<void> {
    clearInterval(timer);
    await Promise.all(underWay);
    await pool.close();
  }
  return load;
}
