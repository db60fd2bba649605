import type { Mutant } from './mutant.ts';

const RECONCILE = 'src/engine/reconcile.ts';
const STRANGERS = 'src/engine/strangers.ts';
const ROWS = 'src/engine/rows.ts';

/** What a list does not show may exist, and what it shows may not be what it was. */
export const ABSENCE: readonly Mutant[] = [
  {
    name: 'missing from one list is gone',
    incident: 'F11: a page was missing; machines that run are struck from the books (I9)',
    file: RECONCILE,
    find: 'const said = replaced ||',
    replace: 'const said = (absence?.lists ?? 0) >= 1 || replaced ||',
  },
  {
    name: 'an empty list means all are gone',
    incident: 'R12: an empty set was read as everything, and the whole CDN was wiped (F10, I11)',
    file: RECONCILE,
    find: 'const said = replaced ||',
    replace: 'const said = obs.cloud?.byId.size === 0 || replaced ||',
  },
  {
    name: 'an incomplete list is taken as complete',
    incident: 'F11: a cursor broke off half-way; what stood on the other pages counts as absent (I9)',
    file: 'src/engine/cloud-access.ts',
    find: "const result = await this.#gate.call('list', 30_000, (signal) => this.#reader.list(signal));",
    replace: "const result = { ...(await this.#gate.call('list', 30_000, (signal) => this.#reader.list(signal))), complete: true };",
    test: { file: 'test/sim/mutants/named.test.ts', name: 'is no evidence that nothing came of a create call' },
  },
  {
    name: 'stopped in a list is believed unasked',
    incident: 'F19: one wrong list says that running machines are stopped; they are replaced at once (I9)',
    file: RECONCILE,
    find: 'const known = listed && !hasEnded(listed) ? listed : (obs.proofs.get(row.id) ?? undefined);',
    replace: 'const known = listed ?? obs.proofs.get(row.id) ?? undefined;',
  },
  {
    name: 'not shown yet is gone',
    incident: 'R27: a machine made a moment ago is not shown yet, and is left running with nobody to look after it (F13, I9)',
    file: RECONCILE,
    find: 'replaced || ageMs > can.consistencyMs ||',
    replace: 'replaced || ageMs >= 0 ||',
  },
  {
    name: 'an id is taken for the machine',
    incident: 'F15: the cloud gave the id to somebody else’s machine; ours stays in the books for ever (I7)',
    file: ROWS,
    find: 'return machine.owner !== null && machine.owner.token !== row.token;',
    replace: 'return false;',
    bias: { faults: { 'id-reused': 0.9 } },
  },
  {
    name: 'a second machine of a launch is not looked for',
    incident: 'R6: only the invoice shows what nobody sweeps up (I6)',
    file: RECONCILE,
    find: 'if (obs.cloud) strangers(',
    replace: 'if (obs.cloud && runner.lost) strangers(',
    shows: ['I6', 'I28'],
  },
  {
    name: 'an orphan is swept at first sight',
    incident: 'R26: without an age and a second look, a machine just made is an orphan (I9)',
    file: STRANGERS,
    find: 'if (!obs.cloud?.complete || lists < ABSENT_LISTS || !old) continue;',
    replace: '',
  },
  {
    name: 'what the books do not know is swept',
    incident: 'F43: the store is yesterday’s; every machine launched since is deleted as unknown (I9, I11)',
    file: STRANGERS,
    find: 'if (!former && !twin) {',
    replace: 'if (n === null) {',
    test: { file: 'src/engine/engine.test.ts', name: 'a tagged machine from the future of the books waits for a person' },
  },
  {
    name: 'a forgotten machine is swept',
    incident: 'F18: a person took the machine out of the books to keep it; the sweep deletes it (I14)',
    file: STRANGERS,
    find: 'if (former && isForgotten(former)) continue;',
    replace: '',
    bias: { faults: { people: 0.9 } },
  },
  {
    name: 'an accepted delete is a done one',
    incident: 'F16: 200, and the machine stays; its row is struck, nobody asks again (I7)',
    file: 'src/engine/life.ts',
    find: 'if (f.proofGone && step.attempts > 0)\n',
    replace: 'if (step.error === null && step.attempts > 0)\n',
  },
];
