/** Inbound deliveries: `POST /hooks/{receiver}`. A refused one has no effect and leaves a record. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { JsonObject } from '../core/model/model.ts';
import type { Operations } from '../engine/operations.ts';
import type { Clock, InboundAlert, Log } from '../ports/ports.ts';
import type { Auth } from './auth.ts';
import { contract, type Reply } from './contract.ts';
import { distinctHeaders, hostOf, isLoopback } from './http-basics.ts';
import { ApiProblem, asProblem } from './problem.ts';
import type { Receivers } from './receivers.ts';
import { createThrottle } from './throttle.ts';

/** Bodies held in memory at once: 64 of at most 1 MiB. */
const MAX_UNDER_WAY = 64;
/** Refusals recorded per receiver; the others are counted in the next record. */
const RECORDS = { burst: 20, everyMs: 30_000 };
const JSON_TYPE = /^(application\/([\w.-]+\+)?json|text\/plain)\s*(;|$)/i;
const DELIVERY_ID = /^[\x21-\x7e]{1,200}$/;
const UNKNOWN = '(unknown)';

export interface HookDeps {
  readonly operations: Pick<Operations, 'receive' | 'rejectDelivery'>;
  readonly receivers: Receivers;
  readonly auth: Auth;
  readonly clock: Clock;
  readonly log: Log;
  /** Is the listener reachable from this machine only? */
  readonly loopback: () => boolean;
}

export type HookReply = Reply<'hook'>;

function received(more: Partial<HookReply>): HookReply {
  return { schema: 'drover.received/v1', duplicate: false, fired: 0, refreshed: 0, resolved: 0, ignored: 0, truncated: 0, groups: [], note: null, ...more };
}

/** Where deliveries come in, and for which receiver. */
export interface DeliveryRoute {
  readonly method: readonly ('GET' | 'POST' | 'PUT')[];
  readonly url: string;
  receiverOf(request: FastifyRequest): string;
  /** Told after each delivery that was understood. */
  taken?(reply: HookReply): void;
}

const HOOKS: DeliveryRoute = {
  method: ['POST'],
  url: '/hooks/:receiver',
  receiverOf: (request) => (request.params as { readonly receiver?: string }).receiver ?? '',
};

/** The sender's own id of the delivery. */
export function idOf(headers: FastifyRequest['headers']): string | null {
  const id = headers['webhook-id'] ?? headers['idempotency-key'];
  return typeof id === 'string' && DELIVERY_ID.test(id) ? id : null;
}

/** Registers the route in a scope of its own: bodies stay bytes there, because signatures are over bytes. */
export async function registerHooks(app: FastifyInstance, deps: HookDeps, at: DeliveryRoute = HOOKS): Promise<void> {
  const record = createRecorder(deps);
  let underWay = 0;
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.addHook('onRequest', async (request, reply) => {
      if (underWay >= MAX_UNDER_WAY) throw new ApiProblem(503, 'overloaded', 'Too many deliveries at once. Send it again.', { 'retry-after': '1' });
      underWay++;
      reply.raw.once('close', () => underWay--);
      admit(at.receiverOf(request), request, deps);
    });
    // Also for what is refused before the handler: too large, wrong type.
    scope.setErrorHandler(async (error, request) => {
      const problem = asProblem(error);
      // Of the 5xx, one is for the operator to mend: our own secret cannot be read.
      if (problem !== null && (problem.status < 500 || typeof problem.cause === 'string')) await record(at.receiverOf(request), problem, request);
      // The handler of the whole API answers.
      throw error;
    });
    scope.route({
      method: [...at.method],
      url: at.url,
      config: { name: 'hook', access: 'receiver' },
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const { status, document } = await deliver(at.receiverOf(request), request, deps);
        at.taken?.(document);
        send(reply, status, document);
      },
    });
  });
}

/** What can be refused from the headers alone. */
function admit(name: string, request: FastifyRequest, deps: HookDeps): void {
  const receiver = deps.receivers.find(name);
  if (receiver === null) throw new ApiProblem(404, 'no-such-receiver', 'There is no such receiver.');
  if (receiver.triggers !== undefined) {
    throw new ApiProblem(
      404,
      'no-such-receiver',
      'This receiver is served as a Jenkins is: at /job/NAME/buildWithParameters and /generic-webhook-trigger/invoke.',
    );
  }
  // A page in a browser of this machine must not reach an open receiver through a name of its own (DNS rebinding).
  if (receiver.open && !(deps.loopback() && isLoopback(hostOf(request.headers.host)))) {
    throw new ApiProblem(403, 'forbidden', 'This receiver asks for no proof, so it is served to this machine only.');
  }
  const type = request.headers['content-type'];
  if (type !== undefined && !JSON_TYPE.test(type)) throw new ApiProblem(415, 'unsupported-type', 'Send the delivery as application/json.');
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new ApiProblem(415, 'unsupported-encoding', 'Send the delivery uncompressed.');
}

