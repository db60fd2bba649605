/** The real controller is killed at every crash point, in worlds of several seeds, and again while it recovers. */
import { afterAll, describe, expect, it } from 'vitest';
import { killChildren } from './child.ts';
import { IN_TURN, LABELS, LAUNCH_OPEN, POINTS } from './labels.ts';
import { type Kill, Run } from './run.ts';
import { removeCache, World } from './world.ts';

/** KILL_SEEDS=7,8 and KILL_POINTS=create:after-call,… repeat a part. */
const SEEDS = (process.env['KILL_SEEDS'] ?? '1,2,3,4,5').split(',').map(Number);
const ASKED = process.env['KILL_POINTS']?.split(',') ?? POINTS;
const MOST_TICKS = 20;
/** A start that takes longer shows that the machine is busy with others; the calls of a tick then take longer by as much, and the bar moves with them. */
const START_MS = 1_000;
const FEWEST_AGAIN = 30;
/** Ticks that were not spent waiting. */
const busy = ({ settled }: Kill): number => settled.ticks - settled.waited;
const allowed = ({ startMs }: Kill): number => MOST_TICKS * Math.max(1, startMs / START_MS);
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('kill -9 of the real process', () => {
  const worlds: World[] = [];
  const runs: Run[] = [];
  afterAll(async () => {
    await Promise.all(worlds.map((world) => world.close().catch((e) => process.stderr.write(`closing: ${String(e)}\n`))));
    killChildren();
    removeCache();
  });

  async function open(seed: number, index: number, knowsTokens: boolean): Promise<Run> {
    const world = await World.open(seed, index, knowsTokens);
    worlds.push(world);
    return new Run(world);
  }

  it.concurrent.each(SEEDS.map((seed, i) => [seed, i] as const))('seed %i: comes back from each crash point', async (seed, index) => {
    const run = await open(seed, index, true);
    runs.push(run);
    await run.all(ASKED);
  });

  it.concurrent('makes no machine twice in a cloud that would', async () => {
    const run = await open(SEEDS[0] ?? 1, SEEDS.length, false);
    await run.all(LAUNCH_OPEN);
    expect(run.kills).toHaveLength(LAUNCH_OPEN.length);
  });

  it('was killed everywhere, and always came back in time', () => {
    const kills = runs.flatMap((run) => run.kills);
    const ticks = kills.map(busy).sort((a, b) => a - b);
    const again = kills.filter((k) => k.again !== null);
    const summary = [
      `${new Set(kills.flatMap((k) => (LABELS.includes(k.point) ? [k.point] : []))).size} labels and ${IN_TURN.length} pairs in turn`,
      `${kills.length} kills`,
      `${again.length} of them killed again in recovery (${new Set(again.map((k) => `${k.point} ${k.again}`)).size} pairs)`,
      `${ticks[ticks.length >> 1]} ticks to converge in the median, ${ticks.at(-1)} at worst`,
      `${Math.max(...kills.map((k) => k.settled.ticks))} with the pauses after calls that had failed`,
      `starts of ${Math.round(kills.map((k) => k.startMs).sort((a, b) => a - b)[kills.length >> 1] ?? 0)} ms`,
      `${sum(runs.map((run) => run.acknowledged))} acknowledged orders and ${sum(worlds.map((w) => w.witness.compared))} events of the stream found again`,
    ];
    process.stdout.write(`kill -9: ${summary.join(', ')}\n`);
    expect(kills.filter((k) => busy(k) > allowed(k))).toEqual([]);
    expect(kills).toHaveLength(ASKED.length * SEEDS.length);
    expect(new Set(kills.map((k) => k.point))).toEqual(new Set(ASKED));
    if (kills.length >= 5 * POINTS.length) expect(again.length).toBeGreaterThanOrEqual(FEWEST_AGAIN);
  });
});
