import type { Reply } from '../../api/contract.ts';
import { usageError } from '../cli-error.ts';
import type { Context, Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

type Instance = Reply<'instances'>['instances'][number];

export const instancesList: Run = async (ctx, input) => {
  const unmanaged = input.text('unmanaged');
  const group = input.arg(0);
  const client = await ctx.client();
  if (unmanaged !== null) {
    if (group !== null || input.flag('gone')) throw usageError('--unmanaged names its group itself and goes with nothing else');
    printMachines(ctx, await client.unmanaged({ group: unmanaged }));
    return EXIT.ok;
  }
  if (group !== null) await client.group({ group });
  const answer = await client.instances({ ...(group === null ? {} : { group }), gone: input.flag('gone') ? 'true' : 'false' });
  if (ctx.globals.json) ctx.document(answer);
  else if (answer.instances.length === 0 && !ctx.globals.plain) ctx.note('No instances.');
  else {
    const zones = ctx.globals.plain || answer.instances.some((i) => i.zone !== null);
    ctx.table(
      [
        { title: 'INSTANCE' },
        { title: 'GROUP' },
        { title: 'STATE' },
        { title: 'HEALTH' },
        { title: 'ADDRESS' },
        ...(zones ? [{ title: 'ZONE' }] : []),
        { title: 'SINCE' },
        { title: 'MACHINE' },
        { title: '' },
      ],
      answer.instances.map((i) => [
        i.id,
        i.group,
        i.state,
        i.health === 'unhealthy' ? { text: i.health, colour: 'red' as const } : i.health,
        addressText(i),
        ...(zones ? [i.zone ?? '-'] : []),
        ctx.time(i.since),
        i.machine ?? '-',
        notesOf(i),
      ]),
    );
  }
  return EXIT.ok;
};

export function addressText(i: Pick<Instance, 'address' | 'port'>): string {
  if (i.address === null) return '-';
  if (i.port === null) return i.address;
  return i.address.includes(':') ? `[${i.address}]:${i.port}` : `${i.address}:${i.port}`;
}

/** What is special about it. */
export function notesOf(i: Instance): string {
  const notes = [
    i.protected ? 'protected' : '',
    i.standby ? 'standby' : '',
    i.detached ? 'detached' : '',
    i.replace_requested ? 'to be replaced' : '',
    i.remove_requested ? 'to be removed' : '',
    i.removal_why ?? '',
    i.step?.error ? `${i.step.kind}, try ${i.step.attempts}: ${i.step.error}` : '',
  ];
  return notes.filter((n) => n !== '').join('; ');
}

function printMachines(ctx: Context, answer: Reply<'unmanaged'>): void {
  if (ctx.globals.json) {
    ctx.document(answer);
    return;
  }
  if (answer.machines.length === 0 && !ctx.globals.plain) {
    ctx.note(`Every machine that carries Drover's tags in the cloud of ${answer.group} is in the books.`);
    return;
  }
  ctx.table(
    [{ title: 'MACHINE' }, { title: 'NAME' }, { title: 'STATE' }, { title: 'ADDRESS' }, { title: 'ZONE' }, { title: 'CREATED' }, { title: 'TAG' }],
    answer.machines.map((m) => [
      m.id,
      m.name,
      m.state,
      addressText(m),
      m.zone ?? '-',
      ctx.time(m.created),
      m.tagged ? `ours, group ${m.tagged_group ?? '?'}` : '-',
    ]),
  );
  if (!ctx.globals.plain) ctx.line(`\ndrover instances adopt ${answer.group} MACHINE`);
}
