import { z } from 'zod';

export const memberReply = z.object({
  ref: z.string().min(1),
  owner: z.string(),
  address: z.string(),
  port: z.int().min(1).max(65_535),
  state: z.enum(['joining', 'ready', 'draining']),
  health: z.enum(['up', 'down', 'unknown']),
  sessions: z.number().int().nonnegative(),
  last_check: z.string().nullable(),
});
export type MemberReply = z.output<typeof memberReply>;
export const membersReply = z.object({ members: z.array(memberReply) });
