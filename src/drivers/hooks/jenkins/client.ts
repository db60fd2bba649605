/** Jenkins' remote access API, as far as a step needs it. */
import { z } from 'zod';
import { readCa } from '../../../kit/ca-option.ts';
import { toBase64 } from '../../../kit/http-auth.ts';
import { codeOfStatus, looksLikeHtml, retryAfterMs } from '../../../kit/http-call.ts';
import { parseJson } from '../../../kit/parse-json.ts';
import { excerpt } from '../../../kit/redact.ts';
import { joinUrl } from '../../../kit/url-option.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { HttpResponse } from '../../../ports/http.ts';
import type { JenkinsHookOptions } from './options.ts';

/** One exchange. */
const CALL_LIMIT_MS = 30_000;
const MAX_BYTES = 4 * 1024 * 1024;
/** Builds among which one that was started already is looked for, newest first. */
const RECENT = 50;

const parameters = z.array(z.looseObject({ name: z.string(), value: z.unknown().optional() }));
/** Actions of plugins have any form; those with parameters count. */
const actions = z.array(z.looseObject({ parameters: parameters.optional().catch(undefined) }).catch({})).optional();
const build = z.looseObject({ number: z.int(), building: z.boolean(), result: z.string().nullable(), actions });
const job = z.looseObject({
  buildable: z.boolean().optional(),
  property: z.array(z.looseObject({ parameterDefinitions: z.array(z.looseObject({ name: z.string() })).optional() }).catch({})).optional(),
  builds: z.array(build).nullish(),
});
const queue = z.looseObject({ items: z.array(z.looseObject({ id: z.int(), task: z.looseObject({ url: z.string() }).optional(), actions })) });
const item = z.looseObject({
  cancelled: z.boolean().optional(),
  why: z.string().nullish(),
  executable: z.looseObject({ number: z.int() }).nullish(),
});
const crumb = z.looseObject({ crumb: z.string().max(1000), crumbRequestField: z.string().regex(/^[A-Za-z0-9-]{1,100}$/) });

export type JenkinsBuild = z.output<typeof build>;
export type QueueItem = z.output<typeof item>;
export interface JenkinsJob {
  readonly buildable: boolean;
  readonly parameters: readonly string[];
  readonly builds: readonly JenkinsBuild[];
}

/** What is asked of one Jenkins during one step; it holds the session and nothing longer. */
export class JenkinsClient {
  readonly #options: JenkinsHookOptions;
  readonly #ports: DriverPorts;
  readonly #signal: AbortSignal;
  readonly #authorization: string | null;
  readonly #secrets: readonly string[];
  readonly #ca: string | undefined;
  #crumb: Readonly<Record<string, string>> | null = null;

  private constructor(
    options: JenkinsHookOptions,
    ports: DriverPorts,
    signal: AbortSignal,
    own: { authorization: string | null; secrets: readonly string[]; ca: string | undefined },
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#signal = signal;
    this.#authorization = own.authorization;
    this.#secrets = own.secrets;
    this.#ca = own.ca;
  }

  /** Reads the secrets now. Throws DriverError not-found naming the reference. */
  static async open(options: JenkinsHookOptions, ports: DriverPorts, signal: AbortSignal): Promise<JenkinsClient> {
    const { auth } = options;
    const ca = await readCa(options.ca, ports);
    if (auth === undefined) return new JenkinsClient(options, ports, signal, { authorization: null, secrets: [], ca });
    const secret = (await ports.secrets.resolve('token' in auth ? auth.token : auth.password)).reveal();
    const pair = toBase64(`${auth.user}:${secret}`);
    return new JenkinsClient(options, ports, signal, { authorization: `Basic ${pair}`, secrets: [secret, pair], ca });
  }

  /** Address of a build, for people. */
  buildUrl(number: number): string {
    return joinUrl(this.#options.url, `${jobPath(this.#options.job)}${number}/`);
  }

  async job(): Promise<JenkinsJob> {
    const tree = `buildable,property[parameterDefinitions[name]],builds[number,building,result,actions[parameters[name,value]]]{0,${RECENT}}`;
    const read = await this.#read(`${jobPath(this.#options.job)}api/json?tree=${tree}`, job);
    return {
      buildable: read.buildable ?? true,
      parameters: (read.property ?? []).flatMap((each) => each.parameterDefinitions ?? []).map((each) => each.name),
      builds: read.builds ?? [],
    };
  }

  /** Number of the item in the queue of this job whose parameter has that value. */
  async queued(parameter: string, value: string): Promise<number | null> {
    const { items } = await this.#read('queue/api/json?tree=items[id,task[url],actions[parameters[name,value]]]', queue);
    // By its path: the address that Jenkins has of itself may be another one than ours.
    const path = `/${jobPath(this.#options.job)}`;
    const found = items.find((each) => (URL.parse(each.task?.url ?? '')?.pathname ?? '').endsWith(path) && hasParameter(each.actions, parameter, value));
    return found?.id ?? null;
  }

  queueItem(id: number): Promise<QueueItem> {
    return this.#read(`queue/item/${id}/api/json?tree=cancelled,why,executable[number]`, item);
  }

  build(number: number): Promise<JenkinsBuild> {
    return this.#read(`${jobPath(this.#options.job)}${number}/api/json?tree=number,building,result,actions[parameters[name,value]]`, build);
  }

  /** Number of the queue item; null: it was taken, and where it stands was not told. */
  async trigger(values: Readonly<Record<string, string>>): Promise<number | null> {
    const send = async () => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', ...(await this.#crumbHeaders()) };
      return this.#exchange('POST', `${jobPath(this.#options.job)}buildWithParameters`, headers, new URLSearchParams(values).toString());
    };
    let reply = await send();
    if (reply.status === 403 && textOf(reply).includes('No valid crumb')) {
      // Its session has ended meanwhile; nothing was started.
      this.#crumb = null;
      reply = await send();
    }
    // A job that is queued already is answered with a redirect by some versions, as every trigger was by old ones.
    if (reply.status >= 400) throw this.#failure(reply);
    const id = /\/queue\/item\/(\d{1,10})\/?$/.exec(reply.headers['location'] ?? '')?.[1];
    if (reply.status >= 300 && id === undefined && !(reply.headers['location'] ?? '').includes('/job/')) throw this.#failure(reply);
    return id === undefined ? null : Number(id);
  }

