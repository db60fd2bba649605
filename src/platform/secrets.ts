/** Secrets from the environment and from files, and the few cryptographic helpers around them. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { constants, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import { DriverError } from '../ports/errors.ts';
import { Secret, type Secrets } from '../ports/secrets.ts';

/** Larger files are no secrets but mistakes. */
const MAX_SECRET_BYTES = 64 * 1024;
/** Readable by every user of the machine. */
const OTHERS_READ = 0o004;

/** Relative files are looked up from `baseDir`, the directory of the configuration file. */
export function createSecrets(baseDir: string): Secrets {
  return {
    resolve: async (ref) => new Secret('env' in ref ? fromEnvironment(ref.env) : await fromFile(resolvePath(baseDir, ref.file))),
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    sha256: (text) => createHash('sha256').update(text).digest('hex'),
    hmacSha256: (secret, data) => createHmac('sha256', secret.reveal()).update(data).digest('hex'),
    equal: (a, b) => timingSafeEqual(digest(a), digest(b)),
  };
}

/** Such a file is refused as a secret. */
export function everyoneReads(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & OTHERS_READ) !== 0;
}

/** Equal lengths for the constant-time comparison, whatever came in. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new DriverError('not-found', `secret: the environment variable ${name} is not set`);
  return checked(value, `the environment variable ${name}`);
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
    return checked(await file.readFile('utf8'), `the file ${path}`);
  } finally {
    await file.close();
  }
}

/** Editors and `echo` end a file with a newline that belongs to no secret. */
function checked(value: string, what: string): string {
  const trimmed = value.replace(/[\r\n]{1,4}$/, '');
  if (trimmed === '') throw new DriverError('not-found', `secret: ${what} is empty`);
  return trimmed;
}
