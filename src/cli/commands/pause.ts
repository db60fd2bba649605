import { usageError } from '../cli-error.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { pauseText } from '../group-state.ts';
import type { Input } from '../input.ts';
import { secondsOf } from '../seconds.ts';

/** The group, or null for all of them; naming neither or both is refused. */
function subject(input: Input): string | null {
  const group = input.arg(0);
  if (input.flag('all') === (group !== null)) throw usageError(group === null ? 'name a group, or --all for every group' : 'name a group or --all, not both');
  return group;
}

export const pause: Run = async (ctx, input) => {
  const group = subject(input);
  const duration = input.durationMs('for');
  if (duration !== null && input.flag('untilResumed')) throw usageError('--for and --until-resumed exclude each other');
  const body = { for_s: input.flag('untilResumed') ? null : secondsOf(duration ?? 7_200_000, '--for'), reason: input.text('reason') };
  const client = await ctx.client();
  const answer = group === null ? await client.pauseAll(body) : await client.pause({ group, ...body });
  if (ctx.globals.json) ctx.document(answer);
  else ctx.line(`${group ?? 'Every group'} holds as it is, ${pauseText(ctx, answer.pause)}.   drover resume ${group ?? '--all'}`);
  return EXIT.ok;
};

export const resume: Run = async (ctx, input) => {
  const group = subject(input);
  const client = await ctx.client();
  const answer = group === null ? await client.resumeAll() : await client.resume({ group });
  if (ctx.globals.json) ctx.document({ ...answer, group });
  else ctx.line(group === null ? 'The pause of all groups is over.' : `${group} goes on.`);
  if (group === null) {
    // Whoever paused one group on its own meant that one.
    const still = (await client.fleet()).groups.filter((g) => g.pause !== null);
    for (const g of still) if (g.pause !== null) ctx.note(`${g.group} stays ${pauseText(ctx, g.pause)}.   drover resume ${g.group}`);
  }
  return EXIT.ok;
};
