import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { countOf } from '../input.ts';

export const victims: Run = async (ctx, input) => {
  const n = input.arg(1);
  const answer = await (await ctx.client()).victims({ group: input.need(0), count: n === null ? 1 : countOf(n, 'N', 1, 1000) });
  if (ctx.globals.json) ctx.document(answer);
  else if (answer.victims.length === 0) ctx.note('Nobody would go.');
  else
    ctx.table(
      [{ title: 'FIRST', align: 'right' }, { title: 'INSTANCE' }, { title: 'WHY' }],
      answer.victims.map((v, i) => [String(i + 1), v.instance, v.why]),
    );
  return EXIT.ok;
};
