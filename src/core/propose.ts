import type { Counts } from './counts.ts';
import type { Proposal } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { Json } from './model/json.ts';
import type { GroupMemory, Snapshot } from './model/snapshot.ts';
import { isActive, proposeManual } from './policies/manual.ts';
import { cannotRead, type PolicyContext, type PolicyProposal } from './policies/policy.ts';
import type { Prepared, PreparedPolicy } from './prepare.ts';
import type { ResolvedReadings } from './readings.ts';

export interface Situation {
  readonly spec: GroupSpec;
  readonly snapshot: Snapshot;
  readonly memory: GroupMemory;
  readonly prepared: Prepared;
  readonly counts: Counts;
  readonly resolved: ResolvedReadings;
  /** The target before this evaluation. */
  readonly target: number;
}

export interface Proposed {
  /** In the order of the configuration, then what people asked for. */
  readonly proposals: readonly Proposal[];
  readonly memories: GroupMemory['policies'];
}

/** Asks every policy; one that fails is recorded and keeps the group from shrinking, as missing data does. */
export function propose(s: Situation): Proposed {
  const proposals: Proposal[] = [];
  let memories: Record<string, Json> | null = null;
  for (const policy of s.prepared.policies) {
    const before = s.memory.policies[policy.name] ?? null;
    const { proposal, memory } = ask(s, policy, before);
    proposals.push(recorded(proposal, policy.name, policy.type, policy.advisory));
    if (memory !== before) {
      memories ??= { ...s.memory.policies };
      memories[policy.name] = memory;
    }
  }
  for (const override of s.snapshot.manual) {
    if (isActive(override, s.snapshot.atMs)) proposals.push(recorded(proposeManual(override, s.snapshot.atMs), 'manual', 'manual', false));
  }
  return { proposals, memories: memories ?? s.memory.policies };
}

function ask(s: Situation, policy: PreparedPolicy, memory: Json): { proposal: PolicyProposal; memory: Json } {
  if (policy.definition === null) return { proposal: failed(`there is no policy type ${policy.type}`), memory };
  try {
    return policy.definition.propose(contextFor(s, policy.name), policy.options, memory);
  } catch (e) {
    return { proposal: failed(`the policy failed: ${e instanceof Error ? e.message : String(e)}`), memory };
  }
}

function failed(error: string): PolicyProposal {
  return { ...cannotRead('', undefined), metric: null, error, arithmetic: error };
}

export function contextFor(s: Situation, policy: string): PolicyContext {
  const { spec, snapshot, memory, counts } = s;
  return {
    atMs: snapshot.atMs,
    group: spec.name,
    policy,
    target: s.target,
    running: counts.running,
    serving: counts.serving,
    warming: counts.warming,
    min: spec.min,
    max: spec.max,
    evaluateEveryMs: spec.evaluateEveryMs,
    lastOutMs: memory.lastOutMs,
    lastInMs: memory.lastInMs,
    readings: s.resolved.readings,
    alerts: snapshot.alerts,
    schedule: snapshot.schedules[policy] ?? null,
  };
}

/** A size that is not a whole number of machines from a foreign policy must not reach the guards. */
function saneSize(n: number | null): number | null {
  return n === null || !Number.isFinite(n) ? null : Math.min(1_000_000, Math.max(0, Math.ceil(n)));
}

function recorded(p: PolicyProposal, policy: string, type: string, advisory: boolean): Proposal {
  const wants = p.abstains ? null : saneSize(p.wants);
  return {
    policy,
    type,
    metric: p.metric,
    value: p.value,
    per: p.per,
    exact: p.exact,
    wants,
    abstains: p.abstains,
    floor: p.floor,
    cap: saneSize(p.cap),
    blocksShrink: p.blocksShrink || (p.wants !== null && !Number.isFinite(p.wants)),
    reason: p.reason,
    arithmetic: p.arithmetic,
    ageS: p.ageS,
    winner: false,
    error: p.error,
    advisory,
  };
}
