import type { z } from 'zod';
import type { Json } from '../model/json.ts';
import type { HoldCode, ReasonCode } from '../model/reasons.ts';
import type { AlertView, ScheduleWindow } from '../model/snapshot.ts';
import type { UsableReading } from '../readings.ts';
import { formatMeasure, formatNumber, formatPercent, type Threshold } from '../units.ts';

/** What a policy may look at. Everything is a value: no clock, no I/O, no randomness. */
export interface PolicyContext {
  /** Wall time, Unix ms. */
  readonly atMs: number;
  readonly group: string;
  /** Name of the policy in the configuration. */
  readonly policy: string;
  /** The present target: machines that run or are on their way. */
  readonly target: number;
  /** Machines that exist and are not leaving, warming ones included. */
  readonly running: number;
  /** Machines healthy in the balancer. */
  readonly serving: number;
  /** Running, not yet serving. */
  readonly warming: number;
  readonly min: number;
  readonly max: number;
  readonly evaluateEveryMs: number;
  /** When the target last rose and last fell, Unix ms. */
  readonly lastOutMs: number | null;
  readonly lastInMs: number | null;
  /** Checked readings by metric name; a name that is not there is not configured. */
  readonly readings: Readonly<Record<string, UsableReading>>;
  /** Alert episodes firing now. */
  readonly alerts: readonly AlertView[];
  /** The present meaning of this policy's schedule; null outside its times. */
  readonly schedule: ScheduleWindow | null;
}

/** What a policy wants; the core adds name, type and winner for the record. */
export interface PolicyProposal {
  readonly metric: string | null;
  readonly value: number | null;
  readonly per: number | null;
  readonly exact: number | null;
  /** The size wanted; null when it abstains or cannot tell. */
  readonly wants: number | null;
  /** Nothing to say now: not asked for agreement. */
  readonly abstains: boolean;
  /** `wants` is a lower bound only: it does not agree to shrinking. */
  readonly floor: boolean;
  /** Upper bound it sets. */
  readonly cap: number | null;
  /** Data it needs to agree to shrinking is missing; `reason` is then a hold code and `error` says what. */
  readonly blocksShrink: boolean;
  readonly reason: ReasonCode;
  readonly arithmetic: string;
  readonly ageS: number | null;
  readonly error: string | null;
}

export interface PolicyResult {
  readonly proposal: PolicyProposal;
  /** Durable; return the same object when nothing changed. */
  readonly memory: Json;
}

/**
 * A kind of policy. The user's own are exported from a package and hold the same contract:
 * same context, options and memory give the same result; options come out of the schema as plain JSON; `propose` does not throw.
 */
export interface PolicyDefinition<Options = unknown> {
  readonly type: string;
  readonly title: string;
  readonly summary: string;
  /** What the user writes beside `name` and `type`; keys are snake_case and every field is described. */
  readonly options: z.ZodType<Options>;
  /** Metrics it reads; they must be configured. */
  metricsOf(options: Options): readonly string[];
  /** Can it ever agree to fewer machines? A group in which no policy can never shrinks by itself. */
  canShrink(options: Options): boolean;
  propose(context: PolicyContext, options: Options, memory: Json): PolicyResult;
  /** The size it would ask for if the load of now fell on `size` machines, waiting times left out; null: nothing. For the flap check. */
  project?(context: PolicyContext, options: Options, size: number): number | null;
}

const NOTHING: PolicyProposal = {
  metric: null,
  value: null,
  per: null,
  exact: null,
  wants: null,
  abstains: false,
  floor: false,
  cap: null,
  blocksShrink: false,
  reason: 'HOLD_TOLERANCE',
  arithmetic: '',
  ageS: null,
  error: null,
};

export function proposal(fields: Partial<PolicyProposal>): PolicyProposal {
  return { ...NOTHING, ...fields };
}

/** Nothing to say now. */
export function abstain(arithmetic: string, fields: Partial<PolicyProposal> = {}): PolicyProposal {
  return { ...NOTHING, ...fields, abstains: true, arithmetic };
}

/** The metric cannot be used: nothing may shrink; its `if_missing` floor still counts. */
export function cannotRead(metric: string, reading: UsableReading | undefined): PolicyProposal {
  const error = reading ? (reading.problem ?? `${metric} is missing`) : `${metric} is not configured`;
  const floor = reading?.floor ?? null;
  return {
    ...NOTHING,
    metric,
    wants: floor,
    floor: floor !== null,
    blocksShrink: true,
    reason: reading?.code ?? 'HOLD_METRIC_MISSING',
    arithmetic: floor === null ? error : `${error}: at least ${floor}`,
    error,
  };
}

/** For a reading that may grow the group but not shrink it: marks a wish for fewer as blocked. */
export function guardShrink(p: PolicyProposal, reading: UsableReading, target: number): PolicyProposal {
  if (reading.mayShrink) return p;
  const fewer = p.wants !== null && p.wants < target;
  return { ...p, blocksShrink: true, error: reading.problem, ...(fewer ? { reason: reading.code ?? ('HOLD_METRIC_MISSING' satisfies HoldCode) } : {}) };
}

/** A bound in the metric's own terms: `85%` is 85 for a metric in percent, else 0.85. */
export function boundFor(bound: Threshold, unit: string | null): number {
  return bound.percent && unit === 'percent' ? bound.value * 100 : bound.value;
}

/** A value as people read it beside that bound. */
export function showValue(value: number, bound: Threshold, unit: string | null): string {
  return bound.percent && unit !== 'percent' ? formatPercent(value) : formatMeasure(value, unit);
}

export function showBound(bound: Threshold, unit: string | null): string {
  if (bound.percent) return formatPercent(bound.value);
  return unit === 'percent' ? `${formatNumber(bound.value)} %` : formatNumber(bound.value);
}
