/** The API server: wires contract, authentication, hooks, stream and error documents into one Fastify application. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Operations } from '../engine/operations.ts';
import type { Clock, Log, Secrets, Store } from '../ports/ports.ts';
import { type Auth, createAuth, type Session } from './auth.ts';
import type { ConfigOperations } from './config-operations.ts';
import { actHandlers } from './handlers/act.ts';
import { adminHandlers } from './handlers/admin.ts';
import { discoveryHandlers } from './handlers/discovery.ts';
import { lookHandlers } from './handlers/look.ts';
import { registerHooks } from './hooks.ts';
import { createApp, refuseAlways, sendProblem, urlOf } from './http-app.ts';
import { hostOf, isLoopback, pathOf, securityHeaders } from './http-basics.ts';
import { registerJenkins } from './jenkins/jenkins-routes.ts';
import type { Metrics } from './metrics.ts';
import { openapiDocument } from './openapi.ts';
import { ApiProblem, asProblem, internalProblem } from './problem.ts';
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
  registerDocumentRoutes(
    app,
    { ...lookHandlers(handlerDeps), ...actHandlers(handlerDeps), ...adminHandlers(handlerDeps), ...discoveryHandlers(handlerDeps) },
    (request) => ({
      actor: request.session?.actor ?? { name: 'anonymous', role: 'viewer' },
    }),
  );
  registerOtherRoutes(app, deps, streams);
  await registerHooks(app, { ...deps, auth, loopback: () => state.loopback });
  await registerJenkins(app, { ...deps, auth, loopback: () => state.loopback });
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
