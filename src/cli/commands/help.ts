import { nearest } from '../../app/cli-parts.ts';
import { CliError } from '../cli-error.ts';
import { COMMANDS, GLOBAL_OPTIONS, SECTIONS } from '../command-table.ts';
import type { Context, Run } from '../context.ts';
import { EXIT, EXIT_MEANINGS } from '../exit-codes.ts';
import { helpOf } from '../program.ts';
import { ROOT_HELP } from '../root-help.ts';

export const help: Run = async (ctx, input) => {
  if (ctx.globals.json) {
    const commands = COMMANDS.map((c) => ({
      name: c.name,
      args: c.args,
      summary: c.summary,
      options: (c.options ?? []).map(([flags, summary]) => ({ flags, summary })),
    }));
    ctx.document({ schema: 'drover.help/v1', commands, options: GLOBAL_OPTIONS.map(([flags, summary]) => ({ flags, summary })) });
    return EXIT.ok;
  }
  if (input.flag('all')) printAll(ctx);
  else if (input.args.length === 0) ctx.io.stdout.write(ROOT_HELP);
  else ctx.io.stdout.write(topic(ctx, input.args));
  return EXIT.ok;
};

function topic(ctx: Context, words: readonly string[]): string {
  const text = helpOf(words, ctx.io.stdout.columns);
  if (text !== null) return text;
  const asked = words.join(' ');
  const near = nearest(
    asked,
    COMMANDS.flatMap((c) => [c.name, c.name.split(' ')[0] ?? '']),
  );
  throw new CliError(EXIT.usage, 'usage', `there is no help on \`${asked}\``, [
    near === null ? 'all commands:  drover help --all' : `did you mean \`drover help ${near}\`?`,
  ]);
}

function printAll(ctx: Context): void {
  for (const section of SECTIONS) {
    ctx.line(ctx.paint('bold', section.title));
    ctx.table(
      [{ title: '' }, { title: '' }],
      section.commands.map((c) => [`  ${c.name}${c.args === '' ? '' : ` ${c.args}`}`, c.summary]),
    );
    ctx.line();
  }
  ctx.line(ctx.paint('bold', 'Options of every command'));
  ctx.table(
    [{ title: '' }, { title: '' }],
    GLOBAL_OPTIONS.map(([flags, summary]) => [`  ${flags}`, summary]),
  );
  ctx.line();
  ctx.line(ctx.paint('bold', 'Exit codes'));
  ctx.table(
    [{ title: '', align: 'right' }, { title: '' }],
    EXIT_MEANINGS.map(([code, meaning]) => [`  ${code}`, meaning]),
  );
}
