/** Receivers on a listener of their own: the whole address is the webhook, whatever the path, as prometheus-am-executor serves it. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter, Registry } from 'prom-client';
import type { Operations } from '../engine/operations.ts';
import type { Clock, Log, Secrets, Store } from '../ports/ports.ts';
import { type Auth, createAuth } from './auth.ts';
import { type HookReply, registerHooks } from './hooks.ts';
import { createApp, refuseAlways, sendProblem, urlOf } from './http-app.ts';
import { hostOf, isLoopback, securityHeaders } from './http-basics.ts';
import { ApiProblem, asProblem, internalProblem } from './problem.ts';
import type { Receivers } from './receivers.ts';

export interface ReceiverListen {
  readonly receiver: string;
  /** Empty: every address of this machine. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export interface ReceiverListenersDeps {
  readonly operations: Pick<Operations, 'receive' | 'rejectDelivery'>;
  readonly receivers: Receivers;
  readonly store: Pick<Store, 'tokens' | 'control'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  /** For listeners beyond loopback; PEM texts. On loopback plain HTTP is spoken. Null: none. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly insecureHttp: boolean;
  readonly openScrapes: readonly ('metrics' | 'sd')[];
}

/** A change that is ready to be made: the new addresses are open already and answer 503 until it is. */
export interface PreparedListeners {
  /** Closes what is not wanted any more. */
  take(): Promise<void>;
  /** Closes what was opened for it; all is as before. */
  drop(): Promise<void>;
}

export interface ReceiverListeners {
  /** Opens what is wanted and not open yet. Throws, with everything as before, when an address cannot be had. One change at a time. */
  prepare(wanted: readonly ReceiverListen[]): Promise<PreparedListeners>;
  /** Where a receiver is served; null: it has no listener. */
  urlOf(receiver: string): string | null;
  close(): Promise<void>;
}

interface Listener {
  readonly at: ReceiverListen;
  readonly app: FastifyInstance;
  readonly url: string;
  readonly serves: Served;
}

/** Null: opened, and not in use yet. */
interface Served {
  receiver: string | null;
}

const CLOSE_GRACE_MS = 2000;
const keyOf = (at: ReceiverListen): string => `${at.host}:${at.port}`;
const isOneOf = (wanted: readonly ReceiverListen[], listener: Listener): boolean => wanted.some((w) => keyOf(w) === keyOf(listener.at));

export function createReceiverListeners(deps: ReceiverListenersDeps): ReceiverListeners {
  const auth = createAuth(deps);
  let open: Listener[] = [];
  const start = (at: ReceiverListen): Promise<Listener> => startListener(at, deps, auth);

  async function openAll(wanted: readonly ReceiverListen[], shut: Listener[]): Promise<Listener[]> {
    const opened: Listener[] = [];
    try {
      for (const at of wanted) {
        if (open.some((l) => keyOf(l.at) === keyOf(at))) continue;
        // A listener that leaves may hold the port under another address of this machine: it makes room first.
        for (const old of open) {
          if (old.at.port !== at.port || isOneOf(wanted, old) || shut.includes(old)) continue;
          shut.push(old);
          await stopListener(old, deps.clock);
        }
        opened.push(await start(at));
      }
      return opened;
    } catch (e) {
      await Promise.all(opened.map((l) => stopListener(l, deps.clock)));
      throw e;
    }
  }

  /** Opens again what made room in vain. */
  async function reopen(shut: readonly Listener[]): Promise<void> {
    for (const old of shut) {
      const again = await start(old.at);
      again.serves.receiver = old.serves.receiver;
      open = open.map((l) => (l === old ? again : l));
    }
  }

  return {
    urlOf: (receiver) => open.find((l) => l.serves.receiver === receiver)?.url ?? null,
    prepare: async (wanted) => {
      const shut: Listener[] = [];
      let opened: Listener[];
      try {
        opened = await openAll(wanted, shut);
      } catch (e) {
        await reopen(shut);
        throw e;
      }
      let done = false;
      return {
        take: async () => {
          if (done) return;
          done = true;
          const leaving = open.filter((l) => !isOneOf(wanted, l));
          open = [...open.filter((l) => isOneOf(wanted, l)), ...opened];
          for (const l of open) l.serves.receiver = wanted.find((w) => keyOf(w) === keyOf(l.at))?.receiver ?? null;
          for (const l of opened) deps.log.info({ receiver: l.serves.receiver, url: l.url }, 'a receiver listens');
          await Promise.all(leaving.filter((l) => !shut.includes(l)).map((l) => stopListener(l, deps.clock)));
        },
        drop: async () => {
          if (done) return;
          done = true;
          await Promise.all(opened.map((l) => stopListener(l, deps.clock)));
          await reopen(shut);
        },
      };
    },
    close: async () => {
      await Promise.all(open.splice(0).map((l) => stopListener(l, deps.clock)));
    },
  };
}

