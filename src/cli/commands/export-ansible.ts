import type { Reply } from '../../api/contract.ts';
import { usageError } from '../cli-error.ts';
import type { Run } from '../context.ts';
import { EXIT } from '../exit-codes.ts';

type Instance = Reply<'instances'>['instances'][number];

const STATES: readonly string[] = ['intent', 'booting', 'warming', 'serving', 'draining', 'terminating'];

/** Both words of an inventory script, so that a script of two lines can be one. */
export const ansible: Run = async (ctx, input) => {
  const { ansibleInventory, inventoryName } = await import('../../app/exports.ts');
  const host = input.text('host');
  if (host !== null && input.flag('list')) throw usageError('write either --list or --host NAME');
  const states = statesOf(input.text('state') ?? 'serving');
  const group = input.text('group');
  const client = await ctx.client();
  const groups = group === null ? (await client.fleet()).groups.map((g) => g.group) : [(await client.group({ group })).group];
  const { instances } = await client.instances(group === null ? {} : { group });
  const wanted = instances.filter((i) => i.address !== null && (host !== null || states.includes(i.state)));
  const inventory = ansibleInventory(wanted.map(hostOf), groups);
  if (host === null) ctx.document(inventory);
  // A name that is none of ours has no variables; Ansible asks for such where inventories are joined.
  else ctx.document(inventory._meta.hostvars[inventoryName(host)] ?? {});
  return EXIT.ok;
};

function statesOf(text: string): readonly string[] {
  if (text === 'any') return STATES;
  const states = text.split(',').map((s) => s.trim());
  const wrong = states.find((s) => !STATES.includes(s));
  if (wrong !== undefined) throw usageError(`--state: there is no state ${wrong}`, `there are: ${STATES.join(', ')}, and any`);
  return states;
}

function hostOf(i: Instance) {
  return { instance: i.id, group: i.group, state: i.state, address: i.address ?? '', port: i.port, zone: i.zone, machineId: i.machine };
}
