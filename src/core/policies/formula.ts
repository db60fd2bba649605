import { z } from 'zod';
import type { UsableReading } from '../readings.ts';
import { formatNumber } from '../units.ts';
import { type Expression, evaluate, FormulaError, metricsIn, parseExpression } from './formula-expression.ts';
import { cannotRead, type PolicyContext, type PolicyDefinition } from './policy.ts';
import { hasValue } from './target.ts';
import { NO_MEMORY, ONE_TARGET, oneTarget, projectTarget, proposeTarget, type TargetFields, targetFields } from './target-size.ts';

export interface Formula {
  readonly text: string;
  /** The parsed text, as plain JSON. */
  readonly tree: Expression;
  readonly metrics: readonly string[];
}
export interface FormulaOptions extends TargetFields {
  readonly formula: Formula;
  readonly unit: string | null;
}

const formulaField = z
  .string()
  .transform((text, ctx): Formula => {
    try {
      const tree = parseExpression(text);
      const metrics = metricsIn(tree);
      if (metrics.length > 0 && metrics.length <= 20) return { text, tree, metrics };
      ctx.addIssue({ code: 'custom', message: metrics.length === 0 ? 'a formula names at least one metric' : 'a formula names at most 20 metrics' });
    } catch (e) {
      if (!(e instanceof FormulaError)) throw e;
      ctx.addIssue({ code: 'custom', message: e.message });
    }
    return z.NEVER;
  })
  .describe('Arithmetic over metrics: `rps + 10 * jobs`. Numbers, metric names, + - * / %, comparisons, `a ? b : c`, min, max, abs, ceil, floor, round, sqrt.');

const options = z
  .strictObject({
    formula: formulaField,
    unit: z.string().max(20).nullable().prefault(null).describe('Unit of the result, for people. Default none.'),
    ...targetFields,
  })
  .refine(oneTarget, { message: ONE_TARGET });

/** A target policy whose metric is computed, as scalingModifiers in KEDA. If any metric in it is missing, so is the result. */
export const formulaPolicy: PolicyDefinition<FormulaOptions> = {
  type: 'formula',
  title: 'Target on a formula',
  summary: 'Computes one load from several metrics and holds it per machine or at a mean. A missing metric makes the result missing, never zero.',
  options,
  metricsOf: (o) => o.formula.metrics,
  canShrink: () => true,
  propose(context, o) {
    const reading = compute(context, o);
    return { proposal: hasValue(reading) ? proposeTarget(context, o, reading) : cannotRead(reading.name, reading), memory: NO_MEMORY };
  },
  project: (context, o, size) => projectTarget(context, o, compute(context, o), size),
};

/** The result as a reading: as old as its oldest part, and as careful as its most doubtful one. */
function compute(context: PolicyContext, o: FormulaOptions): UsableReading {
  let result: UsableReading = {
    name: o.formula.text,
    unit: o.unit,
    value: null,
    ageS: null,
    members: null,
    mayShrink: true,
    floor: null,
    code: null,
    problem: null,
    gap: false,
  };
  let floor: number | null = null;
  for (const name of o.formula.metrics) {
    const part = context.readings[name];
    if (part?.floor != null) floor = Math.max(floor ?? 0, part.floor);
    if (part === undefined || part.value === null || !part.mayShrink) {
      const worse = part === undefined || part.value === null || result.code === null;
      if (worse) result = { ...result, mayShrink: false, code: part?.code ?? 'HOLD_METRIC_MISSING', problem: part?.problem ?? `${name} is not configured` };
    }
    if (part?.ageS != null) result = { ...result, ageS: Math.max(result.ageS ?? 0, part.ageS) };
  }
  const value = evaluate(o.formula.tree, (name) => context.readings[name]?.value ?? null);
  const missing = o.formula.metrics.some((name) => context.readings[name]?.value == null);
  if (!missing && Number.isFinite(value)) return { ...result, value };
  const problem = missing ? result.problem : `${o.formula.text} has no value: it gives ${formatNumber(value)}`;
  return { ...result, floor, mayShrink: false, code: result.code ?? 'HOLD_METRIC_MISSING', problem, gap: true };
}
