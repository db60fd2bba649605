/**
 * `npm run sim [-- OPTIONS]`: the whole controller in a simulated, faulty world.
 *   --seeds N        at most so many seeds (default: as many as it takes)
 *   --hours H        until so many group-hours under faults are done (default 1000)
 *   --first-seed S   begin here (default 1)
 *   --jobs J         processes (default: one a core)
 *   --seed X         one seed; with --story what we believed beside what was true; with --shrink as small as it gets
 *   --regression F   replay a kept regression instead
 * Exit code 1 on a violation.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { invariants } from '../../src/sim/invariants/all.ts';
import { type RunResult, runSeed } from '../../src/sim/run-seed.ts';
import { shrink } from '../../src/sim/shrink.ts';
import { twoColumns } from '../../src/sim/trace.ts';
import { costOfTick } from './cost.ts';
import { runCampaign } from './pool.ts';
import { type Regression, regressionsFolder } from './regressions.ts';
import { Tally } from './tally.ts';

const SHRINK_MS = 120_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    hours: { type: 'string' },
    'first-seed': { type: 'string' },
    jobs: { type: 'string' },
    seed: { type: 'string' },
    story: { type: 'boolean' },
    shrink: { type: 'boolean' },
    regression: { type: 'string' },
  },
});
const say = (text: string): void => void process.stderr.write(`drover: ${text}\n`);

function count(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const n = Number(text);
  if (Number.isSafeInteger(n) && n >= 1) return n;
  say(`--${name} is a whole number from 1, not ${text}`);
  process.exit(64);
}

function tellViolations(result: Pick<RunResult, 'violations'>): void {
  for (const v of result.violations) process.stdout.write(`${v.id} at ${(v.atMs / 1000).toFixed(3)} s: ${v.text}\n`);
}

/** One run in full, as often as one likes: the same seed gives the same story to the byte. */
function one(): void {
  const kept = values.regression === undefined ? null : (JSON.parse(readFileSync(values.regression, 'utf8')) as Regression);
  const seed = kept?.scenario.seed ?? count(values.seed, 'seed', 1);
  const from = kept ? { scenario: kept.scenario, only: new Set(kept.only) } : {};
  let result = runSeed(seed, { invariants, story: values.story ?? false, ...from });
  if (values.shrink && result.violations.length > 0) {
    const endMs = performance.now() + SHRINK_MS;
    const small = shrink(result, invariants, () => performance.now() < endMs);
    const file = keep(small.result.violations[0]?.id ?? 'none', small.scenario.seed, {
      scenario: small.scenario,
      only: small.only,
      says: small.result.violations[0]?.text ?? '',
    });
    say(`${result.hits.length} hits became ${small.only.length}: ${small.only.join(', ')}`);
    say(`kept as ${file}; see it with: npm run sim -- --regression ${file} --story`);
    result = runSeed(seed, { invariants, story: values.story ?? false, scenario: small.scenario, only: new Set(small.only) });
  }
  if (values.story) process.stdout.write(`${JSON.stringify(result.scenario)}\n`);
  if (values.story) process.stdout.write(`${twoColumns(result.story, process.stdout.columns ?? 200)}\n`);
  tellViolations(result);
  process.stdout.write(`trace ${result.hash} over ${result.events} events, ${result.hits.length} faults, ${result.ticks} evaluations\n`);
  process.exitCode = result.violations.length > 0 ? 1 : 0;
}

function keep(id: string, seed: number, regression: Regression): string {
  mkdirSync(regressionsFolder, { recursive: true });
  const file = join(regressionsFolder, `${id.toLowerCase()}-${seed}.json`);
  writeFileSync(file, `${JSON.stringify(regression, null, 2)}\n`);
  return file;
}

async function many(): Promise<void> {
  const tally = new Tally();
  const startMs = performance.now();
  let saidMs = startMs;
  const hours = count(values.hours, 'hours', 1_000);
  await runCampaign({
    firstSeed: count(values['first-seed'], 'first-seed', 1),
    seeds: count(values.seeds, 'seeds', Number.MAX_SAFE_INTEGER),
    hours,
    jobs: count(values.jobs, 'jobs', availableParallelism()),
    onSeed: (report) => {
      tally.add(report);
      const [first] = report.violations;
      if (first) say(`seed ${report.seed}: ${first.id} ${first.text}`);
      if (performance.now() - saidMs > 20_000) {
        saidMs = performance.now();
        say(`${tally.stormGroupHours.toFixed(0)} of ${hours} group-hours, ${tally.failed.length} seeds failed`);
      }
      return tally.failed.length < 10;
    },
  });
  process.stdout.write(`${tally.lines(performance.now() - startMs).join('\n')}\n`);
  const cost = await costOfTick();
  process.stdout.write(`${cost.lines.join('\n')}\n`);
  if (!cost.ok) say('an evaluation costs more than it may');
  for (const failed of tally.failed) {
    process.stdout.write(`\nseed ${failed.seed}: npm run sim -- --seed ${failed.seed} --story\n`);
    tellViolations(failed);
  }
  process.exitCode = tally.failed.length > 0 || !cost.ok ? 1 : 0;
}

if (values.seed !== undefined || values.regression !== undefined) setImmediate(one);
else await many();
