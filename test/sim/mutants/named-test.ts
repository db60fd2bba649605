/**
 * `node test/sim/mutants/named-test.ts NAME`: runs the test that a mutant names, first as the program is, then with the bug in it. One
 * line of JSON is the answer: caught when it passed and then failed.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import { type Mutant, planted } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import type { Caught } from './verdict.ts';

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** Sentences of the failures; empty: the test ran and passed. */
async function failures(mutant: Mutant, bug: boolean): Promise<string[]> {
  const { file, name } = mutant.test ?? { file: '', name: '' };
  const target = join(ROOT, mutant.file);
  const vitest = await startVitest(
    [join(ROOT, file)],
    {
      root: ROOT,
      config: false,
      // Else the source with the bug would be kept for the next run of any test.
      fsModuleCache: false,
      watch: false,
      run: true,
      reporters: [{}],
      pool: 'threads',
      include: [file],
      testNamePattern: name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      testTimeout: 60_000,
      setupFiles: [join(ROOT, 'test/support/fast-check.ts')],
    },
    {
      plugins: [
        {
          name: 'plant',
          enforce: 'pre',
          load: (id: string) => (bug && id.split('?')[0] === target ? planted(readFileSync(target, 'utf8'), mutant) : null),
        },
      ],
    },
  );
  const modules = vitest.state.getTestModules();
  const broken = modules.flatMap((module) => module.errors().map((error) => error.message));
  const tests = modules.flatMap((module) => [...module.children.allTests()]).map((test) => ({ name: test.name, result: test.result() }));
  await vitest.close();
  process.exitCode = 0;
  const ran = tests.filter(({ result }) => result.state === 'passed' || result.state === 'failed');
  if (ran.length === 0 && broken.length === 0) throw new Error(`no test of ${file} is called ${name}`);
  return [...broken, ...ran.filter(({ result }) => result.state === 'failed').map(({ name: test, result }) => `${test}: ${result.errors?.[0]?.message ?? ''}`)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mutant = MUTANTS.find((m) => m.name === process.argv[2]);
  if (!mutant?.test) throw new Error(`there is no mutant ${process.argv[2]} with a test`);
  const before = await failures(mutant, false);
  if (before.length > 0) throw new Error(`without the bug: ${before.join('; ')}`);
  const began = process.cpuUsage();
  const [says] = await failures(mutant, true);
  const { user, system } = process.cpuUsage(began);
  const cpuSeconds = Math.round((user + system) / 1e5) / 10;
  const caught: Caught | null = says === undefined ? null : { by: mutant.test.file, says, seed: null, groupHours: null, cpuSeconds };
  process.stdout.write(`${JSON.stringify(caught)}\n`);
}
