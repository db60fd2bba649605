import { usageError } from '../cli-error.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const evaluate: Run = async (ctx, input) => {
  const set: Record<string, number> = {};
  for (const pair of input.many('set')) {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined || !Number.isFinite(Number(value))) throw usageError(`--set takes METRIC=NUMBER, not \`${pair}\``);
    set[name.trim()] = Number(value);
  }
  const decision = await (await ctx.client()).evaluate({ group: input.need(0), set });
  if (ctx.globals.json) {
    ctx.document(decision);
    return EXIT.ok;
  }
  if (ctx.globals.plain) {
    ctx.table([], [[decision.outcome, String(decision.from), String(decision.wanted), String(decision.target), decision.reason, decision.sentence]]);
    return EXIT.ok;
  }
  ctx.line(`${decision.sentence}`);
  ctx.line('');
  ctx.table(
    [{ title: '  POLICY' }, { title: 'READS' }, { title: 'WANTS', align: 'right' }, { title: '' }],
    decision.proposals.map((p) => [
      `  ${p.policy}`,
      p.error ?? p.arithmetic,
      p.wants === null ? '-' : String(p.wants),
      p.winner ? 'largest' : p.advisory ? 'shown only' : p.abstains ? 'abstains' : '',
    ]),
  );
  for (const step of [...decision.limits, ...decision.holds]) ctx.line(`  ${step.code}   ${step.from} → ${step.to}   ${step.detail}`);
  ctx.line('');
  ctx.line(`  now ${decision.from}, wanted ${decision.wanted}, would be ${decision.target}. Nothing was done.`);
  return EXIT.ok;
};