interface Answer {
  readonly status: 200 | 202;
  readonly document: HookReply;
}

async function deliver(receiver: string, request: FastifyRequest, deps: HookDeps): Promise<Answer> {
  const found = deps.receivers.find(receiver);
  if (found === null) throw new ApiProblem(404, 'no-such-receiver', 'There is no such receiver.');
  const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
  const replayId = await authenticate(receiver, body, request, deps);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new ApiProblem(400, 'malformed', 'The delivery is not valid UTF-8.');
  }
  const parsed = found.format.parse(text, deps.clock.wall());
  if (parsed.kind === 'malformed') throw new ApiProblem(400, 'malformed', parsed.why);
  if (parsed.kind === 'ignored') return { status: 200, document: received({ note: parsed.why }) };
  return receive(receiver, parsed, replayId ?? idOf(request.headers), deps);
}

async function receive(
  receiver: string,
  parsed: { readonly alerts: readonly InboundAlert[]; readonly truncated: number },
  deliveryId: string | null,
  deps: HookDeps,
): Promise<Answer> {
  const result = await deps.operations.receive(receiver, parsed.alerts, deliveryId);
  if (result.duplicate) return { status: 200, document: received({ duplicate: true }) };
  return { status: 202, document: received({ ...result, groups: [...result.groups], truncated: parsed.truncated }) };
}

function send(reply: FastifyReply, status: 200 | 202, document: HookReply): void {
  reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(contract.hook.reply.schema.parse(document)));
}

/** Returns the replay id. The receiver's own proof, or a token of the role receiver that bears the receiver's name. */
async function authenticate(receiver: string, rawBody: Uint8Array, request: FastifyRequest, deps: HookDeps): Promise<string | null> {
  const verdict = await deps.receivers.verify(receiver, { headers: distinctHeaders(request.raw.rawHeaders), rawBody, nowMs: deps.clock.wall() });
  if (verdict.ok) return verdict.replayId;
  const token = await deps.auth.receiverToken(request.headers.authorization);
  if (token !== null) {
    if (token.name === receiver) return null;
    throw new ApiProblem(404, 'no-such-receiver', 'There is no such receiver.');
  }
  if (verdict.status === 503) {
    deps.log.error({ receiver, why: verdict.why }, 'a delivery cannot be checked');
    const unavailable = new ApiProblem(
      503,
      'unavailable',
      'The delivery cannot be checked now: the receiver’s own secret cannot be read. Its operator sees why.',
      { 'retry-after': '10' },
    );
    unavailable.cause = verdict.why;
    throw unavailable;
  }
  const refusal = new ApiProblem(401, 'unauthenticated', 'The delivery is not authenticated.', { 'www-authenticate': 'Bearer realm="drover"' });
  refusal.cause = verdict.why;
  const asked = { authorization: undefined, address: request.ip, method: request.method, route: `/hooks/${receiver}` };
  const answer = await deps.auth.denied(asked, receiver, refusal);
  answer.cause = verdict.why;
  throw answer;
}

export type Recorder = (receiver: string, problem: ApiProblem, request: FastifyRequest) => Promise<void>;

/** Writes refusals as events, few enough that nobody can fill the disk with them. */
export function createRecorder({ operations, receivers, clock, log }: Pick<HookDeps, 'operations' | 'receivers' | 'clock' | 'log'>): Recorder {
  const throttle = createThrottle(clock, RECORDS);
  const suppressed = new Map<string, number>();
  return async (name, problem, request) => {
    // Names nobody configured share one budget: they are free to invent.
    const receiver = receivers.find(name) === null ? UNKNOWN : name;
    if (throttle.take(receiver) > 0) {
      suppressed.set(receiver, (suppressed.get(receiver) ?? 0) + 1);
      return;
    }
    const details: JsonObject = {
      status: problem.status,
      code: problem.code,
      source: request.ip,
      suppressed: suppressed.get(receiver) ?? 0,
      ...(receiver === UNKNOWN ? { asked: name.slice(0, 100) } : {}),
    };
    suppressed.delete(receiver);
    const why = typeof problem.cause === 'string' ? problem.cause : problem.message;
    try {
      await operations.rejectDelivery(receiver, why, details);
    } catch (failure) {
      // The refusal stands whether or not it can be recorded.
      log.error({ error: failure, receiver }, 'a refused delivery could not be recorded');
    }
  };
}
