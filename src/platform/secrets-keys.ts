/** Keys of the kept secrets: 32 random bytes each, base64, one a line; the first one encrypts, all of them decrypt. */
import { createHash, randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { DriverError } from '../ports/errors.ts';
import type { Files } from '../ports/processes.ts';
import { everyoneReads } from './everyone-reads.ts';

/** Where the keys are: a file (absolute path), or a variable of the environment. */
export type KeyPlace = { readonly file: string } | { readonly env: string };

export interface Key {
  /** Names the key in a record. Eight hex digits of a hash of 256 random bits tell nothing of them. */
  readonly id: string;
  readonly bytes: Buffer;
}

const KEY_BYTES = 32;
const MAX_FILE_BYTES = 16 * 1024;
/** More than a rotation needs: the new one and the old one. */
const MAX_KEYS = 16;

export function newKey(): Key {
  return keyOf(randomBytes(KEY_BYTES));
}

function keyOf(bytes: Buffer): Key {
  return { id: createHash('sha256').update('drover secrets key').update(bytes).digest('hex').slice(0, 8), bytes };
}

export function shownKeyPlace(place: KeyPlace): string {
  return 'file' in place ? place.file : `the environment variable ${place.env}`;
}

/** Null: there is none yet. Throws DriverError naming the place, never what is in it. */
export async function readKeys(place: KeyPlace, files: Files): Promise<readonly Key[] | null> {
  const text = 'env' in place ? fromEnvironment(place.env) : await fromFile(place.file, files);
  return text === null ? null : parseKeys(text, place);
}

function fromEnvironment(name: string): string | null {
  const value = process.env[name];
  return value === undefined || value === '' ? null : value;
}

async function fromFile(path: string, files: Files): Promise<string | null> {
  if (everyoneReads(path)) {
    throw new DriverError('unauthorized', `secret: the key file ${path} is readable by every user of this machine; run: chmod o= ${path}`);
  }
  try {
    return await files.readText(path, MAX_FILE_BYTES);
  } catch (e) {
    if (e instanceof DriverError && e.code === 'not-found') return null;
    throw e;
  }
}

function parseKeys(text: string, place: KeyPlace): readonly Key[] {
  const lines = text
    .split(/[\s,]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const keys = lines.map((line) => {
    const bytes = Buffer.from(line, 'base64');
    // What is cut off, or no base64, still decodes to something: only the exact form counts.
    if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== line) throw damaged(place);
    return keyOf(bytes);
  });
  if (keys.length === 0 || keys.length > MAX_KEYS) throw damaged(place);
  return keys;
}

function damaged(place: KeyPlace): DriverError {
  return new DriverError(
    'bad-request',
    `secret: ${shownKeyPlace(place)} does not hold keys: each is ${KEY_BYTES} random bytes in base64, one a line (openssl rand -base64 ${KEY_BYTES}). Bring the file back from where it is kept safe`,
  );
}

/** Replaces the file whole, mode 0600. */
export async function writeKeys(path: string, keys: readonly Key[], files: Files): Promise<void> {
  await files.ensureDir(dirname(path), 0o700);
  await files.writeAtomic(path, `${keys.map((key) => key.bytes.toString('base64')).join('\n')}\n`, 0o600);
}
