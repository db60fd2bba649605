import { type Combined, combine } from './combine.ts';
import { type Counts, countInstances } from './counts.ts';
import { sentence } from './explain.ts';
import { type Guarded, guard } from './guard.ts';
import { brakeState } from './guard-safety.ts';
import type { Decision } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { GroupMemory, Snapshot } from './model/snapshot.ts';
import { outcomeOf } from './outcome.ts';
import { type Plan, plan } from './plan.ts';
import { POLICIES, type PolicyTable } from './policies/policies.ts';
import { prepare } from './prepare.ts';
import { type Proposed, propose, type Situation } from './propose.ts';
import { rememberWant } from './quiet.ts';
import { resolveReadings } from './readings.ts';
import { forgetOvercome } from './remember.ts';
import { tellTroubles } from './troubles.ts';

export { initialMemory } from './remember.ts';

export interface Decided {
  readonly decision: Decision;
  /** The same object, or with the same parts, where nothing changed. */
  readonly memory: GroupMemory;
}

/**
 * The pure half of the cycle: propose → combine → guard → plan. Same specification, snapshot, memory and policies give the same
 * decision, on any machine and in any year. `policies` holds the user's own kinds beside the built-in ones.
 */
export function decide(spec: GroupSpec, snapshot: Snapshot, memory: GroupMemory, policies: PolicyTable = POLICIES): Decided {
  const prepared = prepare(spec, policies);
  const counts = countInstances(snapshot.instances);
  const resolved = resolveReadings(spec, prepared.usedMetrics, snapshot, memory, counts.serving);
  const target = presentTarget(spec, memory, counts);
  const situation: Situation = { spec, snapshot, memory, prepared, counts, resolved, target };
  const proposed = propose(situation);
  const startAt = startSize(spec, memory);
  const asked = combine(spec, snapshot, proposed.proposals, target);
  const combined = startAt > asked.wanted && !asked.forced ? { ...asked, wanted: startAt } : asked;
  const wants = rememberWant(memory.wants, combined.loadWants, resolved.complete, snapshot.atMs, spec);
  const brake = brakeState(spec, counts, memory.brake);
  const guarded = guard({ situation, combined, wants, lastGapMs: resolved.lastGapMs, brake, startAt });
  const seen = remembered(situation, { proposed, wants, brake, resolved });
  const byMinimum = guarded.target > target && combined.wanted <= target;
  const planned = guarded.stopped ? STOPPED : plan({ spec, snapshot, memory: seen, counts, from: target, target: guarded.target, byMinimum });
  const decision = record(situation, combined, guarded, planned);
  return { decision, memory: moved(seen, situation, guarded, planned) };
}

const STOPPED: Plan = { actions: [], limits: [], holds: [], blocked: [], needed: 0, reached: true };

/** While observing nothing follows a target, so what runs is the size that wishes are compared with. */
function presentTarget(spec: GroupSpec, memory: GroupMemory, counts: Counts): number {
  return spec.mode === 'observe' ? counts.running : memory.target;
}

/** A first start without machines begins at the initial size. */
function startSize(spec: GroupSpec, memory: GroupMemory): number {
  return memory.config === '' && memory.target === 0 ? (spec.initial ?? 0) : 0;
}

interface Seen {
  readonly proposed: Proposed;
  readonly wants: GroupMemory['wants'];
  readonly brake: boolean;
  readonly resolved: { readonly metrics: GroupMemory['metrics']; readonly lastGapMs: number | null };
}

/** Memory after looking, before moving. */
function remembered({ memory, counts }: Situation, seen: Seen): GroupMemory {
  const { wants, brake } = seen;
  const { metrics, lastGapMs } = seen.resolved;
  const policies = seen.proposed.memories;
  const backoff = forgetOvercome(memory, counts.lastServingMs);
  const same =
    wants === memory.wants &&
    brake === memory.brake &&
    metrics === memory.metrics &&
    lastGapMs === memory.lastGapMs &&
    policies === memory.policies &&
    backoff === memory.backoff;
  return same ? memory : { ...memory, wants, brake, metrics, lastGapMs, policies, backoff };
}

