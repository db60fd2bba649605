/** The one HTTP client of the process: undici with keep-alive, without redirects, with a limit on everything. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Agent, buildConnector, type Dispatcher, request as send } from 'undici';
import packageJson from '../../package.json' with { type: 'json' };
import { DriverError } from '../ports/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../ports/http.ts';
import type { AddressGuard } from './address-guard.ts';

const unzip = promisify(gunzip);

/** Distinct combinations of unix socket and pinned authority that keep their connections. The oldest is closed beyond it. */
const MAX_AGENTS = 32;
const CONNECTIONS_PER_ORIGIN = 32;
const CONNECT_TIMEOUT_MS = 10_000;

/** Failures before a byte was sent: the call certainly changed nothing. */
const BEFORE_SENDING = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT', 'EACCES', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

export interface RealHttp extends Http {
  /** Ends idle connections and waits for exchanges under way. */
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly userAgent?: string;
  /** Which addresses may be called. Default: all. */
  readonly guard?: AddressGuard;
}

/** Builds the client. Build one per process: it holds the connections. */
export function createHttp(options: HttpOptions = {}): RealHttp {
  const userAgent = options.userAgent ?? `drover/${packageJson.version}`;
  const agents = new Map<string, Agent>();

  function agentFor(request: HttpRequest): Agent {
    const key = `${request.socketPath ?? ''}\n${request.ca ?? ''}`;
    const known = agents.get(key);
    agents.delete(key);
    const agent = known ?? openAgent(request, options.guard);
    agents.set(key, agent); // moved to the end: the map is ordered by last use
    const oldest = agents.keys().next().value;
    if (agents.size > MAX_AGENTS && oldest !== undefined) {
      agents.get(oldest)?.close().catch(ignore);
      agents.delete(oldest);
    }
    return agent;
  }

  return {
    request: (request) => exchange(request, agentFor, userAgent),
    async close() {
      const all = [...agents.values()];
      agents.clear();
      await Promise.allSettled(all.map((agent) => agent.close()));
    },
  };
}

function openAgent(request: HttpRequest, guard: AddressGuard | undefined): Agent {
  const connect = buildConnector({
    allowH2: false, // one exchange per connection: a stuck one cannot hold up its neighbours
    timeout: CONNECT_TIMEOUT_MS,
    // Not to be switched off from the environment (NODE_TLS_REJECT_UNAUTHORIZED).
    rejectUnauthorized: true,
    ...(guard === undefined ? {} : { lookup: guard.lookup }),
    ...(request.socketPath === undefined ? {} : { socketPath: request.socketPath }),
    ...(request.ca === undefined ? {} : { ca: request.ca }),
  });
  return new Agent({
    connections: CONNECTIONS_PER_ORIGIN,
    pipelining: 1,
    // The deadline of the whole exchange rules; undici's own phase limits would fire at other times.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) => {
      // A host that is an address already is never looked up.
      const refusal = request.socketPath === undefined ? guard?.refusal(options.hostname) : null;
      if (refusal) callback(refusal, null);
      else connect(options, callback);
    },
  });
}

async function exchange(request: HttpRequest, agentFor: (request: HttpRequest) => Agent, userAgent: string): Promise<HttpResponse> {
  const where = whereOf(request);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), request.timeoutMs);
  const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, request.signal]);
  try {
    signal.throwIfAborted();
    const reply = await send(request.url, {
      method: request.method,
      headers: withDefaults(request.headers, userAgent),
      body: request.body ?? null,
      dispatcher: agentFor(request),
      signal,
    });
    const headers = flatten(reply.headers);
    const raw = await collect(reply.body, headers['content-length'], request.maxBytes, where);
    const body = await decode(raw, headers['content-encoding'], request.maxBytes, where);
    return { status: reply.statusCode, headers, body };
  } catch (e) {
    throw translate(e, request, deadline.signal.aborted, where);
  } finally {
    clearTimeout(timer);
  }
}

/** Scheme and host only: paths and queries hold secrets at some vendors (chat webhooks), and errors are printed. */
function whereOf(request: HttpRequest): string {
  if (request.socketPath !== undefined) return `unix:${request.socketPath}`;
  const url = URL.parse(request.url);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new DriverError('bad-request', 'the URL is not an http or https URL');
  return `${url.protocol}//${url.host}`;
}

function withDefaults(given: HttpRequest['headers'], userAgent: string): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': userAgent, 'accept-encoding': 'gzip' };
  for (const [name, value] of Object.entries(given ?? {})) headers[name.toLowerCase()] = value;
  return headers;
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

async function collect(body: Dispatcher.ResponseData['body'], announced: string | undefined, maxBytes: number, where: string): Promise<Buffer> {
  body.on('error', ignore); // leaving the loop early makes the stream emit its own abort
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (Number(announced) > maxBytes) {
    body.destroy();
    throw tooLarge(where, maxBytes);
  }
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(where, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

async function decode(raw: Buffer, encoding: string | undefined, maxBytes: number, where: string): Promise<Uint8Array> {
  const name = (encoding ?? '').trim().toLowerCase();
  if (raw.length === 0 || name === '' || name === 'identity') return raw;
  if (name !== 'gzip' && name !== 'x-gzip') throw new DriverError('bad-reply', `${where} answered with an encoding that was not asked for`);
  try {
    return await unzip(raw, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (e) {
    const code = codeOf(e);
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(where, maxBytes);
    if (code === 'Z_BUF_ERROR') throw new DriverError('unreachable', `the answer of ${where} was cut off`, { cause: e });
    throw new DriverError('bad-reply', `the answer of ${where} is not valid gzip`, { cause: e });
  }
}

function translate(e: unknown, request: HttpRequest, timedOut: boolean, where: string): DriverError {
  if (e instanceof DriverError) return e;
  if (request.signal?.aborted) return new DriverError('unreachable', `the call to ${where} was cancelled`, { cause: e });
  if (timedOut) return new DriverError('unreachable', `no complete answer from ${where} within ${request.timeoutMs} ms`, { cause: e });
  const code = codeOf(e);
  // Our own mistake, or a header value that cannot be sent. The message of undici would print the value.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'ERR_INVALID_URL') {
    return new DriverError('bad-request', `the call to ${where} cannot be sent: its URL or one of its headers has characters that are not allowed`);
  }
  if (code === 'HPE_HEADER_OVERFLOW' || code === 'UND_ERR_HEADERS_OVERFLOW') return new DriverError('bad-reply', `${where} answered with headers too large`);
  if (code.startsWith('HPE_') || (e as Error).name === 'HTTPParserError') return new DriverError('bad-reply', `${where} does not speak HTTP`, { cause: e });
  const certificate = /CERT|SIGNED|ALTNAME|ERR_SSL|ERR_TLS/.test(code);
  const text = certificate ? `the certificate of ${where} is not trusted (${code})` : `cannot reach ${where}${code === '' ? '' : ` (${code})`}`;
  return new DriverError('unreachable', text, { definite: certificate || BEFORE_SENDING.has(code), cause: e });
}

function codeOf(e: unknown): string {
  const code = (e as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function tooLarge(where: string, maxBytes: number): DriverError {
  return new DriverError('bad-reply', `the answer of ${where} is larger than ${maxBytes} bytes`);
}

function ignore(): void {}
