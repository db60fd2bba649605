/** The proxy's admin API: JSON over HTTP, on a port of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { MetricsText } from '../api/metrics-text.ts';
import type { FigureSnapshot, Figures } from '../balancing/figures.ts';
import { MAX_MEMBERS, type MemberSpec, type Members } from './members.ts';

const MAX_BODY_BYTES = 16 * 1024;

/** An answer that is not the one asked for. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

export async function serveAdmin(request: IncomingMessage, response: ServerResponse, members: Members, figures: Figures): Promise<void> {
  try {
    // The port has no password; a page in somebody's browser must not be able to use it.
    if (request.headers.origin !== undefined) throw new Refusal(403, 'not for browsers');
    const url = new URL(request.url ?? '/', 'http://admin');
    const route = `${request.method} ${url.pathname}`;
    if (route === 'GET /metrics')
      return void response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metricsText(members, figures.snapshot()));
    const body = await answer(route, url, request, members, figures);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  } catch (e) {
    const status = e instanceof Refusal ? e.status : 500;
    if (response.headersSent) return void response.destroy();
    response
      .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      .end(JSON.stringify({ error: e instanceof Error ? e.message : 'failed' }));
  }
}

async function answer(route: string, url: URL, request: IncomingMessage, members: Members, figures: Figures): Promise<unknown> {
  if (route === 'GET /members') return { members: members.all().map((m) => m.view()) };
  if (route === 'GET /stats') {
    const views = members.all().map((m) => m.view());
    return {
      ...figures.snapshot(),
      sessions: views.reduce((sum, m) => sum + m.sessions, 0),
      members: views.map(({ ref, state, health, sessions, requests }) => ({ ref, state, health, sessions, requests })),
    };
  }
  const found = /^(PUT|POST|DELETE) \/members\/([^/]+)(\/drain)?$/.exec(route);
  const verb = `${found?.[1]}${found?.[3] ?? ''}`;
  const ref = refOf(found?.[2] ?? '');
  if (verb === 'PUT') return put(members, parseSpec(ref, await readJson(request)));
  if (verb !== 'POST/drain' && verb !== 'DELETE')
    throw new Refusal(404, 'there is GET /members, /stats, /metrics; PUT and DELETE /members/{ref}; POST /members/{ref}/drain');
  const member = members.get(ref);
  const owner = url.searchParams.get('owner');
  if (!member || (owner !== null && member.spec.owner !== owner)) throw new Refusal(404, 'no such member');
  if (verb === 'DELETE') members.remove(ref);
  else member.drain();
  return member.view();
}

/** Adds a member, or brings a draining one back. Repeating it changes nothing. */
function put(members: Members, spec: MemberSpec): unknown {
  const present = members.get(spec.ref);
  if (!present) {
    if (members.size >= MAX_MEMBERS) throw new Refusal(409, `there are ${MAX_MEMBERS} members already`);
    return members.add(spec).view();
  }
  const same = present.spec.owner === spec.owner && present.spec.address === spec.address && present.spec.port === spec.port;
  if (!same) throw new Refusal(409, 'another member has this name');
  if (present.state === 'draining') present.rejoin();
  return present.view();
}

function refOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new Refusal(400, 'the name of the member is not well encoded');
  }
}

function parseSpec(ref: string, body: unknown): MemberSpec {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const { owner = '', address, port, weight = 1, check = null } = given;
  if (!/^[\w.:@-]{1,128}$/.test(ref)) throw new Refusal(400, 'a member’s name is 1 to 128 letters, digits and _ . : @ -');
  if (typeof owner !== 'string' || owner.length > 128) throw new Refusal(400, 'owner: text of up to 128 characters');
  if (typeof address !== 'string' || isIP(address) === 0) throw new Refusal(400, 'address: an IP address');
  if (!isWhole(port, 1, 65_535)) throw new Refusal(400, 'port: 1 to 65535');
  if (!isWhole(weight, 1, 256)) throw new Refusal(400, 'weight: 1 to 256');
  if (check !== null && (typeof check !== 'string' || !/^\/[\x21-\x7e]{0,1000}$/.test(check)))
    throw new Refusal(400, 'check: a path, or null for a TCP connection');
  return { ref, owner, address, port, weight, check };
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Refusal(413, 'the body is too large');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Refusal(400, 'the body is not JSON');
  }
}

function metricsText(members: Members, figures: FigureSnapshot): string {
  const views = members.all().map((m) => m.view());
  const text = new MetricsText();
  const metric: MetricsText['add'] = (...family) => text.add(...family);
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
  metric('proxy_requests_total', 'counter', 'Requests received.', [['', figures.requests]]);
  metric('proxy_failed_requests_total', 'counter', 'Requests without a whole answer of a member.', [['', figures.failed]]);
  metric('proxy_retried_requests_total', 'counter', 'Requests sent once more to another member.', [['', figures.retried]]);
  metric('proxy_member_5xx_total', 'counter', 'Answers of 500 and above that members gave.', [['', figures.answers_5xx]]);
  metric('proxy_request_rate', 'gauge', 'Requests per second over the last 1 to 5 seconds.', [['', figures.request_rate]]);
  metric('proxy_latency_seconds', 'gauge', 'Time to the whole answer over the last 1 to 5 seconds.', [
    ['{quantile="0.5"}', seconds(figures.latency_p50_ms)],
    ['{quantile="0.99"}', seconds(figures.latency_p99_ms)],
  ]);
  metric('proxy_sessions', 'gauge', 'Requests under way.', [['', views.reduce((sum, m) => sum + m.sessions, 0)]]);
  metric(
    'proxy_members',
    'gauge',
    'Members by state.',
    (['joining', 'ready', 'draining'] as const).map((state) => [`{state="${state}"}`, views.filter((m) => m.state === state).length]),
  );
  metric(
    'proxy_member_sessions',
    'gauge',
    'Requests under way at a member.',
    views.map((m) => [`{member="${m.ref}"}`, m.sessions]),
  );
  return text.toString();
}
