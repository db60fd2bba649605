import { z } from 'zod';
import type { UsableReading } from '../readings.ts';
import { cannotRead, type PolicyDefinition } from './policy.ts';
import { NO_MEMORY, ONE_TARGET, oneTarget, projectTarget, proposeTarget, type TargetFields, targetFields } from './target-size.ts';

export interface TargetOptions extends TargetFields {
  readonly metric: string;
}

const options = z
  .strictObject({ metric: z.string().min(1).describe('Name of the metric to hold, as written under `metrics`.'), ...targetFields })
  .refine(oneTarget, { message: ONE_TARGET });

/**
 * Absolute sizes, so it cannot run away while machines boot. Per instance: ceil(total / per_instance), as the AverageValue of a
 * Kubernetes HPA. Ratio: ceil(measured × value / target), as AWS target tracking; both inside a tolerance band, as the HPA.
 */
export const targetPolicy: PolicyDefinition<TargetOptions> = {
  type: 'target',
  title: 'Hold a load per machine',
  summary: 'Keeps as many machines as the load needs: a total divided by what one machine carries, or a mean (such as CPU) held at a target.',
  options,
  metricsOf: (o) => [o.metric],
  canShrink: () => true,
  propose(context, o, _memory) {
    const reading = context.readings[o.metric];
    if (!hasValue(reading)) return { proposal: cannotRead(o.metric, reading), memory: NO_MEMORY };
    return { proposal: proposeTarget(context, o, reading), memory: NO_MEMORY };
  },
  project(context, o, size) {
    const reading = context.readings[o.metric];
    return reading ? projectTarget(context, o, reading, size) : null;
  },
};

export function hasValue(reading: UsableReading | undefined): reading is UsableReading & { readonly value: number } {
  return reading !== undefined && reading.value !== null;
}
