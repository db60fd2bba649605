/** Who is asking, and may they. */
import type { Actor } from '../engine/operations.ts';
import type { Clock, EventRow, Log, Secrets, Store, TokenRow } from '../ports/ports.ts';
import type { Access, Role } from './contract.ts';
import { sourceOf } from './http-basics.ts';
import { ApiProblem } from './problem.ts';
import { createThrottle, type Throttle } from './throttle.ts';
import { createTokenBook, type TokenBook } from './tokens.ts';

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };
/** Wrong credentials of one source before it is told to wait. A right one always passes, so nobody can be locked out by a neighbour. */
const FAILURES = { burst: 20, everyMs: 5000 };
/** Denials written to the audit log: per source, and of all sources together. */
const AUDIT_PER_SOURCE = { burst: 5, everyMs: 60_000 };
const AUDIT_ALL = { burst: 50, everyMs: 10_000 };

const CHALLENGE = { 'www-authenticate': 'Bearer realm="drover"' };

export interface Asked {
  readonly authorization: string | undefined;
  readonly address: string;
  readonly method: string;
  /** The route's pattern, never the address with its query. */
  readonly route: string;
}

export interface Session {
  readonly actor: Actor;
  readonly tokenId: string;
}

export interface Auth {
  readonly book: TokenBook;
  /** Throws ApiProblem 401, 403 or 429. */
  require(access: Exclude<Access, 'open' | 'receiver'>, asked: Asked): Promise<Session>;
  /** The receiver token presented, if it is one. Used by inbound hooks beside the receiver's own authentication. */
  receiverToken(authorization: string | undefined): Promise<TokenRow | null>;
  /** Counts and records a refusal; returns what to answer: the given problem, or 429. */
  denied(asked: Asked, account: string, problem: ApiProblem): Promise<ApiProblem>;
}

/** The credential of `Authorization: Bearer …`; null: absent or not of that form. */
export function bearerOf(authorization: string | undefined): string | null {
  const match = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '');
  return match?.[1] ?? null;
}

interface AuthDeps {
  readonly store: Pick<Store, 'tokens' | 'control'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
}

export function createAuth(deps: AuthDeps): Auth {
  const book = createTokenBook(deps.store, deps.secrets, deps.clock);
  const failures = createThrottle(deps.clock, FAILURES);
  const audit = createAudit(deps);
  const denied: Auth['denied'] = async (asked, account, problem) => {
    const source = sourceOf(asked.address);
    await audit(source, account, asked, problem.code);
    const waitMs = problem.status === 401 ? failures.take(`${source} ${account}`) : 0;
    if (waitMs === 0) return problem;
    return new ApiProblem(429, 'too-many-failures', 'Too many wrong credentials from here. Wait, then try again.', {
      'retry-after': String(Math.ceil(waitMs / 1000)),
    });
  };
  return {
    book,
    denied,
    receiverToken: async (authorization) => {
      const value = bearerOf(authorization);
      const row = value === null ? null : await book.find(value);
      return row?.role === 'receiver' ? row : null;
    },
    require: async (access, asked) => {
      const value = bearerOf(asked.authorization);
      const row = value === null ? null : await book.find(value);
      if (row === null) {
        const why = asked.authorization === undefined ? 'A token is needed: Authorization: Bearer …' : 'The token is not valid.';
        throw await denied(asked, 'api', new ApiProblem(401, 'unauthenticated', why, CHALLENGE));
      }
      const needed: Role = access === 'scrape' ? 'viewer' : access;
      if (row.role === 'receiver' || RANK[row.role] < RANK[needed]) {
        throw await denied(asked, row.name, new ApiProblem(403, 'forbidden', `This needs the role ${needed}; the token has ${row.role}.`));
      }
      return { actor: { name: row.name, role: row.role }, tokenId: row.id };
    },
  };
}

/** Writes denials as events, few enough that nobody can fill the disk with them. */
function createAudit(deps: AuthDeps): (source: string, account: string, asked: Asked, code: string) => Promise<void> {
  const perSource: Throttle = createThrottle(deps.clock, AUDIT_PER_SOURCE);
  const all: Throttle = createThrottle(deps.clock, AUDIT_ALL);
  let unwritten = 0;
  return async (source, account, asked, code) => {
    if (all.waitMs('all') > 0 || perSource.take(source) > 0) {
      unwritten++;
      return;
    }
    all.take('all');
    const data: EventRow['data'] = { source, account, method: asked.method, route: asked.route, code, unwritten };
    unwritten = 0;
    deps.log.warn({ ...data }, 'access denied');
    try {
      await deps.store.control([], [{ atMs: deps.clock.wall(), group: null, type: 'access.denied', actor: account, data }]);
    } catch (error) {
      // The refusal stands whether or not it can be recorded; the log has it.
      deps.log.error({ error }, 'a denied access could not be recorded');
    }
  };
}
