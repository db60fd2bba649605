import { z } from 'zod';
import { linodeApiOptions, listsPerMinute } from '../../../kit/linode-api.ts';

export const options = z
  .strictObject({
    ...linodeApiOptions,
    nodebalancer: z
      .union([z.int().positive(), z.string().regex(/^[A-Za-z0-9_-]{3,32}$/, 'must be the label of a NodeBalancer')])
      .describe('The NodeBalancer: its id or its label.'),
    port: z.int().min(1).max(65_535).optional().describe('Port of its configuration whose nodes are managed. Either this or `config_id`.'),
    config_id: z.int().positive().optional().describe('Id of its configuration whose nodes are managed. Either this or `port`.'),
    weight: z.int().min(1).max(255).default(100).describe('Weight of members whose group says none, 1-255. Default: 100.'),
    lists_per_minute: listsPerMinute
      .default(80)
      .describe('Pages of lists this balancer may ask for in a minute, 10-10000; Linode allows a user 200, which clouds and balancers share. Default: 80.'),
    subnet_id: z
      .int()
      .positive()
      .optional()
      .describe('Id of the VPC subnet its members are in. Default: none, members have private addresses (192.168.128.0/17).'),
  })
  .refine((o) => (o.port === undefined) !== (o.config_id === undefined), { message: 'write either `port` or `config_id`', path: ['port'] });
export type NodeBalancerOptions = z.output<typeof options>;
