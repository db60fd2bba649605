import { z } from 'zod';
import { caOption } from '../../../kit/ca-option.ts';
import { httpAuth, httpHeaders } from '../../../kit/http-auth.ts';
import { durationBetween, timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const prometheusOptions = z.strictObject({
  url: urlOption.describe('Address of the server, with its path prefix if it has one: http://prometheus:9090, https://mimir.example.org/prometheus.'),
  timeout: timeoutOption.default('5s').describe('Longest time for one query, 50ms to 1m. Default 5s.'),
  auth: httpAuth.optional(),
  headers: httpHeaders.optional(),
  ca: caOption.optional(),
});
export type PrometheusOptions = z.output<typeof prometheusOptions>;

const promql = z.string().trim().min(1).max(10_000);

export const prometheusQuery = z.union([
  promql.describe('A PromQL expression that gives one value.'),
  z.strictObject({
    query: promql.describe('A PromQL expression that gives one value.'),
    freshness: promql
      .describe(
        'A PromQL expression that gives the age of the newest sample in seconds, e.g. time() - max(timestamp(up{job="web"})). Default: made from the query where that is a plain selector or sum, avg, max or min of one; else the age is unknown.',
      )
      .optional(),
    window: durationBetween(1000, 86_400_000)
      .describe(
        'How far the query looks back, e.g. 2m for rate(x[2m]); 1s to 1d. The share of this time in which the query had an answer becomes the coverage of the reading, so that a source that has just come back removes no machines. Default: not asked.',
      )
      .optional(),
  }),
]);
export type PrometheusQuery = z.output<typeof prometheusQuery>;
