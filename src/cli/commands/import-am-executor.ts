import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ImportedScript } from '../../app/import/importers.ts';
import { CliError, usageError } from '../cli-error.ts';
import { invalidConfig } from '../config-report.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { Input } from '../input.ts';
import { writeNew } from '../write-new.ts';

const GROUP = /^(?!constructor$)[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

export const importAmExecutor: Run = async (ctx, input) => {
  const { importAmExecutor: convert, readForeignText, scriptPath } = await import('../../app/import/importers.ts');
  const shown = input.need(0);
  const path = ctx.path(shown);
  const out = input.text('out');
  if (out !== null && existsSync(ctx.path(out)))
    throw new CliError(EXIT.refused, 'exists', `${out} is there already; it is not overwritten`, ['choose another name with --out']);
  const group = input.text('group');
  if (group !== null && !GROUP.test(group)) throw usageError('--group: a group is named with a-z, 0-9 and -, starting with a letter, at most 40');
  const given = input.text('script');
  const script = async (command: { cmd: string; args: readonly string[] }): Promise<ImportedScript | null> => {
    if (given !== null) return { shown: given, text: await readForeignText(ctx.path(given)) };
    const name = scriptPath(command);
    const at = resolve(dirname(path), name);
    return name.includes('/') && existsSync(at) ? { shown: name, text: await readForeignText(at) } : null;
  };
  const result = await convert({ file: { shown, text: await readForeignText(path) }, script, options: await optionsOf(ctx, input, group) });
  if (!result.ok) {
    const [first = '', ...more] = result.reasons;
    throw new CliError(
      EXIT.refused,
      'import',
      more.length === 0 ? first : `${result.reasons.length} things stand in the way`,
      more.length === 0 ? [] : result.reasons,
    );
  }
  const target = out ?? 'drover.yaml';
  const { checkConfigText } = await import('../../app/cli-config.ts');
  const read = await checkConfigText(result.text, ctx.path(target), target, existsSync);
  if (!read.ok) throw await invalidConfig(ctx, read.diagnostics, result.text, target);
  if (out !== null) await writeNew(ctx.path(out), result.text, out);
  if (ctx.globals.json)
    ctx.document({
      schema: 'drover.import/v1',
      file: out,
      group: result.group,
      warnings: result.warnings,
      not_understood: result.notUnderstood,
      text: result.text,
    });
  else if (out === null) ctx.io.stdout.write(result.text);
  else ctx.line(`Wrote ${out}, group ${result.group}.`);
  tell(ctx, 'warning', result.warnings.length, 'its comments say what is different from here on');
  tell(ctx, 'line', result.notUnderstood.length, 'of the script not understood; they stand in its comments');
  return EXIT.ok;
};

function tell(ctx: Context, what: string, count: number, why: string): void {
  if (count > 0) ctx.note(`${count} ${what}${count === 1 ? '' : 's'}: ${why}.`);
}

async function optionsOf(ctx: Context, input: Input, group: string | null) {
  const { linodeCliDefaults, readForeignText } = await import('../../app/import/importers.ts');
  const cliFile = input.text('linodeCli');
  const id = (name: string, flag: string): string | null => {
    const text = input.text(name);
    if (text !== null && !/^[1-9]\d{0,14}$/.test(text)) throw usageError(`--${flag} is the number of it, not \`${text}\``);
    return text;
  };
  return {
    group,
    cloud: input.text('cloud') ?? 'linode',
    min: input.count('min', 0, 100_000),
    max: input.count('max', 1, 100_000),
    nodebalancer: id('nodebalancer', 'nodebalancer'),
    configId: id('configId', 'config-id'),
    template: { region: input.text('region'), type: input.text('type'), image: input.text('image') },
    cli: cliFile === null ? { region: null, type: null, image: null } : linodeCliDefaults(await readForeignText(ctx.path(cliFile))),
    keepScript: input.flag('keepScript'),
  };
}
