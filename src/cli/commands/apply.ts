import { diagnosticOf, invalidConfig } from '../config-report.ts';
import { confirmNames, confirmYes } from '../confirm.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { askPlan, printPlan, readFileToApply } from './plan.ts';

export const apply: Run = async (ctx, input) => {
  const { shown, text } = await readFileToApply(ctx, input.arg(0));
  const client = await ctx.client();
  const plan = await askPlan(ctx, text);
  if (!plan.valid) throw await invalidConfig(ctx, plan.problems.map(diagnosticOf), text, shown);
  const quiet = ctx.globals.json;
  if (!quiet) await printPlan(ctx, plan, shown, text);
  if (plan.changes.length === 0) {
    if (quiet) ctx.document({ ...plan, schema: 'drover.config-applied/v1', applied: false });
    return EXIT.ok;
  }
  if (plan.confirm.length > 0) {
    const many = plan.effects.reduce((sum, e) => sum + e.removals, 0);
    await confirmNames(ctx, `This deletes ${many} running instance${many === 1 ? '' : 's'} of ${plan.confirm.join(', ')}.`, plan.confirm);
  } else await confirmYes(ctx, `Apply ${plan.changes.length} change${plan.changes.length === 1 ? '' : 's'}`);
  const applied = await client.applyConfig({ text, confirm: [...plan.confirm] });
  // The controller writes the file it was started with, wherever the text came from.
  const { file } = await client.config();
  if (quiet) ctx.document({ ...applied, file });
  else if (!ctx.globals.plain) ctx.line(`Applied: ${applied.next}${file === null ? '' : `, written to ${file}`}.`);
  return EXIT.ok;
};
