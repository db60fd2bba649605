import type { Reply } from '../../api/contract.ts';
import { confirmYes } from '../confirm.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { doing, heldBy } from '../group-state.ts';
import { waitUntil } from '../wait-until.ts';
import { addressText, notesOf } from './instances-list.ts';

type Instance = Reply<'instance'>;

function tell(ctx: Context, instance: Instance, sentence: string): number {
  if (ctx.globals.json) ctx.document(instance);
  else ctx.line(sentence);
  return EXIT.ok;
}

export const show: Run = async (ctx, input) => {
  const i = await (await ctx.client()).instance({ instance: input.need(0) });
  if (ctx.globals.json) {
    ctx.document(i);
    return EXIT.ok;
  }
  const members = Object.entries(i.members).map(([balancer, ref]) => `${balancer} ${ref}`);
  const rows: readonly (readonly [string, string])[] = [
    ['instance', i.id],
    ['group', i.group],
    ['state', `${i.state} since ${ctx.time(i.since)}`],
    ['health', `${i.health} since ${ctx.time(i.health_since)}`],
    ['machine', i.machine ?? '-'],
    ['address', addressText(i)],
    ['zone', i.zone ?? '-'],
    ['members', members.join(', ') || '-'],
    ['template', i.template],
    ['created', ctx.time(i.created)],
    ['serving since', ctx.time(i.serving_since)],
    ['launched by', i.launched_by ?? '-'],
    ['replaces', i.replaces ?? '-'],
    ['removed by', i.removed_by ?? '-'],
    ['step', i.step === null ? '-' : `${i.step.kind}, try ${i.step.attempts}, next at ${ctx.time(i.step.next_try)}`],
    ['notes', notesOf(i) || '-'],
  ];
  ctx.table([{ title: '' }, { title: '' }], ctx.globals.plain ? rows : rows.filter(([, value]) => value !== '-'));
  return EXIT.ok;
};

export const drain: Run = async (ctx, input) => {
  const instance = input.need(0);
  const client = await ctx.client();
  const waitMs = input.durationMs('wait');
  let answer = await client.drain({ instance, reason: input.text('reason') });
  if (waitMs === null) return tell(ctx, answer, `${instance} leaves: drained, then deleted.   drover instances show ${instance}`);
  const gone = async (): Promise<boolean> => {
    answer = await client.instance({ instance });
    return answer.state === 'gone';
  };
  await waitUntil(ctx, waitMs, `${instance} is gone`, gone, async () => doing(ctx, await client.group({ group: answer.group })));
  return tell(ctx, answer, `${instance} is gone.`);
};

export const protect: Run = async (ctx, input) => {
  const instance = input.need(0);
  const on = !input.flag('off');
  return tell(
    ctx,
    await (await ctx.client()).protect({ instance, on }),
    on ? `${instance} is protected from every removal.` : `${instance} is no longer protected.`,
  );
};

export const standby: Run = async (ctx, input) => {
  const instance = input.need(0);
  const on = !input.flag('off');
  return tell(ctx, await (await ctx.client()).standby({ instance, on }), on ? `${instance} goes out of the balancer and is kept.` : `${instance} comes back.`);
};

export const replace: Run = async (ctx, input) => {
  const instance = input.need(0);
  const client = await ctx.client();
  const answer = await client.replace({ instance, reason: input.text('reason') });
  const held = heldBy(ctx, await client.group({ group: answer.group }));
  const sentence = `${instance} goes once its successor serves`;
  return tell(ctx, answer, held === null ? `${sentence}.` : `${sentence}; ${answer.group} launches one ${held}.`);
};

export const adopt: Run = async (ctx, input) => {
  const [group, machine] = [input.need(0), input.need(1)];
  await confirmYes(ctx, `From then on ${machine} is a machine of ${group} and may be drained and deleted like the others. Adopt it`);
  const instance = await (await ctx.client()).adopt({ group, machine });
  return tell(ctx, instance, `${machine} is now ${instance.id} of ${group}.`);
};

export const forget: Run = async (ctx, input) => {
  const instance = input.need(0);
  await confirmYes(ctx, `The machine of ${instance} stays and costs on, and nobody looks after it any more. Forget it`);
  const answer = await (await ctx.client()).forget({ instance });
  if (ctx.globals.json) ctx.document({ ...answer, instance });
  else ctx.line(`${instance} is struck from the books.`);
  return EXIT.ok;
};
