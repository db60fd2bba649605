/** Rate limits as the vendor publishes them. They are counted in real time: the time factor does not change them. */
import type { RateRule, RateState } from '../api/rate-limits.ts';
import { Refused } from './refused.ts';
import type { Bucket } from './routes.ts';

const MINUTE_MS = 60_000;

export const LIMITS: Readonly<Record<Bucket, RateRule>> = {
  create_linode: { name: 'create_linode', limit: 20, windowMs: 15_000 },
  list: { name: 'list', limit: 200, windowMs: MINUTE_MS },
  images: { name: 'images', limit: 20, windowMs: MINUTE_MS },
  stackscripts: { name: 'stackscripts', limit: 60, windowMs: MINUTE_MS },
  stats: { name: 'stats', limit: 50, windowMs: MINUTE_MS },
  other: { name: 'other', limit: 1600, windowMs: MINUTE_MS },
};

export function limitHeaders({ limit, remaining, resetAtMs }: RateState): Record<string, string> {
  return { 'x-ratelimit-limit': String(limit), 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset': String(Math.ceil(resetAtMs / 1000)) };
}

/** Not every 429 of the vendor says when to come back. */
export function tooMany(retryAfterS: number | null): Refused {
  return new Refused(429, [{ reason: 'Too many requests' }], retryAfterS === null ? {} : { 'retry-after': String(retryAfterS) });
}
