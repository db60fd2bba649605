/** `/generic-webhook-trigger/invoke`: what the plugin of that name takes and answers. */
import type { FastifyRequest } from 'fastify';
import type { Operations } from '../../engine/operations.ts';
import type { AlertFormat } from '../../ports/ports.ts';
import { idOf, type Recorder } from '../hooks.ts';
import { ApiProblem } from '../problem.ts';
import type { ReceiverTriggers } from '../receivers.ts';
import { delayMs, fieldsOf, isForm, jsonOf, type Parameters, textOf, topValues, withoutOwn } from './jenkins-parameters.ts';
import { type Proof, type ProofDeps, prove } from './jenkins-proof.ts';
import type { JobBook } from './job-book.ts';
import { parseTrigger } from './parse-trigger.ts';

interface TriggerResult {
  readonly regexpFilterExpression: '';
  readonly triggered: boolean;
  readonly resolvedVariables: Parameters;
  readonly regexpFilterText: '';
  /** Of the queue item; 0: none. */
  readonly id: number;
  readonly url: string;
}
export interface WebhookReply {
  readonly jobs: Readonly<Record<string, TriggerResult>> | null;
  readonly message: string;
}

interface WebhookDeps extends ProofDeps {
  readonly operations: Pick<Operations, 'receive' | 'rejectDelivery'>;
  readonly book: JobBook;
  readonly names: () => readonly string[];
  readonly record: Recorder;
}

const NOBODY = 'Did not find any jobs with GenericTrigger configured!\n';

/** Throws ApiProblem 400, 401, 404 or 503. */
export async function invokeWebhook(request: FastifyRequest, tokens: readonly string[], deps: WebhookDeps): Promise<WebhookReply> {
  const takers = deps.names().filter((name) => deps.receivers.find(name)?.triggers?.webhook != null);
  if (takers.length === 0) throw new ApiProblem(404, 'no-such-receiver', NOBODY);
  const proofs = await prove(takers, tokens, request, deps);
  const query = request.url.includes('?') ? fieldsOf(request.url.slice(request.url.indexOf('?') + 1)) : {};
  const text = request.body instanceof Uint8Array ? textOf(request.body) : '';
  const dry = String(request.headers['gwt-dry-run']).toLowerCase() === 'true';
  // Everything is read before anything is done.
  const works = proofs.flatMap((proof) => workOf(proof, text, query, request, deps));
  if (dry) {
    await Promise.all(proofs.map((proof) => deps.record(proof.receiver, testFire(), request)));
    const jobs = Object.fromEntries(works.map((work) => [work.name, nothing(work.variables)]));
    return { jobs, message: 'Dry run: understood and recorded, nothing was triggered.' };
  }
  const results: [string, TriggerResult][] = [];
  for (const work of works) results.push([work.name, await work.run()]);
  return { jobs: Object.fromEntries(results), message: 'Triggered jobs.' };
}

/** Its status is that of the answer: a test is no refusal. */
function testFire(): ApiProblem {
  return new ApiProblem(200, 'dry-run', 'a test: the request was understood, and nothing was triggered (gwt-dry-run)');
}

interface Work {
  readonly name: string;
  readonly variables: Parameters;
  run(): Promise<TriggerResult>;
}

function workOf(proof: Proof, text: string, query: Parameters, request: FastifyRequest, deps: WebhookDeps): Work[] {
  const found = deps.receivers.find(proof.receiver);
  const triggers = found?.triggers;
  if (triggers?.webhook == null) return [];
  const key = proof.replayId ?? idOf(request.headers);
  if ('format' in triggers.webhook) return [alertWork(proof.receiver, triggers.webhook.format, text, key, deps)];
  const sent = { ...bodyParameters(text, request.headers['content-type']), ...withoutOwn(query) };
  const quiet = delayMs(query['jobQuietPeriod'] ?? single(request.headers['jobquietperiod']));
  return triggers.webhook.jobs.map((name) => jobWork(proof.receiver, name, found?.format, triggers, sent, { key, quiet }, deps));
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}

function bodyParameters(text: string, type: string | undefined): Parameters {
  if (isForm(type)) return withoutOwn(fieldsOf(text));
  if (text.trim() === '') return {};
  const value = jsonOf(text);
  const alerts = typeof value === 'object' && value !== null && Array.isArray((value as { readonly alerts?: unknown }).alerts);
  // Taken for parameters, the end of an alert would trigger what its beginning did.
  if (alerts) throw new ApiProblem(400, 'malformed', 'This is a message with alerts. Configure the webhook with `body: alertmanager` or `body: grafana`.');
  return topValues(value);
}

function alertWork(receiver: string, format: AlertFormat, text: string, key: string | null, deps: WebhookDeps): Work {
  const parsed = format.parse(text, deps.clock.wall());
  if (parsed.kind === 'malformed') throw new ApiProblem(400, 'malformed', parsed.why);
  if (parsed.kind === 'ignored') return { name: receiver, variables: { ignored: parsed.why }, run: async () => nothing({ ignored: parsed.why }) };
  return {
    name: receiver,
    variables: { alerts: String(parsed.alerts.length) },
    run: async () => {
      const { fired, refreshed, resolved, ignored, duplicate } = await deps.operations.receive(receiver, parsed.alerts, key);
      const counts = { fired, refreshed, resolved, ignored, truncated: parsed.truncated, duplicate };
      const variables = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
      // Alerts act as long as they fire, so there is no item in the queue that could be followed.
      return { ...nothing(variables), triggered: fired + refreshed > 0 };
    },
  };
}

function jobWork(
  receiver: string,
  name: string,
  format: AlertFormat | undefined,
  { jobs }: ReceiverTriggers,
  sent: Parameters,
  { key, quiet }: { readonly key: string | null; readonly quiet: number | null },
  deps: WebhookDeps,
): Work {
  const { job, alert } = parseTrigger(format, jobs, name, sent, deps.clock.wall());
  const variables = sent;
  return {
    name,
    variables,
    run: async () => {
      const build = await deps.book.trigger(receiver, job, alert, key === null ? null : `${name} ${key}`, quiet);
      return { ...nothing(build.parameters), triggered: true, id: build.queue, url: `queue/item/${build.queue}/` };
    },
  };
}

function nothing(resolvedVariables: Parameters): TriggerResult {
  return { regexpFilterExpression: '', triggered: false, resolvedVariables, regexpFilterText: '', id: 0, url: '' };
}
