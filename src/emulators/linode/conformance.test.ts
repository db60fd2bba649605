import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Deviation, type OpenApi, openApi } from '../../../test/support/open-api.ts';
import { describeUnless } from '../../../test/support/real.ts';
import { type RunningLinode, startLinode } from './linode.ts';
import { ROUTES } from './serve-api.ts';

const DOCUMENT = fileURLToPath(new URL('../../../../shared/specs/linode.json', import.meta.url));

const TEXT = { type: 'string' };
const LIST = { type: 'array' };
const NUMBER = { type: 'integer' };
const NEWER = 'newer than version 4.189 of the document; in recorded answers';
const NULL = 'null in recorded answers';

/** Where the vendor's answers are not as its document of version 4.189 says. */
const DEVIATIONS: readonly Deviation[] = [
  { having: 'hypervisor', property: 'site_type', schema: TEXT, why: NEWER },
  { having: 'hypervisor', property: 'disk_encryption', schema: TEXT, why: NEWER },
  { having: 'hypervisor', property: 'interface_generation', schema: TEXT, why: NEWER },
  { having: 'hypervisor', property: 'maintenance_policy', schema: TEXT, why: NEWER },
  { having: 'hypervisor', property: 'locks', schema: LIST, why: NEWER },
  { having: 'hypervisor', property: 'image', schema: null, why: 'null for a Linode without an image' },
  { having: 'last_successful', property: 'last_successful', schema: null, why: NULL },
  { having: 'gpus', property: 'accelerated_devices', schema: NUMBER, why: NEWER },
  { having: 'resolvers', property: 'site_type', schema: TEXT, why: 'the document writes site-type' },
  { having: 'vpc_nat_1_1', property: 'vpc_nat_1_1', schema: null, why: NULL },
  { having: 'subnet_mask', property: 'rdns', schema: null, why: NULL },
  { having: 'subnet_mask', property: 'gateway', schema: null, why: NULL },
  { having: 'nat_1_1', property: 'nat_1_1', schema: null, why: NULL },
  { having: 'percent_complete', property: 'rate', schema: null, why: NULL },
  { having: 'percent_complete', property: 'secondary_entity', schema: null, why: NULL },
  { having: 'percent_complete', property: 'action', schema: TEXT, why: 'actions of VPCs are newer' },
  { having: 'url', property: 'type', schema: TEXT, why: 'kinds of entities are newer' },
  { having: 'client_conn_throttle', property: 'client_udp_sess_throttle', schema: NUMBER, why: NEWER },
  { having: 'client_conn_throttle', property: 'type', schema: TEXT, why: NEWER },
  { having: 'client_conn_throttle', property: 'lke_cluster', schema: { nullable: true, type: 'object' }, why: NEWER },
  { having: 'client_conn_throttle', property: 'locks', schema: LIST, why: NEWER },
  { having: 'weight', property: 'status', schema: { enum: ['Unknown', 'unknown', 'UP', 'DOWN'] }, why: 'documented as unknown, recorded as Unknown' },
  { having: 'weight', property: 'vpc_config_id', schema: { nullable: true, type: 'integer' }, why: NEWER },
  { having: 'linodes', property: 'nodebalancers', schema: LIST, why: NEWER },
  { having: 'interfaces', property: 'id', schema: NUMBER, why: NEWER },
  { having: 'active', property: 'config_id', schema: NUMBER, why: NEWER },
  { having: 'inbound_policy', property: 'fingerprint', schema: TEXT, why: NEWER },
  { having: 'fingerprint', property: 'version', schema: NUMBER, why: NEWER },
  { having: 'rules', property: 'entities', schema: LIST, why: NEWER },
  { having: 'network_helper', property: 'interfaces_for_new_linodes', schema: TEXT, why: NEWER },
  { having: 'network_helper', property: 'maintenance_policy', schema: TEXT, why: NEWER },
  { having: 'managed', property: 'longview_subscription', schema: { nullable: true, type: 'string' }, why: NULL },
  { having: 'sda', property: 'sdb', schema: { nullable: true, type: 'object' }, why: 'null for slots without a disk' },
  { having: 'volume_id', property: 'volume_id', schema: null, why: NULL },
  { having: 'root_device', property: 'root_device', schema: TEXT, why: 'the pattern in the document is a sentence' },
  { having: 'root_device', property: 'interfaces', schema: LIST, why: 'empty in recorded answers' },
  { having: 'weight', property: 'address', schema: TEXT, why: 'an address and a port, which is no IP address' },
  { having: 'placement_group_policy', property: 'migrations', schema: { type: 'object' }, why: 'documented for GET only' },
  { having: 'connections', property: 'connections', schema: LIST, why: 'the document forgets that samples are pairs' },
];
const EMPTY_SLOTS = ['sdc', 'sdd', 'sde', 'sdf', 'sdg', 'sdh'].map(
  (property): Deviation => ({ having: 'sda', property, schema: { nullable: true, type: 'object' }, why: 'null for slots without a disk' }),
);

