import type { Clock } from '../ports/clock.ts';
import { DriverError } from '../ports/errors.ts';

export interface CallBudgetOptions {
  /** Calls per minute in the long run. */
  readonly perMinute: number;
  /** Calls that may be made at once after a pause, at least 1. */
  readonly burst: number;
  /** Longest wait for one's turn, ms; a longer one fails as `throttled`. */
  readonly maxWaitMs: number;
}

/**
 * A token bucket in front of an API with a rate limit, kept as the time at which the bucket will be full again
 * (the "generic cell rate algorithm" of ITU-T I.371). Waiters are served in order of arrival.
 */
export class CallBudget {
  readonly #clock: Pick<Clock, 'mono' | 'sleep'>;
  readonly #spacingMs: number;
  readonly #slackMs: number;
  readonly #maxWaitMs: number;
  #fullAtMs = Number.NEGATIVE_INFINITY;
  #closedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'mono' | 'sleep'>, options: CallBudgetOptions) {
    if (!(options.perMinute > 0) || !(options.burst >= 1) || !(options.maxWaitMs >= 0)) throw new RangeError('call budget: rate and burst must be positive');
    this.#clock = clock;
    this.#spacingMs = 60_000 / options.perMinute;
    this.#slackMs = this.#spacingMs * (options.burst - 1);
    this.#maxWaitMs = options.maxWaitMs;
  }

  /** Resolves when one call may be made. Throws `throttled` (definite) when that would take longer than allowed; nothing is used up then. */
  async take(signal?: AbortSignal): Promise<void> {
    const nowMs = this.#clock.mono();
    const baseMs = Math.max(this.#fullAtMs, nowMs, this.#closedUntilMs);
    const waitMs = Math.max(baseMs - this.#slackMs, this.#closedUntilMs, nowMs) - nowMs;
    if (waitMs > this.#maxWaitMs) {
      throw new DriverError('throttled', `our own call budget is used up for ${Math.ceil(waitMs / 1000)} s`, { retryAfterMs: Math.ceil(waitMs) });
    }
    this.#fullAtMs = baseMs + this.#spacingMs;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }

  /** The other side said "too many": no call starts before `retryAfterMs` from now. */
  close(retryAfterMs: number): void {
    this.#closedUntilMs = Math.max(this.#closedUntilMs, this.#clock.mono() + retryAfterMs);
  }
}
