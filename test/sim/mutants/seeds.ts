/**
 * `node test/sim/mutants/seeds.ts NAME LIMIT_S [FIRST]`: runs the simulator with one planted bug, seed by seed, until an invariant is
 * broken that the honest program keeps on the same seed. One line of JSON is the answer. Nothing on disk is changed: the bug comes in
 * while modules are loaded, and the honest program is a second copy of all of them in the same process.
 */
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { dice as honestDice } from '../../../src/sim/dice.ts';
import { drawScenario } from '../../../src/sim/scenario.ts';
import type { Invariant } from '../../../src/sim/watch.ts';
import type { Violation } from '../../../src/sim/world.ts';
import { biased, type Mutant, planted } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import type { Caught } from './verdict.ts';

const MARK = '?planted';
const SRC = new URL('../../../src/', import.meta.url).href;

type Run = typeof import('../../../src/sim/run-seed.ts');
interface Program {
  readonly runSeed: Run['runSeed'];
  readonly invariants: readonly Invariant[];
}

async function program(mark: string): Promise<Program> {
  const { runSeed } = (await import(`${SRC}sim/run-seed.ts${mark}`)) as Run;
  const { invariants } = (await import(`${SRC}sim/invariants/all.ts${mark}`)) as { invariants: readonly Invariant[] };
  return { runSeed, invariants };
}

/** Every module of src asked for by a marked one is marked, too; in the marked copy of the file stands the bug. */
function plant(mutant: Mutant): void {
  const target = new URL(`../../../${mutant.file}`, import.meta.url).href + MARK;
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      const marked = context.parentURL?.endsWith(MARK) === true && found.url.startsWith(SRC) && !found.url.includes('?');
      return marked ? { ...found, url: found.url + MARK } : found;
    },
    load: (url, context, next) => {
      const loaded = next(url, context);
      if (url !== target) return loaded;
      const { source } = loaded;
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source as Uint8Array);
      return { ...loaded, source: planted(text, mutant) };
    },
  });
}

async function hunt(mutant: Mutant, limitS: number, first: number): Promise<Caught | null> {
  plant(mutant);
  const bad = await program(MARK);
  let groupHours = 0;
  for (let seed = first; cpuSeconds() < limitS; seed++) {
    const drawn = drawScenario(seed, honestDice(seed));
    if (mutant.bias?.tickMs !== undefined && mutant.bias.tickMs !== drawn.tickMs) continue;
    const scenario = mutant.bias === undefined ? drawn : biased(drawn, mutant.bias);
    const result = await inMacrotask(() => bad.runSeed(seed, { scenario, invariants: bad.invariants }));
    groupHours += result.groupHours;
    const violation = result.violations.find((one) => mutant.shows?.includes(asserted(one) ?? one.id) ?? true);
    if (!violation) continue;
    const honest = await program('');
    const control = await inMacrotask(() => honest.runSeed(seed, { scenario, invariants: honest.invariants }));
    const [anyway] = control.violations;
    if (anyway) {
      process.stderr.write(`seed ${seed} says ${violation.id}, and ${anyway.id} without the bug: ${anyway.text}\n`);
      continue;
    }
    const by = asserted(violation);
    return {
      by: by === null ? violation.id : `${by}, asserted by the engine`,
      says: violation.text,
      seed,
      groupHours: round(groupHours),
      cpuSeconds: round(cpuSeconds()),
    };
  }
  return null;
}

/** The engine checks some invariants itself and stops the group: what it logs then names the invariant. */
function asserted({ id, text }: Violation): string | null {
  return id === 'errors' ? (/InvariantViolated: (I\d+)/.exec(text)?.[1] ?? null) : null;
}

function inMacrotask<T>(job: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(job());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const round = (n: number): number => Math.round(n * 10) / 10;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, limitS, first] = process.argv.slice(2);
  const mutant = MUTANTS.find((m) => m.name === name);
  if (!mutant) throw new Error(`there is no mutant ${name}`);
  process.stdout.write(`${JSON.stringify(await hunt(mutant, Number(limitS ?? 300), Number(first ?? 1)))}\n`);
}
