/**
 * A small Jenkins over real HTTP, for tests of what talks to one: folders, parameters, quiet period, coalescing queue, builds, crumbs,
 * sessions, `tree`. After the remote access API as documented by Jenkins and the behaviour of its 2.4xx releases.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Result = 'SUCCESS' | 'UNSTABLE' | 'FAILURE' | 'ABORTED' | 'NOT_BUILT';
type Texts = Readonly<Record<string, string>>;

export interface TestJob {
  /** Parameters and their defaults; null: it takes none. */
  readonly parameters: Texts | null;
  readonly quietMs?: number;
  readonly disabled?: boolean;
  /** How a build ends; null: it does not. Default: SUCCESS at once. */
  readonly run?: (parameters: Texts) => { readonly result: Result; readonly afterMs: number } | null;
}

export interface TestJenkinsSetup {
  readonly jobs: Readonly<Record<string, TestJob>>;
  readonly users?: Readonly<Record<string, { readonly password: string; readonly token: string }>>;
  /** Path it is served at, e.g. `/jenkins`. */
  readonly prefix?: string;
  /** How long items are known after they have left the queue, ms. Jenkins: 5 min. */
  readonly keepLeftMs?: number;
  /** Its own idea of its address. Default: the real one. */
  readonly rootUrl?: string;
}

interface Item {
  readonly id: number;
  readonly job: string;
  readonly parameters: Texts;
  readonly inQueueSince: number;
  readonly leavesMs: number;
  cancelled: boolean;
  leftMs: number | null;
  build: number | null;
}
interface Build {
  readonly number: number;
  readonly queueId: number;
  readonly job: string;
  readonly parameters: Texts;
  readonly timestamp: number;
  result: Result | null;
}

export interface TestJenkins {
  readonly url: string;
  readonly builds: readonly Build[];
  /** Every request: method, path with query, headers, body. */
  readonly requests: readonly { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string }[];
  /** Answers of the next triggers: lost after they were taken, lost before that, or without a word where the item is. */
  lose: ('after' | 'before' | 'location')[];
  /** Statuses of the next requests of any kind. */
  refuse: number[];
  /** Nothing leaves the queue while this is set; shown as `why`. */
  blocked: string | null;
  cancel(item: number): void;
  /** Ends every session, as a restart does. */
  endSessions(): void;
  close(): Promise<void>;
}

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  503: 'Service Unavailable',
};

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message = MESSAGES[status] ?? 'Error') {
    super(message);
    this.status = status;
  }
}

export async function startJenkins(setup: TestJenkinsSetup): Promise<TestJenkins> {
  const jenkins = new Jenkins(setup);
  await jenkins.listen();
  return jenkins;
}

class Jenkins implements TestJenkins {
  readonly builds: Build[] = [];
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  lose: TestJenkins['lose'] = [];
  refuse: number[] = [];
  blocked: string | null = null;
  readonly #setup: TestJenkinsSetup;
  readonly #server: Server;
  readonly #items = new Map<number, Item>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #salt = randomBytes(16).toString('hex');
  readonly #sessions = new Set<string>();
  #lastId = 0;
  #root = '';
  url = '';

  constructor(setup: TestJenkinsSetup) {
    this.#setup = setup;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}${this.#setup.prefix ?? ''}`;
    this.#root = this.#setup.rootUrl ?? `${this.url}/`;
    this.#every(5, () => this.#turn());
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  cancel(item: number): void {
    const found = this.#items.get(item);
    if (found?.leftMs === null) Object.assign(found, { cancelled: true, leftMs: Date.now() });
  }

  endSessions(): void {
    this.#sessions.clear();
    this.#salt = randomBytes(16).toString('hex');
  }

  #every(ms: number, work: () => void): void {
    this.#timers.add(setInterval(work, ms));
  }

