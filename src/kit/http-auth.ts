import { z } from 'zod';
import type { SecretRef, Secrets } from '../ports/secrets.ts';
import { secretRef } from './secret-ref.ts';

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

/** How we prove to another server who we are. */
export const httpAuth = z
  .union([
    z.strictObject({ bearer: secretRef.describe('Sent as Authorization: Bearer …') }),
    z.strictObject({
      basic: z
        .strictObject({
          username: z
            .string()
            .min(1)
            .max(200)
            .regex(/^[^:]*$/, 'must not contain a colon')
            .describe('User name.'),
          password: secretRef.describe('Password.'),
        })
        .describe('Sent as Authorization: Basic …'),
    }),
    z.strictObject({
      header: z
        .strictObject({ name: z.string().regex(HEADER_NAME, 'must be a header name').describe('Header name.'), value: secretRef.describe('Its value.') })
        .describe('A header of your own that carries the secret, e.g. X-Api-Key.'),
    }),
  ])
  .describe('Credentials: { bearer }, { basic: { username, password } } or { header: { name, value } }. Default: none.');
export type HttpAuth = z.output<typeof httpAuth>;

/** More headers; a value is text or a secret. */
export const httpHeaders = z
  .record(z.string().regex(HEADER_NAME, 'must be a header name'), z.union([z.string().max(4096), secretRef]))
  .describe('More request headers, e.g. { X-Scope-OrgID: team-a }. A value may be a secret: { file: PATH }.');
export type HttpHeaders = z.output<typeof httpHeaders>;

/** Headers ready to send, and what must never be printed. Ask for it at each call and drop it after. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly redact: readonly string[];
}

/** Resolves the secrets of `auth` and `headers` now. Throws DriverError unauthorized naming the reference. */
export async function credentials(
  options: { readonly auth?: HttpAuth | undefined; readonly headers?: HttpHeaders | undefined },
  secrets: Secrets,
): Promise<Credentials> {
  const headers: Record<string, string> = {};
  const redact: string[] = [];
  const reveal = async (ref: SecretRef): Promise<string> => {
    const value = (await secrets.resolve(ref)).reveal();
    redact.push(value);
    return value;
  };
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = typeof value === 'string' ? value : await reveal(value);
  const auth = options.auth;
  if (auth === undefined) return { headers, redact };
  if ('bearer' in auth) headers['authorization'] = `Bearer ${await reveal(auth.bearer)}`;
  else if ('header' in auth) headers[auth.header.name.toLowerCase()] = await reveal(auth.header.value);
  else {
    const pair = toBase64(`${auth.basic.username}:${await reveal(auth.basic.password)}`);
    redact.push(pair);
    headers['authorization'] = `Basic ${pair}`;
  }
  return { headers, redact };
}

/** Base64 of the UTF-8 bytes (RFC 7617). */
export function toBase64(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
