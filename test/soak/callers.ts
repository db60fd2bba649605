/** What people, pages, scrapers and alert senders ask of a controller, 50 times a second, and readers of its events who come and go. */
import { Agent, type ClientRequest, request } from 'node:http';
import { groupName } from './outside.ts';

const EVERY_MS = 20;
const AT_ONCE = 16;
const READERS = 5;
/** Alerts that go on all the time and are told again and again, as Alertmanager does. */
const LASTING = 20;

interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

export class Callers {
  readonly #url: URL;
  readonly #token: string;
  readonly #groups: number;
  #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  readonly #readers = new Set<ClientRequest>();
  #timer: NodeJS.Timeout | null = null;
  #underWay = 0;
  #asked = 0;
  /** By status; 0: no answer. */
  readonly answers = new Map<number, number>();
  /** The newest ones that should not have been. */
  readonly wrong: string[] = [];
  streamed = 0;
  deliveries = 0;
  readonly #startedMs = Date.now();

  constructor(url: string, token: string, groups: number) {
    this.#url = new URL(url);
    this.#token = token;
    this.#groups = groups;
  }

  start(): void {
    this.#timer = setInterval(() => this.#step(), EVERY_MS);
  }

  /** Nobody asks anything any more, and nothing is open. */
  async rest(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    for (const reader of this.#readers) reader.destroy();
    const endMs = performance.now() + 30_000;
    while (this.#underWay > 0 && performance.now() < endMs) await new Promise((done) => setTimeout(done, 20));
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  }

  #step(): void {
    if (this.#readers.size < READERS) this.#listen();
    // A slow answer does not make a queue of requests here.
    if (this.#underWay >= 2 * AT_ONCE) return;
    this.#send(this.#next(this.#asked++));
  }

  #next(n: number): Ask {
    const group = groupName((n * 7919) % this.#groups);
    const get = (path: string): Ask => ({ method: 'GET', path });
    if (n % 500 === 0) return get('/metrics');
    if (n % 250 === 1) return get('/api/v1/fleet');
    if (n % 25 === 2) return { method: 'POST', path: '/hooks/am', body: this.#delivery(this.deliveries++) };
    if (n % 100 === 3) return { method: 'POST', path: `/api/v1/groups/${group}/pause`, body: { for_s: 5 } };
    if (n % 100 === 4) return { method: 'POST', path: `/api/v1/groups/${group}/evaluate`, body: {} };
    const asks = [
      get(`/api/v1/groups/${group}`),
      get(`/api/v1/groups/${group}/why`),
      get(`/api/v1/decisions?group=${group}&limit=20`),
      get(`/api/v1/instances?group=${group}`),
      get('/api/v1/events?limit=50'),
      get(`/api/v1/groups/${group}/spec`),
      get('/healthz'),
      get('/readyz'),
      get('/api/v1/groups/nobody'),
      get('/api/v1/version'),
    ];
    return asks[n % asks.length] as Ask;
  }

  /** Most deliveries repeat what is known; one in five begins an episode and ends the one before it. */
  #delivery(n: number): unknown {
    const alert = (name: string, startsAtMs: number, status: 'firing' | 'resolved'): unknown => ({
      status,
      labels: { alertname: 'Busy', instance: name },
      annotations: {},
      startsAt: new Date(startsAtMs).toISOString(),
      endsAt: status === 'resolved' ? new Date(startsAtMs + 1_000).toISOString() : '0001-01-01T00:00:00Z',
      generatorURL: '',
      fingerprint: name,
    });
    const lasting = alert(`lasting-${n % LASTING}`, this.#startedMs, 'firing');
    const now = this.#startedMs + n * 1_000;
    const alerts = n % 5 === 0 ? [alert('short', now, 'firing'), alert('short', now - 5_000, 'resolved')] : [lasting];
    return {
      version: '4',
      groupKey: 'soak',
      status: 'firing',
      receiver: 'am',
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      externalURL: '',
      alerts,
    };
  }

  #send({ method, path, body }: Ask): void {
    this.#underWay++;
    const text = body === undefined ? '' : JSON.stringify(body);
    const sent = request(
      {
        host: this.#url.hostname,
        port: this.#url.port,
        method,
        path,
        agent: this.#agent,
        timeout: 30_000,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      (response) => {
        response.resume();
        response.once('close', () => this.#ended(`${method} ${path}`, response.complete ? (response.statusCode ?? 0) : 0));
      },
    );
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', (e) => this.#ended(`${method} ${path}: ${e.message}`, 0));
    sent.end(text);
  }

  #ended(what: string, status: number): void {
    this.#underWay--;
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    const expected = (status >= 200 && status < 300) || status === 404; // no such group, or no decision of it yet
    if (!expected && this.wrong.length < 5) this.wrong.push(`${what}: ${status}`);
  }

  #listen(): void {
    const reader = request(
      { host: this.#url.hostname, port: this.#url.port, path: '/api/v1/events/stream', agent: false, headers: { authorization: `Bearer ${this.#token}` } },
      (response) => {
        response.on('data', (chunk: Buffer) => {
          this.streamed += chunk.length;
        });
        response.once('error', () => {});
      },
    );
    this.#readers.add(reader);
    const leave = setTimeout(() => reader.destroy(), 1_000 + (this.#asked % 7) * 1_000);
    reader.once('error', () => {});
    reader.once('close', () => {
      clearTimeout(leave);
      this.#readers.delete(reader);
    });
    reader.end();
  }
}
