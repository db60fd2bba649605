import { CliError } from '../cli-error.ts';
import { checkFile, invalidConfig } from '../config-report.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const configShow: Run = async (ctx, input) => {
  if (input.flag('expanded')) return expanded(ctx);
  const answer = await (await ctx.client()).config();
  if (ctx.globals.json) {
    ctx.document(answer);
    return EXIT.ok;
  }
  ctx.io.stdout.write(answer.text.endsWith('\n') ? answer.text : `${answer.text}\n`);
  ctx.note(`${answer.file ?? 'no file'}, hash ${answer.hash ?? '-'}, loaded ${ctx.time(answer.loaded)}`);
  if (answer.error !== null) ctx.note(`drover: a newer file is not used: ${answer.error}`);
  return EXIT.ok;
};

/** Of what runs where there is a controller, else of the file. */
const expanded = async (ctx: Parameters<Run>[0]): Promise<number> => {
  const { checkConfigText, expandedJson, printExpanded } = await import('../../app/cli-config.ts');
  const file = ctx.configFile(null);
  const running = await ctx.client().then(
    async (client) => client.config(),
    (e: unknown) => {
      if (e instanceof CliError && e.code === 'no-controller') return null;
      throw e;
    },
  );
  const shown = running?.file ?? file.shown;
  // The files it names are of the controller's machine; whether they exist is not asked here.
  const checked =
    running === null ? await checkFile(file.path, shown) : { text: running.text, read: await checkConfigText(running.text, file.path, shown, () => true) };
  if (!checked.read.ok) throw await invalidConfig(ctx, checked.read.diagnostics, checked.text, shown);
  const { config } = checked.read;
  if (ctx.globals.json) ctx.document({ schema: 'drover.expanded/v1', hash: config.hash, file: shown, ...expandedJson(config.expanded) });
  else ctx.io.stdout.write(printExpanded(config.expanded));
  return EXIT.ok;
};