/** Not in version 4.189. */
const UNDOCUMENTED = [
  'GET /networking/firewalls/settings',
  // An id with a slash in it is one parameter there.
  ...['GET /images/{family}/{name}', 'PUT /images/{family}/{name}', 'DELETE /images/{family}/{name}', 'GET /linode/kernels/{family}/{name}'],
];

const PASSWORD = 'correct-Horse-9';

describeUnless(existsSync(DOCUMENT) ? null : 'needs shared/specs/linode.json beside the project', "answers validate against Linode's own document", () => {
  let linode: RunningLinode;
  let api: OpenApi;
  const met = new Set<string>();
  const complaints: string[] = [];

  beforeAll(async () => {
    api = openApi(JSON.parse(readFileSync(DOCUMENT, 'utf8')) as Record<string, unknown>, '/{apiVersion}', [...DEVIATIONS, ...EMPTY_SLOTS]);
    linode = await startLinode({ guests: 'none', timeFactor: 1000, rateLimits: false });
  });
  afterAll(() => linode.close());

  const call = async (method: string, path: string, body?: unknown, token = linode.token) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${linode.url}/v4${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    const answer = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
    // The document would take its last part for an id.
    const found = path.endsWith('/settings') && path.startsWith('/networking') ? null : api.check(method, path.replace(/\?.*/, ''), response.status, answer);
    for (const complaint of found ?? []) complaints.push(`${method} ${path} ${response.status}: ${complaint}`);
    return { status: response.status, answer: answer ?? {}, documented: found !== null };
  };
  /** A call that must be well, and counts for its route. */
  const well = async (method: string, pattern: string, ids: readonly (string | number)[] = [], body?: unknown) => {
    const left = [...ids];
    const path = pattern.replace(/\{\w+\}/g, () => String(left.shift()));
    const { status, answer, documented } = await call(method, path, body);
    expect([200, 204], `${method} ${path}: ${JSON.stringify(answer)}`).toContain(status);
    const route = `${method} ${pattern}`;
    expect(documented || UNDOCUMENTED.includes(route), `${route} is in the document`).toBe(true);
    met.add(route);
    return answer;
  };
  const idOf = (answer: Record<string, unknown>) => answer['id'] as number;
  const settled = async (id: number, status: string) => {
    await expect.poll(async () => (await call('GET', `/linode/instances/${id}`)).answer['status'], { timeout: 5000, interval: 10 }).toBe(status);
  };

  const ONE = '/linode/instances/{id}';
  const linodeBody = { region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', root_pass: PASSWORD, private_ip: true };

  it('catalogue', async () => {
    await well('GET', '/regions');
    await well('GET', '/regions/{id}', ['us-east']);
    await well('GET', '/regions/availability');
    await well('GET', '/regions/{id}/availability', ['us-ord']);
    await well('GET', '/linode/types');
    await well('GET', '/linode/types/{id}', ['g6-nanode-1']);
    await well('GET', '/linode/kernels');
    await well('GET', '/linode/kernels/{id}', ['linode%2Fgrub2']);
    await well('GET', '/linode/kernels/{family}/{name}', ['linode', 'grub2']);
    await well('GET', '/nodebalancers/types');
    const script = { label: 'web', images: ['linode/debian12'], script: '#!/bin/sh\n# <UDF name="port" label="Port" example="80" default="80">\n' };
    const id = idOf(await well('POST', '/linode/stackscripts', [], script));
    await well('GET', '/linode/stackscripts');
    await well('GET', '/linode/stackscripts/{id}', [id]);
    await well('PUT', '/linode/stackscripts/{id}', [id], { rev_note: 'second' });
    await well('POST', '/linode/instances', [], { ...linodeBody, stackscript_id: id, stackscript_data: { port: '8080' } });
    await well('DELETE', '/linode/stackscripts/{id}', [id]);
  });

  it('Linodes', async () => {
    const tagged = await well('POST', '/linode/instances', [], { ...linodeBody, label: 'app-1', tags: ['first', 'second'], private_ip: false });
    const id = idOf(tagged);
    await settled(id, 'running');
    await well('GET', '/linode/instances');
    await well('GET', ONE, [id]);
    await well('PUT', ONE, [id], { tags: ['first'], alerts: { cpu: 50 } });
    await well('POST', `${ONE}/ips`, [id], { type: 'ipv4', public: false });
    const ips = (await well('GET', `${ONE}/ips`, [id]))['ipv4'] as Record<string, { address: string }[]>;
    await well('GET', `${ONE}/ips/{address}`, [id, ips['private']?.[0]?.address ?? '']);
    const configs = (await well('GET', `${ONE}/configs`, [id]))['data'] as { id: number }[];
    await well('GET', `${ONE}/configs/{config}`, [id, configs[0]?.id ?? 0]);
    const disks = (await well('GET', `${ONE}/disks`, [id]))['data'] as { id: number }[];
    await well('GET', `${ONE}/disks/{disk}`, [id, disks[0]?.id ?? 0]);
    for (const part of ['volumes', 'nodebalancers', 'firewalls', 'transfer']) await well('GET', `${ONE}/${part}`, [id]);
    const image = String((await well('POST', '/images', [], { disk_id: disks[0]?.id, label: 'golden' }))['id']);
    await well('GET', '/images');
    await well('GET', '/images/{id}', ['linode%2Fdebian12']);
    await well('GET', '/images/{family}/{name}', image.split('/'));
    await well('PUT', '/images/{family}/{name}', image.split('/'), { description: 'with the application' });
    await well('PUT', '/images/{id}', [encodeURIComponent(image)], { label: 'golden-2' });
    await well('DELETE', '/images/{family}/{name}', image.split('/'));
    const again = String((await well('POST', '/images', [], { disk_id: disks[0]?.id }))['id']);
    await well('DELETE', '/images/{id}', [encodeURIComponent(again)]);
    await well('POST', `${ONE}/shutdown`, [id]);
    await settled(id, 'offline');
    await well('POST', `${ONE}/boot`, [id], { config_id: configs[0]?.id });
    await settled(id, 'running');
    await well('POST', `${ONE}/reboot`, [id]);
    await settled(id, 'running');
    await well('POST', `${ONE}/rebuild`, [id], { image: 'linode/ubuntu24.04', root_pass: PASSWORD });
    await settled(id, 'running');
    await well('POST', `${ONE}/clone`, [id], { region: 'us-east', type: 'g6-nanode-1', label: 'app-2' });
    await well('DELETE', ONE, [id]);
    const empty = idOf(await well('POST', '/linode/instances', [], { region: 'us-east', type: 'g6-nanode-1' }));
    await settled(empty, 'offline');
  });

  it('NodeBalancers', async () => {
    const backend = await well('POST', '/linode/instances', [], { ...linodeBody, label: 'behind' });
    const address = `${(backend['ipv4'] as string[])[1]}:8080`;
    const id = idOf(await well('POST', '/nodebalancers', [], { region: 'us-east', label: 'front', tags: ['web'] }));
    await well('GET', '/nodebalancers');
    await well('GET', '/nodebalancers/{id}', [id]);
    await well('PUT', '/nodebalancers/{id}', [id], { client_conn_throttle: 5 });
    const config = idOf(
      await well('POST', '/nodebalancers/{id}/configs', [id], { port: 8080, check: 'http', check_path: '/healthz', check_interval: 5, check_timeout: 3 }),
    );
    const ids = [id, config];
    await well('GET', '/nodebalancers/{id}/configs', [id]);
    await well('GET', '/nodebalancers/{id}/configs/{config}', ids);
    await well('PUT', '/nodebalancers/{id}/configs/{config}', ids, { algorithm: 'leastconn' });
    const nodes = '/nodebalancers/{id}/configs/{config}/nodes';
    const node = idOf(await well('POST', nodes, ids, { address, label: 'node-1', weight: 100 }));
    await well('GET', nodes, ids);
    await well('GET', `${nodes}/{node}`, [...ids, node]);
    await well('PUT', `${nodes}/{node}`, [...ids, node], { mode: 'drain' });
    await well('GET', `${ONE}/nodebalancers`, [idOf(backend)]);
    await well('POST', '/nodebalancers/{id}/configs/{config}/rebuild', ids, { nodes: [{ id: node, address, label: 'node-2' }] });
    await well('DELETE', `${nodes}/{node}`, [...ids, node]);
    await well('GET', '/nodebalancers/{id}/firewalls', [id]);
    await expect.poll(async () => (await call('GET', `/nodebalancers/${id}/stats`)).status, { timeout: 5000, interval: 50 }).toBe(200);
    await well('GET', '/nodebalancers/{id}/stats', [id]);
    await well('DELETE', '/nodebalancers/{id}/configs/{config}', ids);
    await well('DELETE', '/nodebalancers/{id}', [id]);
  });

  it('firewalls, VPCs, placement groups, addresses', async () => {
    const target = idOf(await well('POST', '/linode/instances', [], { ...linodeBody, label: 'guarded' }));
    const rule = { protocol: 'TCP', ports: '80, 443', action: 'ACCEPT', addresses: { ipv4: ['192.168.255.0/24'] }, label: 'balancer' };
    const rules = { inbound: [rule], inbound_policy: 'DROP', outbound: [], outbound_policy: 'ACCEPT' };
    const id = idOf(await well('POST', '/networking/firewalls', [], { label: 'wall', rules }));
    await well('GET', '/networking/firewalls');
    await well('GET', '/networking/firewalls/settings');
    await well('GET', '/networking/firewalls/{id}', [id]);
    await well('PUT', '/networking/firewalls/{id}', [id], { tags: ['walls'] });
    await well('GET', '/networking/firewalls/{id}/rules', [id]);
    await well('PUT', '/networking/firewalls/{id}/rules', [id], { ...rules, inbound: [] });
    const device = idOf(await well('POST', '/networking/firewalls/{id}/devices', [id], { id: target, type: 'linode' }));
    await well('GET', '/networking/firewalls/{id}/devices', [id]);
    await well('DELETE', '/networking/firewalls/{id}/devices/{device}', [id, device]);
    await well('DELETE', '/networking/firewalls/{id}', [id]);

    const vpc = idOf(await well('POST', '/vpcs', [], { label: 'net', region: 'us-east', subnets: [{ label: 'one', ipv4: '10.0.0.0/24' }] }));
    await well('GET', '/vpcs');
    await well('GET', '/vpcs/{id}', [vpc]);
    await well('PUT', '/vpcs/{id}', [vpc], { description: 'first' });
    const subnet = idOf(await well('POST', '/vpcs/{id}/subnets', [vpc], { label: 'two', ipv4: '10.0.1.0/24' }));
    await well('PUT', '/vpcs/{id}/subnets/{subnet}', [vpc, subnet], { label: 'three' });
    const interfaces = [{ purpose: 'public' }, { purpose: 'vpc', subnet_id: subnet, ipv4: { vpc: '10.0.1.9' } }];
    const inside = idOf(await well('POST', '/linode/instances', [], { ...linodeBody, interfaces, private_ip: false }));
    await well('GET', `${ONE}/configs`, [inside]);
    await well('GET', `${ONE}/ips`, [inside]);
    await well('GET', '/vpcs/ips');
    await well('GET', '/vpcs/{id}/ips', [vpc]);
    await well('GET', '/vpcs/{id}/subnets', [vpc]);
    await well('GET', '/vpcs/{id}/subnets/{subnet}', [vpc, subnet]);
    expect((await call('DELETE', `/vpcs/${vpc}`)).status).toBe(400);
    await well('DELETE', ONE, [inside]);
    await well('DELETE', '/vpcs/{id}/subnets/{subnet}', [vpc, subnet]);
    await well('DELETE', '/vpcs/{id}', [vpc]);

    const group = { label: 'apart', region: 'us-east', placement_group_type: 'anti_affinity:local', placement_group_policy: 'flexible' };
    const placement = idOf(await well('POST', '/placement/groups', [], group));
    await well('POST', '/placement/groups/{id}/assign', [placement], { linodes: [target] });
    await well('GET', '/placement/groups');
    await well('GET', '/placement/groups/{id}', [placement]);
    await well('GET', ONE, [target]);
    await well('PUT', '/placement/groups/{id}', [placement], { label: 'apart-2' });
    await well('POST', '/placement/groups/{id}/unassign', [placement], { linodes: [target] });
    await well('DELETE', '/placement/groups/{id}', [placement]);

    const ips = (await well('GET', '/networking/ips'))['data'] as { address: string }[];
    await well('GET', '/networking/ips/{address}', [ips[0]?.address ?? '']);
  });

  it('account', async () => {
    await well('GET', '/account');
    await well('GET', '/account/settings');
    const events = (await well('GET', '/account/events'))['data'] as { id: number }[];
    const event = events[0]?.id ?? 0;
    await well('GET', '/account/events/{id}', [event]);
    await well('POST', '/account/events/{id}/seen', [event]);
    await well('POST', '/account/events/{id}/read', [event]);
    await well('GET', '/profile');
    await well('GET', '/profile/grants');
    const token = idOf(await well('POST', '/profile/tokens', [], { label: 'other', scopes: 'linodes:read_only' }));
    await well('GET', '/profile/tokens');
    await well('GET', '/profile/tokens/{id}', [token]);
    await well('DELETE', '/profile/tokens/{id}', [token]);
    const tagged = idOf(await well('POST', '/linode/instances', [], linodeBody));
    await well('POST', '/tags', [], { label: 'team', linodes: [tagged] });
    await well('GET', '/tags');
    await well('GET', '/tags/{label}', ['team']);
    await well('DELETE', '/tags/{label}', ['team']);
  });

  it('refusals', async () => {
    expect((await call('POST', '/linode/instances', { region: 'nowhere' })).status).toBe(400);
    expect((await call('GET', '/linode/instances/1')).status).toBe(404);
    expect((await call('GET', '/linode/instances', undefined, 'wrong')).status).toBe(401);
    expect((await call('GET', '/linode/instances?page_size=7')).status).toBe(400);
  });

  it('nothing differs that is not listed as a deviation', () => {
    expect(complaints).toEqual([]);
    expect(api.unusedDeviations()).toEqual([]);
  });

  it('every route was asked', () => {
    // Linodes have statistics only while their machine is a process; see linode.real.test.ts.
    const asked = ROUTES.map((route) => `${route.method} ${route.path}`).filter((route) => route !== 'GET /linode/instances/{id}/stats');
    expect(asked.filter((route) => !met.has(route))).toEqual([]);
  });
});
