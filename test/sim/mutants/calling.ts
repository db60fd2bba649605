import type { Mutant } from './mutant.ts';

const REMEMBER = 'src/core/remember.ts';
const LIFE = 'src/engine/life.ts';
const RECEIVE = 'src/engine/receive.ts';

/** How often the outside is asked, what serves, and what senders of alerts do. */
export const CALLING: readonly Mutant[] = [
  {
    name: 'Retry-After is not heard',
    incident: 'R5: refused, it asked again at once, until it was locked out for good (F9, I20)',
    file: 'src/engine/cloud-access.ts',
    find: 'if (wait > 0) throw',
    replace: 'if (wait > 1e12) throw',
    bias: { faults: { throttled: 0.5 } },
  },
  {
    name: 'failed launches are repeated at once',
    incident: 'R8: one minute of patience, then create and delete without end (F6, F7, I20)',
    file: REMEMBER,
    find: 'atMs + waitAfter(failures)',
    replace: 'atMs',
    bias: { faults: { 'create-refused': 0.9 } },
  },
  {
    name: 'back-off does not grow',
    incident: 'R16: 5, then 30 minutes; here always the same (I20)',
    file: REMEMBER,
    find: 'wait *= 2;',
    replace: 'wait *= 1;',
    bias: { faults: { 'create-refused': 0.9 } },
  },
  {
    name: 'back-off never ends',
    incident: 'R16: success resets; here the group stays slow for ever (I20, I28)',
    file: REMEMBER,
    find: 'if (over.length === 0) return memory;',
    replace: 'if (over.length >= 0) return memory;',
    test: { file: 'src/core/remember.test.ts', name: 'classes wait on their own; a creation ends those of creating only' },
  },
  {
    name: 'a failed step is repeated at once',
    incident: 'F9, F21: a hot loop against a balancer that does not answer (I20)',
    file: 'src/engine/failure.ts',
    find: 'Math.min(60_000, 1_000 * 2 ** Math.min(6, attempts - 1))',
    replace: '0 * attempts',
    bias: { faults: { 'lb-error': 0.9 } },
  },
  {
    name: 'attached before it is healthy',
    incident: 'Traffic to a program that still starts (I29)',
    file: LIFE,
    find: "if (running && row.health === 'healthy' && (row.address",
    replace: 'if (running && (row.address',
  },
  {
    name: 'an entry that was lost is not put back',
    incident: 'F22: the balancer was restarted and knows nobody; everything looks well (I28)',
    file: LIFE,
    find: 'if (missingMembers(row, f).length > 0) return retryAt',
    replace: 'if (missingMembers(row, f).length > 100) return retryAt',
    bias: { faults: { 'lb-restart': 0.9, 'lb-edited': 0.9 } },
  },
  {
    name: 'a resolved alert fires again',
    incident: 'R30: at least once and in any order; the late copy of a resolved alert raises the group again (F31, I27)',
    file: 'src/drivers/stores/memory/control.ts',
    find: "const isOver = old?.status === 'resolved';",
    replace: 'const isOver = old === null;',
    test: { file: 'src/drivers/stores/memory/memory.test.ts', name: 'keeps alert episodes: newest heard first, resolved for ever' },
  },
  {
    name: 'last week’s alert fires',
    incident: 'F32: the backlog of an outage, delivered all at once (I27)',
    file: RECEIVE,
    find: 'if (now - a.startsAtMs > REPLAY_MS) return',
    replace: 'if (now - a.startsAtMs > REPLAY_MS * 1e3) return',
    bias: { faults: { 'alert-replayed': 0.9 } },
  },
  {
    name: 'a resolve that overtook its alert is dropped',
    incident: 'F31: resolved before firing; then it fires for hours (I27)',
    file: RECEIVE,
    find: ": { kind: 'ignored', row, why: 'resolved before it was heard firing' };",
    replace: ": { kind: 'ignored', row: null, why: 'resolved before it was heard firing' };",
    test: { file: 'test/sim/mutants/named.test.ts', name: 'a resolve that overtook its alert ends it' },
  },
  {
    name: 'a delivery counts as often as it comes',
    incident: 'F30: the sender did not hear our 200 and sends it again (I27)',
    file: 'src/drivers/stores/memory/control.ts',
    find: 'if (data.once.has(once.key)) return false;',
    replace: '',
    test: { file: 'src/drivers/stores/memory/memory.test.ts', name: 'applies a once key once, effects and events together' },
  },
];
