import type { Reply } from '../../api/contract.ts';
import { usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { Input } from '../input.ts';
import type { Colour } from '../text.ts';

type Decision = Reply<'decisions'>['decisions'][number];

const OUTCOMES = { out: 'scale_out', in: 'scale_in', replace: 'replace', blocked: 'blocked', hold: 'hold' } as const;
const GLYPHS: Readonly<Record<Decision['outcome'], readonly [string, Colour]>> = {
  scale_out: ['▲', 'blue'],
  scale_in: ['▽', 'blue'],
  replace: ['◆', 'yellow'],
  blocked: ['■', 'red'],
  hold: ['●', 'dim'],
};
const DAY_MS = 86_400_000;
const DEFAULT_LIMIT = 50;
const MOST = 100_000;

export const history: Run = async (ctx, input) => {
  const sinceMs = ctx.clock.wall() - (input.durationMs('since') ?? DAY_MS);
  const limit = input.count('limit', 1, MOST) ?? DEFAULT_LIMIT;
  const { decisions, holds, more } = await collect(ctx, input, sinceMs, limit);
  if (ctx.globals.json) {
    ctx.document({ schema: 'drover.history/v1', since: new Date(sinceMs).toISOString(), decisions, complete: !more });
    return EXIT.ok;
  }
  if (ctx.globals.plain) {
    ctx.table(
      [],
      decisions.map((d) => [d.at, d.group, d.outcome, String(d.from), String(d.target), d.reason, d.id, d.sentence]),
    );
    return EXIT.ok;
  }
  if (decisions.length > 0) {
    ctx.table(
      [{ title: 'TIME' }, { title: '' }, { title: 'GROUP' }, { title: 'TARGET' }, { title: 'ID' }, { title: 'WHY' }],
      decisions.map((d) => {
        const [text, colour] = GLYPHS[d.outcome];
        const times = d.count > 1 ? ` (${d.count} times)` : '';
        return [ctx.time(d.at), { text, colour }, d.group, d.from === d.target ? String(d.target) : `${d.from} → ${d.target}`, d.id, `${d.sentence}${times}`];
      }),
    );
  }
  const notes = [
    decisions.length === 0 ? `Nothing changed since ${ctx.time(new Date(sinceMs).toISOString())}.` : '',
    holds > 0 ? `${holds} run${holds === 1 ? '' : 's'} of holding still not shown: --only hold` : '',
    more ? 'there is more: --limit N' : '',
  ].filter((n) => n !== '');
  for (const note of notes) ctx.note(note);
  return EXIT.ok;
};

function wantedOutcomes(input: Input): ReadonlySet<string> {
  const only = input.text('only');
  if (only === null) return new Set(['scale_out', 'scale_in', 'replace', 'blocked']);
  return new Set(
    only.split(',').map((word) => {
      const outcome = Object.hasOwn(OUTCOMES, word.trim()) ? OUTCOMES[word.trim() as keyof typeof OUTCOMES] : undefined;
      if (outcome === undefined) throw usageError(`--only takes ${Object.keys(OUTCOMES).join(', ')}, not \`${word}\``);
      return outcome;
    }),
  );
}

async function collect(
  ctx: Context,
  input: Input,
  sinceMs: number,
  limit: number,
): Promise<{ readonly decisions: Decision[]; readonly holds: number; readonly more: boolean }> {
  const client = await ctx.client();
  const group = input.arg(0);
  // A group that is not there is told; the list of decisions would only be empty.
  if (group !== null) await client.group({ group });
  const wanted = wantedOutcomes(input);
  const decisions: Decision[] = [];
  let holds = 0;
  let before: string | null = null;
  for (;;) {
    const page: Reply<'decisions'> = await client.decisions({ limit: 1000, ...(group === null ? {} : { group }), ...(before === null ? {} : { before }) });
    for (const d of page.decisions) {
      if (Date.parse(d.last_at) < sinceMs) return { decisions, holds, more: false };
      if (!wanted.has(d.outcome)) holds += d.outcome === 'hold' ? 1 : 0;
      else if (decisions.length < limit) decisions.push(d);
      else return { decisions, holds, more: true };
    }
    before = page.next;
    if (before === null) return { decisions, holds, more: false };
  }
}
