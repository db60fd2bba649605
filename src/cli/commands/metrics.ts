import { formatNumber } from '../../app/cli-parts.ts';
import { CliError, usageError } from '../cli-error.ts';
import { checkFile, invalidConfig } from '../config-report.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { type Reading, readingRow, remark } from '../reading-text.ts';

const COLUMNS = [{ title: 'GROUP' }, { title: 'METRIC' }, { title: 'VALUE', align: 'right' }, { title: 'AGE', align: 'right' }, { title: '' }] as const;

export const list: Run = async (ctx, input) => {
  const group = input.arg(0);
  const client = await ctx.client();
  const groups = group === null ? (await client.fleet()).groups : [await client.group({ group })];
  const rows = groups.flatMap((g) => Object.entries(g.readings).map(([metric, reading]) => ({ group: g.group, metric, reading })));
  if (ctx.globals.json) ctx.document({ schema: 'drover.metrics/v1', metrics: rows });
  else if (ctx.globals.plain)
    ctx.table(
      [],
      rows.map((r) => plainReading(r.group, r.metric, r.reading)),
    );
  else if (rows.length === 0) ctx.note('No metric has been read yet.');
  else
    ctx.table(
      COLUMNS,
      rows.map((r) => [r.group, ...readingRow(ctx, r.metric, r.reading)]),
    );
  return EXIT.ok;
};

function plainReading(group: string, metric: string, r: Reading): string[] {
  return [
    group,
    metric,
    r.value === null ? '' : String(r.value),
    r.age_s === null ? '' : String(r.age_s),
    r.kind === 'missing' ? `missing:${r.missing ?? ''}` : 'value',
    r.detail ?? '',
  ];
}

export const test: Run = async (ctx, input) => {
  const answer = await (await ctx.client()).metric({ group: input.need(0), metric: input.need(1) });
  if (ctx.globals.json) ctx.document(answer);
  else if (ctx.globals.plain) ctx.table([], [plainReading(answer.group, answer.metric, answer.reading)]);
  else ctx.table(COLUMNS, [[answer.group, ...readingRow(ctx, answer.metric, answer.reading)]]);
  return answer.reading.kind === 'missing' ? EXIT.problem : EXIT.ok;
};

/** Asks the source itself, with the credentials of the file: no controller is needed. */
export const query: Run = async (ctx, input) => {
  const [name, text] = [input.need(0), input.need(1)];
  const file = ctx.configFile(null);
  const { read, text: source } = await checkFile(file.path, file.shown);
  if (!read.ok) throw await invalidConfig(ctx, read.diagnostics, source, file.shown);
  const { readSource } = await import('../../app/probe-world.ts');
  const found = await readSource(read.config, file.path, name, queryOf(text), ctx.globals.timeoutMs);
  if (found.kind === 'no-source') {
    const names = Object.keys(read.config.sources);
    throw new CliError(EXIT.notFound, 'no-such-source', `${file.shown} has no source ${name}`, [`there are: ${names.join(', ') || 'none'}`]);
  }
  if (found.kind === 'bad-query') throw usageError(`the source ${name} does not take this query: ${found.message}`);
  const { reading, remarks } = found;
  if (ctx.globals.json) ctx.document({ schema: 'drover.query/v1', source: name, query: queryOf(text), reading, remarks });
  else print(ctx, name, reading);
  for (const each of remarks) ctx.note(`warn: ${each}`);
  return reading.kind === 'missing' ? EXIT.problem : EXIT.ok;
};

function queryOf(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A PromQL selector may begin with a brace.
    return text;
  }
}

function print(ctx: Context, source: string, r: Reading): void {
  if (ctx.globals.plain) {
    ctx.table([], [plainReading('', source, r)]);
    return;
  }
  if (r.kind === 'missing') {
    ctx.line(`missing (${r.missing}): ${r.detail}`);
    return;
  }
  const more = remark(r);
  ctx.line(`${formatNumber(r.value ?? Number.NaN)}${r.age_s === null ? '' : `   ${formatNumber(r.age_s)} s old`}${more === '' ? '' : `   ${more}`}`);
}
