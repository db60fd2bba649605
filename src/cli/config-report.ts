import { existsSync } from 'node:fs';
import type { Reply } from '../api/contract.ts';
import type { CheckedFile, Diagnostic, Paint } from '../app/cli-config.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { Output } from './io.ts';
import { ansiPaint, safe } from './text.ts';

export type Problem = Reply<'validateConfig'>['problems'][number];

/** Reads and checks a file of this machine. */
export async function checkFile(path: string, shown: string): Promise<CheckedFile> {
  const { checkConfigFile } = await import('../app/cli-config.ts');
  return checkConfigFile(path, shown, existsSync);
}

/** Colours of the diagnostics on a stream. */
export function paintFor(ctx: Context, stream: Output): Paint {
  if (!ctx.coloured(stream)) return (_, text) => text;
  const colours = { error: 'red', warning: 'yellow', frame: 'blue', strong: 'bold', second: 'blue' } as const;
  return (kind, text) => ansiPaint(colours[kind], text);
}

/** As the API tells them, in the form of our own diagnostics. */
export function diagnosticOf(p: Problem): Diagnostic {
  const { end_column, suggestion, code, ...rest } = p;
  return {
    ...rest,
    // The list of codes is closed on the controller's side; an unknown one is only printed.
    code: code as Diagnostic['code'],
    endColumn: end_column,
    ...(suggestion === null ? {} : { suggestion }),
    docs: `drover explain ${code}`,
  };
}

/** The same fields as the API's answer. */
export function problemOf(d: Diagnostic): Problem {
  return {
    code: d.code,
    severity: d.severity,
    message: d.message,
    file: d.file,
    line: d.line,
    column: d.column,
    end_column: d.endColumn,
    label: d.label,
    help: d.help,
    suggestion: d.suggestion ?? null,
  };
}

/** An invalid configuration as an error; the carets have been printed to stderr. */
export async function invalidConfig(ctx: Context, diagnostics: readonly Diagnostic[], text: string, shown: string): Promise<CliError> {
  const { printDiagnostics } = await import('../app/cli-config.ts');
  const here = diagnostics.map((d) => ({ ...d, file: shown }));
  ctx.note(`${printDiagnostics(here, text, paintFor(ctx, ctx.io.stderr))}\n`);
  const errors = here.filter((d) => d.severity === 'error').length;
  return new CliError(EXIT.invalid, 'config-invalid', `${safe(shown)} has ${errors} error${errors === 1 ? '' : 's'}`, [], { problems: here.map(problemOf) });
}
