import type { Reply } from '../../api/contract.ts';
import { formatDuration } from '../../app/cli-parts.ts';
import { usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { doing } from '../group-state.ts';
import { countOf } from '../input.ts';
import { secondsOf } from '../seconds.ts';
import { waitUntil } from '../wait-until.ts';

/** How long a wish lasts without --for. */
const DEFAULT_FOR_MS = 3_600_000;
const KINDS = ['exact', 'floor', 'cap'] as const;
const WORDS = { exact: 'exactly', floor: 'at least', cap: 'at most' } as const;

export const scale: Run = async (ctx, input) => {
  const group = input.need(0);
  const n = input.arg(1);
  const clear = input.flag('clear');
  if (input.flag('floor') && input.flag('cap')) throw usageError('--floor and --cap exclude each other');
  const kind: (typeof KINDS)[number] = input.flag('floor') ? 'floor' : input.flag('cap') ? 'cap' : 'exact';
  if (clear === (n !== null)) throw usageError(clear ? 'name a size or --clear, not both' : 'name a size, or --clear');
  const duration = input.durationMs('for');
  if (clear && input.text('wait') !== null) throw usageError('--wait does not go with --clear');
  if (duration !== null && (clear || input.flag('untilCleared'))) throw usageError('--for does not go with --clear or --until-cleared');
  const waitMs = input.durationMs('wait');
  const forMs = duration ?? DEFAULT_FOR_MS;
  if (waitMs !== null && !input.flag('untilCleared') && waitMs > forMs)
    throw usageError(`--wait ${formatDuration(waitMs)} is longer than the wish lasts, ${formatDuration(forMs)}`, 'wait less, or ask for longer with --for');
  const client = await ctx.client();
  const reason = input.text('reason');
  if (clear) {
    const kinds = kind === 'exact' ? KINDS : ([kind] as const);
    let answer: Reply<'scale'> | null = null;
    for (const each of kinds) answer = await client.scale({ group, kind: each, size: null, reason });
    print(ctx, answer as Reply<'scale'>);
    return EXIT.ok;
  }
  const size = countOf(n ?? '', 'N', 0, 100_000);
  const answer = await client.scale({ group, kind, size, for_s: input.flag('untilCleared') ? null : secondsOf(forMs, '--for'), reason });
  if (waitMs !== null) {
    const served = async (): Promise<boolean> => {
      const { serving } = await client.group({ group });
      return kind === 'floor' ? serving >= size : kind === 'cap' ? serving <= size : serving === size;
    };
    await waitUntil(ctx, waitMs, `${size} of ${group} serve`, served, async () => doing(ctx, await client.group({ group })));
  }
  print(ctx, answer);
  return EXIT.ok;
};

function print(ctx: Context, answer: Reply<'scale'>): void {
  if (ctx.globals.json) {
    ctx.document(answer);
    return;
  }
  if (ctx.globals.plain) {
    ctx.table(
      [],
      answer.manual.map((m) => [answer.group, m.kind, String(m.size), m.until ?? '', m.by]),
    );
    return;
  }
  if (answer.manual.length === 0) {
    ctx.line(`${answer.group} follows its policies again.`);
    return;
  }
  for (const m of answer.manual) {
    ctx.line(
      `${answer.group}: ${WORDS[m.kind]} ${m.size} ${m.until === null ? 'until cleared' : `until ${ctx.time(m.until)}`}.   drover scale ${answer.group} --clear`,
    );
  }
}
