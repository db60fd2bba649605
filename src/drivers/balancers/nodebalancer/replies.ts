import { z } from 'zod';

const text = z.string().max(1000);

export const nodeBalancerReply = z.object({ id: z.int().positive(), label: text.nullish(), region: text });

export const configReply = z.object({
  id: z.int().positive(),
  port: z.int(),
  protocol: text,
  check: text,
});
export type ConfigReply = z.output<typeof configReply>;

export const nodeReply = z.object({
  id: z.int().positive(),
  label: text,
  address: text,
  weight: z.int(),
  mode: text,
  /** Documented as `unknown`, sent as `Unknown`. */
  status: text.nullish(),
});
export type NodeReply = z.output<typeof nodeReply>;
