import { z } from 'zod';
import { caOption } from '../../../kit/ca-option.ts';
import { parseTarget } from '../../../kit/haproxy-runtime.ts';
import { httpAuth } from '../../../kit/http-auth.ts';
import { durationBetween, timeoutOption } from '../../../kit/timeout-option.ts';
import { urlOption } from '../../../kit/url-option.ts';

export const haproxySourceOptions = z
  .strictObject({
    socket: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('Path of the unix socket of the Runtime API; level `user` is enough. One of `socket`, `address` and `url`.'),
    address: z
      .string()
      .refine((text) => parseTarget(text) !== null, 'must be HOST:PORT')
      .optional()
      .describe('HOST:PORT of the Runtime API over TCP. One of `socket`, `address` and `url`.'),
    url: urlOption.optional().describe('Address of the statistics page (`stats uri`), e.g. http://127.0.0.1:8404/stats. One of `socket`, `address` and `url`.'),
    auth: httpAuth.optional().describe('Credentials for the statistics page, e.g. { basic: { username, password } }. Only with `url`. Default: none.'),
    ca: caOption.optional(),
    timeout: timeoutOption.default('5s').describe('Longest time for one answer, 50ms to 1m. Default 5s.'),
  })
  .refine((o) => [o.socket, o.address, o.url].filter((given) => given !== undefined).length === 1, {
    message: 'write one of `socket`, `address` and `url`',
    path: ['socket'],
  })
  .refine((o) => o.url !== undefined || (o.auth === undefined && o.ca === undefined), { message: '`auth` and `ca` belong to `url`', path: ['url'] });
export type HaproxySourceOptions = z.output<typeof haproxySourceOptions>;

export const METRICS = [
  'connections',
  'sessions_per_server',
  'queue',
  'request_rate',
  'session_rate',
  'errors_5xx',
  'error_ratio',
  'response_time',
  'queue_time',
] as const;
export type Metric = (typeof METRICS)[number];
const NEEDS_BACKEND: readonly Metric[] = ['sessions_per_server', 'queue', 'response_time', 'queue_time'];

const proxyName = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'letters, digits and _ . : - only, as HAProxy allows in names');

export const haproxySourceQuery = z
  .strictObject({
    metric: z
      .enum(METRICS)
      .describe(
        'connections: open sessions. sessions_per_server: these per server that is up. queue: requests waiting for a server. request_rate: HTTP requests per second. session_rate: sessions per second. errors_5xx: answers of 500 and above per second. error_ratio: their share of all answers, 0 to 1. response_time, queue_time: ms, HAProxy’s average over the last 1024 requests.',
      ),
    backend: proxyName.optional().describe('Name of the backend (or listen) section. Either this or `frontend`.'),
    frontend: proxyName.optional().describe('Name of the frontend (or listen) section. Either this or `backend`.'),
    window: durationBetween(1000, 120_000)
      .default('10s')
      .describe('Rates and ratios are taken over at least this long, once that much was seen: 1s to 2m. Default 10s.'),
  })
  .refine((q) => (q.backend === undefined) !== (q.frontend === undefined), { message: 'write either `backend` or `frontend`', path: ['backend'] })
  .refine((q) => q.backend !== undefined || !NEEDS_BACKEND.includes(q.metric), { message: 'only a backend has this metric', path: ['metric'] });
export type HaproxySourceQuery = z.output<typeof haproxySourceQuery>;
