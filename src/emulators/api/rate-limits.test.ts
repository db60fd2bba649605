import { describe, expect, it } from 'vitest';
import { RateLimits } from './rate-limits.ts';

describe('rate limits', () => {
  const rule = { name: 'create', limit: 2, windowMs: 1000 };

  it('lets so many through in a window, for each caller apart', () => {
    let nowMs = 5000;
    const limits = new RateLimits(() => nowMs);
    expect(limits.take('a', rule)).toEqual({ allowed: true, limit: 2, remaining: 1, resetAtMs: 6000 });
    expect(limits.take('a', rule)).toMatchObject({ allowed: true, remaining: 0 });
    expect(limits.take('a', rule)).toMatchObject({ allowed: false, remaining: 0, resetAtMs: 6000 });
    expect(limits.take('b', rule)).toMatchObject({ allowed: true });
    nowMs = 6000;
    expect(limits.take('a', rule)).toMatchObject({ allowed: true, resetAtMs: 7000 });
  });

  it('keeps a bounded number of windows', () => {
    const limits = new RateLimits(() => 0);
    for (let caller = 0; caller < 20_001; caller++) expect(limits.take(String(caller), rule).allowed).toBe(true);
    // The oldest was forgotten, so it counts anew; the newest is remembered.
    expect(limits.take('0', rule).remaining).toBe(1);
    expect(limits.take('20000', rule).remaining).toBe(0);
  });
});
