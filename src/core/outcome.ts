import type { Combined } from './combine.ts';
import type { Decision, LaunchAction, Outcome } from './model/decision.ts';
import type { InstanceView } from './model/instance.ts';
import type { ReasonCode } from './model/reasons.ts';
import type { GroupMemory } from './model/snapshot.ts';

export type DecisionFacts = Omit<Decision, 'outcome' | 'reason' | 'sentence'>;

export interface OutcomeInput {
  readonly facts: DecisionFacts;
  readonly combined: Combined;
  readonly instances: readonly InstanceView[];
  /** Memory before this evaluation. */
  readonly memory: GroupMemory;
  readonly stopped: boolean;
  /** Machines that lack (or, negative, are too many). */
  readonly needed: number;
  readonly onTheWay: boolean;
  /** So many of `facts.blocked`, the first ones, are launches that wait; the others are steps of machines that fail. */
  readonly refusals: number;
}

export interface Verdict {
  readonly outcome: Outcome;
  /** Exactly one: the cause, never the mechanism. */
  readonly reason: ReasonCode;
}

export function outcomeOf(input: OutcomeInput): Verdict {
  const { facts, stopped, needed } = input;
  if (stopped) return { outcome: 'hold', reason: stopReason(facts) };
  const launches = facts.actions.some((a) => a.kind === 'launch');
  if (needed > 0 && !launches && input.refusals > 0) return { outcome: 'blocked', reason: worstBlock(facts.blocked.slice(0, input.refusals)) };
  if (facts.target > facts.from) return { outcome: 'scale_out', reason: outReason(input) };
  if (facts.target < facts.from) return { outcome: 'scale_in', reason: inReason(input) };
  if (facts.actions.length > 0) return repair(input);
  const trouble = facts.blocked[input.refusals];
  if (trouble !== undefined && facts.serving < facts.target) return { outcome: 'blocked', reason: trouble.code };
  return { outcome: 'hold', reason: holdReason(input) };
}

function stopReason(facts: DecisionFacts): ReasonCode {
  for (const code of ['HOLD_PAUSED', 'HOLD_OBSERVE', 'HOLD_FREEZE'] as const) if (facts.holds.some((h) => h.code === code)) return code;
  return 'HOLD_PAUSED';
}

function worstBlock(blocked: DecisionFacts['blocked']): ReasonCode {
  let worst = blocked[0];
  for (const b of blocked) if (worst === undefined || (b.nextTryMs ?? 0) > (worst.nextTryMs ?? 0)) worst = b;
  return worst?.code ?? 'BLOCKED_PROVIDER';
}

function configChanged({ facts, memory }: OutcomeInput): boolean {
  return memory.config !== '' && memory.config !== facts.config;
}

function outReason(input: OutcomeInput): ReasonCode {
  const { facts, combined } = input;
  const { winner } = combined;
  if (winner !== null && facts.wanted > facts.from) return winner.reason;
  if (configChanged(input)) return 'CONFIG_CHANGED';
  return facts.limits.some((l) => l.code === 'LIMIT_MIN') ? 'LIMIT_MIN' : 'CONFIG_CHANGED';
}

function inReason(input: OutcomeInput): ReasonCode {
  const { facts, combined } = input;
  const byMax = facts.limits.some((l) => l.code === 'LIMIT_MAX' && l.to === facts.target && l.from >= facts.from);
  if (byMax) return configChanged(input) ? 'CONFIG_CHANGED' : 'LIMIT_MAX';
  const reason = combined.winner?.reason;
  return reason === undefined || reason.startsWith('HOLD_') ? 'BELOW_TARGET' : reason;
}

/** The target stays, and machines are launched or removed all the same. */
function repair(input: OutcomeInput): Verdict {
  const { facts, combined, memory } = input;
  const replacing = facts.actions.find((a) => (a.kind === 'launch' ? a.replaces !== null : a.cause !== 'scale-in'));
  const unfinished = memory.reached === false;
  const launched = facts.actions.find((a): a is LaunchAction => a.kind === 'launch' && a.replaces === null);
  if (launched !== undefined && unfinished) {
    const reason = combined.winner?.reason;
    return { outcome: 'scale_out', reason: reason === undefined || reason.startsWith('HOLD_') ? 'ABOVE_TARGET' : reason };
  }
  if (replacing !== undefined) return { outcome: 'replace', reason: replaceReason(input, replacing) };
  if (launched !== undefined) return { outcome: 'replace', reason: 'DRIFT' };
  return { outcome: 'scale_in', reason: unfinished ? 'BELOW_TARGET' : 'DRIFT' };
}

function replaceReason({ instances }: OutcomeInput, action: DecisionFacts['actions'][number]): ReasonCode {
  if (action.kind === 'remove') {
    if (action.cause === 'replace-old') return 'REPLACE_OLD';
    return action.cause === 'forced' ? 'MANUAL' : 'REPLACE_UNHEALTHY';
  }
  const old = instances.find((i) => i.id === action.replaces);
  if (old?.replaceRequested === true) return 'MANUAL';
  return old?.health === 'unhealthy' ? 'REPLACE_UNHEALTHY' : 'REPLACE_OLD';
}

/** What finally kept the size: the last guard that ended at it. */
function holdReason({ facts, needed, onTheWay }: OutcomeInput): ReasonCode {
  const hold = facts.holds.findLast((h) => h.to === facts.target);
  if (hold !== undefined) return hold.code;
  const limit = facts.limits.findLast((l) => l.to === facts.target);
  if (limit !== undefined) return limit.code;
  if (needed !== 0) {
    const waiting = facts.holds.at(-1)?.code ?? facts.limits.at(-1)?.code;
    if (waiting !== undefined) return waiting;
  }
  return onTheWay || needed !== 0 ? 'HOLD_IN_PROGRESS' : 'HOLD_TOLERANCE';
}
