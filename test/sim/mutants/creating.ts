import type { Mutant } from './mutant.ts';

const STEPS = 'src/engine/steps.ts';
const LIFE = 'src/engine/life.ts';
const RECONCILE = 'src/engine/reconcile.ts';

/** Create is not atomic anywhere: a machine may exist though the call failed, and cost money for ever. */
export const CREATING: readonly Mutant[] = [
  {
    name: 'a retry carries a new token',
    incident: 'F2: the create call is repeated as if it were another wish; two machines for one (I4)',
    file: STEPS,
    find: 'token: row.token, instance: row.id,',
    replace: "token: `${row.token}${(row.step?.attempts ?? 1) > 1 ? row.step?.attempts : ''}`, instance: row.id,",
  },
  {
    name: 'the token is not in the create call',
    incident: 'R9: a machine without our tag runs for ever, because whoever should clear it away needs the tag',
    file: STEPS,
    find: 'token: row.token, instance: row.id,',
    replace: 'token: row.id, instance: row.id,',
  },
  {
    name: 'an unclear answer counts as a refusal',
    incident: 'R6: the cloud said 500 after it had accepted; the machine was billed without anyone knowing of it (F2, I6)',
    file: STEPS,
    find: "if (!error.definite) return tryAgain(ctx, row, 'create', error);",
    replace: '',
  },
  {
    name: 'the refusal of a retry is believed',
    incident: 'R5: the client timed out, the machine existed, the retry was refused because the label was taken',
    file: STEPS,
    find: 'if ((row.step?.attempts ?? 1) > 1) {',
    replace: 'if ((row.step?.attempts ?? 1) > 1e9) {',
    bias: { faults: { 'create-after': 0.5, 'create-refused': 0.5 } },
  },
  {
    name: 'no machine is found by its token',
    incident: 'F3: the call timed out and the machine appears minutes later; nobody adopts it (I4, I6)',
    file: RECONCILE,
    find: ': byToken.get(row.token);\n    // Clouds reuse ids',
    replace: ': undefined;\n    // Clouds reuse ids',
  },
  {
    name: 'create is repeated where the cloud knows no token',
    incident: 'F2 on a cloud without idempotency: each try after a time-out is one machine more (I4)',
    file: LIFE,
    find: "f.can.idempotency === 'none' || ",
    replace: '',
    bias: { faults: { 'create-after': 0.9 }, cloud: { idempotency: 'none' } },
  },
  {
    name: 'a call still on its way is given up',
    incident: 'F3: the row is struck while the dead process’s call travels; its machine belongs to nobody',
    file: LIFE,
    find: 'step.error === UNDER_WAY ? f.can.callLimitMs : 0',
    replace: 'step.error === UNDER_WAY ? 0 : 0',
    test: { file: 'test/sim/mutants/named.test.ts', name: 'is not given up while it may still arrive' },
  },
  {
    name: 'the call goes out before the intent is written',
    incident: 'F36: killed between the call and the first record of it, the controller has no trace of the machine (I25)',
    file: STEPS,
    find: 'return { mayAct: true, instances: [row] };',
    replace: 'return { mayAct: true };',
  },
  {
    name: 'the next number is not written',
    incident: 'F36: a number is given out twice, and with it a token (I4)',
    file: 'src/engine/record.ts',
    find: 'nextN: met.nextN,',
    replace: 'nextN: state.row.nextN,',
  },
  {
    name: 'one list without it ends a launch',
    incident: 'F12: a list that lags behind the create call is taken as proof that nothing came of it (I9)',
    file: LIFE,
    find: 'export const ABSENT_LISTS = 3;',
    replace: 'export const ABSENT_LISTS = 1;',
    bias: { faults: { 'create-after': 0.5, 'list-missing': 0.5, 'list-empty': 0.3 }, cloud: { idempotency: 'none', consistencyMs: 0 } },
  },
  {
    name: 'no wait for the cloud to show what it made',
    incident: 'R27: read-your-writes does not hold; the missing machine is made again (F12, F13)',
    file: LIFE,
    find: 'const proven = f.absentLists >= ABSENT_LISTS && f.absentMs > windowMs;',
    replace: 'const proven = f.absentLists >= ABSENT_LISTS;',
    bias: { faults: { 'create-after': 0.5, 'shown-late': 0.5 }, cloud: { idempotency: 'none', consistencyMs: 300_000 } },
  },
  {
    name: 'a machine counts only once it serves',
    incident: 'R4: machines on their way do not count, so each look launches as many again (1,200 at once)',
    file: 'src/core/plan.ts',
    find: 'const needed = target - (present.length - replaced.size);',
    replace: "const needed = target - present.filter((i) => i.state === 'serving').length;",
    test: { file: 'src/core/plan.test.ts', name: 'what is on its way counts' },
  },
  {
    name: 'machines that leave do not count against max',
    incident: 'R25: the bill of a maximum that is not one; deletes that hang are made up for without end (F16, I1)',
    file: 'src/core/plan.ts',
    find: 'spec.max + surge - counts.living',
    replace: 'spec.max + surge - counts.running',
  },
  {
    name: 'launches per hour are not limited',
    incident: 'R8: create and delete in an endless loop, each with its price (I3)',
    file: 'src/core/guard-safety.ts',
    find: 'if (spec.limits.launchesPerHour === null) return null;',
    replace: 'if (spec.limits.launchesPerHour !== -1) return null;',
  },
];
