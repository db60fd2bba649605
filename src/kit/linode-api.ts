/** One thin client of Linode's API v4, for the drivers that speak it. Facts: techdocs.akamai.com/linode-api, linode/linodego. */
import { z } from 'zod';
import type { DriverPorts } from '../ports/driver.ts';
import { DriverError } from '../ports/errors.ts';
import { caOption, readCa } from './ca-option.ts';
import { CallBudget, type CallBudgetOptions } from './call-budget.ts';
import { durationMs } from './duration-text.ts';
import type { HttpCall } from './http-call.ts';
import { httpJson, type JsonReply } from './http-json.ts';
import { explainLinodeError, judgeLinodeError, THROTTLED_MS } from './linode-errors.ts';
import { secretRef } from './secret-ref.ts';
import { durationBetween } from './timeout-option.ts';
import { joinUrl, urlProblem } from './url-option.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** What is wrong with the address of an API that is sent a token; null: nothing. */
function apiUrlProblem(text: string): string | null {
  const problem = urlProblem(text);
  if (problem !== null) return problem;
  const url = new URL(text);
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname))
    return 'must be https:// (http:// only for an emulator on this machine: the token would be readable)';
  if (/\/v4(?:beta)?\/?$/.test(url.pathname)) return 'must not end with the version: that is `api_version`';
  return null;
}

/** Options every Linode driver has. */
export const linodeApiOptions = {
  token: secretRef.describe('Personal access token. For a group that acts it needs `linodes:read_write` (cloud) and `nodebalancers:read_write` (balancer).'),
  url: z
    .string()
    .max(4096)
    .superRefine((text, context) => {
      const problem = apiUrlProblem(text);
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    })
    .default('https://api.linode.com')
    .describe('Address of the API. http:// only for an emulator on this machine. Default: https://api.linode.com.'),
  api_version: z.enum(['v4', 'v4beta']).default('v4').describe('Version of the API. Default: v4.'),
  ca: caOption.optional(),
  timeout: durationBetween(100, 120_000).default('20s').describe('Limit of one call to the API, 100ms to 2m. Default: 20s.'),
};
export interface LinodeApiOptions {
  readonly token: z.output<typeof secretRef>;
  readonly url: string;
  readonly api_version: 'v4' | 'v4beta';
  readonly ca?: string | undefined;
  readonly timeout: string;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface LinodeCall<Schema extends z.ZodType> {
  readonly schema: Schema;
  readonly signal: AbortSignal;
  readonly json?: unknown;
  /** X-Filter. */
  readonly filter?: object | undefined;
  /** Texts that must not appear in an error message, beside the token. */
  readonly redact?: readonly string[] | undefined;
  /** Paged collections and creates have limits of their own. Default: what has none. */
  readonly kind?: 'list' | 'create' | undefined;
  /** Sent without the token: the same for everybody. */
  readonly isPublic?: boolean | undefined;
}

/** Most entries one list may have; more is an account nobody meant to give us, or an API gone wrong. */
const MAX_ENTRIES = 50_000;
/** 500 Linodes with all their fields are about 1 MB. */
const MAX_BYTES = 16 * 1024 * 1024;
const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item).max(500), page: z.int().positive(), pages: z.int().nonnegative(), results: z.int().nonnegative() });

export interface Listed<T> {
  readonly items: readonly T[];
  /** Every entry that existed during the whole of the list is in it. */
  readonly complete: boolean;
}

/** Creates of a Linode the API allows in 15 s, per user. */
export const CREATES_PER_15S = 20;

/** Pages of lists one configured cloud or balancer may ask for in a minute; the API allows a user 200. */
export const listsPerMinute = z.int().min(10).max(10_000);

/** So much in any one span, however it falls: part of it at once, the rest at a steady rate. */
function budget(most: number, spanMs: number, maxWaitMs: number): CallBudgetOptions {
  const burst = Math.max(1, Math.floor(most * 0.4));
  return { perMinute: (Math.max(1, most - burst) * 60_000) / spanMs, burst, maxWaitMs };
}

/** The API allows 1600 calls a minute besides lists; this leaves room for others with the same user. */
const OTHERS_PER_MINUTE = 700;

export interface LinodeLimits {
  readonly listsPerMinute: number;
  /** Default: as the API allows. */
  readonly createsPer15s?: number;
}

