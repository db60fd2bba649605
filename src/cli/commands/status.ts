import type { Client } from '../../api/client.ts';
import type { Reply } from '../../api/contract.ts';
import { formatDuration } from '../../app/cli-parts.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { demandText, doing, glyphOf, pauseText, type Status } from '../group-state.ts';
import { readingRow } from '../reading-text.ts';
import { watch } from '../watch.ts';

export const status: Run = async (ctx, input) => {
  const group = input.arg(0);
  if (group !== null && input.flag('problems')) throw usageError('--problems is about all groups; leave the group out');
  const emit = (document: object): void => (input.flag('watch') ? ctx.jsonLine(document) : ctx.document(document));
  const show = async (): Promise<number> => {
    const client = await ctx.client();
    if (group !== null) {
      const document = await client.group({ group });
      if (ctx.globals.json) emit(document);
      else if (ctx.globals.plain) printFleet(ctx, [document]);
      else printGroup(ctx, document);
      return document.problem === null ? 0 : 1;
    }
    const fleet = await client.fleet();
    const groups = input.flag('problems') ? fleet.groups.filter((g) => g.problem !== null) : fleet.groups;
    const refused = await refusedFile(client);
    if (ctx.globals.json) emit({ ...fleet, groups, config_error: refused });
    else printFleet(ctx, groups);
    if (!ctx.globals.json && !ctx.globals.plain) printFooter(ctx, fleet, groups.length, refused === null);
    if (refused !== null && !ctx.globals.json) ctx.note(`${ctx.globals.plain ? '' : '\n'}A newer file on disk is not used: ${refused}   drover validate`);
    return fleet.problems + (refused === null ? 0 : 1);
  };
  if (input.flag('watch')) {
    if (input.flag('check')) throw usageError('--watch and --check exclude each other');
    return watch(ctx, show);
  }
  const problems = await show();
  return problems > 0 && input.flag('check') ? EXIT.problem : EXIT.ok;
};

/** What is wrong with the newest file, when an older one runs; null too for whoever may not read the configuration. */
async function refusedFile(client: Client): Promise<string | null> {
  try {
    return (await client.config()).error;
  } catch (e) {
    if (e instanceof CliError && e.exit === EXIT.notAllowed) return null;
    throw e;
  }
}

/** Groups that need somebody come first. */
function inOrder(groups: readonly Status[]): Status[] {
  return [...groups].sort((a, b) => Number(a.problem === null) - Number(b.problem === null) || (a.group < b.group ? -1 : 1));
}

function printFleet(ctx: Context, groups: readonly Status[]): void {
  if (ctx.globals.plain) {
    ctx.table(
      [],
      inOrder(groups).map((s) => [
        s.group,
        s.state,
        ...[s.serving, s.target, s.min, s.max].map(String),
        demandText(s.demand),
        String(s.wanted),
        String(s.running),
        doing(ctx, s),
      ]),
    );
    return;
  }
  if (groups.length === 0) return;
  ctx.table(
    [
      { title: '' },
      { title: 'GROUP' },
      { title: 'STATE' },
      { title: 'SERVING', align: 'right' },
      { title: 'TARGET', align: 'right' },
      { title: 'RANGE', align: 'right' },
      { title: 'DEMAND', align: 'right' },
      { title: 'DOING' },
    ],
    inOrder(groups).map((s) => [
      glyphOf(s.state),
      s.group,
      s.state,
      String(s.serving),
      String(s.target),
      `${s.min}-${s.max}`,
      demandText(s.demand),
      s.problem === null ? doing(ctx, s) : { text: doing(ctx, s), colour: 'red' },
    ]),
  );
}

function printFooter(ctx: Context, fleet: Reply<'fleet'>, shown: number, fileUsed: boolean): void {
  const all = fleet.groups.length;
  if (all === 0) {
    ctx.line('No groups yet. Write one under `groups` in drover.yaml; `drover explain groups` tells how.');
    return;
  }
  if (fleet.problems === 0) {
    if (shown === 0 && fileUsed) ctx.line('Nothing needs you.');
    return;
  }
  const first = inOrder(fleet.groups)[0]?.group ?? '';
  ctx.line('');
  ctx.line(`${fleet.problems} of ${all} group${all === 1 ? '' : 's'} need${fleet.problems === 1 ? 's' : ''} you.   drover why ${first}`);
}

function printGroup(ctx: Context, s: Reply<'group'>): void {
  const { text, colour } = glyphOf(s.state);
  ctx.line(
    `${ctx.paint(colour, text)} ${ctx.paint('bold', s.group)}  ${s.state}${s.mode === 'observe' ? ', observe mode' : ''}${s.managed ? '' : ', not in the file'}`,
  );
  ctx.line('');
  ctx.line(`  ${s.sentence}`);
  if (s.problem !== null) ctx.line(`  ${ctx.paint('red', s.problem)}`);
  ctx.line('');
  const ago = (iso: string | null): string => {
    if (iso === null) return 'never';
    return `${ctx.time(iso)}, ${formatDuration(Math.max(0, ctx.clock.wall() - Date.parse(iso)))} ago`;
  };
  const rows: [string, string][] = [
    ['wanted', `${s.wanted}   by the policies${s.demand === null ? '' : `, demand ${demandText(s.demand)}`}`],
    ['target', `${s.target}   within ${s.min}-${s.max}`],
    [
      'running',
      `${s.running}   ${Object.entries(s.states)
        .map(([state, n]) => `${n} ${state}`)
        .join(', ')}`.trimEnd(),
    ],
    ['serving', String(s.serving)],
    ['cloud', s.cloud],
    ['evaluated', ago(s.last_evaluated)],
    ...(s.pause === null ? [] : [['pause', pauseText(ctx, s.pause)] as [string, string]]),
    ...s.manual.map((m): [string, string] => [m.kind, `${m.size}   by ${m.by} ${m.until === null ? 'until cleared' : `until ${ctx.time(m.until)}`}`]),
  ];
  for (const [name, value] of rows) ctx.line(`  ${name.padEnd(10)} ${value}`);
  const readings = Object.entries(s.readings);
  if (readings.length > 0) {
    ctx.line('');
    ctx.table(
      [{ title: '  METRIC' }, { title: 'VALUE', align: 'right' }, { title: 'AGE', align: 'right' }, { title: '' }],
      readings.map(([name, r]) => readingRow(ctx, `  ${name}`, r)),
    );
  }
  if (s.decision !== null) ctx.line(`\ndrover why ${s.group}`);
}
