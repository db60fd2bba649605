/** Linodes and what hangs on them. */

import { balancerView } from './balancer-view.ts';
import { Fields, readTags } from './fields.ts';
import { ipView, linodeIps } from './linode-addresses.ts';
import { planLinode, readDisk, readLabel } from './linode-plan.ts';
import { configViews, diskViews } from './linode-view.ts';
import type { Linode } from './model.ts';
import { notFound, refuse } from './refused.ts';
import { type Call, does, idOf, list, type Route, route } from './routes.ts';

const READ = 'linodes:read_only';
const WRITE = 'linodes:read_write';
const ONE = '/linode/instances/{id}';
/** Time until there are statistics, ms, divided by the time factor. */
const STATS_AFTER_MS = 300_000;

export const LINODE_ROUTES: readonly Route[] = [
  list('/linode/instances', READ, ['id', 'label', 'region', 'image', 'group', 'tags', 'ipv4'], ({ account, staleMs }) => account.linodes.views(staleMs)),
  route('POST', '/linode/instances', WRITE, ({ account, body }) => create(account, body), 'create_linode'),
  route('GET', ONE, READ, (call) => view(call, linode(call))),
  route('PUT', ONE, WRITE, update),
  route(
    'DELETE',
    ONE,
    WRITE,
    does((call) => call.account.linodes.delete(idOf(call))),
  ),
  route(
    'POST',
    `${ONE}/boot`,
    WRITE,
    does((call) => {
      checkConfig(call);
      call.account.linodes.boot(idOf(call));
    }),
  ),
  route(
    'POST',
    `${ONE}/reboot`,
    WRITE,
    does((call) => {
      checkConfig(call);
      call.account.linodes.reboot(idOf(call));
    }),
  ),
  route(
    'POST',
    `${ONE}/shutdown`,
    WRITE,
    does((call) => call.account.linodes.shutdown(idOf(call))),
  ),
  route('POST', `${ONE}/rebuild`, WRITE, rebuild),
  route('POST', `${ONE}/clone`, WRITE, clone, 'create_linode'),
  list(`${ONE}/configs`, READ, ['id', 'label'], (call) => configViews(linode(call))),
  route('GET', `${ONE}/configs/{config}`, READ, (call) => oneOf(configViews(linode(call)), idOf(call, 'config'))),
  list(`${ONE}/disks`, READ, ['id', 'label'], (call) => diskViews(linode(call))),
  route('GET', `${ONE}/disks/{disk}`, READ, (call) => oneOf(diskViews(linode(call)), idOf(call, 'disk'))),
  list(`${ONE}/volumes`, READ, ['label', 'tags'], noVolumes),
  route('GET', `${ONE}/ips`, READ, (call) => linodeIps(linode(call))),
  route('POST', `${ONE}/ips`, WRITE, addIp),
  route('GET', `${ONE}/ips/{address}`, READ, (call) => {
    const found = ipView(call.account, call.params['address'] ?? '');
    if (found['linode_id'] !== linode(call).id) throw notFound();
    return found;
  }),
  list(`${ONE}/nodebalancers`, READ, ['label', 'region', 'ipv4', 'tags'], (call) => {
    const { privateV4, vpc } = linode(call).addresses;
    const addresses = [privateV4, vpc?.address].filter((address) => typeof address === 'string');
    return call.account.balancers.using(addresses).map((each) => balancerView(each));
  }),
  list(`${ONE}/firewalls`, READ, ['id', 'label', 'created', 'updated', 'tags'], (call) =>
    call.account.firewalls.of('linode', linode(call).id).map((each) => call.account.firewalls.view(each)),
  ),
  route('GET', `${ONE}/stats`, READ, stats, 'stats'),
  route('GET', `${ONE}/transfer`, READ, (call) => ({ billable: 0, quota: linode(call).type.transfer, used: 0 })),
];

/** There are no volumes; a Linode that is not there is still told. */
function noVolumes(call: Call): Record<string, unknown>[] {
  linode(call);
  return [];
}

function linode(call: Call): Linode {
  return call.account.linodes.get(idOf(call));
}

function view({ account }: Call, each: Linode): Record<string, unknown> {
  return account.linodes.view(each);
}

