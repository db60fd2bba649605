import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { invariants } from '../../src/sim/invariants/all.ts';
import { type RunResult, runSeed } from '../../src/sim/run-seed.ts';
import { type Regression, regressionsFolder } from '../sim/regressions.ts';

const files = readdirSync(regressionsFolder).sort();

describe('what the simulator found once', () => {
  test.each(files)('%s stays mended', async (file) => {
    const { scenario, only } = JSON.parse(readFileSync(join(regressionsFolder, file), 'utf8')) as Regression;
    const result = await new Promise<RunResult>((done) => {
      setImmediate(() => done(runSeed(scenario.seed, { scenario, only: new Set(only), invariants })));
    });
    expect(result.violations).toEqual([]);
  });
});
