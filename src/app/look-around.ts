/** What is there on this machine that a first configuration could use. Reads only, and never long. */
import { openRuntime } from '../kit/haproxy-runtime.ts';
import { parseStat } from '../kit/haproxy-stat.ts';
import { createHttp } from '../platform/http.ts';
import { realSockets } from '../platform/sockets.ts';
import { asDriverError, DriverError } from '../ports/ports.ts';

/** How long any one thing may take to answer. */
const LIMIT_MS = 1_500;
const MAX_BYTES = 8 * 1_048_576;

export const HAPROXY_SOCKETS = [
  '/run/haproxy/admin.sock',
  '/var/run/haproxy/admin.sock',
  '/var/run/haproxy.sock',
  '/var/lib/haproxy/stats',
  '/tmp/haproxy.sock',
];
export const PROMETHEUS_URL = 'http://localhost:9090';

export interface FoundHaproxy {
  readonly socket: string;
  readonly backends: readonly { readonly name: string; readonly servers: number }[];
}
export interface FoundPrometheus {
  readonly url: string;
  /** A query for the request rate it has data for; null: none of the known ones. */
  readonly query: string | null;
  /** What that query gives now. */
  readonly now: number | null;
}
export type Look<T> = { readonly found: T } | { readonly found: null; readonly why: string };

/** The first of these sockets that answers as HAProxy does. */
export async function lookForHaproxy(sockets: readonly string[]): Promise<Look<FoundHaproxy>> {
  let why = `no socket at ${sockets.join(', ')}`;
  for (const socket of sockets) {
    try {
      const [text = ''] = await openRuntime(realSockets, { path: socket }, LIMIT_MS).read(['show stat'], new AbortController().signal);
      const rows = parseStat(`${text}\n`);
      const backends = rows
        .filter((r) => r['svname'] === 'BACKEND')
        .map((r) => ({ name: r['pxname'] ?? '', servers: rows.filter((s) => s['pxname'] === r['pxname'] && s['type'] === '2').length }))
        .filter((b) => b.name !== '');
      return { found: { socket, backends } };
    } catch (e) {
      // A socket that is there and refuses is worth telling; one that is not there is not.
      const error = asDriverError(e);
      if (!error.message.includes('no such socket')) why = error.message;
    }
  }
  return { found: null, why };
}

/** Request rates that exporters commonly have, the most telling first. `B` is the backend of HAProxy. */
const RATES = [
  ['haproxy_backend_http_requests_total', 'sum(rate(haproxy_backend_http_requests_total{proxy="B"}[1m]))'],
  ['http_requests_total', 'sum(rate(http_requests_total[1m]))'],
  ['nginx_http_requests_total', 'sum(rate(nginx_http_requests_total[1m]))'],
  ['traefik_service_requests_total', 'sum(rate(traefik_service_requests_total[1m]))'],
] as const;

export async function lookForPrometheus(url: string, backend: string | null): Promise<Look<FoundPrometheus>> {
  const http = createHttp();
  try {
    const ask = async (query: string): Promise<number | null> => {
      const reply = await http.request({
        method: 'GET',
        url: `${url.replace(/\/+$/, '')}/api/v1/query?query=${encodeURIComponent(query)}`,
        timeoutMs: LIMIT_MS,
        maxBytes: MAX_BYTES,
      });
      const document = JSON.parse(new TextDecoder().decode(reply.body)) as { status?: string; data?: { result?: { value?: [number, string] }[] } };
      if (document.status !== 'success') throw new DriverError('bad-reply', `${url} does not answer as Prometheus does`);
      const value = Number(document.data?.result?.[0]?.value?.[1] ?? Number.NaN);
      return Number.isFinite(value) ? value : null;
    };
    await ask('vector(1)');
    for (const [metric, query] of RATES) {
      if (query.includes('"B"') && backend === null) continue;
      const filled = query.replace('"B"', `"${backend}"`);
      if ((await ask(`count(${metric})`)) !== null) return { found: { url, query: filled, now: await ask(filled) } };
    }
    return { found: { url, query: null, now: null } };
  } catch (e) {
    return { found: null, why: e instanceof SyntaxError ? `${url} does not answer as Prometheus does` : asDriverError(e).message };
  } finally {
    await http.close();
  }
}
