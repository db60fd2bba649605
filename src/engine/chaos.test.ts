import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ChaosResult, runChaos } from '../../test/support/chaos.ts';

/** CHAOS_SEEDS=2000 runs more; CHAOS_FROM=17 starts elsewhere; CHAOS_TRACE=FILE writes what happened to the first that fails. */
const SEEDS = Number(process.env['CHAOS_SEEDS'] ?? 150);
const FROM = Number(process.env['CHAOS_FROM'] ?? 1);

describe('seeded chaos', () => {
  test(`${SEEDS} seeds from ${FROM}: no invariant is broken and all converge`, { timeout: 60_000 + SEEDS * 2_000 }, async () => {
    const results: ChaosResult[] = [];
    for (let seed = FROM; seed < FROM + SEEDS; seed++) {
      const result = await runChaos(seed);
      results.push(result);
      if (result.violations.length === 0) continue;
      if (process.env['CHAOS_TRACE']) writeFileSync(process.env['CHAOS_TRACE'], [result.scenario, ...result.trace].join('\n'));
      expect.fail(`seed ${seed}\n${result.violations.join('\n')}\n${result.scenario}`);
    }
    expect(results).toHaveLength(SEEDS);
  });
});
