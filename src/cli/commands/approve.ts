import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { countOf } from '../input.ts';
import { secondsOf } from '../seconds.ts';

export const approve: Run = async (ctx, input) => {
  const group = input.need(0);
  const size = countOf(input.need(1), 'N', 0, 100_000);
  const answer = await (await ctx.client()).approve({ group, size, for_s: secondsOf(input.durationMs('for') ?? 3_600_000, '--for') });
  if (ctx.globals.json) ctx.document({ ...answer, group, size });
  else ctx.line(`Approved: ${group} may go to ${size}.`);
  return EXIT.ok;
};
