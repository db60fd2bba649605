import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Processors } from './processors.ts';

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('virtual processors', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const make = (count: number, workMs = 100, maxWaitMs = 1000) => new Processors({ count, workMs, maxWaitMs, nowMs: () => performance.now() });
  /** Serves `n` requests that come at once, and gives when each was done. */
  const serve = async (processors: Processors, n: number): Promise<{ atMs: number; served: boolean }[]> => {
    const startMs = performance.now();
    const all = Array.from({ length: n }, async () => {
      const served = await processors.serve();
      return { atMs: performance.now() - startMs, served };
    });
    await vi.advanceTimersByTimeAsync(20_000);
    return await Promise.all(all);
  };

  it('gives a request its time alone, and a longer one when others share', async () => {
    expect(await serve(make(2), 1)).toEqual([{ atMs: 100, served: true }]);
    expect((await serve(make(2), 2)).map((r) => r.atMs)).toEqual([100, 100]);
    expect((await serve(make(2), 6)).map((r) => r.atMs)).toEqual([300, 300, 300, 300, 300, 300]);
  });

  it('finishes what came earlier first', async () => {
    const processors = make(1);
    const done: string[] = [];
    void processors.serve().then(() => done.push(`first at ${performance.now() - startMs}`));
    const startMs = performance.now();
    await vi.advanceTimersByTimeAsync(50);
    void processors.serve().then(() => done.push(`second at ${performance.now() - startMs}`));
    await vi.advanceTimersByTimeAsync(1000);
    // 50 ms alone, then half a processor each until the first has its 100, and alone again.
    expect(done).toEqual(['first at 150', 'second at 200']);
  });

  it('accounts for no more than the work, however late its timer comes', async () => {
    let nowMs = 0;
    const processors = new Processors({ count: 1, workMs: 25, maxWaitMs: 1000, nowMs: () => nowMs });
    const replies = [processors.serve(), processors.serve()];
    nowMs = 400;
    expect(sum(processors.usage().busyMs)).toBeCloseTo(50, 6);
    expect(await Promise.all(replies)).toEqual([true, true]);
    expect(processors.usage()).toMatchObject({ upMs: 400 });
  });

  it('refuses when the queue is too long, and serves again when it is shorter', async () => {
    const processors = make(1);
    const replies = await serve(processors, 15);
    expect(replies.filter((r) => !r.served)).toHaveLength(5);
    expect(replies.filter((r) => !r.served).every((r) => r.atMs === 0)).toBe(true);
    expect((await serve(processors, 1))[0]).toEqual({ atMs: 100, served: true });
  });

  it('shares with load put on, which makes requests slower only when nothing is left', async () => {
    const half = make(2);
    half.setLoad(1);
    expect((await serve(half, 1))[0]?.atMs).toBe(100);
    const full = make(2);
    full.setLoad(2);
    expect((await serve(full, 1))[0]?.atMs).toBeCloseTo(150, 0);
    full.setLoad(0);
    expect((await serve(full, 1))[0]?.atMs).toBe(100);
  });

  it('accounts every moment of every processor once', async () => {
    const processors = make(4);
    processors.setLoad(1.5);
    await vi.advanceTimersByTimeAsync(1000);
    expect(processors.usage()).toEqual({ busyMs: [1000, 500, 0, 0], upMs: 1000 });
    processors.setLoad(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(processors.usage()).toEqual({ busyMs: [1000, 500, 0, 0], upMs: 2000 });
    // Eight requests of 100 ms are 800 ms of processors, however they are spread.
    const before = sum(processors.usage().busyMs);
    await serve(processors, 8);
    expect(sum(processors.usage().busyMs) - before).toBeCloseTo(800, 0);
    const { busyMs, upMs } = processors.usage();
    expect(busyMs.every((busy) => busy >= 0 && busy <= upMs)).toBe(true);
  });

  it('never takes a load for more than it has, and refuses what is under way when it stops', async () => {
    const processors = make(2);
    processors.setLoad(50);
    expect(processors.threads).toBe(2);
    processors.setLoad(-1);
    expect(processors.threads).toBe(0);
    const answer = processors.serve();
    processors.stop();
    expect(await answer).toBe(false);
  });
});
