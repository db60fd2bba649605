import { z } from 'zod';
import { freezeSchema } from '../../core/policies/schedule.ts';
import { duration, field, money, name, shorthand, wholeNumber } from '../values.ts';
import { healthSchema, hooksSchema, lifecycleSchema } from './life.ts';
import { limitsSchema } from './limits.ts';
import { metricSchema, targetSchema } from './metrics.ts';

export const modeSchema = z.enum(['act', 'observe']);

/** Where a policy is made of common fields; the rest are options of its type. */
export const policySchema = z.looseObject({
  name: field(name.optional(), 'Name, unique in the group. Default: the type.', 'traffic'),
  type: field(z.string(), 'Type of the policy: target, step, schedule, alert, formula.', 'target'),
  advisory: field(z.boolean().prefault(false), 'Computed, recorded and drawn, but moves nothing.', false),
});

export const templateSchema = z.looseObject({
  cloud: field(z.string().optional(), 'Cloud of this template: a name under `clouds`, or the id of a cloud that needs no options.', 'local'),
  price: field(money().optional(), 'Price of one machine, where the cloud cannot tell: `0.0066 EUR/h`.', '0.0066 EUR/h'),
});

const bindingFields = {
  port: field(wholeNumber(1, 65_535).optional(), 'Port members are reached on. Default: the one the cloud reports for the machine.', 8080),
  weight: field(wholeNumber(1, 256).optional(), "Weight of each member, 1 to 256. Default: the balancer's own.", 100),
};
const bindingSchema = z.strictObject({
  use: field(z.string(), 'Name of a balancer under `balancers`.', 'edge'),
  ...bindingFields,
});
/** `{ haproxy: /run/haproxy/admin.sock, backend: web }`: expanded before it is checked. */
const inlineBalancer = z.looseObject(bindingFields);

export const groupSchema = z.strictObject({
  mode: field(modeSchema.optional(), '`act`, or `observe`: decides and records, and cannot touch anything. Default: `defaults.mode`.', 'observe'),
  cloud: field(
    z.string().optional(),
    'Cloud the machines live in: a name under `clouds`, or the id of a cloud that needs no options. Default: the cloud of the template.',
    'local',
  ),
  template: field(shorthand(templateSchema, z.string()), 'What one machine is made of: options of the cloud, or the name of a template under `templates`.', {
    command: ['./web-server', '--port', '{{port}}'],
  }),
  balancer: field(
    shorthand(z.array(bindingSchema), z.string(), bindingSchema, inlineBalancer, z.array(z.union([z.string(), bindingSchema, inlineBalancer]))).optional(),
    'Balancer in front of the machines: `{ use: NAME, port: 8080 }`, or one written here: `{ haproxy: SOCKET, backend: web }`; a list for several. Without one, a healthy machine counts as serving.',
    { use: 'edge', port: 8080 },
  ),
  min: field(wholeNumber(0, 100_000).prefault(1), 'Never fewer machines than this. 0 lets the group go to nothing; some policy must then see load at zero.', 2),
  max: field(wholeNumber(0, 100_000), 'Never more machines than this. It has no default: it is what a mistake may cost at most.', 10),
  initial: field(wholeNumber(0, 100_000).optional(), 'Size at the very first start. Default: `min`.', 2),
  naming: field(
    z
      .strictObject({
        prefix: field(
          z
            .string()
            .regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'a prefix is a-z, 0-9 and -, starting with a letter, at most 40')
            .optional(),
          'Start of every machine name. Default: the name of the group.',
          'web',
        ),
        style: field(z.enum(['random', 'increasing']).prefault('random'), '`random`: web-9b3e; `increasing`: web-7. No name is used twice.', 'increasing'),
      })
      .prefault({}),
    'How machines are named.',
    { style: 'increasing' },
  ),
  spread: field(
    shorthand(
      z.strictObject({ locations: field(z.array(z.string().min(1)).max(50), 'Zones or locations of the cloud to keep even.', ['zone-a', 'zone-b']) }),
      z.array(z.string().min(1)).max(50),
    ).prefault({ locations: [] }),
    'Zones to keep even. Default: wherever the template says.',
    ['zone-a', 'zone-b'],
  ),
  evaluate_every: field(duration({ min: '1s', max: '1h' }).optional(), 'Time between two evaluations. Default: `defaults.evaluate_every`.', '15s'),
  metrics: field(
    z.record(name, shorthand(metricSchema, z.string())).prefault({}),
    'What is measured, by name. A text alone is a query to the source named `default`.',
    { rps: { from: 'prom', query: 'sum(rate(http_requests_total{job="web"}[1m]))' } },
  ),
  target: field(
    targetSchema.optional(),
    'Shorthand for one metric and one target policy: `{ query: …, per_instance: 200 }`, `{ metric: rps, per_instance: 200 }`, `{ cpu: 60% }`.',
    {
      query: 'sum(rate(http_requests_total[1m]))',
      per_instance: 200,
    },
  ),
  policies: field(z.array(policySchema).max(100).prefault([]), 'Each proposes a size; the largest wins, and it shrinks only if all agree.', [
    { name: 'traffic', type: 'target', metric: 'rps', per_instance: 200 },
  ]),
  limits: limitsSchema,
  health: healthSchema,
  lifecycle: lifecycleSchema,
  hooks: hooksSchema,
  notify: field(shorthand(z.array(z.string()), z.string()).optional(), 'Names of notifiers under `notify`. Default: all of them; `[]` for none.', ['ops']),
  freezes: field(z.array(freezeSchema).max(100).prefault([]), 'Windows in which nothing is changed; machines that vanish are not refilled either.', [
    { cron: '0 18 * * 5', for: '60h', timezone: 'Europe/Berlin' },
  ]),
  price: field(money().optional(), 'Price of one machine, where the cloud cannot tell: `0.0066 EUR/h`.', '0.0066 EUR/h'),
});
