/** The file of kept secrets: one sealed record for each name. AES-256-GCM (NIST SP 800-38D) with a random nonce for every value. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { DriverError } from '../ports/errors.ts';
import type { Key } from './secrets-keys.ts';

/** One value as it stands in the file. */
export interface SealedSecret {
  /** 1 at first, one more each time the value is set. */
  readonly version: number;
  readonly setAtMs: number;
  /** Which key opens it. */
  readonly keyId: string;
  /** 96 bits, base64; random, so a key is good for 2^32 values (SP 800-38D §8.3). */
  readonly nonce: string;
  /** Ciphertext and then the tag of 128 bits, base64. */
  readonly data: string;
}
export type SealedSecrets = ReadonlyMap<string, SealedSecret>;

export const SECRET_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;
export const MAX_SECRETS_BYTES = 4 * 1024 * 1024;

const FORMAT = 'drover-secrets/1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What is authenticated beside the value: a record put under another name, or with another version or time, does not open. */
function bound(name: string, record: Pick<SealedSecret, 'version' | 'setAtMs' | 'keyId'>): Buffer {
  return Buffer.from(JSON.stringify([FORMAT, name, record.version, record.setAtMs, record.keyId]));
}

export function seal(name: string, value: string, version: number, setAtMs: number, key: Key): SealedSecret {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(bound(name, { version, setAtMs, keyId: key.id }));
  const data = Buffer.concat([cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { version, setAtMs, keyId: key.id, nonce: nonce.toString('base64'), data: data.toString('base64') };
}

/** Throws DriverError bad-request where the record is not the one that was written under this name. */
export function unseal(name: string, record: SealedSecret, key: Key): string {
  const data = Buffer.from(record.data, 'base64');
  try {
    const decipher = createDecipheriv(CIPHER, key.bytes, Buffer.from(record.nonce, 'base64'), { authTagLength: TAG_BYTES });
    decipher.setAAD(bound(name, record));
    decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
    return Buffer.concat([decipher.update(data.subarray(0, data.length - TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    // The library's words ("unable to authenticate data") say nothing to an operator.
    throw new DriverError('bad-request', `secret: the record of ${name} was changed, or belongs to another name; set it anew: drover secret set ${name}`);
  }
}

export function printRecords(records: SealedSecrets): string {
  const secrets = Object.fromEntries(
    [...records]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, r]) => [name, { version: r.version, set: new Date(r.setAtMs).toISOString(), key: r.keyId, nonce: r.nonce, data: r.data }]),
  );
  return `${JSON.stringify({ format: FORMAT, secrets }, null, 2)}\n`;
}

/** Throws DriverError bad-request where the text is not such a file, whole. */
export function parseRecords(text: string, path: string): SealedSecrets {
  const damaged = (): DriverError =>
    new DriverError('bad-request', `secret: ${path} is damaged; bring it back from a copy, or remove it and set every secret anew`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw damaged();
  }
  if (!isMap(document) || document['format'] !== FORMAT || !isMap(document['secrets'])) throw damaged();
  const records = new Map<string, SealedSecret>();
  for (const [name, raw] of Object.entries(document['secrets'])) {
    const record = recordOf(raw);
    if (record === null || !SECRET_NAME.test(name)) throw damaged();
    records.set(name, record);
  }
  return records;
}

function recordOf(raw: unknown): SealedSecret | null {
  if (!isMap(raw)) return null;
  const { version, set, key, nonce, data } = raw;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) return null;
  if (typeof set !== 'string' || typeof key !== 'string' || typeof nonce !== 'string' || typeof data !== 'string') return null;
  const setAtMs = Date.parse(set);
  if (!Number.isFinite(setAtMs) || Buffer.from(nonce, 'base64').length !== NONCE_BYTES || Buffer.from(data, 'base64').length < TAG_BYTES) return null;
  return { version, setAtMs, keyId: key, nonce, data };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
