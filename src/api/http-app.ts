/** The HTTP side of every listener of ours: limits, silence, malformed requests, problems. What is served on it is said elsewhere. */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock, Secrets } from '../ports/ports.ts';
import { hasCredentialInQuery } from './http-basics.ts';
import { ApiProblem, asProblem, PROBLEM_TYPE, problemDocument } from './problem.ts';

export interface AppDeps {
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'randomHex'>;
  /** PEM texts; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Addresses or networks whose X-Forwarded-For is believed. Empty: nobody's. */
  readonly trustedProxies: readonly string[];
}

const BODY_LIMIT_BYTES = 1_048_576;
const URL_LIMIT_CHARS = 8192;
const HEADER_LIMIT_BYTES = 16_384;
/** Whole request, first byte to last. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 2000;

/** Where it listens. `host` as it was asked for. */
export function urlOf(app: FastifyInstance, host: string, tls: boolean): { url: string; port: number } {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no TCP address.');
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return { url: `${tls ? 'https' : 'http'}://${shown}:${address.port}`, port: address.port };
}

/** A connection from which nothing may have come yet. */
interface Socket {
  readonly bytesRead: number;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** What is left of a connection that sent no valid request. */
interface RawSocket {
  readonly writable: boolean;
  destroy(): unknown;
  end(text: string): unknown;
}

/** Limits, error answers of the framework and TLS; no routes. */
export function createApp(deps: AppDeps, headers: Readonly<Record<string, string>>): FastifyInstance {
  const server = {
    maxHeaderSize: HEADER_LIMIT_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 2000,
    // Node's own answer would bear none of our headers; `refuseAlways` gives one that does.
    requireHostHeader: false,
  };
  const requestId = () => deps.secrets.randomHex(8);
  const options = {
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 300 },
    trustProxy: deps.trustedProxies.length === 0 ? false : [...deps.trustedProxies],
    requestIdHeader: false as const,
    genReqId: requestId,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.headers({ ...headers, 'x-request-id': request.id });
      sendProblem(reply, asProblem(error) ?? new ApiProblem(400, 'malformed', 'The request is malformed.'), request.id);
    },
    clientErrorHandler: (error: Error & { code?: string }, socket: RawSocket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
      socket.end(rawProblem(error.code ?? '', headers, requestId()));
    },
  };
  // The two have different server types; what is used of them is the same.
  const app = (deps.tls === null
    ? Fastify({ ...options, http: server })
    : Fastify({
        ...options,
        https: { ...server, ...deps.tls, minVersion: 'TLSv1.2' as const, handshakeTimeout: HEADERS_TIMEOUT_MS },
      })) as unknown as FastifyInstance;
  app.server.maxConnections = MAX_CONNECTIONS;
  endSilence(app, deps);
  // An expectation that nobody knows may be ignored (RFC 9110 §10.1.1); Node's own answer would bear none of our headers.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  return app;
}

/** Node limits requests that have begun, and pauses between them; a connection that never says a word would hold its place for ever. */
function endSilence(app: FastifyInstance, deps: AppDeps): void {
  app.server.on(deps.tls === null ? 'connection' : 'secureConnection', (socket: Socket) => {
    const before = socket.bytesRead;
    const cancel = deps.clock.after(HEADERS_TIMEOUT_MS, () => {
      if (socket.bytesRead === before) socket.destroy();
    });
    socket.once('close', cancel);
  });
}

/** Answers what is not even a request. */
function rawProblem(code: string, headers: Readonly<Record<string, string>>, requestId: string): string {
  const problem =
    code === 'HPE_HEADER_OVERFLOW'
      ? new ApiProblem(431, 'headers-too-large', 'The headers are larger than 16 KiB.')
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new ApiProblem(408, 'too-slow', 'The request did not arrive in time.')
        : new ApiProblem(400, 'malformed', 'This is not a valid HTTP request.');
  const body = JSON.stringify(problemDocument(problem, requestId));
  const lines = Object.entries({
    ...headers,
    'content-type': PROBLEM_TYPE,
    'content-length': String(new TextEncoder().encode(body).length),
    connection: 'close',
  });
  return `HTTP/1.1 ${problem.status} ${problemDocument(problem, requestId).title}\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`;
}

export function sendProblem(reply: FastifyReply, problem: ApiProblem, requestId: string): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemDocument(problem, requestId)));
}

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Before anything of the route: what no request may do. */
export function refuseAlways(request: FastifyRequest): void {
  if (request.raw.url !== undefined && request.raw.url.length > URL_LIMIT_CHARS) {
    throw new ApiProblem(414, 'uri-too-long', `The address is longer than ${URL_LIMIT_CHARS} characters.`);
  }
  if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') {
    throw new ApiProblem(400, 'malformed', 'There is no Host header.', { connection: 'close' });
  }
  if (hasCredentialInQuery(request.url)) {
    throw new ApiProblem(
      401,
      'credential-in-query',
      'A credential in the address ends up in logs. Send it in the Authorization header, and replace this one.',
      {
        'www-authenticate': 'Bearer realm="drover"',
      },
    );
  }
  if (request.raw.rawHeaders.filter((h, i) => i % 2 === 0 && h.toLowerCase() === 'authorization').length > 1) {
    throw new ApiProblem(400, 'malformed', 'There is more than one Authorization header.');
  }
  const { origin, host } = request.headers;
  if (origin !== undefined && UNSAFE.has(request.method) && origin.replace(/^https?:\/\//, '') !== host) {
    throw new ApiProblem(403, 'cross-origin', 'A page of another origin may not do this.');
  }
}
