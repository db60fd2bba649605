/** A small web server that behaves like a machine: it boots for a while, has a limited capacity and leaves politely. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveDownload } from './download.ts';

export interface WebOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Further addresses, same port. */
  readonly alsoOn?: readonly string[];
  /** How long to go on trying while another still has the port, ms. Default 0. */
  readonly busyPortMs?: number;
  /** Time before it listens, ms. Default 0. */
  readonly bootMs?: number;
  /** Time one request takes on an idle machine, ms. Default 5. */
  readonly workMs?: number;
  /** Requests per second it can finish; beyond that they queue and latency rises. Default: no limit. */
  readonly capacityRps?: number;
  /** Longest time in the queue, ms; a request that would wait longer gets 503 at once. Default 10,000. */
  readonly maxWaitMs?: number;
  /** Shown in answers and labels. Default `web`. */
  readonly name?: string;
  /** Shown in answers as x-version. */
  readonly version?: string;
  /** Does the work of one request in place of workMs and capacityRps; false: refused, 503. */
  readonly serve?: () => Promise<boolean>;
  /** Gives up a boot under way. */
  readonly signal?: AbortSignal;
}

export interface Web {
  readonly host: string;
  readonly port: number;
  /** Finished requests of `/`, by status. */
  readonly served: ReadonlyMap<number, number>;
  readonly inFlight: number;
  /** Makes /healthz answer 503, or 200 again. */
  setHealthy(healthy: boolean): void;
  /** One more address. Rejects when it cannot listen there. */
  listenOn(host: string): Promise<void>;
  /** Stops accepting, finishes what is in flight for at most `graceMs` (default 5,000), then cuts. */
  close(graceMs?: number): Promise<void>;
}

/** Resolves once it listens. */
export async function startWeb(options: WebOptions): Promise<Web> {
  if ((options.bootMs ?? 0) > 0) await sleep(options.bootMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
  const machine = new Machine(options);
  try {
    for (const host of [options.host, ...(options.alsoOn ?? [])]) await machine.listenOn(host);
    return machine;
  } catch (e) {
    await machine.close(0);
    throw e;
  }
}

class Machine implements Web {
  readonly host: string;
  port: number;
  readonly served = new Map<number, number>();
  inFlight = 0;
  readonly #options: WebOptions;
  readonly #servers: Server[] = [];
  readonly #startedMs = performance.now();
  #healthy = true;
  #stopping = false;
  /** When the machine will have finished all it has accepted, monotonic ms. */
  #freeAtMs = 0;
  #seconds = 0;

  constructor(options: WebOptions) {
    this.#options = options;
    this.host = options.host;
    this.port = options.port;
  }

  async listenOn(host: string): Promise<void> {
    const endMs = performance.now() + (this.#options.busyPortMs ?? 0);
    for (;;) {
      const server = createServer((request, response) => {
        void this.#answer(request, response);
      });
      // Longer than a proxy keeps idle connections: else it may send a request into a connection just being closed.
      server.keepAliveTimeout = 75_000;
      try {
        await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.port, host, resolve));
        this.#servers.push(server);
        this.port = (server.address() as AddressInfo).port;
        return;
      } catch (e) {
        if (!(e instanceof Error && 'code' in e && e.code === 'EADDRINUSE') || performance.now() > endMs) throw e;
        await sleep(50);
      }
    }
  }

  setHealthy(healthy: boolean): void {
    this.#healthy = healthy;
  }

  async close(graceMs = 5000): Promise<void> {
    this.#stopping = true;
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const cut = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, graceMs);
    // Answers now say `connection: close`; what idles has nothing to finish.
    for (const server of this.#servers) server.closeIdleConnections();
    await Promise.all(closed);
    clearTimeout(cut);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (this.#stopping) response.setHeader('connection', 'close');
    const path = (request.url ?? '/').split('?')[0];
    switch (`${request.method === 'HEAD' ? 'GET' : request.method} ${path}`) {
      case 'GET /healthz':
        return send(response, this.#healthy ? 200 : 503, this.#healthy ? 'ok\n' : 'sick\n');
      case 'GET /metrics':
        return send(response, 200, this.#metrics(), 'text/plain; version=0.0.4; charset=utf-8');
      case 'GET /download':
        return await this.#download(request, response);
      case 'POST /sick':
      case 'POST /well':
        this.setHealthy(path === '/well');
        return send(response, 200, 'ok\n');
      default:
        return path === '/' ? await this.#work(response) : send(response, 404, 'not found\n');
    }
  }

  /** One queue, one server: each request occupies the machine for 1/capacity, so waiting grows without bound above capacity. */
  async #work(response: ServerResponse): Promise<void> {
    const { workMs = 5, capacityRps, maxWaitMs = 10_000, name = 'web' } = this.#options;
    const startMs = performance.now();
    const waitMs = Math.max(0, this.#freeAtMs - startMs);
    this.inFlight++;
    let status = 200;
    const { serve } = this.#options;
    if (serve !== undefined) {
      if (!(await serve())) status = 503;
    } else if (capacityRps !== undefined && waitMs > maxWaitMs) {
      status = 503;
    } else {
      if (capacityRps !== undefined) this.#freeAtMs = startMs + waitMs + 1000 / capacityRps;
      await sleep(waitMs + workMs);
    }
    this.inFlight--;
    this.#seconds += (performance.now() - startMs) / 1000;
    this.served.set(status, (this.served.get(status) ?? 0) + 1);
    if (this.#stopping) response.setHeader('connection', 'close');
    if (status === 503) response.setHeader('retry-after', '1');
    this.#sign(response);
    send(response, status, status === 200 ? `hello from ${name}\n` : 'busy\n');
  }

  async #download(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.inFlight++;
    this.#sign(response);
    await serveDownload(request, response);
    this.inFlight--;
  }

  #sign(response: ServerResponse): void {
    const { name = 'web', version } = this.#options;
    response.setHeader('x-instance', name);
    if (version !== undefined) response.setHeader('x-version', version);
  }

  #metrics(): string {
    const waitS = Math.max(0, this.#freeAtMs - performance.now()) / 1000;
    const total = [...this.served.values()].reduce((sum, n) => sum + n, 0);
    const lines = [
      '# HELP http_requests_total Finished requests of /.',
      '# TYPE http_requests_total counter',
      ...[200, 503].map((code) => `http_requests_total{code="${code}"} ${this.served.get(code) ?? 0}`),
      '# HELP http_requests_in_flight Requests of / accepted and not answered.',
      '# TYPE http_requests_in_flight gauge',
      `http_requests_in_flight ${this.inFlight}`,
      '# HELP http_request_duration_seconds Time from accepting a request of / to its answer.',
      '# TYPE http_request_duration_seconds summary',
      `http_request_duration_seconds_sum ${this.#seconds}`,
      `http_request_duration_seconds_count ${total}`,
      '# HELP web_queue_seconds Time that a request accepted now would wait.',
      '# TYPE web_queue_seconds gauge',
      `web_queue_seconds ${waitS}`,
      ...(this.#options.capacityRps === undefined
        ? []
        : ['# HELP web_capacity_rps Requests per second it can finish.', '# TYPE web_capacity_rps gauge', `web_capacity_rps ${this.#options.capacityRps}`]),
      '# HELP web_uptime_seconds Time since it listens.',
      '# TYPE web_uptime_seconds gauge',
      `web_uptime_seconds ${(performance.now() - this.#startedMs) / 1000}`,
    ];
    return `${lines.join('\n')}\n`;
  }
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
