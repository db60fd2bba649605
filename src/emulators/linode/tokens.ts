/** Tokens and their scopes. */
import { randomBytes } from 'node:crypto';
import { Refused } from './refused.ts';
import { timeText } from './times.ts';

/** As in the vendor's list; `*` is all of them. */
export const AREAS = [
  'account',
  'child_account',
  'databases',
  'domains',
  'events',
  'firewall',
  'images',
  'ips',
  'linodes',
  'lke',
  'longview',
  'nodebalancers',
  'object_storage',
  'placement',
  'stackscripts',
  'volumes',
  'vpc',
] as const;
export type Area = (typeof AREAS)[number];
export type Level = 'read_only' | 'read_write';
export type Scope = `${Area}:${Level}`;

export interface Token {
  readonly id: number;
  readonly value: string;
  label: string;
  /** As written: `*`, or `linodes:read_only events:read_only`. */
  readonly scopes: string;
  readonly createdMs: number;
  /** Unix ms. */
  readonly expiresMs: number;
}

/** Told once: the places where tokens end. */
const FAR_MS = Date.UTC(2999, 11, 31);

/** `linodes:read_only,events:read_only` or parted by spaces; null: no such scope in it. */
export function parseScopes(text: string): string | null {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.includes('*')) return '*';
  const good = words.every((word) => {
    const [area = '', level = ''] = word.split(':');
    return (AREAS as readonly string[]).includes(area) && (level === 'read_only' || level === 'read_write');
  });
  return good && words.length > 0 ? words.join(' ') : null;
}

export function mayUse(token: Token, scope: Scope): boolean {
  if (token.scopes === '*') return true;
  const [area, level] = scope.split(':');
  const words = token.scopes.split(' ');
  return words.includes(`${area}:read_write`) || (level === 'read_only' && words.includes(`${area}:read_only`));
}

export class Tokens {
  readonly #now: () => number;
  readonly #tokens: Token[] = [];
  #lastId = 1000;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(value: string, scopes: string, label: string, expiresMs = FAR_MS): Token {
    const token = { id: ++this.#lastId, value, label, scopes, createdMs: this.#now(), expiresMs };
    this.#tokens.push(token);
    return token;
  }

  create(scopes: string, label: string, expiresMs?: number): Token {
    return this.add(randomBytes(32).toString('hex'), scopes, label, expiresMs);
  }

  list(): readonly Token[] {
    return this.#tokens.filter((token) => token.expiresMs > this.#now());
  }

  remove(id: number): boolean {
    const at = this.#tokens.findIndex((token) => token.id === id);
    if (at >= 0) this.#tokens.splice(at, 1);
    return at >= 0;
  }

  /** The token of a request; null: it has none. Throws Refused 401: not a token, or an unknown one. */
  of(authorization: string | undefined): Token | null {
    if (authorization === undefined) return null;
    const value = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1];
    const token = this.list().find((each) => each.value === value);
    if (token === undefined) throw invalidToken();
    return token;
  }
}

export function invalidToken(): Refused {
  return new Refused(401, [{ reason: 'Invalid Token' }]);
}

export function notAuthorized(): Refused {
  return new Refused(401, [{ reason: 'Your OAuth token is not authorized to use this endpoint.' }]);
}

/** The value in full only when it was just made. */
export function tokenView(token: Token, whole: boolean): Record<string, unknown> {
  return {
    id: token.id,
    label: token.label,
    scopes: token.scopes,
    created: timeText(token.createdMs),
    expiry: timeText(token.expiresMs),
    token: whole ? token.value : token.value.slice(0, 16),
  };
}
