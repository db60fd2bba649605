import { z } from 'zod';
import { DriverError } from '../ports/errors.ts';
import { Secret, type SecretRef, type Secrets } from '../ports/secrets.ts';
import { secretRef } from './secret-ref.ts';

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'must be a header name');
/** Two live secrets, so that senders can be moved to a new one without a gap. */
const secretOrTwo = z.union([secretRef, z.array(secretRef).min(1).max(2)]);

/** How the senders of a receiver prove who they are. */
export const receiverAuth = z
  .union([
    z.literal('none').describe('No proof. Allowed on a listener of this machine only.'),
    z.strictObject({ bearer: secretOrTwo.describe('Expected in Authorization: Bearer …; one secret, or two while it is being changed.') }),
    z.strictObject({
      basic: z
        .strictObject({
          username: z.string().min(1).max(200).describe('User name the sender gives.'),
          password: secretOrTwo.describe('Password the sender gives; one secret, or two while it is being changed.'),
        })
        .describe('Expected in Authorization: Basic …'),
    }),
    z.strictObject({
      hmac: z
        .strictObject({
          secret: secretOrTwo.describe('Key of the HMAC-SHA256 over the body; one secret, or two while it is being changed.'),
          header: headerName.describe('Header with the signature in hex. Default: the one of the alert format.').optional(),
          timestamp_header: headerName
            .describe('Header with the Unix time in seconds. When set, the signature is over TIMESTAMP:BODY, may be 300 s old at most, and counts once.')
            .optional(),
          prefix: z.string().max(20).describe('What stands before the hex digits, e.g. sha256=. Default: that of the alert format, else nothing.').optional(),
        })
        .describe('A signature of the body with a shared key.'),
    }),
  ])
  .describe('How senders prove who they are: { bearer }, { basic: { username, password } }, { hmac: { secret } } or none.');
export type ReceiverAuth = z.output<typeof receiverAuth>;

export interface ReceivedRequest {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it came over the wire: a signature is over bytes. */
  readonly rawBody: Uint8Array | string;
  readonly nowMs: number;
}

export type ReceiverVerdict =
  /** `replayId`: refuse a second request with the same one within 10 min; null: this kind of proof cannot tell repeats apart. */
  | { readonly ok: true; readonly replayId: string | null }
  /** 401: not believed. 503: our own secret cannot be read, the sender should try again (Alertmanager repeats 5xx only). */
  | { readonly ok: false; readonly status: 401 | 503; readonly why: string };

/** How this alert format's sender signs; from its manifest. */
export type HmacDefaults = { readonly header: string; readonly timestampHeader: string | null; readonly prefix: string } | null;

const MAX_SKEW_MS = 300_000;
/** Key of the digest that names a delivery. No secret: it only keeps this digest apart from a signature. */
const DELIVERY = new Secret('delivery');
const MAX_HEADER_CHARS = 8192;

/** Checks the proof of an inbound request. Never throws; `why` holds nothing that the sender sent. */
export async function verifyReceiver(auth: ReceiverAuth, request: ReceivedRequest, secrets: Secrets, defaults: HmacDefaults = null): Promise<ReceiverVerdict> {
  if (auth === 'none') return { ok: true, replayId: null };
  try {
    if ('bearer' in auth) return await verifyBearer(auth.bearer, request, secrets);
    if ('basic' in auth) return await verifyBasic(auth.basic, request, secrets);
    return await verifyHmac(auth.hmac, request, secrets, defaults);
  } catch (e) {
    return { ok: false, status: 503, why: e instanceof DriverError ? `the receiver's own ${e.message}` : "the receiver's own secret cannot be read" };
  }
}

function refuse(why: string): ReceiverVerdict {
  return { ok: false, status: 401, why };
}

async function verifyBearer(refs: SecretRef | readonly SecretRef[], request: ReceivedRequest, secrets: Secrets): Promise<ReceiverVerdict> {
  const token = /^Bearer +(\S+) *$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  const live = await liveSecrets(refs, secrets);
  if (token === undefined) return refuse('no bearer token was sent');
  return anyMatches(live, (secret) => secrets.equal(token, secret.reveal())) ? { ok: true, replayId: null } : refuse('the bearer token is wrong');
}