/** Memory after the decision: the target, the move, and what fell out of the windows. */
function moved(memory: GroupMemory, s: Situation, guarded: Guarded, planned: Plan): GroupMemory {
  const { spec, snapshot, target: from } = s;
  const { atMs } = snapshot;
  const { target, stopped } = guarded;
  const reached = stopped ? memory.reached : planned.reached || (target === from && memory.reached !== false);
  const config = stopped ? memory.config : spec.hash;
  const keepMs = Math.max(spec.limits.scaleOut.everyMs, spec.limits.scaleIn.everyMs);
  const keep = (at: number) => at > atMs - keepMs;
  let moves = memory.moves;
  if (target !== from && !stopped) moves = [...moves.filter((m) => keep(m.atMs)), { atMs, by: target - from }];
  else if (moves.length > 0 && !keep((moves[0] as { atMs: number }).atMs)) moves = moves.filter((m) => keep(m.atMs));
  const destroyed = pruned(memory.destroyed, (d) => d.atMs > atMs - spec.limits.destruction.windowMs);
  const launched = pruned(memory.launched, (at) => at > atMs - HOUR_MS);
  const still =
    target === memory.target &&
    config === memory.config &&
    reached === memory.reached &&
    moves === memory.moves &&
    destroyed === memory.destroyed &&
    launched === memory.launched;
  if (still) return memory;
  const lastOutMs = target > from && !stopped ? atMs : memory.lastOutMs;
  const lastInMs = target < from && !stopped ? atMs : memory.lastInMs;
  return { ...memory, target, moves, destroyed, launched, lastOutMs, lastInMs, config, ...(reached === undefined ? {} : { reached }) };
}

const HOUR_MS = 3_600_000;

function pruned<T>(list: readonly T[], keep: (item: T) => boolean): readonly T[] {
  const first = list[0];
  return first === undefined || keep(first) ? list : list.filter(keep);
}

function record(s: Situation, combined: Combined, guarded: Guarded, planned: Plan): Decision {
  const { spec, snapshot, counts, target: from } = s;
  const limits = planned.limits.length === 0 ? guarded.limits : [...guarded.limits, ...planned.limits];
  const holds = planned.holds.length === 0 ? guarded.holds : [...guarded.holds, ...planned.holds];
  const troubles = tellTroubles(snapshot);
  const facts = {
    id: snapshot.decisionId,
    atMs: snapshot.atMs,
    group: spec.name,
    from,
    wanted: combined.wanted,
    target: guarded.target,
    running: counts.running,
    serving: counts.serving,
    proposals: combined.proposals,
    limits,
    holds,
    blocked: [...planned.blocked.map(({ backoff }) => ({ code: backoff.code, detail: backoff.detail, nextTryMs: backoff.nextTryMs })), ...troubles],
    actions: planned.actions,
    blind: s.resolved.blind,
    actor: actorOf(s, combined),
    config: spec.hash,
  };
  const onTheWay = counts.warming > 0 || counts.draining > 0;
  const { instances } = snapshot;
  const { outcome, reason } = outcomeOf({
    facts,
    combined,
    instances,
    memory: s.memory,
    stopped: guarded.stopped,
    needed: planned.needed,
    onTheWay,
    refusals: planned.blocked.length,
  });
  const unspoken = { ...facts, outcome, reason };
  return {
    id: facts.id,
    atMs: facts.atMs,
    group: facts.group,
    outcome,
    reason,
    from,
    wanted: facts.wanted,
    target: facts.target,
    running: facts.running,
    serving: facts.serving,
    sentence: sentence(unspoken),
    proposals: facts.proposals,
    limits,
    holds,
    blocked: facts.blocked,
    actions: facts.actions,
    blind: facts.blind,
    actor: facts.actor,
    config: facts.config,
  };
}

/** The person whose wish decided, else drover. */
function actorOf(s: Situation, combined: Combined): string {
  if (combined.winner?.type !== 'manual') return 'drover';
  const { manual, atMs } = s.snapshot;
  for (let i = manual.length - 1; i >= 0; i--) {
    const m = manual[i];
    if (m !== undefined && m.size === (combined.winner.wants ?? combined.winner.cap) && (m.untilMs === null || m.untilMs > atMs)) return m.by;
  }
  return 'drover';
}
