import { z } from 'zod';
import type { Json } from '../model/json.ts';
import type { UsableReading } from '../readings.ts';
import { ceilSize, formatDividend, formatPercent, formatQuotient, percent, type Threshold, threshold } from '../units.ts';
import { abstain, boundFor, guardShrink, type PolicyContext, type PolicyProposal, proposal } from './policy.ts';

/** What `target` and `formula` share: a measured value and what one machine should carry, or the mean it should have. */
export const targetFields = {
  per_instance: z
    .number()
    .positive()
    .nullable()
    .prefault(null)
    .describe('Load one machine carries comfortably, in the unit of the metric; the metric is the total of the group. Above 0. Write this or `target`.'),
  target: threshold()
    .refine((t: Threshold) => t.value > 0, 'a target is above 0')
    .nullable()
    .prefault(null)
    .describe('Mean over the machines to hold: `60%`, or a number in the unit of the metric. Above 0. Write this or `per_instance`.'),
  tolerance: percent({ max: 1 })
    .prefault('10%')
    .describe('No change while the load is within this share of what the present machines should carry. 0% to 100%; default 10%.'),
};

export interface TargetFields {
  readonly per_instance: number | null;
  readonly target: Threshold | null;
  readonly tolerance: number;
}

export const oneTarget = (o: TargetFields) => (o.per_instance === null) !== (o.target === null);
export const ONE_TARGET = 'write either `per_instance` (the metric is a total) or `target` (the metric is a mean over the machines)';

/** The load in machines, and how it relates to the machines there are. */
interface Demand {
  /** Machines needed, before rounding. */
  readonly exact: number;
  /** 1 = exactly as loaded as it should be. */
  readonly ratio: number;
  readonly per: number;
}

function demand(context: PolicyContext, o: TargetFields, value: number, reading: UsableReading): Demand | null {
  if (o.per_instance !== null) {
    const exact = value / o.per_instance;
    return { exact, ratio: context.target > 0 ? exact / context.target : Number.POSITIVE_INFINITY, per: o.per_instance };
  }
  if (o.target === null) return null;
  const per = boundFor(o.target, reading.unit);
  const measured = measuredMembers(context, reading);
  // A mean over nobody says nothing, neither about more nor about fewer.
  return measured > 0 ? { exact: (measured * value) / per, ratio: value / per, per } : null;
}

/** Warming machines are capacity, but a mean is taken over those in the metric. */
export function measuredMembers(context: PolicyContext, reading: UsableReading): number {
  return reading.members ?? context.serving;
}

function sizeFor(d: Demand, tolerance: number, target: number): number {
  const off = d.ratio - 1;
  // A hair of floating point does not decide between a change and none.
  const band = tolerance + 1e-9;
  if (off <= band && off >= -band) return target;
  const size = ceilSize(d.exact);
  // An overloaded group never shrinks and an idle one never grows, even when the metric covers other members than the target counts.
  return off > 0 ? Math.max(size, target) : Math.min(size, target);
}

export function proposeTarget(context: PolicyContext, o: TargetFields, reading: UsableReading & { readonly value: number }): PolicyProposal {
  const { value } = reading;
  const metric = reading.name;
  if (value < 0) {
    return {
      ...abstain(`${metric} is negative`),
      metric,
      value,
      blocksShrink: true,
      reason: 'HOLD_METRIC_MISSING',
      error: `${metric} is negative: a load cannot be`,
    };
  }
  const d = demand(context, o, value, reading);
  if (d === null)
    return { ...abstain('no machine serves: there is no mean to go by'), metric, value, ageS: reading.ageS, blocksShrink: true, reason: 'HOLD_IN_PROGRESS' };
  const wants = sizeFor(d, o.tolerance, context.target);
  return guardShrink(
    proposal({
      metric,
      value,
      per: d.per,
      exact: d.exact,
      wants,
      reason: wants > context.target ? 'ABOVE_TARGET' : wants < context.target ? 'BELOW_TARGET' : 'HOLD_TOLERANCE',
      arithmetic: arithmetic(context, o, reading, d, wants),
      ageS: reading.ageS,
    }),
    reading,
    context.target,
  );
}

function arithmetic(context: PolicyContext, o: TargetFields, reading: UsableReading & { readonly value: number }, d: Demand, wants: number): string {
  const within = wants === context.target && ceilSize(d.exact) !== wants ? `${wants}, within ${formatPercent(o.tolerance)}` : String(wants);
  const exact = formatQuotient(d.exact);
  const members = o.target === null ? 1 : measuredMembers(context, reading);
  // A ratio is read in percent, and so is a mean whose target was written so.
  const percent = reading.unit === 'percent' || (o.target === null ? reading.unit === 'ratio' : o.target.percent);
  const scale = percent && reading.unit !== 'percent' ? 100 : 1;
  const per = d.per * scale;
  const unit = percent ? ' %' : reading.unit === null ? '' : ` ${reading.unit}`;
  const load = `${formatDividend(reading.value * scale, members, per, exact)}${unit}`;
  const bound = `${written(per)}${percent ? ' %' : ''}`;
  return `${o.target === null ? '' : `${members} × `}${load} / ${bound} = ${exact} → ${within}`;
}

/** What a person wrote, as it was written: it is a divisor, so no digit may be lost. */
function written(n: number): string {
  return String(Number(n.toPrecision(12)));
}

/** The same load on `size` machines: the demand stays, only what it is compared with changes. */
export function projectTarget(context: PolicyContext, o: TargetFields, reading: UsableReading, size: number): number | null {
  if (reading.value === null || size <= 0) return null;
  const d = demand(context, o, reading.value, reading);
  return d === null ? null : sizeFor({ ...d, ratio: d.exact / size }, o.tolerance, size);
}

/** Memory of a policy that has none. */
export const NO_MEMORY: Json = null;
