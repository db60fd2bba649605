import { DriverError } from '../../app/cli-parts.ts';
import { CliError } from '../cli-error.ts';
import { checkFile, paintFor } from '../config-report.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const validate: Run = async (ctx, input) => {
  const names = input.args.length > 0 ? input.args : [ctx.configFile(null).shown];
  const { lspOf, printDiagnostics, tally } = await import('../../app/cli-config.ts');
  const files: { file: string; valid: boolean; diagnostics: unknown[] }[] = [];
  for (const shown of names) {
    const { text, read } = await checkFile(ctx.path(shown), shown).catch((e: unknown) => {
      throw e instanceof DriverError && e.code === 'not-found'
        ? new CliError(EXIT.notFound, 'no-config', `there is no ${shown}`, ['write a first one:  drover init'])
        : e;
    });
    const diagnostics = read.ok ? read.config.warnings : read.diagnostics;
    files.push({ file: shown, valid: read.ok, diagnostics: diagnostics.map(lspOf) });
    if (ctx.globals.json) continue;
    if (ctx.globals.plain) {
      for (const d of diagnostics) ctx.line([d.file, d.line, d.column, d.severity, d.code, d.message].join('\t'));
    } else if (!read.ok) ctx.line(printDiagnostics(diagnostics, text, paintFor(ctx, ctx.io.stdout)));
    else {
      if (diagnostics.length > 0) ctx.line(`${printDiagnostics(diagnostics, text, paintFor(ctx, ctx.io.stdout))}`);
      else ctx.line(tally([]).replace('the configuration', shown));
      const groups = read.config.groups.length;
      ctx.line(`${groups} group${groups === 1 ? '' : 's'}, hash ${read.config.hash}.`);
    }
  }
  const valid = files.every((f) => f.valid);
  if (ctx.globals.json) ctx.document({ schema: 'drover.validate/v1', valid, files });
  return valid ? EXIT.ok : EXIT.invalid;
};
