import { confirmNames, confirmYes } from '../confirm.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { pauseText } from '../group-state.ts';

export const list: Run = async (ctx) => {
  const answer = await (await ctx.client()).groups();
  if (ctx.globals.json) ctx.document(answer);
  else if (answer.groups.length === 0 && !ctx.globals.plain) ctx.note('No groups yet.');
  else {
    ctx.table(
      [
        { title: 'GROUP' },
        { title: 'CLOUD' },
        { title: 'MODE' },
        { title: 'STATE' },
        { title: 'SERVING', align: 'right' },
        { title: 'TARGET', align: 'right' },
        { title: '' },
      ],
      answer.groups.map((g) => [g.group, g.cloud, g.mode, g.state, String(g.serving), String(g.target), g.managed ? '' : 'not in the file']),
    );
  }
  return EXIT.ok;
};

export const show: Run = async (ctx, input) => {
  const answer = await (await ctx.client()).spec({ group: input.need(0) });
  if (ctx.globals.json) {
    ctx.document(answer);
    return EXIT.ok;
  }
  const rows = flatten(answer.spec).map(([key, value]) => [key, value, answer.written[writtenAs(key)] ?? answer.written[key] ?? 'default']);
  ctx.table([{ title: 'KEY' }, { title: 'VALUE' }, { title: 'WRITTEN' }], rows);
  return EXIT.ok;
};

/** The key as it is written in a file. */
function writtenAs(key: string): string {
  return key
    .replace(/_ms$/, '')
    .replace(/\.(count|fraction)$/, '')
    .replace(/^health\.check\..*/, 'health')
    .replace(/^template\.options\./, 'template.');
}

function flatten(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, v]) => flatten(v, path === '' ? key : `${path}.${key}`));
  }
  return [[path, typeof value === 'string' ? value : JSON.stringify(value)]];
}

export const remove: Run = async (ctx, input) => {
  const group = input.need(0);
  const client = await ctx.client();
  const { running } = await client.group({ group });
  const drain = input.flag('drain');
  if (drain) await confirmNames(ctx, `This drains and deletes the ${running} machine${running === 1 ? '' : 's'} of ${group}.`, [group]);
  else if (running > 0)
    await confirmYes(
      ctx,
      `The ${running} machine${running === 1 ? '' : 's'} of ${group} stay and cost on, and nobody looks after them any more. Remove the group`,
    );
  else await confirmYes(ctx, `Remove ${group}`);
  const answer = await client.removeGroup({ group, drain, confirm: drain ? group : null });
  if (ctx.globals.json) ctx.document({ ...answer, group });
  else ctx.line(drain ? `${group} is drained, deleted, and then archived.` : `${group} is archived.`);
  return EXIT.ok;
};

export const unfreeze: Run = async (ctx, input) => {
  const group = input.need(0);
  const client = await ctx.client();
  const before = await client.group({ group });
  // A group that is not in the file any more shows that first; what froze it is then its problem.
  const frozen = before.state === 'frozen' || (before.state === 'unmanaged' && before.problem !== null);
  const answer = await client.unfreeze({ group });
  if (ctx.globals.json) ctx.document({ ...answer, group });
  else if (!frozen) ctx.line(`${group} was not frozen.`);
  else if (before.pause !== null) ctx.line(`${group} is frozen no more, but it is ${pauseText(ctx, before.pause)}.`);
  else ctx.line(`${group} goes on.`);
  return EXIT.ok;
};
