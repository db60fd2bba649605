import { missing, type Reading } from '../../../core/model/reading.ts';
import { durationMs } from '../../../kit/duration-text.ts';
import { type StatRow, statNumber } from '../../../kit/haproxy-stat.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { asDriverError } from '../../../ports/errors.ts';
import type { Source } from '../../../ports/source.ts';
import { openClient, type ReadRows } from './client.ts';
import { type Counters, History, type Sample } from './history.ts';
import type { HaproxySourceOptions, HaproxySourceQuery, Metric } from './options.ts';

/** Counters that only grow while HAProxy runs. The byte counters make a restart visible even if the others have caught up. */
const COUNTERS = ['stot', 'req_tot', 'bin', 'bout', 'hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx', 'hrsp_other'];
const RESPONSES = COUNTERS.filter((name) => name.startsWith('hrsp_'));

export function openHaproxySource(options: HaproxySourceOptions, ports: DriverPorts): Source<HaproxySourceQuery> {
  return new HaproxySource(openClient(options, ports), ports);
}

interface Seen {
  readonly query: HaproxySourceQuery;
  /** The BACKEND or FRONTEND row. */
  readonly row: StatRow;
  /** Servers that may get traffic; null for a frontend. */
  readonly serversUp: number | null;
  readonly now: Sample;
  readonly atMs: number;
}

class HaproxySource implements Source<HaproxySourceQuery> {
  readonly #read: ReadRows;
  readonly #ports: DriverPorts;
  readonly #history = new History();

  constructor(read: ReadRows, ports: DriverPorts) {
    this.#read = read;
    this.#ports = ports;
  }

  async read(query: HaproxySourceQuery, signal: AbortSignal): Promise<Reading> {
    const proxy = query.backend ?? query.frontend ?? '';
    try {
      const rows = await this.#read(proxy, signal);
      const atMs = this.#ports.clock.wall();
      const side = query.backend === undefined ? 'FRONTEND' : 'BACKEND';
      const row = rows.find((r) => r['svname'] === side);
      if (row === undefined) return missing('absent', `HAProxy has no ${side.toLowerCase()} ${proxy}`, atMs);
      const serversUp = query.backend === undefined ? null : rows.filter(isServerUp).length;
      return this.#evaluate({ query, row, serversUp, atMs, now: { atMs: this.#ports.clock.mono(), counters: countersOf(row) } });
    } catch (e) {
      return missing('source-error', asDriverError(e).message, this.#ports.clock.wall());
    }
  }

  #evaluate(seen: Seen): Reading {
    const { query, row } = seen;
    switch (query.metric) {
      case 'connections':
        return gauge(seen, 'scur');
      case 'queue':
        return gauge(seen, 'qcur');
      case 'sessions_per_server': {
        const sessions = statNumber(row, 'scur');
        if (sessions === null) return gauge(seen, 'scur');
        if (!seen.serversUp) return missing('empty', `no server of ${query.backend} is up: there is no share per server`, seen.atMs);
        return value(seen, sessions / seen.serversUp);
      }
      default:
        return this.#overTime(seen, query.metric);
    }
  }

  /** Metrics that need an earlier reading. */
  #overTime(seen: Seen, metric: Exclude<Metric, 'connections' | 'queue' | 'sessions_per_server'>): Reading {
    const key = JSON.stringify([seen.query.backend ?? null, seen.query.frontend ?? null]);
    const { base, reset } = this.#history.note(key, seen.now, durationMs(seen.query.window));
    if (reset) return missing('absent', 'the counters began anew (HAProxy was restarted or reloaded); the next reading has a value', seen.atMs);
    if (base === null) return missing('absent', 'this needs a second reading at least 1 s after the first; the next one has a value', seen.atMs);
    const grown = (name: string): number | null => growth(seen.now.counters, base.counters, name);
    const perSecond = (name: string): Reading => {
      const count = grown(name);
      return count === null ? noColumn(seen, name) : value(seen, (count * 1000) / (seen.now.atMs - base.atMs));
    };
    switch (metric) {
      case 'request_rate':
        return perSecond('req_tot');
      case 'session_rate':
        return perSecond('stot');
      case 'errors_5xx':
        return perSecond('hrsp_5xx');
      case 'error_ratio': {
        const errors = grown('hrsp_5xx');
        if (errors === null) return noColumn(seen, 'hrsp_5xx');
        const all = RESPONSES.reduce((sum, name) => sum + (grown(name) ?? 0), 0);
        return all === 0 ? missing('empty', 'nothing was answered in the window: there is no share of errors', seen.atMs) : value(seen, errors / all);
      }
      case 'response_time':
      case 'queue_time': {
        // HAProxy keeps the average of the last 1024 requests for ever; without new requests it tells of the past.
        if ((grown('req_tot') ?? grown('stot') ?? 0) === 0)
          return missing('stale', 'no request came in the window: HAProxy’s average is of earlier ones', seen.atMs);
        return gauge(seen, metric === 'response_time' ? 'rtime' : 'qtime');
      }
    }
  }
}

function countersOf(row: StatRow): Counters {
  return Object.fromEntries(COUNTERS.map((name) => [name, statNumber(row, name)]).filter((e): e is [string, number] => e[1] !== null));
}

function growth(now: Counters, before: Counters, name: string): number | null {
  const [a, b] = [now[name], before[name]];
  return a === undefined || b === undefined ? null : a - b;
}

function isServerUp(row: StatRow): boolean {
  return row['type'] === '2' && /^(UP|no check)/.test(row['status'] ?? '');
}

function gauge(seen: Seen, column: string): Reading {
  const number = statNumber(seen.row, column);
  return number === null ? noColumn(seen, column) : value(seen, number);
}

function noColumn(seen: Seen, column: string): Reading {
  return missing('absent', `HAProxy tells no ${column} for ${seen.query.backend ?? seen.query.frontend}; HTTP figures need \`mode http\``, seen.atMs);
}

function value(seen: Seen, number: number): Reading {
  const members = seen.serversUp === null ? {} : { members: seen.serversUp };
  return { kind: 'value', value: number, atMs: seen.atMs, ageMs: 0, coverage: 1, ...members };
}