async function verifyBasic(
  basic: { readonly username: string; readonly password: SecretRef | readonly SecretRef[] },
  request: ReceivedRequest,
  secrets: Secrets,
): Promise<ReceiverVerdict> {
  const given = fromBase64(/^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(headerOf(request, 'authorization') ?? '')?.[1]);
  const live = await liveSecrets(basic.password, secrets);
  if (given === null) return refuse('no user and password were sent');
  return anyMatches(live, (secret) => secrets.equal(given, `${basic.username}:${secret.reveal()}`))
    ? { ok: true, replayId: null }
    : refuse('the user or the password is wrong');
}

async function verifyHmac(
  hmac: { readonly secret: SecretRef | readonly SecretRef[]; header?: string | undefined; timestamp_header?: string | undefined; prefix?: string | undefined },
  request: ReceivedRequest,
  secrets: Secrets,
  defaults: HmacDefaults,
): Promise<ReceiverVerdict> {
  const header = hmac.header ?? defaults?.header ?? 'X-Drover-Signature';
  const timestampHeader = hmac.timestamp_header ?? defaults?.timestampHeader ?? null;
  const prefix = hmac.prefix ?? defaults?.prefix ?? '';
  const live = await liveSecrets(hmac.secret, secrets);
  const signatures = signaturesIn(headerOf(request, header.toLowerCase()), prefix);
  if (signatures.length === 0) return refuse(`no signature was sent in ${header}`);
  let timestamp: string | null = null;
  if (timestampHeader !== null) {
    timestamp = headerOf(request, timestampHeader.toLowerCase())?.trim() ?? null;
    if (timestamp === null || !/^\d{1,12}$/.test(timestamp)) return refuse(`no time in seconds was sent in ${timestampHeader}`);
    if (Math.abs(Number(timestamp) * 1000 - request.nowMs) > MAX_SKEW_MS) return refuse('the signature is more than 300 s old, or the clocks differ');
  }
  const signed = timestamp === null ? request.rawBody : withTimestamp(timestamp, request.rawBody);
  const matches = anyMatches(live, (secret) => {
    const expected = secrets.hmacSha256(secret, signed);
    return anyMatches(signatures, (signature) => secrets.equal(signature, expected));
  });
  if (!matches) return refuse('the signature is wrong');
  // Of what was signed, never of the header: who has seen one delivery could put another signature beside the good one and send it again.
  return { ok: true, replayId: timestamp === null ? null : secrets.hmacSha256(DELIVERY, signed) };
}

/** Looks at all of them whatever the first says, so that the time taken tells nothing. */
function anyMatches<T>(candidates: readonly T[], matches: (candidate: T) => boolean): boolean {
  let found = false;
  for (const candidate of candidates) found = matches(candidate) || found;
  return found;
}

/** Those that can be read: of two, the old one may be gone already. Throws when none can. */
async function liveSecrets(refs: SecretRef | readonly SecretRef[], secrets: Secrets): Promise<Secret[]> {
  const settled = await Promise.allSettled(('length' in refs ? refs : [refs]).map((ref) => secrets.resolve(ref)));
  const live = settled.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
  const failed = settled.find((s) => s.status === 'rejected');
  if (live.length === 0 && failed !== undefined) throw failed.reason;
  return live;
}

/** A header sent twice is no proof of anything. */
function headerOf(request: ReceivedRequest, name: string): string | undefined {
  const value = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
  return typeof value === 'string' && value.length <= MAX_HEADER_CHARS ? value : undefined;
}

/** Some senders send one signature per live key: `v1=…,v1=…`. */
function signaturesIn(value: string | undefined, prefix: string): string[] {
  if (value === undefined) return [];
  const parts = value
    .split(',')
    .slice(0, 5)
    .map((part) => part.trim());
  return parts
    .filter((part) => part.startsWith(prefix))
    .map((part) => part.slice(prefix.length).toLowerCase())
    .filter((hex) => /^[0-9a-f]{64}$/.test(hex));
}

function withTimestamp(timestamp: string, body: Uint8Array | string): Uint8Array {
  const head = new TextEncoder().encode(`${timestamp}:`);
  const rest = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const all = new Uint8Array(head.length + rest.length);
  all.set(head);
  all.set(rest, head.length);
  return all;
}

function fromBase64(text: string | undefined): string | null {
  if (text === undefined) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}
