/** The API server: wires contract, authentication, hooks, stream and error documents into one Fastify application. */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Operations } from '../engine/operations.ts';
import type { Clock, Log, Secrets, Store } from '../ports/ports.ts';
import { type Auth, createAuth, type Session } from './auth.ts';
import type { ConfigOperations } from './config-operations.ts';
import { actHandlers } from './handlers/act.ts';
import { adminHandlers } from './handlers/admin.ts';
import { lookHandlers } from './handlers/look.ts';
import { registerHooks } from './hooks.ts';
import { hasCredentialInQuery, hostOf, isLoopback, pathOf, securityHeaders } from './http-basics.ts';
import type { Metrics } from './metrics.ts';
import { openapiDocument } from './openapi.ts';
import { ApiProblem, asProblem, internalProblem, PROBLEM_TYPE, problemDocument } from './problem.ts';
import type { Receivers } from './receivers.ts';
import { fastifyPath, inputOf, JSON_REPLY, methodsAt, registerDocumentRoutes, routeOf, sendDocument, useStrictJson } from './routes.ts';
import { createStreams, type Streams } from './stream.ts';

export interface ApiDeps {
  readonly operations: Operations;
  readonly config: ConfigOperations;
  readonly receivers: Receivers;
  /** Tokens are kept there, and denied accesses recorded. */
  readonly store: Pick<Store, 'tokens' | 'control'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
  readonly installId: string;
  /** Directory backups are written to. */
  readonly backupDir: string;
  /** PEM texts; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Plain HTTP may be served beyond this machine (a proxy in front does TLS). */
  readonly insecureHttp: boolean;
  /** Of `/metrics` and `/sd`, those that need no token anywhere. */
  readonly openScrapes: readonly ('metrics' | 'sd')[];
  /** Addresses or networks whose X-Forwarded-For is believed. Empty: nobody's. */
  readonly trustedProxies: readonly string[];
}

export interface Api {
  readonly app: FastifyInstance;
  /** `port` 0: a free one. Throws when the address is taken, and when plain HTTP would leave this machine. */
  listen(at: { readonly host: string; readonly port: number }): Promise<{ readonly url: string; readonly port: number }>;
  /** Ends streams, lets requests under way finish, cuts what is left after 5 s. */
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 1_048_576;
const URL_LIMIT_CHARS = 8192;
const HEADER_LIMIT_BYTES = 16_384;
/** Whole request, first byte to last. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 2000;
const CLOSE_GRACE_MS = 5000;

declare module 'fastify' {
  interface FastifyRequest {
    session: Session | null;
  }
}

export async function createApi(deps: ApiDeps): Promise<Api> {
  const state = { loopback: true };
  const headers = securityHeaders(deps.tls !== null);
  const app = createApp(deps, headers);
  const auth = createAuth(deps);
  const streams = createStreams({ ...deps, book: auth.book, headers: () => headers });
  app.decorateRequest('session', null);
  addHooks(app, deps, auth, headers, () => state.loopback);
  addErrorAnswers(app, deps);
  useStrictJson(app);
  const handlerDeps = { ...deps, book: auth.book };
  registerDocumentRoutes(app, { ...lookHandlers(handlerDeps), ...actHandlers(handlerDeps), ...adminHandlers(handlerDeps) }, (request) => ({
    actor: request.session?.actor ?? { name: 'anonymous', role: 'viewer' },
  }));
  registerOtherRoutes(app, deps, streams);
  await registerHooks(app, { ...deps, auth, loopback: () => state.loopback });
  const stopCounting = deps.operations.onEvents((events) => deps.metrics.countEvents(events));
  await app.ready();
  return {
    app,
    listen: async ({ host, port }) => {
      if (!isLoopback(host) && deps.tls === null && !deps.insecureHttp) {
        throw new Error(
          `The API would be served on ${host} without TLS, so tokens would cross the network in clear. Set tls: { cert, key }, listen on 127.0.0.1, or pass --insecure-http when a proxy in front does TLS.`,
        );
      }
      state.loopback = isLoopback(host);
      await app.listen({ host, port });
      return urlOf(app, host, deps.tls !== null);
    },
    close: async () => {
      stopCounting();
      streams.close();
      const cancel = deps.clock.after(CLOSE_GRACE_MS, () => app.server.closeAllConnections());
      try {
        await app.close();
      } finally {
        cancel();
      }
    },
  };
}

function urlOf(app: FastifyInstance, host: string, tls: boolean): { url: string; port: number } {
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

function createApp(deps: ApiDeps, headers: Readonly<Record<string, string>>): FastifyInstance {
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
function endSilence(app: FastifyInstance, deps: ApiDeps): void {
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

function sendProblem(reply: FastifyReply, problem: ApiProblem, requestId: string): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problemDocument(problem, requestId)));
}

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Before anything of the route: what no request may do. */
function refuseAlways(request: FastifyRequest): void {
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

function addHooks(app: FastifyInstance, deps: ApiDeps, auth: Auth, headers: Readonly<Record<string, string>>, loopback: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...headers, 'x-request-id': request.id });
    refuseAlways(request);
    const access = request.routeOptions.config.access;
    if (access === undefined || access === 'open' || access === 'receiver') return;
    // The Host must be this machine's: a page in a browser here must not read through a name of its own (DNS rebinding).
    if (
      access === 'scrape' &&
      (deps.openScrapes.some((name) => request.routeOptions.url === `/${name}`) || (loopback() && isLoopback(hostOf(request.headers.host))))
    )
      return;
    request.session = await auth.require(access, {
      authorization: request.headers.authorization,
      address: request.ip,
      method: request.method,
      route: request.routeOptions.url ?? '',
    });
  });
  app.addHook('onResponse', async (request, reply) => {
    const fields = {
      request: request.id,
      method: request.method,
      path: pathOf(request.url),
      status: reply.statusCode,
      took_ms: Math.round(reply.elapsedTime),
      actor: request.session?.actor.name ?? null,
      source: request.ip,
    };
    deps.log.debug(fields, 'request');
  });
}

