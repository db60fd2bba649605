import { z } from 'zod';
import { caOption } from '../../../kit/ca-option.ts';
import { httpAuth, httpHeaders } from '../../../kit/http-auth.ts';
import { jsonPointer } from '../../../kit/json-pointer.ts';
import { timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const httpSourceOptions = z.strictObject({
  url: urlOption.describe('Address that answers GET with JSON or with metrics in the Prometheus text format.'),
  timeout: timeoutOption.default('5s').describe('Longest time for one answer, 50ms to 1m. Default 5s.'),
  auth: httpAuth.optional(),
  headers: httpHeaders.optional(),
  ca: caOption.optional(),
});
export type HttpSourceOptions = z.output<typeof httpSourceOptions>;

const path = z.string().max(2000).describe('Put behind the url, query string included, e.g. /api/queues/%2F/jobs. Default: nothing.').optional();

export const httpSourceQuery = z.union([
  z.strictObject({
    json_pointer: jsonPointer.describe('Where the number stands in the JSON answer (RFC 6901), e.g. /queue/ready or /items/0/value.'),
    allow_strings: z.boolean().describe('Also take a number written as text, "42". Default false.').optional(),
    path,
  }),
  z.strictObject({
    prometheus_text: z
      .string()
      .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$/, 'must be a metric name')
      .describe('Name of the metric on a page in the Prometheus text format.'),
    labels: z
      .record(z.string().max(200), z.string().max(2000))
      .describe('Only samples with exactly these label values (others may be there too). Default: all samples of the name.')
      .optional(),
    combine: z.enum(['sum', 'avg', 'max', 'min']).describe('How several samples become one value. Default: several samples are no value.').optional(),
    path,
  }),
]);
export type HttpSourceQuery = z.output<typeof httpSourceQuery>;
