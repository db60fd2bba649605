import { usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { pauseText, type Status } from '../group-state.ts';
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
  if (group !== null) {
    const before = await client.group({ group });
    const answer = await client.resume({ group });
    const after = await client.group({ group });
    if (ctx.globals.json) ctx.document({ ...answer, group, paused: after.pause });
    else ctx.line(resumed(ctx, before, after));
    return EXIT.ok;
  }
  const before = (await client.fleet()).groups;
  const answer = await client.resumeAll();
  // Whoever paused one group on its own meant that one.
  const after = (await client.fleet()).groups;
  const still = after.filter((g) => g.pause !== null);
  const pauses = (groups: readonly Status[]): string => JSON.stringify(groups.map((g) => [g.group, g.pause]));
  const changed = before.length === 0 || pauses(before) !== pauses(after);
  if (ctx.globals.json) ctx.document({ ...answer, group });
  else ctx.line(changed ? 'The pause of all groups is over.' : 'The installation as a whole was not paused.');
  for (const g of still) if (g.pause !== null) ctx.note(`${g.group} stays ${pauseText(ctx, g.pause)}.   drover resume ${g.group}`);
  return EXIT.ok;
};

/** A pause that is still in force once the group's own is gone is that of the whole installation. */
function resumed(ctx: Context, before: Status, after: Status): string {
  const { group } = after;
  if (after.pause !== null)
    return `${group} has no pause of its own any more, but the whole installation is ${pauseText(ctx, after.pause)}.   drover resume --all`;
  const frozen = after.state === 'frozen' ? ` It is frozen, though.   drover groups unfreeze ${group}` : '';
  return `${before.pause === null ? `${group} was not paused.` : `${group} goes on.`}${frozen}`;
}