function addErrorAnswers(app: FastifyInstance, deps: ApiDeps): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = asProblem(error);
    if (problem === null) {
      deps.log.error({ request: request.id, method: request.method, route: request.routeOptions.url ?? null, error }, 'a request failed unexpectedly');
    }
    return sendProblem(reply, problem ?? internalProblem(), request.id);
  });
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(pathOf(request.url));
    const problem =
      methods.length === 0
        ? new ApiProblem(404, 'no-such-route', 'There is nothing at this address.')
        : new ApiProblem(405, 'method-not-allowed', `This address takes ${methods.join(', ')}.`, { allow: methods.join(', ') });
    return sendProblem(reply, problem, request.id);
  });
}

/** Routes whose answer is not simply one document. */
function registerOtherRoutes(app: FastifyInstance, deps: ApiDeps, streams: Streams): void {
  const openapi = JSON.stringify(openapiDocument(deps.version));
  const add = (name: 'readyz' | 'metrics' | 'openapi' | 'stream', handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) => {
    const { method, path, access } = routeOf(name);
    app.route({ method, url: fastifyPath(path), config: { name, access }, exposeHeadRoute: name !== 'stream', handler });
  };
  add('readyz', async (request, reply) => {
    inputOf(routeOf('readyz'), request);
    const notReady = await deps.operations.notReady();
    return sendDocument(
      reply,
      routeOf('readyz'),
      { schema: 'drover.ready/v1', ready: notReady.length === 0, not_ready: [...notReady] },
      notReady.length === 0 ? 200 : 503,
    );
  });
  add('metrics', async (_request, reply) => reply.type(deps.metrics.contentType).send(await deps.metrics.render(await deps.operations.fleet())));
  add('openapi', async (_request, reply) => reply.type(JSON_REPLY).send(openapi));
  add('stream', async (request, reply) => {
    const tokenId = request.session?.tokenId ?? '';
    await streams.open(request, reply, inputOf(routeOf('stream'), request), tokenId);
  });
}
