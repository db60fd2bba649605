/** Who sends: the receiver's own proof, or a token of Drover, in any of the places where senders made for Jenkins put one. */
import type { FastifyRequest } from 'fastify';
import type { Clock, Log, Secrets } from '../../ports/ports.ts';
import { Secret } from '../../ports/ports.ts';
import type { Auth } from '../auth.ts';
import { distinctHeaders, hostOf, isLoopback } from '../http-basics.ts';
import { ApiProblem } from '../problem.ts';
import type { Delivery, Receivers } from '../receivers.ts';

export interface Proof {
  readonly receiver: string;
  /** `password`: of a user, so a crumb is asked for. */
  readonly kind: 'password' | 'token' | 'none';
  readonly replayId: string | null;
}

export interface ProofDeps {
  readonly receivers: Receivers;
  readonly auth: Auth;
  readonly clock: Clock;
  readonly log: Log;
  readonly loopback: () => boolean;
}

/** Both, so that people's clients ask for a password and programs see that a token does. */
const CHALLENGE = { 'www-authenticate': 'Bearer realm="drover", Basic realm="Jenkins"' };

/** Those of the receivers that believe the request. Throws ApiProblem when none does. `given`: a token beside the Authorization header. */
export async function prove(names: readonly string[], given: readonly string[], request: FastifyRequest, deps: ProofDeps): Promise<readonly Proof[]> {
  const proofs: Proof[] = [];
  const doubts: { readonly receiver: string; readonly status: 401 | 403 | 503; readonly why: string }[] = [];
  for (const receiver of names) {
    const found = deps.receivers.find(receiver);
    if (found === null) continue;
    // A page in a browser of this machine must not reach an open receiver through a name of its own (DNS rebinding).
    if (found.open && !(deps.loopback() && isLoopback(hostOf(request.headers.host)))) {
      doubts.push({ receiver, status: 403, why: 'This receiver asks for no proof, so it is served to this machine only.' });
      continue;
    }
    const verdict = await ofReceiver(receiver, found.open, given, request, deps);
    if ('why' in verdict) doubts.push({ receiver, ...verdict });
    else proofs.push(verdict);
  }
  if (proofs.length > 0) return proofs;
  throw await refusalOf(doubts, request, deps);
}

async function ofReceiver(
  receiver: string,
  open: boolean,
  given: readonly string[],
  request: FastifyRequest,
  deps: ProofDeps,
): Promise<Proof | { readonly status: 401 | 503; readonly why: string }> {
  const headers = distinctHeaders(request.raw.rawHeaders);
  const rawBody = request.body instanceof Uint8Array ? request.body : new Uint8Array();
  const delivery: Delivery = { headers, rawBody, nowMs: deps.clock.wall() };
  const own = await deps.receivers.verify(receiver, delivery);
  const { authorization } = request.headers;
  if (own.ok) return { receiver, kind: open ? 'none' : /^basic /i.test(authorization ?? '') ? 'password' : 'token', replayId: own.replayId };
  const tokens = [...given, ...[bearerIn(authorization), passwordIn(authorization)].filter((token) => token !== null)];
  for (const token of tokens.slice(0, 4)) {
    const bearer = `Bearer ${token}`;
    const verdict = await deps.receivers.verify(receiver, { ...delivery, headers: { ...headers, authorization: bearer } });
    if (verdict.ok) return { receiver, kind: 'token', replayId: verdict.replayId };
    const row = await deps.auth.receiverToken(bearer);
    if (row?.name === receiver) return { receiver, kind: 'token', replayId: null };
  }
  return { status: own.status, why: own.why };
}

/** One refusal is counted and recorded, however many receivers were tried. */
async function refusalOf(
  doubts: readonly { readonly receiver: string; readonly status: 401 | 403 | 503; readonly why: string }[],
  request: FastifyRequest,
  deps: ProofDeps,
): Promise<ApiProblem> {
  const unreadable = doubts.find((doubt) => doubt.status === 503);
  if (unreadable !== undefined) {
    deps.log.error({ receiver: unreadable.receiver, why: unreadable.why }, 'a delivery cannot be checked');
    return because(new ApiProblem(503, 'unavailable', 'The request cannot be checked now.', { 'retry-after': '10' }), unreadable.why);
  }
  const closed = doubts.find((doubt) => doubt.status === 403);
  if (closed !== undefined && doubts.length === 1) return new ApiProblem(403, 'forbidden', closed.why);
  const refusal = new ApiProblem(401, 'unauthenticated', 'Unauthorized', CHALLENGE);
  const asked = { authorization: undefined, address: request.ip, method: request.method, route: request.routeOptions.url ?? '' };
  const answer = await deps.auth.denied(asked, doubts.length === 1 ? (doubts[0]?.receiver ?? '') : 'jenkins', refusal);
  return because(answer, doubts[0]?.why ?? 'no receiver takes such requests');
}

function because(problem: ApiProblem, why: string): ApiProblem {
  problem.cause = why;
  return problem;
}

function bearerIn(authorization: string | undefined): string | null {
  return tokenOf(/^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]);
}

/** The password of a user, who has any name: it may be a token. */
function passwordIn(authorization: string | undefined): string | null {
  const pair = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? '')?.[1];
  if (pair === undefined) return null;
  try {
    const text = atob(pair);
    return tokenOf(text.slice(text.indexOf(':') + 1));
  } catch {
    return null;
  }
}

/** As it may stand in a header. */
export function tokenOf(text: string | undefined): string | null {
  return text !== undefined && /^[\x21-\x7e]{1,500}$/.test(text) ? text : null;
}

const COOKIE = 'JSESSIONID.drover';

export interface Crumbs {
  /** A crumb, and the cookie of the session it belongs to. */
  issue(cookieHeader: string | undefined, secure: boolean): { readonly crumb: string; readonly cookie: string };
  isValid(crumb: string | undefined, cookieHeader: string | undefined): boolean;
}

/** Sessions hold nothing: the crumb is a digest of the cookie. They end with the process, as in Jenkins. */
export function createCrumbs(secrets: Pick<Secrets, 'randomHex' | 'hmacSha256' | 'equal'>): Crumbs {
  const key = new Secret(secrets.randomHex(32));
  const crumbOf = (session: string): string => secrets.hmacSha256(key, `crumb:${session}`);
  return {
    issue: (cookieHeader, secure) => {
      const session = sessionIn(cookieHeader) ?? secrets.randomHex(16);
      return { crumb: crumbOf(session), cookie: `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}` };
    },
    isValid: (crumb, cookieHeader) => {
      const session = sessionIn(cookieHeader);
      return crumb !== undefined && session !== null && secrets.equal(crumb, crumbOf(session));
    },
  };
}

function sessionIn(cookieHeader: string | undefined): string | null {
  for (const part of (cookieHeader ?? '').split(';').slice(0, 50)) {
    const [name, value] = part.trim().split('=');
    if (name === COOKIE && value !== undefined && /^[0-9a-f]{32}$/.test(value)) return value;
  }
  return null;
}
