/** Fixed windows that begin with the first call, as most vendors count. */

export interface RateRule {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
}

export interface RateState {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** When the window ends, Unix ms. */
  readonly resetAtMs: number;
}

const MAX_WINDOWS = 10_000;

export class RateLimits {
  readonly #now: () => number;
  readonly #windows = new Map<string, { used: number; endsMs: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one call of `caller`. A refused call costs nothing. */
  take(caller: string, rule: RateRule): RateState {
    const key = `${rule.name} ${caller}`;
    const nowMs = this.#now();
    let window = this.#windows.get(key);
    if (window === undefined || window.endsMs <= nowMs) {
      if (this.#windows.size >= MAX_WINDOWS) this.#forgetEnded(nowMs);
      window = { used: 0, endsMs: nowMs + rule.windowMs };
      this.#windows.set(key, window);
    }
    const allowed = window.used < rule.limit;
    if (allowed) window.used++;
    return { allowed, limit: rule.limit, remaining: rule.limit - window.used, resetAtMs: window.endsMs };
  }

  #forgetEnded(nowMs: number): void {
    for (const [key, window] of this.#windows) if (window.endsMs <= nowMs) this.#windows.delete(key);
    const oldest = this.#windows.keys().next();
    if (this.#windows.size >= MAX_WINDOWS && !oldest.done) this.#windows.delete(oldest.value);
  }
}
