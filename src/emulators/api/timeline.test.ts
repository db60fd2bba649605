import { describe, expect, it } from 'vitest';
import { MAX_STALE_MS, Timeline } from './timeline.ts';

describe('timeline', () => {
  it('tells what was there a while ago', () => {
    let nowMs = 0;
    const timeline = new Timeline<string>(() => nowMs);
    timeline.set(1, 'a');
    nowMs = 1000;
    timeline.set(1, 'b');
    timeline.set(2, 'c');
    nowMs = 2000;
    timeline.delete(2);
    expect(timeline.asOf(0)).toEqual(['b']);
    expect(timeline.asOf(1)).toEqual(['b', 'c']);
    expect(timeline.asOf(1000)).toEqual(['b', 'c']);
    expect(timeline.asOf(1001)).toEqual(['a']);
    expect(timeline.asOf(2001)).toEqual([]);
  });

  it('forgets what is too old, and keeps what still holds', () => {
    let nowMs = 0;
    const timeline = new Timeline<number>(() => nowMs);
    timeline.set(1, 0);
    timeline.set(3, 33);
    timeline.delete(3);
    for (nowMs = 1000; nowMs <= 3 * MAX_STALE_MS; nowMs += 1000) timeline.set(1, nowMs);
    nowMs = 3 * MAX_STALE_MS;
    timeline.set(2, 2);
    timeline.delete(2);
    expect(timeline.asOf(MAX_STALE_MS)).toEqual([2 * MAX_STALE_MS]);
    expect(timeline.asOf(0)).toEqual([3 * MAX_STALE_MS]);
  });
});