function create(account: Call['account'], body: unknown): Record<string, unknown> {
  const plan = planLinode(account, body);
  if (plan.stackscriptId !== null) account.stackscripts.get(plan.stackscriptId).deployments++;
  return account.linodes.view(account.linodes.create(plan));
}

function update(call: Call): Record<string, unknown> {
  const each = linode(call);
  const fields = new Fields(call.body);
  const label = readLabel(fields, call.account, each.id);
  const tags = readTags(fields);
  const group = fields.text('group');
  const watchdog = fields.flag('watchdog_enabled');
  const policy = fields.text('maintenance_policy', { oneOf: ['linode/migrate', 'linode/power_off_on'] });
  const given = fields.object('alerts');
  const alerts = Object.fromEntries(Object.entries(each.alerts).map(([name, value]) => [name, given?.whole(name, 0, 1_000_000) ?? value]));
  fields.done();
  Object.assign(each, {
    label: label ?? each.label,
    tags: tags ?? each.tags,
    group: group ?? each.group,
    watchdog: watchdog ?? each.watchdog,
    maintenancePolicy: policy ?? each.maintenancePolicy,
    alerts,
  });
  call.account.linodes.changed(each);
  call.account.linodes.note('linode_update', each);
  return view(call, each);
}

function checkConfig(call: Call): void {
  const each = linode(call);
  const configId = new Fields(call.body ?? {}).whole('config_id');
  if (configId !== undefined && configId !== each.configId) throw refuse('config_id is not valid', 'config_id');
}

function rebuild(call: Call): Record<string, unknown> {
  const each = linode(call);
  const fields = new Fields(call.body);
  fields.require('image');
  const disk = readDisk(fields, call.account, each.region);
  fields.done();
  return view(call, call.account.linodes.rebuild(each.id, disk.image ?? '', disk.firstBoot, disk.hasUserData, disk.stackscriptId, disk.booted));
}

/** A new Linode with the same disk; it is not booted, as there. */
function clone(call: Call): Record<string, unknown> {
  const source = linode(call);
  const { account } = call;
  const fields = new Fields(call.body);
  fields.require('region', 'type');
  if (fields.has('linode_id')) fields.fail('linode_id', 'Cloning to an existing Linode is not emulated');
  fields.done();
  const given = call.body as Record<string, unknown>;
  const plan = planLinode(account, {
    region: given['region'],
    type: given['type'],
    label: given['label'],
    group: given['group'] ?? source.group,
    tags: source.tags,
    private_ip: given['private_ip'],
    backups_enabled: given['backups_enabled'],
    placement_group: given['placement_group'],
  });
  const { firstBoot, hasUserData, image } = source;
  account.linodes.note('linode_clone', source);
  return view(call, account.linodes.create({ ...plan, image, firstBoot, hasUserData, booted: false }));
}

function addIp(call: Call): Record<string, unknown> {
  const each = linode(call);
  const fields = new Fields(call.body);
  fields.require('type', 'public');
  fields.text('type', { oneOf: ['ipv4'] });
  const isPublic = fields.flag('public');
  if (isPublic === true) fields.fail('public', 'Additional public IPv4 addresses need technical justification. Please open a support ticket.');
  fields.done();
  return ipView(call.account, call.account.linodes.addPrivateV4(each.id));
}

/** One sample, of now: the emulator keeps no series of its own. */
async function stats(call: Call): Promise<Record<string, unknown>> {
  const each = linode(call);
  const nowMs = call.account.now();
  const young = nowMs - each.createdMs < call.account.scaled(STATS_AFTER_MS);
  const sample = young || each.machine.phase !== 'running' ? null : await each.machine.stats().catch(() => null);
  if (sample === null || sample.cpu === null) throw refuse('Stats are unavailable at this time.');
  const none: number[][] = [];
  const net = { in: none, out: none, private_in: none, private_out: none };
  return {
    title: `linode.com - my.linode.com - ${each.label}`,
    cpu: [[nowMs, sample.cpu * 100 * each.type.vcpus]],
    io: { io: none, swap: none },
    netv4: net,
    netv6: net,
  };
}

function oneOf(views: readonly Record<string, unknown>[], id: number): Record<string, unknown> {
  const found = views.find((each) => each['id'] === id);
  if (found === undefined) throw notFound();
  return found;
}
