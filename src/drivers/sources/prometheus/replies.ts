import { z } from 'zod';

/** A time in seconds and the value as text: `[1732282327.123, "42"]`. */
const point = z.tuple([z.number(), z.string()]);
const metric = z.record(z.string(), z.string());

const data = z.discriminatedUnion('resultType', [
  // A series with native histograms has `histogram` instead of `value`.
  z.object({ resultType: z.literal('vector'), result: z.array(z.object({ metric, value: point.optional() })) }),
  z.object({ resultType: z.literal('matrix'), result: z.array(z.object({ metric, values: z.array(point).optional() })) }),
  z.object({ resultType: z.literal('scalar'), result: point }),
  z.object({ resultType: z.literal('string'), result: point }),
]);
export type PrometheusData = z.output<typeof data>;

export const answer = z.object({
  status: z.literal('success'),
  data,
  warnings: z.array(z.string()).optional(),
  /** VictoriaMetrics: some of its storage did not answer. */
  isPartial: z.boolean().optional(),
});
export type PrometheusAnswer = z.output<typeof answer>;

export const errorAnswer = z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() });
