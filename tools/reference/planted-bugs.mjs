/** docs/reference/planted-bugs.md: every bug that is planted, and what caught it when all of them were hunted last. */
import { existsSync, readFileSync } from 'node:fs';
import { describeBias } from '../../test/sim/mutants/mutant.ts';
import { MUTANTS } from '../../test/sim/mutants/mutants.ts';
import { code, page, table } from './markdown.mjs';

const BOOK = new URL('../../test/sim/mutants/caught.json', import.meta.url);

const HEAD = `# Planted bugs

<!-- Made by tools/generate-reference.mjs from test/sim/mutants, which node test/sim/mutants/main.ts fills. Edit that, then run: node tools/generate-reference.mjs -->
`;

const TEXT = `A test is worth what it can find. So bugs are planted, one line each, that recreate what has gone wrong elsewhere, and the simulator is run with each of
them, seed by seed from 1, until it reports a broken invariant which the program without the bug keeps on the same seed. Where a bug lies outside of what the
simulator runs, a test by name has to fail. \`node test/sim/mutants/main.ts\` hunts them all, each for at most 5 minutes of CPU time.

*World*: \`any\` is what the seed draws; else what the hunt was narrowed to. *Group-hours*: simulated until it was caught, all seeds together. *CPU*: in seconds,
loading the program included. R, F and I are the marks of the catalogue of incidents, faults and invariants.`;

function rowOf(mutant, caught) {
  const { name, incident, bias, test } = mutant;
  const by = test ? `${code(test.file)}: ${test.name}` : (caught?.by ?? 'not yet');
  const number = (n) => (n === null || n === undefined ? '' : String(n));
  const world = test ? '' : describeBias(bias);
  return [name, incident, by, world, number(caught?.seed), number(caught?.groupHours), number(caught?.cpuSeconds)];
}

export function plantedBugsPage() {
  const book = existsSync(BOOK) ? JSON.parse(readFileSync(BOOK, 'utf8')) : {};
  const rows = MUTANTS.map((mutant) => rowOf(mutant, Object.hasOwn(book, mutant.name) ? book[mutant.name] : undefined));
  const count = MUTANTS.filter((mutant) => Object.hasOwn(book, mutant.name)).length;
  const columns = ['bug', 'incident', 'caught by', 'world', 'seed', 'group-hours', 'CPU, s'];
  return page(HEAD, TEXT, `${count} of ${MUTANTS.length} are caught.`, table(columns, rows));
}