  /** What is due leaves the queue; what has left it long ago is forgotten; builds end. */
  #turn(): void {
    const now = Date.now();
    for (const item of this.#items.values()) {
      if (item.leftMs !== null && now - item.leftMs > (this.#setup.keepLeftMs ?? 300_000)) this.#items.delete(item.id);
      if (item.leftMs !== null || item.leavesMs > now || this.blocked !== null) continue;
      const number = this.builds.filter((build) => build.job === item.job).length + 1;
      this.builds.push({ number, queueId: item.id, job: item.job, parameters: item.parameters, timestamp: now, result: null });
      Object.assign(item, { leftMs: now, build: number });
    }
    for (const build of this.builds) {
      if (build.result !== null) continue;
      const end = (this.#setup.jobs[build.job]?.run ?? (() => ({ result: 'SUCCESS' as const, afterMs: 0 })))(build.parameters);
      if (end !== null && now - build.timestamp >= end.afterMs) build.result = end.result;
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, url, headers, body });
    response.setHeader('X-Jenkins', '2.462.3');
    try {
      const refused = this.refuse.shift();
      if (refused !== undefined) throw new Refusal(refused);
      const document = this.#answer(request, response, body);
      if (document !== null) sendJson(response, new URL(url, 'http://x'), document);
    } catch (e) {
      const refusal = e instanceof Refusal ? e : new Refusal(500, String(e));
      response.writeHead(refusal.status, { 'Content-Type': 'text/html;charset=utf-8' });
      response.end(
        `<html><head><title>Error ${refusal.status} ${refusal.message}</title></head><body><h2>HTTP ERROR ${refusal.status} ${refusal.message}</h2></body></html>`,
      );
    }
  }

  /** The document of the answer; null: it is answered already. */
  #answer(request: IncomingMessage, response: ServerResponse, body: string): object | null {
    const at = new URL(request.url ?? '', 'http://x');
    const prefix = this.#setup.prefix ?? '';
    if (!at.pathname.startsWith(`${prefix}/`)) throw new Refusal(404);
    const path = at.pathname.slice(prefix.length);
    const way = this.#authenticate(request);
    if (path === '/crumbIssuer/api/json') return this.#issue(request, response, way.user);
    if (request.method === 'POST' && !way.byToken) this.#checkCrumb(request, way.user, body);
    const item = /^\/queue\/item\/(\d+)\/api\/json$/.exec(path)?.[1];
    if (item !== undefined) return this.#itemJson(this.#items.get(Number(item)));
    if (path === '/queue/api/json') {
      const items = [...this.#items.values()].filter((each) => each.leftMs === null).map((each) => this.#itemJson(each));
      return { _class: 'hudson.model.Queue', items };
    }
    return this.#answerJob(request, response, at, path, body);
  }

  #answerJob(request: IncomingMessage, response: ServerResponse, at: URL, path: string, body: string): object | null {
    const [, names, rest = ''] = /^((?:\/job\/[^/]+)+)\/(.*)$/.exec(path) ?? [];
    const name = (names ?? '').split('/job/').slice(1).map(decodeURIComponent).join('/');
    const job = this.#setup.jobs[name];
    if (job === undefined) throw new Refusal(404);
    const action = rest.replace(/\/$/, '');
    if (action === 'buildWithParameters' || action === 'build') {
      if (request.method !== 'POST') throw new Refusal(405, 'This URL requires POST');
      return this.#trigger(response, name, job, action, { query: at.searchParams, body, type: request.headers['content-type'] ?? '' });
    }
    if (action === 'api/json') return this.#jobJson(name, job);
    const number = /^(\d+|lastBuild)\/api\/json$/.exec(action)?.[1];
    const own = this.builds.filter((build) => build.job === name);
    const build = number === 'lastBuild' ? own.at(-1) : own.find((each) => String(each.number) === number);
    if (build === undefined) throw new Refusal(404);
    return this.#buildJson(build);
  }

