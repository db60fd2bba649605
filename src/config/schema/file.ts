import { z } from 'zod';
import { duration, field, name } from '../values.ts';
import { groupSchema, modeSchema, templateSchema } from './group.ts';
import { listenAddress, receiverAuthSchema, serverSchema } from './server.ts';

/** A group's name starts the names of its machines, so it must do as a host name. */
const groupName = z
  .string()
  .regex(/^(?!constructor$)[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'a group is named with a-z, 0-9 and -, starting with a letter, at most 40');

const typed = (what: string, example: string) =>
  z.looseObject({
    type: field(z.string().optional(), `Driver of this ${what}. Default: the name, when it is a driver's id. Its options stand beside.`, example),
  });

/** Events of the product that a notifier can tell. */
export const NOTIFY_EVENTS = [
  'scale_out',
  'scale_in',
  'replaced',
  'blocked',
  'unblocked',
  'metric_lost',
  'metric_back',
  'replace_loop',
  'capped',
  'paused',
  'resumed',
  'approval_needed',
  'frozen',
  'config_changed',
] as const;
const events = z.array(z.enum(NOTIFY_EVENTS)).max(50);

export const notifierSchema = z.looseObject({
  type: field(
    z.string().optional(),
    "Driver of this notifier. Default: the name, when it is a driver's id; or write it as a key: `{ slack: { … } }`.",
    'slack',
  ),
  at_once: field(events.prefault(['blocked', 'metric_lost', 'replace_loop', 'capped', 'approval_needed', 'frozen']), 'Events told at once.', [
    'blocked',
    'metric_lost',
  ]),
  digest: field(
    z
      .strictObject({
        every: field(duration({ min: '1m', max: '7d' }).prefault('15m'), 'Time between two digests. Nothing is sent when nothing happened.', '15m'),
        of: field(events.prefault(['scale_out', 'scale_in', 'replaced']), 'Events gathered into the digest.', ['scale_out', 'scale_in']),
      })
      .prefault({}),
    'Routine events, gathered.',
    { every: '15m', of: ['scale_out', 'scale_in'] },
  ),
});

export const receiverSchema = z.looseObject({
  format: field(
    z.string().optional(),
    "Format of the alerts: alertmanager, grafana, generic, jenkins. Default: the name, when it is a format's id. Its options stand beside.",
    'alertmanager',
  ),
  listen: field(
    listenAddress('127.0.0.1:23222').optional(),
    'An address of its own, HOST:PORT, besides `/hooks/NAME` at `server.listen`: every path of it is this receiver, as prometheus-am-executor serves it. Plain HTTP on loopback; beyond it needs `server.tls` or `insecure_http`.',
    '127.0.0.1:23222',
  ),
  auth: receiverAuthSchema,
});

export const fileSchema = z.strictObject({
  version: field(z.literal(1), 'Version of the configuration format: 1.', 1),
  server: serverSchema,
  defaults: field(
    z
      .strictObject({
        mode: field(modeSchema.prefault('act'), '`act`, or `observe`: decide and record, touch nothing.', 'observe'),
        evaluate_every: field(duration({ min: '1s', max: '1h' }).prefault('15s'), 'Time between two evaluations of a group.', '15s'),
      })
      .prefault({}),
    'What groups take when they do not say.',
    { mode: 'observe' },
  ),
  prometheus: field(z.string().optional(), 'Shorthand: address of a Prometheus that becomes the source named `default`.', 'http://prometheus:9090'),
  clouds: field(z.record(name, typed('cloud', 'exec')).prefault({}), 'Where machines live, by name.', {
    mine: { type: 'exec', list: ['./cloud.sh', 'list'], create: ['./cloud.sh', 'create'], delete: ['./cloud.sh', 'delete'] },
  }),
  sources: field(z.record(name, typed('source', 'prometheus')).prefault({}), 'Where metrics come from, by name.', {
    prom: { type: 'prometheus', url: 'http://prometheus:9090' },
  }),
  templates: field(
    z.record(name, templateSchema).prefault({}),
    'Descriptions of one machine, by name, for several groups. A changed template is another version; running machines are left alone.',
    {
      'web-server': { cloud: 'local', command: ['./web-server', '--port', '{{port}}'] },
    },
  ),
  balancers: field(z.record(name, typed('balancer', 'haproxy')).prefault({}), 'Load balancers, by name.', {
    edge: { type: 'haproxy', socket: '/run/haproxy/admin.sock', backend: 'web' },
  }),
  receivers: field(
    z.record(name, receiverSchema).prefault({}),
    'Addresses that take alerts: each is POST /hooks/NAME. One receiver may serve several groups.',
    { am: { format: 'alertmanager', auth: { bearer: { file: '/run/secrets/am-token' } } } },
  ),
  notify: field(z.record(name, notifierSchema).prefault({}), 'Who is told, by name.', { ops: { slack: { webhook: { file: '/run/secrets/slack' } } } }),
  groups: field(z.record(groupName, groupSchema), 'What is scaled, by name.', { web: { cloud: 'local', min: 1, max: 5 } }),
});
