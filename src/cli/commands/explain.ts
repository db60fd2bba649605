import { CliError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

export const explain: Run = async (ctx, input) => {
  const { explainSubject } = await import('../../app/explain-subject.ts');
  const subject = input.need(0);
  const found = await explainSubject(subject);
  if (found.kind === 'unknown') {
    throw new CliError(EXIT.notFound, 'no-such-subject', `there is no field and no code \`${subject}\``, [
      found.suggestion === null
        ? 'codes look like E0104 or HOLD_QUIET, fields like limits.scale_in.after_quiet'
        : `did you mean \`drover explain ${found.suggestion}\`?`,
    ]);
  }
  if (ctx.globals.json) {
    ctx.document({ schema: 'drover.explain/v1', ...found });
    return EXIT.ok;
  }
  if (found.kind === 'field') printField(ctx, found.field);
  else if (found.kind === 'reason') printReason(ctx, found.reason);
  else printError(ctx, found.error);
  return EXIT.ok;
};

type Subject = Awaited<ReturnType<typeof import('../../app/explain-subject.ts').explainSubject>>;

function facts(ctx: Context, rows: readonly (readonly [string, string])[]): void {
  for (const [name, value] of rows) ctx.line(`  ${name.padEnd(9)} ${value}`);
}

function printField(ctx: Context, f: Extract<Subject, { kind: 'field' }>['field']): void {
  ctx.line(ctx.paint('bold', f.path));
  ctx.line('');
  ctx.line(`  ${f.description}`);
  ctx.line('');
  const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  facts(ctx, [
    ['type', f.type],
    ...(f.values.length > 0 ? [['values', f.values.join(', ')] as const] : []),
    [
      f.required ? 'required' : 'default',
      f.required ? (f.oneOf.length > 0 ? `one of ${f.oneOf.join(', ')}` : 'yes') : f.default === undefined ? 'none' : written(f.default),
    ],
    ...(f.example === undefined ? [] : [['example', written(f.example)] as const]),
  ]);
  if (f.fields.length === 0) return;
  ctx.line('');
  ctx.table(
    [{ title: '  FIELD' }, { title: '' }],
    f.fields.map((each) => [`  ${each.name}`, each.description]),
  );
}

function printReason(ctx: Context, r: Extract<Subject, { kind: 'reason' }>['reason']): void {
  const kinds = { move: 'a reason to change the size', hold: 'a reason to hold', limit: 'a limit', blocked: 'something in the way' } as const;
  ctx.line(`${ctx.paint('bold', r.code)}   ${kinds[r.kind]}`);
  ctx.line('');
  ctx.line(`  ${r.summary}`);
  if (r.guard === null) return;
  ctx.line(`  ${r.guard.meaning}`);
  ctx.line('');
  facts(ctx, [
    ...r.guard.keys.map((key) => ['key', `${key}   drover explain ${key}`] as const),
    ...(r.guard.default === null ? [] : [['default', r.guard.default] as const]),
  ]);
}

function printError(ctx: Context, e: Extract<Subject, { kind: 'error' }>['error']): void {
  ctx.line(`${ctx.paint('bold', `${e.severity}[${e.code}]`)}: ${e.title}`);
  ctx.line('');
  ctx.line(`  ${e.explanation}`);
  const piece = (title: string, text: string): void => {
    ctx.line('');
    ctx.line(`  ${title}${e.where === 'group' ? ', in a group' : ''}:`);
    for (const line of text.trimEnd().split('\n')) ctx.line(`    ${line}`);
  };
  piece('wrong', e.wrong);
  piece('right', e.right);
}