  #trigger(response: ServerResponse, name: string, job: TestJob, action: string, sent: { query: URLSearchParams; body: string; type: string }): null {
    const lost = this.lose.shift();
    if (lost === 'before') {
      response.destroy();
      return null;
    }
    if (job.disabled) throw new Refusal(409, `${name} is not buildable`);
    if (action === 'build' && job.parameters !== null) throw new Refusal(400, 'Nothing is submitted');
    if (action === 'buildWithParameters' && job.parameters === null) throw new Refusal(400, `${name} is not parameterized`);
    const form = new URLSearchParams(sent.type.startsWith('application/x-www-form-urlencoded') ? sent.body : '');
    // Parameters that the job does not have are dropped (SECURITY-170).
    const parameters = Object.fromEntries(Object.entries(job.parameters ?? {}).map(([key, preset]) => [key, form.get(key) ?? sent.query.get(key) ?? preset]));
    const equal = [...this.#items.values()].find(
      (each) => each.job === name && each.leftMs === null && JSON.stringify(each.parameters) === JSON.stringify(parameters),
    );
    const id = equal?.id ?? ++this.#lastId;
    const now = Date.now();
    if (equal === undefined) {
      this.#items.set(id, { id, job: name, parameters, inQueueSince: now, leavesMs: now + (job.quietMs ?? 0), cancelled: false, leftMs: null, build: null });
    }
    if (lost === 'after') response.destroy();
    // As versions before 1.519 of the parameterized trigger did: to the page of the job.
    else if (lost === 'location') response.writeHead(302, { Location: `${this.#root}${pathOf(name)}` }).end();
    else response.writeHead(201, { Location: `${this.#root}queue/item/${id}/` }).end();
    return null;
  }

  #authenticate(request: IncomingMessage): { readonly user: string; readonly byToken: boolean } {
    const users = this.#setup.users;
    if (users === undefined) return { user: 'anonymous', byToken: false };
    const pair = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (pair === undefined) throw new Refusal(403, 'Authentication required');
    const text = Buffer.from(pair, 'base64').toString();
    const [user, secret] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
    const known = users[user];
    if (known?.token === secret) return { user, byToken: true };
    if (known?.password === secret) return { user, byToken: false };
    throw new Refusal(401, `Invalid password/token for user: ${user}`);
  }

  #issue(request: IncomingMessage, response: ServerResponse, user: string): object {
    let session = sessionOf(request);
    if (session === null || !this.#sessions.has(session)) {
      session = `node0${randomBytes(12).toString('hex')}.node0`;
      this.#sessions.add(session);
      response.setHeader('Set-Cookie', [`JSESSIONID.7ab1=${session};Path=/;HttpOnly;Expires=Wed, 21 Oct 2099 07:28:00 GMT`, 'theme=dark; Path=/']);
    }
    return { _class: 'hudson.security.csrf.DefaultCrumbIssuer', crumb: this.#crumb(user, session), crumbRequestField: 'Jenkins-Crumb' };
  }

  #crumb(user: string, session: string): string {
    return createHash('sha256').update(`${user};${session};${this.#salt}`).digest('hex');
  }

  #checkCrumb(request: IncomingMessage, user: string, body: string): void {
    const session = sessionOf(request);
    const given = request.headers['jenkins-crumb'] ?? new URLSearchParams(body).get('Jenkins-Crumb');
    if (session === null || !this.#sessions.has(session) || given !== this.#crumb(user, session))
      throw new Refusal(403, 'No valid crumb was included in the request');
  }

  #itemJson(item: Item | undefined): object {
    if (item === undefined) throw new Refusal(404);
    const now = Date.now();
    const waiting = item.leftMs === null && item.leavesMs > now;
    const kind = item.leftMs !== null ? 'LeftItem' : waiting ? 'WaitingItem' : 'BuildableItem';
    const why =
      item.leftMs !== null
        ? null
        : waiting
          ? `In the quiet period. Expires in ${item.leavesMs - now} ms`
          : (this.blocked ?? 'Waiting for next available executor');
    const executable =
      item.build === null ? null : { _class: 'hudson.model.FreeStyleBuild', number: item.build, url: `${this.#root}${pathOf(item.job)}${item.build}/` };
    return {
      _class: `hudson.model.Queue$${kind}`,
      actions: actionsOf(item.parameters),
      id: item.id,
      inQueueSince: item.inQueueSince,
      why,
      task: { _class: 'hudson.model.FreeStyleProject', name: item.job.split('/').at(-1), url: `${this.#root}${pathOf(item.job)}` },
      url: `queue/item/${item.id}/`,
      ...(item.leftMs === null ? {} : { cancelled: item.cancelled, executable }),
    };
  }

  #buildJson(build: Build): object {
    return {
      _class: 'hudson.model.FreeStyleBuild',
      actions: actionsOf(build.parameters),
      building: build.result === null,
      number: build.number,
      queueId: build.queueId,
      result: build.result,
      timestamp: build.timestamp,
      url: `${this.#root}${pathOf(build.job)}${build.number}/`,
    };
  }

  #jobJson(name: string, job: TestJob): object {
    const parameterDefinitions = Object.keys(job.parameters ?? {}).map((each) => ({
      _class: 'hudson.model.StringParameterDefinition',
      name: each,
      type: 'StringParameterDefinition',
    }));
    return {
      _class: 'hudson.model.FreeStyleProject',
      name: name.split('/').at(-1),
      buildable: job.disabled !== true,
      property: [{ _class: 'com.example.SomeProperty' }, { _class: 'hudson.model.ParametersDefinitionProperty', parameterDefinitions }],
      builds: this.builds
        .filter((build) => build.job === name)
        .reverse()
        .slice(0, 100)
        .map((build) => this.#buildJson(build)),
    };
  }
}