export class LinodeApi {
  readonly timeoutMs: number;
  readonly #ports: DriverPorts;
  readonly #options: LinodeApiOptions;
  readonly #budgets: Readonly<Record<'create' | 'list' | 'other', CallBudget>>;
  #throttledInARow = 0;
  #scopes: string | null = null;

  constructor(options: LinodeApiOptions, ports: DriverPorts, limits: LinodeLimits) {
    this.#options = options;
    this.#ports = ports;
    this.timeoutMs = durationMs(options.timeout);
    this.#budgets = {
      create: new CallBudget(ports.clock, budget(limits.createsPer15s ?? CREATES_PER_15S, 15_000, 60_000)),
      list: new CallBudget(ports.clock, budget(limits.listsPerMinute, 60_000, 30_000)),
      other: new CallBudget(ports.clock, budget(OTHERS_PER_MINUTE, 60_000, 30_000)),
    };
  }

  /** What the token may do, as the API told with its last answer (`linodes:read_write …`, `*`); null: it did not tell. */
  get scopes(): string | null {
    return this.#scopes;
  }

  /** One call. Throws DriverError; a path begins with a slash and has no version. */
  async call<Schema extends z.ZodType>(method: Method, path: string, call: LinodeCall<Schema>): Promise<JsonReply<z.output<Schema>>> {
    const token = call.isPublic === true ? null : (await this.#ports.secrets.resolve(this.#options.token)).reveal();
    const ca = await readCa(this.#options.ca, this.#ports);
    const headers: Record<string, string> = {};
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    if (call.filter !== undefined) headers['x-filter'] = JSON.stringify(call.filter);
    const request: HttpCall = {
      method,
      url: joinUrl(this.#options.url, `/${this.#options.api_version}${path}`),
      headers,
      timeoutMs: this.timeoutMs,
      maxBytes: MAX_BYTES,
      who: 'Linode',
      signal: call.signal,
      redact: [...(token === null ? [] : [token]), ...(call.redact ?? [])],
      explain: explainLinodeError,
      judge: (reply) => {
        this.#heard(reply.headers);
        return judgeLinodeError(reply, this.#ports.clock.wall(), Math.min(60_000, THROTTLED_MS * 2 ** Math.min(5, this.#throttledInARow++)));
      },
      budget: this.#budgets[call.kind ?? 'other'],
      ...(ca === undefined ? {} : { ca }),
      // Once more after a hiccup: one lost page of a list would cost the whole list. What is not harmless to repeat the engine decides about.
      ...(method === 'GET' ? { retry: { attempts: 2, totalMs: this.timeoutMs } } : {}),
    };
    const reply = await httpJson(this.#ports, { ...request, schema: call.schema, ...(call.json === undefined ? {} : { json: call.json }) });
    this.#throttledInARow = 0;
    this.#heard(reply.headers);
    return reply;
  }

  #heard(headers: Readonly<Record<string, string>>): void {
    this.#scopes = headers['x-oauth-scopes'] ?? this.#scopes;
  }

  /**
   * A collection whose ids can be filtered, read from id to id: unlike page numbers, that misses nothing when entries come and go
   * between two calls. `pageSize` 25 to 500.
   */
  async listById<Item extends z.ZodType<{ id: number }>>(
    path: string,
    item: Item,
    more: { readonly filter?: object; readonly pageSize: number; readonly signal: AbortSignal },
  ): Promise<Listed<z.output<Item>>> {
    const items: z.output<Item>[] = [];
    const schema = page(item);
    for (let last = 0; ; ) {
      const filter = { ...more.filter, ...(last === 0 ? {} : { id: { '+gt': last } }), '+order_by': 'id', '+order': 'asc' };
      const { body } = await this.call('GET', `${path}?page=1&page_size=${more.pageSize}`, { schema, filter, signal: more.signal, kind: 'list' });
      const found = body.data as z.output<Item>[];
      const counted = body.pages <= 1 ? body.results === found.length : body.results > found.length && found.length > 0;
      let inOrder = true;
      for (const each of found) {
        inOrder &&= each.id > last;
        last = Math.max(last, each.id);
      }
      items.push(...found);
      if (!counted || !inOrder || items.length > MAX_ENTRIES) return { items: distinct(items, (each) => each.id), complete: false };
      if (body.pages <= 1) return { items, complete: true };
    }
  }

  /** A collection that cannot be read so, page by page; `keyOf` tells entries apart. More than one page counts as complete only when it was the same twice running. */
  async list<Item extends z.ZodType>(
    path: string,
    item: Item,
    keyOf: (entry: z.output<Item>) => string | number,
    signal: AbortSignal,
    filter?: object,
  ): Promise<Listed<z.output<Item>>> {
    const first = await this.#pages(path, item, keyOf, signal, filter);
    if (first.pages <= 1) return first;
    const second = await this.#pages(path, item, keyOf, signal, filter);
    const keys = (list: Listed<z.output<Item>>): string =>
      list.items
        .map((each) => String(keyOf(each)))
        .sort()
        .join('\n');
    const same = first.complete && second.complete && keys(first) === keys(second);
    return { items: distinct([...first.items, ...second.items], keyOf), complete: same };
  }

  async #pages<Item extends z.ZodType>(
    path: string,
    item: Item,
    keyOf: (entry: z.output<Item>) => string | number,
    signal: AbortSignal,
    filter: object | undefined,
  ): Promise<Listed<z.output<Item>> & { readonly pages: number }> {
    const items: z.output<Item>[] = [];
    const schema = page(item);
    let pages = 1;
    let results: number | null = null;
    let consistent = true;
    for (let n = 1; n <= pages; n++) {
      const { body } = await this.call('GET', `${path}?page=${n}&page_size=500`, { schema, filter, signal, kind: 'list' });
      consistent &&= body.page === n && (results === null || body.results === results);
      results = body.results;
      pages = Math.min(body.pages, MAX_ENTRIES / 500);
      items.push(...(body.data as z.output<Item>[]));
    }
    const all = distinct(items, keyOf);
    return { items: all, complete: consistent && all.length === results, pages };
  }
}

type Area = 'linodes' | 'nodebalancers';

/** Makes a harmless call, and looks whether the token would allow what is needed. Throws DriverError; `unauthorized` says what to do. */
export async function checkScope(api: LinodeApi, area: Area, need: 'read' | 'act', call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (e) {
    // A token that lacks even the right to look is refused, and told its scopes all the same.
    if (e instanceof DriverError && e.code === 'unauthorized') requireScope(api.scopes, area, need);
    throw e;
  }
  requireScope(api.scopes, area, need);
}

/** Throws DriverError `unauthorized` with what to do. A token whose scopes are not told is taken as it is. */
export function requireScope(scopes: string | null, area: Area, need: 'read' | 'act'): void {
  if (scopes === null) return;
  const words = scopes.split(/[\s,]+/).filter((word) => word !== '');
  const enough = ['*', `${area}:*`, `${area}:read_write`, ...(need === 'read' ? [`${area}:read_only`] : [])];
  if (words.some((word) => enough.includes(word))) return;
  const scope = `${area}:${need === 'read' ? 'read_only' : 'read_write'}`;
  const title = area === 'linodes' ? 'Linodes' : 'NodeBalancers';
  const right = need === 'read' ? 'Read Only' : 'Read/Write';
  const has = words.length === 0 ? 'no scopes' : words.slice(0, 20).join(' ').slice(0, 200);
  const way = need === 'act' ? `, or let the group only watch with \`mode: observe\`` : '';
  throw new DriverError(
    'unauthorized',
    `the token has ${has}; ${need === 'act' ? 'a group that acts' : 'reading'} needs ${scope}. Make a token in Cloud Manager (Profile, API Tokens, Create a Personal Access Token) with ${title}: ${right}${way}`,
  );
}

/** Unix ms of a time as Linode writes it: UTC without saying so. Null: none. */
export function linodeTimeMs(text: string | null | undefined): number | null {
  if (text === null || text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?$/.test(text)) return null;
  const ms = Date.parse(text.endsWith('Z') ? text : `${text}Z`);
  return ms >= 0 ? ms : null;
}

/** Of several with one key the last counts. */
function distinct<T>(items: readonly T[], keyOf: (item: T) => string | number): T[] {
  return [...new Map(items.map((each) => [keyOf(each), each])).values()];
}
