import { z } from 'zod';
import { duration, field, percent, wholeNumber } from '../values.ts';

const ifMissing = z.union([
  field(z.enum(['hold']), 'Keep the size.', 'hold'),
  field(z.strictObject({ floor: field(wholeNumber(0, 100_000), 'At least this many while it is missing.', 6) }), 'Ask for at least this many.', { floor: 6 }),
  field(
    z.strictObject({ last: field(duration({ min: '1s', max: '1d' }), 'How long the last known value is used.', '5m') }),
    'Use the last known value for a while.',
    { last: '5m' },
  ),
  field(z.strictObject({ use: field(z.string(), 'Name of another metric of the group.', 'rps_backup') }), 'Use another metric.', { use: 'rps_backup' }),
]);

const metricFields = {
  from: field(z.string().prefault('default'), 'Source: a name under `sources`, or the id of a source that needs no options.', 'prom'),
  unit: field(z.string().max(20).optional(), 'Unit for people: `req/s`, `percent`.', 'req/s'),
  max_age: field(duration({ min: '1s', max: '7d' }).optional(), 'Older samples count as missing. Default: three evaluations, at least 60s.', '90s'),
  if_missing: field(
    ifMissing.prefault('hold'),
    'What a missing value means: `hold`, `{ floor: N }`, `{ last: 5m }` or `{ use: METRIC }`. It never removes machines.',
    'hold',
  ),
  stuck_after: field(duration({ min: '1m', max: '30d' }).optional(), 'A value unchanged for longer (zero apart) counts as missing. Default: never.', '30m'),
};

/** Beside these stand the fields of the source's query. */
export const metricSchema = z.looseObject({
  ...metricFields,
  min: field(z.number().optional(), 'Smaller values count as missing. Default: no bound.', 0),
  max: field(z.number().optional(), 'Larger values count as missing. Default: no bound.', 100_000),
});

/** Expanded into a metric and a policy before it is checked. */
export const targetSchema = z.looseObject({
  cpu: field(
    percent({ min: 0.01, max: 1 }).optional(),
    'Mean CPU of the machines to hold, as node_exporter measures it. Needs `job` and a Prometheus source named `default`.',
    '60%',
  ),
  job: field(z.string().optional(), 'With `cpu`: the Prometheus job of node_exporter on these machines.', 'web-nodes'),
  metric: field(z.string().optional(), 'Name of a metric of this group.', 'rps'),
  query: field(z.string().optional(), 'A query to the source, instead of a named metric.', 'sum(rate(http_requests_total[1m]))'),
  per_instance: field(z.number().optional(), 'How much of the metric one machine carries in comfort.', 200),
  target: field(z.union([z.string(), z.number()]).optional(), 'For a mean over the machines: the value to hold.', '60%'),
  tolerance: field(z.string().optional(), 'No change while the metric is this near its target. Default: 10%.', '10%'),
  ...metricFields,
});
export const METRIC_KEYS: readonly string[] = Object.keys(metricSchema.shape);
export const TARGET_METRIC_KEYS: readonly string[] = [...Object.keys(metricFields)];