function pathOf(job: string): string {
  return job
    .split('/')
    .map((part) => `job/${encodeURIComponent(part)}/`)
    .join('');
}

function actionsOf(parameters: Texts): object[] {
  const list = Object.entries(parameters).map(([name, value]) => ({ _class: 'hudson.model.StringParameterValue', name, value }));
  const own = list.length === 0 ? [] : [{ _class: 'hudson.model.ParametersAction', parameters: list }];
  return [...own, { _class: 'hudson.model.CauseAction', causes: [{ shortDescription: 'Started by remote host' }] }, {}];
}

function sessionOf(request: IncomingMessage): string | null {
  return /(?:^|;\s*)JSESSIONID\.7ab1=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? null;
}

/** What `tree` asks for, and `_class` of everything. */
function sendJson(response: ServerResponse, at: URL, document: object): void {
  const tree = at.searchParams.get('tree');
  const shown = tree === null ? document : prune(document, parseTree(tree));
  response.writeHead(200, { 'Content-Type': 'application/json;charset=utf-8' }).end(JSON.stringify(shown));
}

interface Tree {
  readonly fields: Map<string, Tree>;
  most: number;
}

/** `a,b[c,d[e]]{0,5}` */
function parseTree(text: string): Tree {
  let at = 0;
  const list = (): Tree => {
    const tree: Tree = { fields: new Map(), most: Number.POSITIVE_INFINITY };
    for (;;) {
      const name = /^[A-Za-z_]+/.exec(text.slice(at))?.[0];
      if (name === undefined) throw new Refusal(500, `Unexpected token in tree at ${at}`);
      at += name.length;
      let inner: Tree = { fields: new Map(), most: Number.POSITIVE_INFINITY };
      if (text[at] === '[') {
        at++;
        inner = list();
        if (text[at++] !== ']') throw new Refusal(500, 'Expected ] in tree');
      }
      const range = /^\{(\d+),(\d+)\}/.exec(text.slice(at));
      if (range !== null) {
        at += range[0].length;
        inner.most = Number(range[2]) - Number(range[1]);
      }
      tree.fields.set(name, inner);
      if (text[at] !== ',') return tree;
      at++;
    }
  };
  return list();
}

function prune(value: unknown, tree: Tree): unknown {
  if (Array.isArray(value)) return value.slice(0, tree.most).map((each) => prune(each, tree));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key === '_class' || tree.fields.has(key));
  return Object.fromEntries(kept.map(([key, each]) => [key, key === '_class' ? each : prune(each, tree.fields.get(key) ?? tree)]));
}