  /** A user with a password proves that the request is of a session of its own. */
  async #crumbHeaders(): Promise<Readonly<Record<string, string>>> {
    const { auth } = this.#options;
    if (auth === undefined || 'token' in auth) return {};
    if (this.#crumb !== null) return this.#crumb;
    const reply = await this.#exchange('GET', 'crumbIssuer/api/json', {});
    if (reply.status === 404) return {}; // crumbs are switched off there
    const issued = this.#document(reply, crumb);
    this.#crumb = { [issued.crumbRequestField.toLowerCase()]: issued.crumb, ...cookiesOf(reply.headers['set-cookie']) };
    return this.#crumb;
  }

  async #read<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return this.#document(await this.#exchange('GET', path, {}), schema);
  }

  #exchange(method: 'GET' | 'POST', path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<HttpResponse> {
    return this.#ports.http.request({
      method,
      url: joinUrl(this.#options.url, path),
      headers: { accept: 'application/json', ...(this.#authorization === null ? {} : { authorization: this.#authorization }), ...headers },
      ...(body === undefined ? {} : { body }),
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
      timeoutMs: CALL_LIMIT_MS,
      maxBytes: MAX_BYTES,
      signal: this.#signal,
    });
  }

  #document<Schema extends z.ZodType>(reply: HttpResponse, schema: Schema): z.output<Schema> {
    if (reply.status < 200 || reply.status >= 300) throw this.#failure(reply);
    const parsed = parseJson(textOf(reply));
    if (!parsed.ok) throw new DriverError('bad-reply', `the answer of ${this.#who()} cannot be read: ${parsed.why}`);
    const checked = schema.safeParse(parsed.value);
    if (checked.success) return checked.data;
    const issue = checked.error.issues[0];
    throw new DriverError(
      'bad-reply',
      `the answer of ${this.#who()} is not what was expected at /${issue?.path.join('/') ?? ''}: ${issue?.message ?? ''}`.slice(0, 300),
    );
  }

  #failure(reply: HttpResponse): DriverError {
    const text = textOf(reply);
    const title = /<title>([^<]{1,200})<\/title>/i.exec(text)?.[1];
    const said = looksLikeHtml({ headers: reply.headers, text }) ? excerpt(title ?? 'an HTML page', this.#secrets) : excerpt(text, this.#secrets);
    const code = reply.status < 400 ? 'bad-reply' : codeOfStatus(reply.status);
    return new DriverError(code, `${this.#who()} answered ${reply.status}${said === '' ? '' : `: ${said}`}`, {
      retryAfterMs: retryAfterMs(reply.headers['retry-after'], this.#ports.clock.wall()),
    });
  }

  #who(): string {
    return new URL(this.#options.url).host;
  }
}

/** `team/scale-up` → `job/team/job/scale-up/` */
function jobPath(name: string): string {
  return name
    .split('/')
    .map((part) => `job/${encodeURIComponent(part)}/`)
    .join('');
}

export function hasParameter(list: JenkinsBuild['actions'], name: string, value: string): boolean {
  return (list ?? []).some(
    (action) => 'parameters' in action && (action.parameters as z.output<typeof parameters> | undefined)?.some((p) => p.name === name && p.value === value),
  );
}

function textOf(reply: HttpResponse): string {
  return new TextDecoder().decode(reply.body);
}

/** Names and values of cookies to send back. Several are joined by commas, which also stand in dates. */
function cookiesOf(header: string | undefined): Readonly<Record<string, string>> {
  const pairs = (header ?? '')
    .split(/,(?=\s*[^;,=\s]+=)/)
    .map((each) => each.split(';')[0]?.trim() ?? '')
    .filter((pair) => /^[\x21-\x7e]{3,4096}$/.test(pair));
  return pairs.length === 0 ? {} : { cookie: pairs.join('; ') };
}
