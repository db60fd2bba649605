import { z } from 'zod';

export const memberReply = z.object({
  ref: z.string(),
  owner: z.string(),
  address: z.string(),
  port: z.number().int(),
  state: z.enum(['joining', 'ready', 'draining']),
  health: z.enum(['up', 'down', 'unknown']),
  sessions: z.number().int().nonnegative(),
  last_check: z.string().nullable(),
});
export type MemberReply = z.output<typeof memberReply>;
export const membersReply = z.object({ members: z.array(memberReply) });
