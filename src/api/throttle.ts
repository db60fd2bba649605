import type { Clock } from '../ports/ports.ts';

export interface ThrottleLimits {
  /** Taken at once. */
  readonly burst: number;
  /** Then one per this time, ms. */
  readonly everyMs: number;
}

/** Sources remembered at most; the longest unheard is forgotten first. */
const MAX_KEYS = 10_000;

/** Token buckets by key. Bounded in memory whatever the number of keys. */
export interface Throttle {
  /** Takes one if there is one. Returns 0, or how long to wait, ms. */
  take(key: string): number;
  /** How long until one is there; 0 = now. Takes nothing. */
  waitMs(key: string): number;
}

export function createThrottle(clock: Clock, limits: ThrottleLimits): Throttle {
  // Time at which the bucket is full again: one number holds level and time.
  const fullAt = new Map<string, number>();
  const capacityMs = limits.burst * limits.everyMs;
  const waitMs = (key: string): number => Math.max(0, (fullAt.get(key) ?? 0) + limits.everyMs - capacityMs - clock.mono());
  return {
    waitMs,
    take: (key) => {
      const wait = waitMs(key);
      if (wait > 0) return wait;
      const next = Math.max(fullAt.get(key) ?? 0, clock.mono()) + limits.everyMs;
      fullAt.delete(key);
      fullAt.set(key, next);
      const oldest = fullAt.keys().next();
      if (fullAt.size > MAX_KEYS && !oldest.done) fullAt.delete(oldest.value);
      return 0;
    },
  };
}
