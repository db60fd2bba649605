import { z } from 'zod';
import { duration, field, percent, shorthand, wholeNumber } from '../values.ts';

/** Time-out of a health check that says none, unless it is made more often. */
export const PROBE_TIMEOUT_MS = 3_000;

const probeFields = {
  port: field(wholeNumber(1, 65_535).optional(), 'Port that is asked. Default: the port of the first balancer, else the one the cloud reports.', 8080),
  every: field(duration({ min: '1s', max: '10m' }).prefault('5s'), 'Time between two checks of one machine.', '5s'),
  timeout: field(
    duration({ min: '100ms', max: '60s' }).prefault('3s'),
    'A check without an answer in this time failed. Default: 3s, or `every` where that is shorter.',
    '3s',
  ),
  healthy_after: field(wholeNumber(1, 100).prefault(2), 'Good checks in a row that make a machine healthy.', 2),
  unhealthy_after: field(wholeNumber(1, 100).prefault(3), 'Failed checks in a row that make it unhealthy.', 3),
};

const httpCheck = z.strictObject({
  path: field(
    z
      .string()
      .regex(/^\/[^\s#]*$/, 'a path starts with `/`')
      .prefault('/'),
    'Path that is asked with GET; 2xx and 3xx are healthy.',
    '/healthz',
  ),
  ...probeFields,
});

const longHealth = z.strictObject({
  http: field(httpCheck.optional(), 'Ask a path over HTTP.', { path: '/healthz', port: 8080 }),
  tcp: field(z.strictObject(probeFields).optional(), 'Open a TCP connection.', { port: 5432 }),
  replace_unhealthy: field(z.boolean().prefault(true), 'Replace machines that stay unhealthy.', true),
  grace: field(duration({ max: '1d' }).prefault('60s'), 'No machine is replaced for its health earlier than this after it began serving.', '60s'),
  stop_replacing_above: field(
    percent({ min: 0, max: 1 }).optional(),
    'Another way to write `limits.brake.fraction`: if this share looks sick, the check is sick.',
    '50%',
  ),
});

export const healthSchema = field(
  shorthand(longHealth, z.string().regex(/^\//, 'a path starts with `/`'), z.enum(['tcp', 'none'])).prefault({}),
  'When a machine is well. A text is a path asked over HTTP; `tcp` opens a connection; without either, a running machine is healthy.',
  '/healthz',
);

const drainSchema = z.strictObject({
  timeout: field(duration({ max: '1d' }).prefault('2m'), 'Longest wait for open sessions to end. Draining ends earlier when the balancer reports none.', '2m'),
});

const ORDER = z.enum(['unhealthy', 'outdated', 'oldest', 'newest']);

export const lifecycleSchema = field(
  z
    .strictObject({
      boot_timeout: field(duration({ min: '1s', max: '1d' }).prefault('5m'), 'A machine that is not healthy this long after its launch is replaced.', '5m'),
      warmup: field(duration({ max: '1d' }).prefault('0s'), 'Time from healthy to counted as serving.', '30s'),
      drain: field(shorthand(drainSchema, z.string()).prefault({}), 'How a machine leaves. A duration alone is the timeout.', { timeout: '2m' }),
      max_age: field(duration({ min: '1m' }).optional(), 'Machines older than this are replaced, one by one. Default: never.', '30d'),
      remove_first: field(
        shorthand(z.array(ORDER).min(1), ORDER).prefault(['unhealthy', 'oldest']),
        'Who leaves first: unhealthy always do; `outdated` prefers machines of an older template; then `oldest` or `newest`.',
        ['unhealthy', 'outdated', 'oldest'],
      ),
    })
    .prefault({}),
  'From launch to removal.',
  { boot_timeout: '5m', warmup: '30s', drain: '2m' },
);

/** Where driver options of the hook stand beside these: `{ http: URL, timeout: 60s }`. */
export const hookSchema = z.looseObject({
  type: field(z.string().optional(), 'Kind of hook: http, exec, ansible, jenkins. Or write it as a key: `{ http: URL }`.', 'http'),
  timeout: field(duration({ min: '100ms', max: '1h' }).prefault('60s'), 'Longest time of one try.', '60s'),
  on_failure: field(
    z.enum(['replace', 'continue', 'retry']).prefault('retry'),
    '`retry` tries again; `continue` goes on without it; `replace` gives the machine up and launches another (before_attach only).',
    'replace',
  ),
});
const hookList = shorthand(z.array(hookSchema).max(20), hookSchema).prefault([]);

export const hooksSchema = field(
  z
    .strictObject({
      before_attach: field(hookList, 'Run when a machine is healthy, before it joins the balancer.', [
        { http: 'http://{{ip}}:8080/warm', timeout: '60s', on_failure: 'replace' },
      ]),
      before_delete: field(hookList, 'Run when a machine has drained, before it is deleted.', [
        { exec: ['./deregister.sh', '{{instance}}'], timeout: '2m', on_failure: 'continue' },
      ]),
    })
    .prefault({}),
  'Steps of your own in the life of a machine.',
  { before_attach: { http: 'http://{{ip}}:8080/warm' } },
);
