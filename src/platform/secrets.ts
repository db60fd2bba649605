/** Secrets from the environment, from files and from the state directory, and the few cryptographic helpers around them. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import { DriverError } from '../ports/errors.ts';
import { Secret, type SecretRef, type Secrets } from '../ports/secrets.ts';
import { OTHERS_READ } from './everyone-reads.ts';
import { MAX_SECRET_BYTES, SecretVault, type VaultPlace } from './secrets-vault.ts';

/** Relative files are looked up from `baseDir`, the directory of the configuration file. Without `kept` no `{ secret: NAME }` can be read. */
export function createSecrets(baseDir: string, kept: VaultPlace | null = null): Secrets {
  const vault = kept === null ? null : new SecretVault(kept);
  const read = async (ref: SecretRef): Promise<string> => {
    if ('env' in ref) return fromEnvironment(ref.env);
    if ('file' in ref) return fromFile(resolvePath(baseDir, ref.file));
    if (vault === null) throw new DriverError('not-found', `secret: ${ref.secret} cannot be read here: no state directory is known`);
    return vault.get(ref.secret);
  };
  return {
    resolve: async (ref) => new Secret(await read(ref).catch(notNotFound)),
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
    hmacSha256: (secret, data) => createHmac('sha256', secret.reveal()).update(data).digest('hex'),
    equal: (a, b) => timingSafeEqual(digest(a), digest(b)),
  };
}

/**
 * Credentials that are missing are credentials refused. As `not-found` a driver would take it for the answer to its call: the machine that was
 * asked for does not exist, the one to be deleted is gone.
 */
function notNotFound(e: unknown): never {
  if (e instanceof DriverError && e.code === 'not-found') throw new DriverError('unauthorized', e.message, { cause: e });
  throw e;
}

/** Equal lengths for the constant-time comparison, whatever came in. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new DriverError('not-found', `secret: the environment variable ${name} is not set`);
  return checkedSecret(value, `the environment variable ${name}`);
}

async function fromFile(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((e: NodeJS.ErrnoException) => {
    if (e.code === 'EACCES' || e.code === 'EPERM') throw new DriverError('unauthorized', `secret: the file ${path} may not be read by this user`);
    throw new DriverError('not-found', `secret: the file ${path} cannot be opened (${e.code ?? 'unknown'})`);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new DriverError('not-found', `secret: ${path} is not a file`);
    if ((stat.mode & OTHERS_READ) !== 0) {
      throw new DriverError('unauthorized', `secret: the file ${path} is readable by every user of this machine; run: chmod o= ${path}`);
    }
    if (stat.size > MAX_SECRET_BYTES) throw new DriverError('bad-request', `secret: the file ${path} is larger than ${MAX_SECRET_BYTES} bytes`);
    return checkedSecret(await file.readFile('utf8'), `the file ${path}`);
  } finally {
    await file.close();
  }
}

/** Editors and `echo` end a file with a newline that belongs to no secret. */
export function checkedSecret(value: string, what: string): string {
  const trimmed = value.replace(/[\r\n]{1,4}$/, '');
  if (trimmed === '') throw new DriverError('not-found', `secret: ${what} is empty`);
  return trimmed;
}
