import type { Reply } from '../../api/contract.ts';
import { DriverError } from '../../app/cli-parts.ts';
import { CliError } from '../cli-error.ts';
import { checkFile, diagnosticOf, invalidConfig, paintFor, problemOf } from '../config-report.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { heldBy } from '../group-state.ts';

export type Plan = Reply<'planConfig'>;

export const plan: Run = async (ctx, input) => {
  const { shown, text } = await readFileToApply(ctx, input.arg(0));
  const document = (await planHere(ctx, text)) ?? (await planAlone(ctx, input.arg(0)));
  if (!document.valid) throw await invalidConfig(ctx, document.problems.map(diagnosticOf), text, shown);
  if (ctx.globals.json) ctx.document(document);
  else await printPlan(ctx, document, shown, text);
  return document.changes.length > 0 && input.flag('exitCode') ? EXIT.changes : EXIT.ok;
};

/** The text of the file that is meant. */
export async function readFileToApply(ctx: Context, given: string | null): Promise<{ readonly shown: string; readonly text: string }> {
  const { path, shown } = ctx.configFile(given);
  const { readConfigFile } = await import('../../app/cli-config.ts');
  const text = await readConfigFile(path).catch((e: unknown) => {
    throw e instanceof DriverError && e.code === 'not-found'
      ? new CliError(EXIT.notFound, 'no-config', `there is no ${shown}`, ['write a first one:  drover init'])
      : e;
  });
  return { shown, text };
}

/** The controller's plan; what it does at once says so where a group is paused or frozen. */
export async function askPlan(ctx: Context, text: string): Promise<Plan> {
  const client = await ctx.client();
  const plan = await client.planConfig({ text });
  if (plan.effects.length === 0) return plan;
  const { groups } = await client.fleet();
  const effects = plan.effects.map((effect) => {
    const group = groups.find((g) => g.group === effect.group);
    const held = group === undefined ? null : heldBy(ctx, group);
    return held === null ? effect : { ...effect, text: `${effect.text}, ${held}` };
  });
  return { ...plan, effects };
}

/** Null: nobody named a controller and none is here. */
async function planHere(ctx: Context, text: string): Promise<Plan | null> {
  const named = ctx.globals.server !== null || ctx.globals.context !== null || Boolean(ctx.io.env['DROVER_URL']);
  try {
    return await askPlan(ctx, text);
  } catch (e) {
    if (!named && e instanceof CliError && e.code === 'no-controller') return null;
    throw e;
  }
}

/** Before the first start: everything in the file is new. */
async function planAlone(ctx: Context, given: string | null): Promise<Plan> {
  const { path, shown } = ctx.configFile(given);
  const { describeFirst } = await import('../../app/cli-config.ts');
  const { read } = await checkFile(path, shown);
  const empty = { schema: 'drover.config-plan/v1', running: null, effects: [], confirm: [] } as const;
  if (!read.ok) return { ...empty, effects: [], confirm: [], next: null, valid: false, problems: read.diagnostics.map(problemOf), changes: [] };
  ctx.note('No controller runs here yet: this is what a first start would have.');
  // What the controller itself takes by default is no news at a first start.
  const changes = describeFirst(read.config).filter((c) => c.group !== null);
  return {
    ...empty,
    confirm: [],
    next: read.config.hash,
    valid: true,
    problems: read.config.warnings.map(problemOf),
    // The same JSON; only the readonly marks differ.
    changes: changes.map(({ kind, group, key, before, after, text }) => ({ kind, group, key, before, after, text })) as Plan['changes'],
    effects: read.config.groups
      .filter((g) => g.mode === 'act' && (g.initial ?? g.min) > 0)
      .map((g) => ({ group: g.name, launches: g.initial ?? g.min, removals: 0, text: `${g.name}: launches ${g.initial ?? g.min} to begin with` })),
  };
}

/** The changes, what they do at once, the tally. */
export async function printPlan(ctx: Context, document: Plan, shown: string, text: string): Promise<void> {
  const { printDiagnostics, printPlanned } = await import('../../app/cli-config.ts');
  const warnings = document.problems.map(diagnosticOf).map((d) => ({ ...d, file: shown }));
  if (warnings.length > 0) ctx.note(`${printDiagnostics(warnings, text, paintFor(ctx, ctx.io.stderr))}\n`);
  if (ctx.globals.plain) {
    for (const c of document.changes) ctx.line([c.kind, c.group ?? '', c.key, JSON.stringify(c.before), JSON.stringify(c.after)].join('\t'));
    return;
  }
  if (document.changes.length === 0) {
    ctx.line(`No changes: the controller runs this configuration${document.running === null ? '' : ` (${document.running})`}.`);
    return;
  }
  ctx.line(`${shown} against ${document.running === null ? 'nothing' : `the running configuration ${document.running}`}`);
  ctx.line('');
  const removals = document.effects.reduce((sum, e) => sum + e.removals, 0);
  const [body, tally] = printPlanned(document.changes, removals);
  for (const line of body) ctx.line(line.startsWith('  !') ? ctx.paint('red', line) : line);
  ctx.line('');
  if (document.effects.length === 0) ctx.line('  now   nothing created, nothing deleted');
  for (const effect of document.effects) ctx.line(`  now   ${effect.text}`);
  ctx.line('');
  ctx.line(tally);
}
