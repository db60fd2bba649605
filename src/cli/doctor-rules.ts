import type { ForeignText, ForeignTexts, RuleFinding } from '../app/lint-rules/lint-rules.ts';
import { usageError } from './cli-error.ts';
import { paintFor } from './config-report.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { Input } from './input.ts';

/** `doctor --rules`: the files of others alone. No configuration, no controller. */
export async function doctorRules(ctx: Context, input: Input): Promise<number> {
  const { lintRules, printFinding } = await import('../app/lint-rules/lint-rules.ts');
  const rules = input.many('rules');
  if (rules.length === 0) throw usageError('--rules names the file with the rules; the others are looked at together with it');
  if (input.arg(0) !== null) throw usageError('with --rules no configuration file is looked at');
  const texts = await readAll(ctx, input, rules);
  const findings = lintRules(texts);
  const failures = findings.filter((f) => f.severity === 'error').length;
  const warnings = findings.length - failures;
  if (ctx.globals.json) ctx.document({ schema: 'drover.doctor/v1', ok: failures === 0, failures, warnings, findings: findings.map(entryOf) });
  else if (ctx.globals.plain)
    ctx.table(
      [],
      findings.map(entryOf).map((f) => [f.status, f.subject, f.text, f.at]),
    );
  else {
    const paint = paintFor(ctx, ctx.io.stdout);
    for (const finding of findings) ctx.line(`${printFinding(finding, texts, paint)}\n`);
    ctx.line(`${failures} failure${failures === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}.`);
  }
  return failures === 0 ? EXIT.ok : EXIT.problem;
}

async function readAll(ctx: Context, input: Input, rules: readonly string[]): Promise<ForeignTexts> {
  const { readForeignText } = await import('../app/lint-rules/lint-rules.ts');
  const read = (shown: string): Promise<ForeignText> => readForeignText(ctx.path(shown), shown);
  const one = async (option: string): Promise<ForeignText | null> => {
    const shown = input.text(option);
    return shown === null ? null : read(shown);
  };
  return {
    rules: await Promise.all(rules.map(read)),
    alertmanager: await one('alertmanager'),
    prometheus: await one('prometheus'),
    executor: await one('executor'),
  };
}

/** The fields of every finding of doctor. */
function entryOf(f: RuleFinding) {
  return {
    status: f.severity === 'error' ? 'FAIL' : 'warn',
    subject: f.code,
    text: f.message,
    more: [f.label, ...f.help.split('\n')],
    at: `${f.file}:${f.line}:${f.column}`,
  };
}
