import { StoreError, type StoreErrorCode } from '../../../ports/store.ts';

/** Primary result codes of SQLite, https://sqlite.org/rescode.html; the high bytes of an extended code only refine them. */
const CODES: Readonly<Record<number, StoreErrorCode>> = {
  5: 'locked', // SQLITE_BUSY
  6: 'locked', // SQLITE_LOCKED
  8: 'io', // SQLITE_READONLY
  10: 'io', // SQLITE_IOERR
  11: 'corrupt', // SQLITE_CORRUPT
  13: 'disk-full', // SQLITE_FULL
  14: 'io', // SQLITE_CANTOPEN
  18: 'conflict', // SQLITE_TOOBIG
  19: 'conflict', // SQLITE_CONSTRAINT
  26: 'corrupt', // SQLITE_NOTADB
};

const SENTENCES: Readonly<Record<StoreErrorCode, (path: string) => string>> = {
  locked: (path) => `The store ${path} is in use by another process (or twice by this one). Only one controller may open it; stop the other one first.`,
  corrupt: (path) => `The store ${path} is damaged or not a Drover store. Restore it from a backup; the damaged file was left as it is.`,
  'disk-full': (path) => `No room left for the store ${path}. Nothing more is acknowledged or changed until there is room.`,
  io: (path) => `The store ${path} cannot be read or written. Nothing more is acknowledged or changed until the controller is restarted.`,
  'newer-schema': (path) => `The store ${path} was written by a newer version of Drover. Run that version, or restore a backup made before the upgrade.`,
  closed: (path) => `The store ${path} is closed.`,
  conflict: (path) => `The store ${path} refused a change that contradicts it.`,
};

export function storeError(code: StoreErrorCode, path: string, detail?: string, cause?: unknown): StoreError {
  const sentence = SENTENCES[code](path);
  return new StoreError(code, detail ? `${sentence} (${detail})` : sentence, cause);
}

/** What a failed call means. A fault SQLite did not explain counts as io: what happened is unknown, so nothing goes on. */
export function asStoreError(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  if (isSystemError(error)) return storeError(FULL.has(error.code) ? 'disk-full' : 'io', path, error.message, error);
  if (!isSqliteError(error)) return error;
  const code = CODES[error.errcode & 0xff] ?? 'io';
  return storeError(code, path, `SQLite ${error.errcode}: ${error.message}`, error);
}

/** After these no write can be trusted until the store is opened anew. */
export function isFatal(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code !== 'conflict';
}

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** Of the file system; Node's own codes begin with `ERR_`. */
function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E(?!RR_)[A-Z0-9]+$/.test(error.code);
}

function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}
