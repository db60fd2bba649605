import type { BlockedCode } from '../core/model/model.ts';
import type { DriverError, DriverErrorCode } from '../ports/ports.ts';

/** Back-off is kept per class, so that a quota does not stop healing from a transient fault and the other way round. */
export type FailureClass = 'capacity' | 'quota' | 'auth' | 'rate' | 'provider' | 'boot' | 'hook' | 'balancer';

const BY_CODE: Readonly<Record<DriverErrorCode, { cls: FailureClass; code: BlockedCode }>> = {
  unauthorized: { cls: 'auth', code: 'BLOCKED_AUTH' },
  'not-found': { cls: 'provider', code: 'BLOCKED_PROVIDER' },
  throttled: { cls: 'rate', code: 'BLOCKED_RATE' },
  'no-capacity': { cls: 'capacity', code: 'BLOCKED_NO_STOCK' },
  quota: { cls: 'quota', code: 'BLOCKED_QUOTA' },
  conflict: { cls: 'provider', code: 'BLOCKED_PROVIDER' },
  'bad-request': { cls: 'provider', code: 'BLOCKED_PROVIDER' },
  'bad-reply': { cls: 'provider', code: 'BLOCKED_PROVIDER' },
  unreachable: { cls: 'provider', code: 'BLOCKED_PROVIDER' },
  unknown: { cls: 'provider', code: 'BLOCKED_PROVIDER' },
};

/** What a failed create means for the group. */
export function launchFailure(error: DriverError): { cls: FailureClass; code: BlockedCode; detail: string; retryAfterMs: number | null } {
  return { ...BY_CODE[error.code], detail: error.message, retryAfterMs: error.retryAfterMs };
}

/** Pause before the nth try of the same step (n from 1): 1 s, 2 s, 4 s … 60 s, or what the other side asked for. */
export function stepRetryMs(attempts: number, error: DriverError): number {
  return Math.max(error.retryAfterMs ?? 0, Math.min(60_000, 1_000 * 2 ** Math.min(6, attempts - 1)));
}
