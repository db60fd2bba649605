/** `/job/…` and `/queue/item/…`: triggering a job, and following what became of it. */
import type { FastifyRequest } from 'fastify';
import type { TriggerJob } from '../../ports/ports.ts';
import { idOf } from '../hooks.ts';
import { pathOf } from '../http-basics.ts';
import { ApiProblem } from '../problem.ts';
import { buildJson, jobJson, queueItemJson } from './jenkins-documents.ts';
import { delayMs, fieldsOf, isForm, type Parameters, submittedForm, textOf, withoutOwn } from './jenkins-parameters.ts';
import { type Crumbs, type Proof, type ProofDeps, prove } from './jenkins-proof.ts';
import type { JobBook } from './job-book.ts';
import type { JobBuild } from './job-build.ts';
import { parseTrigger } from './parse-trigger.ts';

interface JobDeps extends ProofDeps {
  readonly book: JobBook;
  readonly crumbs: Crumbs;
  readonly names: () => readonly string[];
  readonly tls: object | null;
}

const NOT_FOUND = () => new ApiProblem(404, 'not-found', 'Not Found');

export type JobAnswer = { readonly location: string } | { readonly document: object };

interface JobAddress {
  readonly job: string;
  /** What stands behind it: `build`, `buildWithParameters`, `api/json`, `7/api/json`. */
  readonly action: string;
}

/** `/job/team/job/scale-up/build` → `team/scale-up` and `build`; null: not of that form. */
function addressOf(path: string): JobAddress | null {
  const parts = path.replace(/\/$/, '').split('/').slice(1);
  const names: string[] = [];
  let at = 0;
  while (parts[at] === 'job' && at + 1 < parts.length) {
    names.push(decoded(parts[at + 1] ?? ''));
    at += 2;
  }
  if (names.length === 0 || names.some((name) => name === '' || name.includes('/'))) return null;
  return { job: names.join('/'), action: parts.slice(at).join('/') };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

/** Throws ApiProblem 400, 401, 403, 404, 405 or 503. */
export async function answerJob(request: FastifyRequest, deps: JobDeps): Promise<JobAnswer> {
  const address = addressOf(pathOf(request.url));
  const owners = deps.names().filter((name) => jobOf(name, address?.job ?? '', deps) !== null);
  // Who is not known is not told which jobs there are.
  const [proof] = await prove(owners.length === 0 ? deps.names() : owners, [], request, deps);
  const job = proof === undefined || address === null ? null : jobOf(proof.receiver, address.job, deps);
  if (proof === undefined || address === null || job === null) throw NOT_FOUND();
  const { action } = address;
  if (action === 'build' || action === 'buildWithParameters') {
    if (request.method !== 'POST') throw new ApiProblem(405, 'method-not-allowed', 'This URL requires POST', { allow: 'POST' });
    return { location: await triggerBuild(request, proof, job, action, deps) };
  }
  if (request.method !== 'GET') throw NOT_FOUND();
  const builds = await deps.book.builds(proof.receiver, job.name);
  const now = deps.clock.wall();
  const root = rootOf(request, deps);
  if (action === 'api/json') return { document: jobJson(root, job, builds, now) };
  const build = pick(
    action,
    builds.filter((each) => each.leftMs <= now),
  );
  if (build === undefined) throw NOT_FOUND();
  return { document: buildJson(root, build) };
}

const LINKS: Readonly<Record<string, (build: JobBuild) => boolean>> = {
  lastBuild: () => true,
  lastCompletedBuild: ({ result }) => result !== null,
  lastSuccessfulBuild: ({ result }) => result === 'SUCCESS' || result === 'UNSTABLE',
  lastStableBuild: ({ result }) => result === 'SUCCESS',
  lastUnsuccessfulBuild: ({ result }) => result !== null && result !== 'SUCCESS',
};

function pick(action: string, builds: readonly JobBuild[]): JobBuild | undefined {
  const which = /^([A-Za-z]+|\d{1,10})\/api\/json$/.exec(action)?.[1];
  if (which === undefined) return undefined;
  const link = Object.hasOwn(LINKS, which) ? LINKS[which] : undefined;
  return builds.find(link ?? ((build) => String(build.number) === which));
}

function jobOf(receiver: string, job: string, deps: JobDeps): TriggerJob | null {
  return deps.receivers.find(receiver)?.triggers?.jobs.find((each) => each.name === job) ?? null;
}

/** Returns the address of the queue item. */
async function triggerBuild(request: FastifyRequest, proof: Proof, job: TriggerJob, action: string, deps: JobDeps): Promise<string> {
  const query = request.url.includes('?') ? fieldsOf(request.url.slice(request.url.indexOf('?') + 1)) : {};
  const form = isForm(request.headers['content-type']) && request.body instanceof Uint8Array ? fieldsOf(textOf(request.body)) : {};
  const found = deps.receivers.find(proof.receiver);
  const crumb = request.headers['jenkins-crumb'] ?? form['Jenkins-Crumb'];
  if (
    proof.kind === 'password' &&
    found?.triggers?.crumb !== false &&
    !deps.crumbs.isValid(typeof crumb === 'string' ? crumb : undefined, request.headers.cookie)
  ) {
    throw new ApiProblem(403, 'no-valid-crumb', 'No valid crumb was included in the request');
  }
  const sent = action === 'build' ? submitted(job, form['json'] ?? query['json']) : { ...withoutOwn(form), ...withoutOwn(query) };
  const { alert } = parseTrigger(found?.format, found?.triggers?.jobs ?? [], job.name, sent, deps.clock.wall());
  const key = proof.replayId ?? idOf(request.headers);
  const build = await deps.book.trigger(proof.receiver, job, alert, key === null ? null : `${job.name} ${key}`, delayMs(query['delay'] ?? form['delay']));
  return `${rootOf(request, deps)}queue/item/${build.queue}/`;
}

function submitted(job: TriggerJob, json: string | undefined): Parameters {
  if (json !== undefined) return submittedForm(json);
  if (Object.keys(job.parameters).length > 0)
    throw new ApiProblem(400, 'nothing-submitted', 'Nothing is submitted: the job has parameters, use buildWithParameters');
  return {};
}

export async function answerQueueItem(request: FastifyRequest, deps: JobDeps): Promise<object> {
  const proofs = await prove(deps.names(), [], request, deps);
  const { item } = request.params as { readonly item?: string };
  const number = /^\d{1,10}$/.test(item ?? '') ? Number(item) : null;
  const build =
    number === null
      ? null
      : await deps.book.item(
          proofs.map((proof) => proof.receiver),
          number,
        );
  if (build === null) throw NOT_FOUND();
  return queueItemJson(rootOf(request, deps), build, deps.clock.wall());
}

/** Where the sender reached us, with a slash at the end. */
function rootOf(request: FastifyRequest, deps: JobDeps): string {
  const { host } = request.headers;
  if (host === undefined || !/^[A-Za-z0-9.:[\]-]{1,255}$/.test(host)) return '/';
  return `${deps.tls === null ? 'http' : 'https'}://${host}/`;
}
