/** What a route of the API is. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Account } from './account.ts';
import { applyFilter, parseFilter } from './filter.ts';
import { pageOf } from './pages.ts';
import { notFound } from './refused.ts';
import type { Scope, Token } from './tokens.ts';

export interface Call {
  readonly account: Account;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  /** Null: a public route, without a token. */
  readonly token: Token | null;
  /** Lists show what was there so long ago, ms. */
  readonly staleMs: number;
}

/** Which limit it counts against. */
export type Bucket = 'create_linode' | 'list' | 'images' | 'stackscripts' | 'stats' | 'other';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** `public`: no token needed. `any`: any token. */
  readonly scope: Scope | 'public' | 'any';
  readonly bucket: Bucket;
  readonly isList: boolean;
  readonly handle: (call: Call) => unknown;
}

type View = Readonly<Record<string, unknown>>;

export function route(method: Route['method'], path: string, scope: Route['scope'], handle: (call: Call) => unknown, bucket: Bucket = 'other'): Route {
  return { method, path, scope, bucket, isList: false, handle };
}

/** A collection: filtered, then cut into pages. */
export function list(
  path: string,
  scope: Route['scope'],
  filterable: readonly string[],
  views: (call: Call) => readonly View[],
  bucket: Bucket = 'list',
): Route {
  const handle = (call: Call) => {
    // Node joins repeated headers; the API reads one.
    const header = call.headers['x-filter'];
    const filter = parseFilter(Array.isArray(header) ? header[0] : header, filterable);
    return pageOf(applyFilter(views(call), filter), call.query);
  };
  return { method: 'GET', path, scope, bucket, isList: true, handle };
}

/** The number in the path. Throws Refused 404: not a number. */
export function idOf(call: Call, name = 'id'): number {
  const text = call.params[name] ?? '';
  if (!/^\d{1,15}$/.test(text)) throw notFound();
  return Number(text);
}

/** A call that only does something is answered `{}`. */
export function does(act: (call: Call) => unknown): (call: Call) => Promise<Record<string, never>> {
  return async (call) => {
    await act(call);
    return {};
  };
}