async function startListener(at: ReceiverListen, deps: ReceiverListenersDeps, auth: Auth): Promise<Listener> {
  const shown = `${at.host === '' ? '0.0.0.0' : at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`;
  const loopback = isLoopback(at.host);
  if (!loopback && deps.tls === null && !deps.insecureHttp)
    throw new Error(
      `The receiver ${at.receiver} would be served on ${shown} without TLS. Set server.tls, listen on 127.0.0.1, or allow it with insecure_http when a proxy in front does TLS.`,
    );
  const tls = loopback ? null : deps.tls;
  const app = createApp({ ...deps, tls, trustedProxies: [] }, securityHeaders(tls !== null));
  const serves: Served = { receiver: null };
  await addRoutes(app, serves, { ...deps, auth, loopback, tls });
  const host = at.host === '' ? '0.0.0.0' : at.host;
  try {
    await app.listen({ host, port: at.port });
  } catch (e) {
    await app.close();
    throw new Error(`The receiver ${at.receiver} cannot listen on ${shown}: ${whyNot((e as NodeJS.ErrnoException).code)}`);
  }
  return { at, app, url: urlOf(app, host, tls !== null).url, serves };
}

function whyNot(code: string | undefined): string {
  if (code === 'EADDRINUSE') return 'the address is in use';
  if (code === 'EACCES') return 'that port needs rights this process does not have';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address';
  return code ?? 'unknown error';
}

async function stopListener({ app }: Listener, clock: Clock): Promise<void> {
  const cancel = clock.after(CLOSE_GRACE_MS, () => app.server.closeAllConnections());
  try {
    await app.close();
  } finally {
    cancel();
  }
}

interface RouteDeps extends ReceiverListenersDeps {
  readonly auth: Auth;
  readonly loopback: boolean;
}

async function addRoutes(app: FastifyInstance, serves: Readonly<Served>, deps: RouteDeps): Promise<void> {
  const figures = createFigures();
  const headers = securityHeaders(deps.tls !== null);
  app.decorateRequest('session', null);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ ...headers, 'x-request-id': request.id });
    refuseAlways(request);
    // Between opening and use nobody knows yet whom it is for.
    if (serves.receiver === null) throw new ApiProblem(503, 'unavailable', 'The receiver is not in use yet. Send it again.', { 'retry-after': '1' });
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = asProblem(error);
    if (problem === null) deps.log.error({ request: request.id, receiver: serves.receiver, error }, 'a delivery failed unexpectedly');
    const answer = problem ?? internalProblem();
    figures.refused(answer);
    return sendProblem(reply, answer, request.id);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new ApiProblem(405, 'method-not-allowed', 'This address takes GET, POST, PUT.', { allow: 'GET, POST, PUT' }), request.id),
  );
  app.get('/_health', { exposeHeadRoute: true }, async (_request, reply) => reply.type('text/plain; charset=utf-8').send('ok\n'));
  app.get('/metrics', { exposeHeadRoute: true }, async (request, reply) => {
    await maySeeMetrics(request, deps);
    return reply.type(figures.registry.contentType).send(await figures.registry.metrics());
  });
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  const loopback = () => deps.loopback;
  await registerHooks(
    app,
    { ...deps, loopback },
    { method: ['GET', 'POST', 'PUT'], url: '/*', receiverOf: () => serves.receiver ?? '', taken: (reply) => figures.taken(reply) },
  );
}

async function maySeeMetrics(request: FastifyRequest, deps: RouteDeps): Promise<void> {
  if (deps.openScrapes.includes('metrics') || (deps.loopback && isLoopback(hostOf(request.headers.host)))) return;
  await deps.auth.require('scrape', { authorization: request.headers.authorization, address: request.ip, method: request.method, route: '/metrics' });
}

type Stage = 'read' | 'unmarshal' | 'start';

/** The names of prometheus-am-executor, for what there is of them here: no process runs for a delivery. */
function createFigures(): { registry: Registry; refused(problem: ApiProblem): void; taken(reply: HookReply): void } {
  const registry = new Registry();
  const registers = [registry];
  const errors = new Counter({
    name: 'am_executor_errors_total',
    help: 'Deliveries refused: read (not taken in: too large, wrong type, no proof), unmarshal (not understood), start (not stored).',
    labelNames: ['stage'],
    registers,
  });
  const skipped = new Counter({
    name: 'am_executor_skipped_total',
    help: 'Deliveries without a new alert: nomatch (no group listens, or nothing to act on), fingerover (every alert was known already).',
    labelNames: ['reason'],
    registers,
  });
  for (const stage of ['read', 'unmarshal', 'start'] satisfies Stage[]) errors.inc({ stage }, 0);
  for (const reason of ['nomatch', 'fingerover']) skipped.inc({ reason }, 0);
  return {
    registry,
    refused: (problem) => {
      const stage: Stage = problem.status >= 500 ? 'start' : problem.code === 'malformed' ? 'unmarshal' : 'read';
      errors.inc({ stage });
    },
    taken: (reply) => {
      if (reply.duplicate || (reply.fired === 0 && reply.refreshed > 0)) skipped.inc({ reason: 'fingerover' });
      else if (reply.groups.length === 0 || reply.fired + reply.resolved === 0) skipped.inc({ reason: 'nomatch' });
    },
  };
}
