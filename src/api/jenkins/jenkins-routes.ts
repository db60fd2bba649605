/**
 * The routes that senders made for Jenkins call: the generic webhook, triggers of jobs, the queue, builds and crumbs. Paths, statuses and
 * shapes are Jenkins', so they stand beside the contract of the API and not in it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Operations } from '../../engine/operations.ts';
import type { Secrets } from '../../ports/ports.ts';
import { createRecorder } from '../hooks.ts';
import { GENERIC_WEBHOOK, pathOf } from '../http-basics.ts';
import { ApiProblem, asProblem } from '../problem.ts';
import { invokeWebhook, type WebhookReply } from './generic-webhook.ts';
import { errorPage, statusText } from './jenkins-documents.ts';
import { fieldsOf, isForm, textOf } from './jenkins-parameters.ts';
import { createCrumbs, type ProofDeps, prove, tokenOf } from './jenkins-proof.ts';
import { createJobBook } from './job-book.ts';
import { answerJob, answerQueueItem } from './job-routes.ts';

export interface JenkinsDeps extends ProofDeps {
  readonly operations: Operations;
  readonly secrets: Secrets;
  readonly tls: object | null;
}

/** What is served here: method and path as the server knows them. */
export const JENKINS_ROUTES = [
  ...(['DELETE', 'GET', 'PATCH', 'POST', 'PUT'] as const).map((method) => ({ method, url: GENERIC_WEBHOOK })),
  { method: 'GET', url: '/crumbIssuer/api/json' },
  { method: 'GET', url: '/queue/item/:item/api/json' },
  { method: 'GET', url: '/job/*' },
  { method: 'POST', url: '/job/*' },
] as const;

/** Requests held in memory at once: 64 of at most 1 MiB. */
const MAX_UNDER_WAY = 64;
const TYPES = /^(application\/([\w.-]+\+)?json|application\/x-www-form-urlencoded|text\/plain)\s*(;|$)/i;
const JSON_TYPE = 'application/json;charset=utf-8';
/** Clients look whether it is there; its value is that of the interface this was made after. */
const VERSION = { 'x-jenkins': '2.462' };

/** Registers them in a scope of their own: bodies stay bytes there, and errors are Jenkins'. */
export async function registerJenkins(app: FastifyInstance, deps: JenkinsDeps): Promise<void> {
  const receivers = (): readonly string[] => deps.receivers.withTriggers?.() ?? [];
  const book = createJobBook({ ...deps, receivers });
  const crumbs = createCrumbs(deps.secrets);
  const record = createRecorder(deps);
  const shared = { ...deps, book, crumbs, names: receivers };
  let underWay = 0;
  app.addHook('onClose', async () => book.close());
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.addHook('onRequest', async (request, reply) => {
      if (underWay >= MAX_UNDER_WAY) throw new ApiProblem(503, 'overloaded', 'Too many requests at once. Send it again.', { 'retry-after': '1' });
      underWay++;
      reply.raw.once('close', () => underWay--);
      reply.headers(VERSION);
      admit(request, receivers());
    });
    scope.setErrorHandler(async (error, request, reply) => {
      const problem = asProblem(error);
      // The handler of the whole API tells of what is not foreseen.
      if (problem === null || receivers().length === 0) throw error;
      if (problem.status < 500 || typeof problem.cause === 'string') await record(receiverOf(request, deps), problem, request);
      return refuse(request, reply, problem);
    });
    const route = (method: string | string[], url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>) =>
      scope.route({ method: method as 'GET', url, config: { access: 'receiver' }, exposeHeadRoute: false, handler });
    const ways = JENKINS_ROUTES.filter((each) => each.url === GENERIC_WEBHOOK).map((each) => each.method);
    route(ways, GENERIC_WEBHOOK, async (request, reply) => sendJson(reply, 200, await invokeWebhook(request, givenTokens(request), { ...shared, record })));
    route('GET', '/crumbIssuer/api/json', async (request, reply) => {
      await prove(receivers(), [], request, deps);
      const { crumb, cookie } = crumbs.issue(request.headers.cookie, deps.tls !== null);
      reply.header('set-cookie', cookie);
      return sendJson(reply, 200, { _class: 'hudson.security.csrf.DefaultCrumbIssuer', crumb, crumbRequestField: 'Jenkins-Crumb' });
    });
    route('GET', '/queue/item/:item/api/json', async (request, reply) => sendJson(reply, 200, await answerQueueItem(request, shared)));
    route(['GET', 'POST'], '/job/*', async (request, reply) => {
      const answer = await answerJob(request, shared);
      if ('location' in answer) return reply.code(201).header('location', answer.location).send();
      return sendJson(reply, 200, answer.document);
    });
  });
}

/** What can be refused from the headers alone. */
function admit(request: FastifyRequest, receivers: readonly string[]): void {
  if (receivers.length === 0) throw new ApiProblem(404, 'no-such-route', 'There is nothing at this address.');
  // A page elsewhere can send a GET without an Origin header, with the password that the browser knows.
  const site = request.headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') throw new ApiProblem(403, 'cross-origin', 'A page of another origin may not do this.');
  const type = request.headers['content-type'];
  if (type !== undefined && !TYPES.test(type)) throw new ApiProblem(415, 'unsupported-type', 'Send application/json or application/x-www-form-urlencoded.');
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new ApiProblem(415, 'unsupported-encoding', 'Send the body uncompressed.');
}

/** In the order of the plugin: `?token=` (or in a form), the header `token`, GitLab's. A Bearer and a password are looked at anyway. */
function givenTokens(request: FastifyRequest): string[] {
  const query = request.url.includes('?') ? fieldsOf(request.url.slice(request.url.indexOf('?') + 1)) : {};
  const form = isForm(request.headers['content-type']) && request.body instanceof Uint8Array ? fieldsOf(textOf(request.body)) : {};
  const headers = [request.headers['token'], request.headers['x-gitlab-token']].filter((value) => typeof value === 'string');
  return [query['token'], form['token'], ...headers].map(tokenOf).filter((token) => token !== null);
}

/** Whose record a refusal is: the receiver of the job, or the only one there is. */
function receiverOf(request: FastifyRequest, deps: JenkinsDeps): string {
  const names = deps.receivers.withTriggers?.() ?? [];
  const path = pathOf(request.url);
  const owner = names.find((name) =>
    deps.receivers.find(name)?.triggers?.jobs.some((job) => path.startsWith(`/job/${job.name.split('/').map(encodeURIComponent).join('/job/')}/`)),
  );
  return owner ?? (names.length === 1 ? (names[0] ?? '') : path);
}

function sendJson(reply: FastifyReply, status: number, document: object | WebhookReply): FastifyReply {
  return reply.code(status).type(JSON_TYPE).send(JSON.stringify(document));
}

/** An error as Jenkins or its plugin shows it. */
function refuse(request: FastifyRequest, reply: FastifyReply, problem: ApiProblem): FastifyReply {
  reply.headers(problem.headers);
  const message = problem.message;
  if (pathOf(request.url) === GENERIC_WEBHOOK) return sendJson(reply, problem.status, { jobs: null, message });
  return reply
    .code(problem.status)
    .type('text/html;charset=utf-8')
    .send(errorPage(problem.status, message === '' ? statusText(problem.status) : message));
}
