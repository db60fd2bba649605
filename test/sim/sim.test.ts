import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { Nondeterminism, trapped } from '../../src/platform/one-turn.ts';
import { dice } from '../../src/sim/dice.ts';
import { invariants } from '../../src/sim/invariants/all.ts';
import { runSeed } from '../../src/sim/run-seed.ts';
import { drawScenario } from '../../src/sim/scenario.ts';
import { costOfTick } from './cost.ts';
import { runCampaign } from './pool.ts';
import { Tally } from './tally.ts';

/** SIM_HOURS and SIM_FIRST_SEED take other numbers. */
const HOURS = Number(process.env['SIM_HOURS'] ?? 20_000);
const FIRST_SEED = Number(process.env['SIM_FIRST_SEED'] ?? 1);

/** In a turn of the event loop of its own: the simulator drains promises by hand, which works from a macrotask only. */
function alone<T>(job: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(job());
      } catch (e) {
        reject(e as Error);
      }
    });
  });
}

describe('the whole controller in a simulated, faulty world', () => {
  test(`${HOURS} group-hours under faults break no promise`, { timeout: 3_000_000 }, async () => {
    const tally = new Tally();
    const startMs = performance.now();
    await runCampaign({
      firstSeed: FIRST_SEED,
      seeds: Number.MAX_SAFE_INTEGER,
      hours: HOURS,
      jobs: availableParallelism(),
      onSeed: (report) => {
        tally.add(report);
        return tally.failed.length === 0;
      },
    });
    const cost = await costOfTick();
    process.stdout.write(`${[...tally.lines(performance.now() - startMs), ...cost.lines].join('\n')}\n`);
    for (const failed of tally.failed) expect.fail(`npm run sim -- --seed ${failed.seed} --story\n${JSON.stringify(failed.violations, null, 1)}`);
    expect(invariants.length).toBeGreaterThanOrEqual(24);
    expect(tally.rows.length).toBeGreaterThanOrEqual(36);
    expect(tally.unreached).toEqual([]);
    expect(tally.stormGroupHours).toBeGreaterThanOrEqual(HOURS);
  });

  test('the same seed gives the same trace twice, for 200 seeds', async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 200; seed++) {
      const drawn = drawScenario(seed, dice(seed));
      const scenario = { ...drawn, stormMs: Math.min(drawn.stormMs, 60 * drawn.tickMs) };
      const [one, two] = await alone(() => [runSeed(seed, { scenario, invariants }), runSeed(seed, { scenario, invariants, story: true })]);
      expect(two.hash, `seed ${seed}`).toBe(one.hash);
      expect(one.events).toBeGreaterThan(50);
      hashes.add(one.hash);
    }
    expect(hashes.size).toBe(200);
  });

  test('another order of faults is another trace', async () => {
    const drawn = drawScenario(3, dice(3));
    const scenario = { ...drawn, stormMs: 60 * drawn.tickMs };
    const whole = await alone(() => runSeed(3, { scenario, invariants }));
    const without = await alone(() => runSeed(3, { scenario, invariants, only: new Set(whole.hits.slice(1)) }));
    expect(whole.hits.length).toBeGreaterThan(1);
    expect(without.hash).not.toBe(whole.hash);
  });

  test.each([
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['Math.random', () => Math.random()],
    ['performance.now', () => performance.now()],
    ['setTimeout', () => setTimeout(() => {}, 1)],
    ['setImmediate', () => setImmediate(() => {})],
    ['queueMicrotask', () => queueMicrotask(() => {})],
    ['fetch', () => void fetch('http://127.0.0.1:9')],
    ['crypto.randomUUID', () => crypto.randomUUID()],
    ['process.hrtime', () => process.hrtime()],
    ['process.nextTick', () => process.nextTick(() => {})],
  ] satisfies [string, () => unknown][])('%s is refused inside a simulation, and works again after it', (_, reach) => {
    expect(() => trapped(() => reach())).toThrow(Nondeterminism);
    expect(Date.now()).toBeGreaterThan(0);
    expect(trapped(() => new Date(5).getTime())).toBe(5);
  });
});
