import type { Mutant } from './mutant.ts';

const REAPER = 'src/engine/reaper.ts';
const LIFE = 'src/engine/life.ts';
const DESTRUCTION = 'src/core/destruction.ts';
const PLAN = 'src/core/plan.ts';
const REPLACING = 'src/core/plan-replacements.ts';

/** The worst outages of autoscalers are removals, fast. */
export const DESTROYING: readonly Mutant[] = [
  {
    name: 'whose machine it is is not asked',
    incident: 'R10: deleted by what it is called, not by whose it is (F17, I8)',
    file: REAPER,
    find: 'if (!owner || owner.install !== ctx.installId || owner.group !== row.group || owner.token !== row.token) {',
    replace: 'if (owner?.install === null) {',
    bias: { faults: { 'tags-lost': 0.9 } },
  },
  {
    name: 'another machine’s tags are not seen at the end',
    incident: 'F15: the id names another machine by now; the delete is postponed for ever (I7)',
    file: REAPER,
    find: "machine.state === 'gone' || isOther(row, machine)) {",
    replace: "machine.state === 'gone') {",
    bias: { faults: { 'id-reused': 0.9 } },
  },
  {
    name: 'the brake never goes on',
    incident: 'R17: 20 % unhealthy and still replacing; the check was sick, not the machines (F23, I13)',
    file: 'src/core/guard-safety.ts',
    find: 'if (counts.sick === 0) return false;',
    replace: 'if (counts.sick >= 0) return false;',
    bias: { faults: { 'machine-sick': 0.9 } },
  },
  {
    name: 'deletions are not counted',
    incident: 'R1: the autoscaler ended app and cache servers in 16 seconds (I12)',
    file: REAPER,
    find: 'const memory = rememberDestruction(state.memory, cause, nowMs);',
    replace: 'const { memory } = state;',
  },
  {
    name: 'no budget for any deletion',
    incident: 'R1: nothing stood between a wrong reading and the end of the group (I12)',
    file: DESTRUCTION,
    find: 'if (!isBudgeted(cause)) return { ok: true };',
    replace: 'if (cause) return { ok: true };',
  },
  {
    name: 'no budget for replacements',
    incident: 'R19: replace at most a tenth at a time, fewer when all look unhealthy (I12)',
    file: DESTRUCTION,
    find: "isReplacement(cause) ? (['replace', 'all'] as const) : (['all'] as const)",
    replace: "(['all'] as const)",
  },
  {
    name: 'no budget for the installation',
    incident: 'R1: each group kept its own measure, all of them together went (I12)',
    file: REAPER,
    find: 'if (fleet.destroyed >= limit)',
    replace: 'if (fleet.destroyed >= limit * 1e9)',
    bias: { faults: { 'machine-sick': 0.9, people: 0.9 } },
  },
  {
    name: 'delete is asked for without pause',
    incident: 'R11: the same stuck node was deleted every 10 s (I10, I20)',
    file: REAPER,
    find: 'const REDELETE_MS = 30_000;',
    replace: 'const REDELETE_MS = 0;',
    bias: { faults: { 'delete-ignored': 0.9 } },
  },
  {
    name: 'the machine goes before its entry',
    incident: 'F21: traffic to a machine that is no more (I29)',
    file: LIFE,
    find: "if (step.kind === 'detach' && Object.keys(row.members).length === 0) {",
    replace: "if (step.kind === 'detach') {",
  },
  {
    name: 'nobody waits for open sessions',
    incident: 'Sessions cut off at every scale-in (I15, I29)',
    file: LIFE,
    find: 'if (!empty && !pointless && f.nowMs < limit)',
    replace: 'if (!empty && !pointless && f.nowMs < 0)',
  },
  {
    name: 'an entry goes without being drained',
    incident: 'GH-1290: the order of checking and draining turned round (I29)',
    file: LIFE,
    find: 'const called = step.attempts > 0 && step.error === null;',
    replace: 'const called = step.attempts >= 0;',
  },
  {
    name: 'a balancer that does not answer holds nothing',
    incident: 'F21: the balancer is down, its entries count as absent, the machine behind them goes (I29)',
    file: LIFE,
    find: 'if (row.address !== null && f.spec.balancers.some((b) => !f.members.has(b.balancer)) && (step.kind',
    replace: 'if (row.address === null && f.spec.balancers.some((b) => !f.members.has(b.balancer)) && (step.kind',
    bias: { faults: { 'lb-error': 0.9, 'lb-incomplete': 0.5 } },
  },
  {
    name: 'below the minimum by our own hand',
    incident: 'GH-1282: scale-in could choose every machine there was (I2)',
    file: PLAN,
    find: 'if (healthy && draft.serving - 1 < Math.max(spec.min, target)) continue;',
    replace: '',
    bias: { faults: { 'machine-sick': 0.9, people: 0.5, 'never-healthy': 0.5 } },
  },
  {
    name: 'the old one goes before the new one serves',
    incident: 'A rolling replacement that takes the capacity first (I2)',
    file: REPLACING,
    find: "if (replacement.state === 'serving' && replacement.health !== 'unhealthy') retire(draft, need, replacement);",
    replace: 'retire(draft, need, replacement);',
    bias: { faults: { 'machine-sick': 0.5, people: 0.9 } },
  },
  {
    name: 'no grace for a young machine',
    incident: 'R28: health is judged while the program starts; a loop of replacements (I15)',
    file: REPLACING,
    find: 'atMs >= served + spec.health.graceMs',
    replace: 'atMs >= served',
    bias: { faults: { 'machine-sick': 0.9 } },
  },
  {
    name: 'what nobody watched counts as boot time',
    incident: 'R8: after a long absence of the controller every booting machine is late, and made anew',
    file: LIFE,
    find: 'const late = Math.min(f.nowMs - row.sinceMs, f.watchedMs) > f.spec.lifecycle.bootTimeoutMs;',
    replace: 'const late = f.nowMs - row.sinceMs > f.spec.lifecycle.bootTimeoutMs;',
    bias: { faults: { crash: 0.9, stop: 0.9, 'mass-restart': 0.9 } },
    shows: ['I15'],
  },
  {
    name: 'a protected machine is chosen',
    incident: 'CA #5465: scale-in took a machine that was to stay (I14)',
    file: 'src/core/choose-victims.ts',
    find: 'return isCapacity(i.state) && !i.protected && !i.detached && !i.standby;',
    replace: 'return isCapacity(i.state) && !i.detached && !i.standby;',
    bias: { faults: { people: 0.9 } },
  },
];
