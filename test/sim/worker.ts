/** One process of the simulator: runs the seeds it is told to and answers with what came of each. */
import { invariants } from '../../src/sim/invariants/all.ts';
import { type RunResult, runSeed } from '../../src/sim/run-seed.ts';

/** A run without what only a person reading one failure needs. */
export type SeedReport = Omit<RunResult, 'scenario' | 'story' | 'hits' | 'marks'> & {
  readonly hits: number;
  readonly marks: Readonly<Record<string, number>>;
  readonly drawn: readonly string[];
  readonly controllers: number;
  readonly cpuUs: number;
};

export function report(result: RunResult, cpuUs: number): SeedReport {
  const { scenario, story: _, hits, marks, ...rest } = result;
  return { ...rest, hits: hits.length, marks: Object.fromEntries(marks), drawn: Object.keys(scenario.faults), controllers: scenario.controllers, cpuUs };
}

process.on('message', (seeds: readonly number[]) => {
  // A turn of the loop of its own: the runs drain promises by hand, which works from a macrotask only.
  setImmediate(() => {
    for (const seed of seeds) {
      const before = process.cpuUsage();
      const result = runSeed(seed, { invariants });
      const { user, system } = process.cpuUsage(before);
      process.send?.(report(result, user + system));
    }
    process.send?.('idle');
  });
});
process.on('disconnect', () => process.exit(0));
process.send?.('idle');
