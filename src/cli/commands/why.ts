import type { Client } from '../../api/client.ts';
import type { Reply } from '../../api/contract.ts';
import { parseDuration } from '../../app/cli-parts.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

type Decision = Reply<'decisions'>['decisions'][number];
type Why = Reply<'why'>;

export const why: Run = async (ctx, input) => {
  const client = await ctx.client();
  const answer = await find(ctx, client, input.arg(0), input.text('at'));
  if (ctx.globals.json) {
    ctx.document(answer);
    return EXIT.ok;
  }
  // The controller's own text, as it is everywhere else.
  for (const line of input.flag('not') ? answer.why_not : answer.lines) ctx.line(line);
  const { count, last_at } = answer.decision;
  if (!input.flag('not') && count > 1) ctx.line(`\n  the same ${count} times in a row, last at ${ctx.time(last_at)}`);
  return EXIT.ok;
};

async function find(ctx: Context, client: Client, subject: string | null, at: string | null): Promise<Why> {
  const zone = ctx.zone();
  if (at !== null) {
    if (subject !== null && isDecision(subject)) throw usageError('--at goes with a group, not with a decision');
    const found = await decisionAt(ctx, client, subject, instantOf(at, ctx));
    return client.whyDecision({ decision: found.id, zone });
  }
  if (subject !== null) return isDecision(subject) ? client.whyDecision({ decision: subject, zone }) : client.why({ group: subject, zone });
  const { groups } = await client.groups();
  const [only, second] = groups;
  if (only !== undefined && second === undefined) return client.why({ group: only.group, zone });
  // Several groups: the newest decision that changed something, else the newest one.
  const { decisions } = await client.decisions({ limit: 200 });
  const decision = decisions.find((d) => d.outcome !== 'hold') ?? decisions[0];
  if (decision === undefined) throw new CliError(EXIT.notFound, 'no-decision', 'nothing has been decided yet');
  return client.whyDecision({ decision: decision.id, zone });
}

/** Names of groups have no underscore. */
function isDecision(subject: string): boolean {
  return subject.startsWith('d_');
}

const MOST_PAGES = 200;

/** The newest decision made at or before an instant. */
async function decisionAt(ctx: Context, client: Client, group: string | null, atMs: number): Promise<Decision> {
  let before: string | undefined;
  for (let i = 0; i < MOST_PAGES; i++) {
    const page: Reply<'decisions'> = await client.decisions({ limit: 1000, ...(group === null ? {} : { group }), ...(before === undefined ? {} : { before }) });
    const found = page.decisions.find((d) => Date.parse(d.at) <= atMs);
    if (found !== undefined) return found;
    if (page.next === null) break;
    before = page.next;
  }
  throw new CliError(EXIT.notFound, 'no-decision', `there is no decision as old as ${ctx.time(new Date(atMs).toISOString())}`);
}

/** `14:32` (the last time it was that late), a full date, or how long ago. */
export function instantOf(text: string, ctx: Pick<Context, 'clock' | 'globals'>): number {
  const now = ctx.clock.wall();
  const ago = parseDuration(text.replace(/\s*ago$/, ''));
  if (ago.ok) return now - ago.value;
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (clock !== null) {
    const [h, m, s] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 59)];
    if (h > 23 || m > 59 || s > 59) throw usageError(`--at: \`${text}\` is no time of day`);
    const day = new Date(now);
    if (ctx.globals.utc) day.setUTCHours(h, m, s, 999);
    else day.setHours(h, m, s, 999);
    // Without seconds the whole minute counts; the one that runs now is no time of yesterday.
    return day.getTime() - (clock[3] === undefined ? 59_999 : 999) > now ? day.getTime() - 86_400_000 : Math.min(day.getTime(), now);
  }
  if (/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) {
    const iso = text.replace(' ', 'T');
    const zoned = /Z|[+-]\d{2}:?\d{2}$/.test(iso.slice(10));
    const full = iso.length === 10 ? `${iso}T00:00:00` : iso;
    const atMs = Date.parse(!zoned && ctx.globals.utc ? `${full}Z` : full);
    if (!Number.isNaN(atMs)) return atMs;
  }
  throw usageError(`--at takes 14:32, 2026-11-22T14:32:07Z or 2h, not \`${text}\``);
}
