/**
 * `node test/sim/mutants/main.ts [--only TEXT] [--limit SECONDS] [--jobs 1|2]`: hunts every planted bug, at most 5 CPU minutes each, and
 * writes down what caught it; then docs/reference/planted-bugs.md is made. Exit code 1: one survived, or could not be hunted.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hunt, LIMIT_S } from './hunt.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import type { Caught } from './verdict.ts';

const BOOK = new URL('caught.json', import.meta.url);
const GENERATOR = fileURLToPath(new URL('../../../tools/generate-reference.mjs', import.meta.url));

const { values } = parseArgs({ options: { only: { type: 'string' }, limit: { type: 'string' }, jobs: { type: 'string' } } });
const wanted = MUTANTS.filter((m) => values.only === undefined || m.name.includes(values.only));
const limitS = Number(values.limit ?? LIMIT_S);
const jobs = Math.min(2, Number(values.jobs ?? 2));

const book = new Map(Object.entries(existsSync(BOOK) ? (JSON.parse(readFileSync(BOOK, 'utf8')) as Record<string, Caught>) : {}));

function write(): void {
  const entries = MUTANTS.flatMap((m) => {
    const caught = book.get(m.name);
    return caught ? [[m.name, caught] as const] : [];
  });
  writeFileSync(BOOK, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

const queue = [...wanted];
const survived: string[] = [];

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const line = await judge(mutant).catch((error: Error) => {
      survived.push(mutant?.name ?? '');
      return `cannot be hunted: ${error.message}`;
    });
    process.stdout.write(`${mutant.name}: ${line}\n`);
    write();
  }
}

async function judge(mutant: Mutant): Promise<string> {
  const caught = await hunt(mutant, { limitS });
  if (!caught) {
    survived.push(mutant.name);
    book.delete(mutant.name);
    return 'SURVIVED';
  }
  book.set(mutant.name, caught);
  const where = caught.seed === null ? '' : ` at seed ${caught.seed}, ${caught.groupHours} group-hours,`;
  return `${caught.by}${where} ${caught.cpuSeconds} s: ${caught.says.split('\n')[0]?.slice(0, 200)}`;
}

await Promise.all(Array.from({ length: jobs }, work));
process.stdout.write(`${wanted.length - survived.length} of ${wanted.length} caught\n`);
if (survived.length > 0) process.exitCode = 1;
execFileSync(process.execPath, [GENERATOR], { stdio: 'inherit' });
