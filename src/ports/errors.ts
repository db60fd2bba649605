/** The closed list of what can go wrong at a driver. The engine knows what to do about each (engine/failure.ts). */
export const DRIVER_ERROR_CODES = [
  'unauthorized', // credentials refused: stop mutating, retry reads slowly
  'not-found', // definite: the thing does not exist
  'throttled', // too many calls: obey retryAfterMs
  'no-capacity', // no stock of this kind here
  'quota', // an account limit
  'conflict', // exists already, or changed under us: read again
  'bad-request', // the request itself is wrong: no hot retry
  'bad-reply', // an answer we cannot understand: outcome unknown for a mutating call
  'unreachable', // no answer or a time-out: outcome unknown for a mutating call
  'unknown', // anything else: outcome unknown
] as const;
export type DriverErrorCode = (typeof DRIVER_ERROR_CODES)[number];

export class DriverError extends Error {
  readonly code: DriverErrorCode;
  /** The call certainly changed nothing. Defaults by code: unreachable, bad-reply and unknown are not definite. */
  readonly definite: boolean;
  readonly retryAfterMs: number | null;
  constructor(code: DriverErrorCode, message: string, more: { definite?: boolean; retryAfterMs?: number | null; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'DriverError';
    this.code = code;
    this.definite = more.definite ?? !(code === 'unreachable' || code === 'bad-reply' || code === 'unknown');
    this.retryAfterMs = more.retryAfterMs ?? null;
  }
}

export function asDriverError(e: unknown): DriverError {
  if (e instanceof DriverError) return e;
  return new DriverError('unknown', e instanceof Error ? e.message : String(e), { cause: e });
}
