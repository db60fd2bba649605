/** One call of the API, from its first byte to its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Trouble } from '../api/faults.ts';
import { type Answer, BodyTooLarge, readBody, send } from '../api/http-server.ts';
import { RateLimits } from '../api/rate-limits.ts';
import { type Found, Router } from '../api/router.ts';
import type { Account } from './account.ts';
import { faultAnswer, refusal } from './fault-answers.ts';
import { LIMITS, limitHeaders, tooMany } from './limits.ts';
import { notFound, Refused, refuse } from './refused.ts';
import type { Route } from './routes.ts';
import { ACCOUNT_ROUTES } from './routes-account.ts';
import { BALANCER_ROUTES } from './routes-balancers.ts';
import { CATALOG_ROUTES } from './routes-catalog.ts';
import { LINODE_ROUTES } from './routes-linodes.ts';
import { NETWORKING_ROUTES } from './routes-networking.ts';
import { invalidToken, mayUse, notAuthorized, type Token } from './tokens.ts';

export const ROUTES: readonly Route[] = [...CATALOG_ROUTES, ...LINODE_ROUTES, ...BALANCER_ROUTES, ...NETWORKING_ROUTES, ...ACCOUNT_ROUTES];

const VERSION = /^\/v4(?:beta)?(?=\/|$)/;
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_URL_CHARS = 8192;

export interface ApiOptions {
  readonly account: Account;
  readonly rateLimits: boolean;
  /** Told of answers of 500 that nobody asked for. */
  readonly onError?: (error: unknown) => void;
}

export class LinodeApi {
  readonly #options: ApiOptions;
  readonly #router = new Router<Route>();
  readonly #limits: RateLimits;
  readonly #closing = new AbortController();

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#limits = new RateLimits(options.account.now);
    for (const route of ROUTES) this.#router.add(route.method, route.path, route);
  }

  /** Ends calls that wait. */
  close(): void {
    this.#closing.abort();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const { ledger } = this.#options.account;
    let label = `${method} (no route)`;
    try {
      const { path, query, found } = this.#find(request);
      label = `${method} ${found.pattern}`;
      // Read first: a connection that is answered before its body was read is cut by some clients.
      const text = await readBody(request, MAX_BODY_BYTES);
      const trouble = this.#options.account.faults.meet(method, path, found.value.isList, text);
      if (trouble.delayMs > 0) await sleep(trouble.delayMs, undefined, { signal: this.#closing.signal });
      if (trouble.cut === 'before') {
        ledger.called(label, 0);
        return void request.socket.destroy();
      }
      const answer = await this.#act(request, query, found, text, trouble);
      if (trouble.cut === 'after') {
        ledger.called(label, 0);
        return void request.socket.destroy();
      }
      ledger.called(label, answer.status);
      send(response, answer);
    } catch (e) {
      if (this.#closing.signal.aborted) return void request.socket.destroy();
      const answer = this.#failure(e);
      ledger.called(label, answer.status);
      if (answer.status === 413) request.resume();
      send(response, answer);
    }
  }

  #find(request: IncomingMessage): { path: string; query: URLSearchParams; found: Found<Route> } {
    const text = request.url ?? '/';
    if (text.length > MAX_URL_CHARS || !URL.canParse(text, 'http://api')) throw new Refused(400, [{ reason: 'Invalid URL' }]);
    const url = new URL(text, 'http://api');
    const version = VERSION.exec(url.pathname);
    if (version === null) throw notFound();
    const path = url.pathname.slice(version[0].length);
    const found = this.#router.find(request.method ?? 'GET', path);
    if (found === null) throw notFound();
    if (!('value' in found)) throw new Refused(405, [{ reason: 'Method Not Allowed' }], { allow: found.join(', ') });
    return { path, query: url.searchParams, found };
  }

  /** The answer, with faults that stand for it. */
  async #act(request: IncomingMessage, query: URLSearchParams, found: Found<Route>, text: string, trouble: Trouble): Promise<Answer> {
    if (trouble.before !== null) return faultAnswer(trouble.before);
    const answer = await this.#handle(request, query, found, text, trouble.staleMs);
    return trouble.after !== null && answer.status < 300 ? faultAnswer(trouble.after) : answer;
  }

  async #handle(request: IncomingMessage, query: URLSearchParams, found: Found<Route>, text: string, staleMs: number): Promise<Answer> {
    const { account } = this.#options;
    const { value: route, params } = found;
    let headers: Record<string, string> = {};
    try {
      const token = account.tokens.of(request.headers.authorization);
      if (token === null && route.scope !== 'public') throw invalidToken();
      headers = { ...headers, ...scopeHeaders(token, route), ...this.#count(token?.value ?? request.socket.remoteAddress ?? '', route) };
      if (token !== null && route.scope !== 'public' && route.scope !== 'any' && !mayUse(token, route.scope)) throw notAuthorized();
      const body = route.method === 'GET' || text === '' ? {} : parse(text);
      const result = await route.handle({ account, params, query, headers: request.headers, body, token, staleMs });
      return result === null ? { status: 204, headers, body: '' } : { status: 200, headers, body: result };
    } catch (e) {
      if (!(e instanceof Refused)) throw e;
      const answer = refusal(e);
      return { ...answer, headers: { ...headers, ...answer.headers } };
    }
  }

  /** Headers that tell the limit. Throws Refused 429. */
  #count(caller: string, route: Route): Record<string, string> {
    if (!this.#options.rateLimits) return {};
    const state = this.#limits.take(caller, LIMITS[route.bucket]);
    if (state.allowed) return limitHeaders(state);
    const refused = tooMany(Math.max(1, Math.ceil((state.resetAtMs - this.#options.account.now()) / 1000)));
    throw new Refused(429, refused.reasons, { ...limitHeaders(state), ...refused.headers });
  }

  #failure(e: unknown): Answer {
    if (e instanceof Refused) return refusal(e);
    if (e instanceof BodyTooLarge) return refusal(new Refused(413, [{ reason: e.message }], { connection: 'close' }));
    this.#options.onError?.(e);
    // The reason is there so that somebody who uses the emulator sees what is wrong with it.
    return refusal(new Refused(500, [{ reason: `emulator: ${e instanceof Error ? e.message : 'failed'}` }]));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse('Invalid JSON');
  }
}

function scopeHeaders(token: Token | null, route: Route): Record<string, string> {
  const accepted = route.scope === 'public' || route.scope === 'any' ? '*' : route.scope;
  return { ...(token === null ? {} : { 'x-oauth-scopes': token.scopes }), 'x-accepted-oauth-scopes': accepted };
}
