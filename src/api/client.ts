/** The API for programs: one method per route of the contract. Runs anywhere; HTTP comes from the caller. */
import type { Http } from '../ports/http.ts';
import { type CallInput, contract, type DocumentRoute, type Reply, type Route, type RouteName } from './contract.ts';
import type { EventJson, Problem } from './documents.ts';
import { createSseParser } from './parse-sse.ts';

/** The controller said no, or something that is not ours answered. */
export class ApiError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** Null when the answer was not one of ours. */
  readonly problem: Problem | null;
  /** Seconds, from Retry-After. */
  readonly retryAfterS: number | null;
  constructor(status: number, message: string, problem: Problem | null = null, retryAfterS: number | null = null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
    this.retryAfterS = retryAfterS;
  }
}

export interface ClientOptions {
  /** e.g. `http://127.0.0.1:8470`. */
  readonly url: string;
  /** Null: only the open routes. */
  readonly token: string | null;
  readonly http: Http;
  /** Per call; default 15 s. */
  readonly timeoutMs?: number;
  /** PEM of the authority to trust. */
  readonly ca?: string;
}

/** Routes answered with a document; `hook` belongs to foreign systems. */
export type CallName = Exclude<DocumentRoute, 'hook'>;
type Arguments<N extends CallName> = Record<never, never> extends CallInput<N> ? [input?: CallInput<N>] : [input: CallInput<N>];
export type Client = { readonly [N in CallName]: (...input: Arguments<N>) => Promise<Reply<N>> } & {
  /** `/metrics` as text. */
  metricsText(): Promise<string>;
  /** The OpenAPI document. */
  openapiDocument(): Promise<unknown>;
};

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_REPLY_BYTES = 64 * 1_048_576;

/** Where a call goes, and with what: splits the one input object by the route's schemas. */
export function requestOf(name: RouteName, input: Readonly<Record<string, unknown>> = {}): { method: Route['method']; path: string; body: string | null } {
  const route: Route = contract[name];
  const known = new Set([route.params, route.query, route.body].flatMap((schema) => Object.keys(schema?.shape ?? {})));
  const stray = Object.keys(input).find((key) => !known.has(key));
  if (stray !== undefined) throw new TypeError(`${name} takes no "${stray}"`);
  const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = input[key];
    if (typeof value !== 'string' || value === '') throw new TypeError(`${name} needs "${key}"`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const key of Object.keys(route.query?.shape ?? {})) {
    const value = input[key];
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') query.set(key, String(value));
    else if (value !== undefined) throw new TypeError(`${name} needs a plain value for "${key}"`);
  }
  const body =
    route.body === undefined ? null : Object.fromEntries(Object.keys(route.body.shape).flatMap((k) => (input[k] === undefined ? [] : [[k, input[k]]])));
  return { method: route.method, path: query.size === 0 ? path : `${path}?${query}`, body: body === null ? null : JSON.stringify(body) };
}

export function createClient(options: ClientOptions): Client {
  const base = options.url.replace(/\/+$/, '');
  const exchange = async (name: RouteName, input?: Readonly<Record<string, unknown>>) => {
    const { method, path, body } = requestOf(name, input);
    const reply = await options.http.request({
      method,
      url: `${base}${path}`,
      headers: { ...authorization(options.token), accept: '*/*', ...(body === null ? {} : { 'content-type': 'application/json' }) },
      ...(body === null ? {} : { body }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxBytes: MAX_REPLY_BYTES,
    });
    return {
      status: reply.status,
      type: reply.headers['content-type'] ?? '',
      retryAfter: reply.headers['retry-after'],
      text: new TextDecoder().decode(reply.body),
    };
  };
  const call = (name: CallName) => async (input?: Readonly<Record<string, unknown>>) => {
    const answer = await exchange(name, input);
    const document = parseJson(answer.text);
    // Not ready is an answer too.
    const expected = (answer.status >= 200 && answer.status < 300) || (name === 'readyz' && answer.status === 503 && isObject(document) && 'ready' in document);
    if (!expected) throw errorOf(base, answer, document);
    if (!answer.type.startsWith('application/json') || typeof document !== 'object' || document === null) throw foreign(base, answer.status);
    return document;
  };
  const text = async (name: RouteName) => {
    const answer = await exchange(name);
    if (answer.status !== 200) throw errorOf(base, answer, parseJson(answer.text));
    return answer.text;
  };
  const names = (Object.keys(contract) as RouteName[]).filter((name): name is CallName => contract[name].reply.schema !== null && name !== 'hook');
  const calls = Object.fromEntries(names.map((name) => [name, call(name)]));
  // The table above has every CallName; its types are those of the contract.
  return { ...calls, metricsText: () => text('metrics'), openapiDocument: async () => parseJson(await text('openapi')) } as unknown as Client;
}

function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function foreign(base: string, status: number): ApiError {
  return new ApiError(status, `What answers at ${base} is not Drover (status ${status}).`);
}

function errorOf(
  base: string,
  answer: { readonly status: number; readonly type: string; readonly retryAfter: string | undefined },
  document: unknown,
): ApiError {
  if (!answer.type.startsWith('application/problem+json') || !isObject(document) || typeof document['detail'] !== 'string') return foreign(base, answer.status);
  const retryAfterS = /^\d{1,6}$/.test(answer.retryAfter ?? '') ? Number(answer.retryAfter) : null;
  return new ApiError(answer.status, document['detail'], document as Problem, retryAfterS);
}

/** The part of `fetch` that is used. */
export type FetchLike = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal?: AbortSignal },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
  text(): Promise<string>;
}>;

export interface StreamOptions {
  readonly url: string;
  readonly token: string;
  readonly fetch: FetchLike;
  readonly group?: string;
  readonly type?: string;
  /** Go on after this event. */
  readonly afterSeq?: number;
  readonly signal?: AbortSignal;
}

/** Events until the connection ends; then call again with the last `seq`. A `gap` means that events in between were not sent. */
export async function* streamEvents(options: StreamOptions): AsyncGenerator<{ readonly kind: 'event'; readonly event: EventJson } | { readonly kind: 'gap' }> {
  const base = options.url.replace(/\/+$/, '');
  const { path } = requestOf('stream', {
    ...(options.group === undefined ? {} : { group: options.group }),
    ...(options.type === undefined ? {} : { type: options.type }),
    ...(options.afterSeq === undefined ? {} : { after_seq: options.afterSeq }),
  });
  const init = {
    headers: { ...authorization(options.token), accept: 'text/event-stream' },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const response = await options.fetch(`${base}${path}`, init);
  const type = response.headers.get('content-type') ?? '';
  if (response.status !== 200 || response.body === null || !type.startsWith('text/event-stream')) {
    const retryAfter = response.headers.get('retry-after') ?? undefined;
    throw errorOf(base, { status: response.status, type, retryAfter }, parseJson(await response.text()));
  }
  const parse = createSseParser();
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    for (const message of parse(decoder.decode(chunk, { stream: true }))) {
      if (message.event === 'gap') yield { kind: 'gap' };
      else yield { kind: 'event', event: JSON.parse(message.data) as EventJson };
    }
  }
}
