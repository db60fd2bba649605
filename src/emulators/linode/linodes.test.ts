import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GOOD_PASSWORD, type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';

describe('Linodes', () => {
  let account: LinodeAccount;
  beforeEach(async () => {
    account = await openAccount({ rateLimits: false });
  });
  afterEach(() => account.close());

  const SMALL = { region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', root_pass: GOOD_PASSWORD };
  const post = (body: unknown) => account.call('POST', '/linode/instances', body);
  const reasons = async (over: Record<string, unknown>) => (await post({ ...SMALL, ...over })).body['errors'];
  const statusOf = async (id: number) => (await account.call('GET', `/linode/instances/${id}`)).body['status'];
  const settled = (id: number, status: string) => expect.poll(() => statusOf(id), { timeout: 5000, interval: 5 }).toBe(status);
  const events = async (filter: unknown) =>
    (await account.call('GET', '/account/events', undefined, { 'x-filter': JSON.stringify(filter) })).body['data'] as Record<string, unknown>[];

  it('go from provisioning to running, with their address from the start, and events beside it', async () => {
    const made = await account.create({ label: 'nginx-1', tags: ['khw', 'autoscale'] });
    expect(made).toMatchObject({ label: 'nginx-1', status: 'provisioning', tags: ['khw', 'autoscale'], region: 'us-east', has_user_data: false });
    expect(made.ipv4).toHaveLength(2);
    expect(made['ipv6']).toMatch(/^[0-9a-f:]+\/128$/);
    expect(made['created']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    await settled(made.id, 'running');
    const seen = await events({ 'entity.id': made.id, 'entity.type': 'linode', '+order_by': 'created', '+order': 'desc' });
    expect(seen.map((each) => [each['action'], each['status'], each['percent_complete']].join(' ')).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'linode_boot finished 100',
      'linode_create finished 100',
    ]);
    const since = await events({ id: { '+gte': Math.max(...seen.map((each) => Number(each['id']))) } });
    expect(since).toHaveLength(1);
  });

  it('are created under a scheduled and a started event, the boot queued behind it', async () => {
    await account.close();
    account = await openAccount({ timeFactor: 1 });
    const { id } = await account.create();
    const actions = async () => Object.fromEntries((await events({ 'entity.id': id })).map((each) => [each['action'], each['status']]));
    expect(await actions()).toEqual({ linode_create: 'scheduled', linode_boot: 'scheduled' });
    await expect.poll(actions, { timeout: 5000 }).toEqual({ linode_create: 'started', linode_boot: 'scheduled' });
    await account.call('DELETE', `/linode/instances/${id}`);
    expect(await actions()).toEqual({ linode_create: 'failed', linode_boot: 'failed', linode_delete: 'notification' });
  });

  it('are deleted at once: 200 and {}, then 404, and their label and addresses are free', async () => {
    const first = await account.create({ label: 'again' });
    expect((await account.call('DELETE', `/linode/instances/${first.id}`)).text).toBe('{}');
    expect((await account.call('GET', `/linode/instances/${first.id}`)).status).toBe(404);
    expect((await account.call('DELETE', `/linode/instances/${first.id}`)).status).toBe(404);
    const second = await account.create({ label: 'again' });
    expect(second.id).not.toBe(first.id);
    expect(second.ipv4).toEqual(first.ipv4);
    expect(await events({ action: 'linode_delete' })).toMatchObject([{ entity: { id: first.id, label: 'again', type: 'linode' } }]);
  });

  it('are busy while a job is under way', async () => {
    await account.close();
    // Jobs long enough for some calls on a busy computer.
    account = await openAccount({ durations: { shutdownMs: 500_000 } });
    account.world.setBootFaults({ count: 1, slower: 30, stuckIn: null, mute: false });
    const { id } = await account.create();
    for (const job of ['boot', 'reboot', 'shutdown']) {
      expect((await account.call('POST', `/linode/instances/${id}/${job}`)).body, job).toEqual({ errors: [{ reason: 'Linode busy.' }] });
    }
    await settled(id, 'running');
    expect((await account.call('POST', `/linode/instances/${id}/boot`)).body).toEqual({ errors: [{ reason: `Linode ${id} already booted.` }] });
    expect((await account.call('POST', `/linode/instances/${id}/shutdown`)).text).toBe('{}');
    expect((await account.call('POST', `/linode/instances/${id}/rebuild`, { image: 'linode/debian12', root_pass: GOOD_PASSWORD })).status).toBe(400);
    await settled(id, 'offline');
    await account.call('POST', `/linode/instances/${id}/boot`);
    await settled(id, 'running');
    await account.call('POST', `/linode/instances/${id}/reboot`);
    expect(await statusOf(id)).toBe('rebooting');
    await settled(id, 'running');
  });

  it('keep their addresses through a rebuild', async () => {
    const { id, ipv4 } = await account.create();
    await settled(id, 'running');
    const rebuilt = await account.call('POST', `/linode/instances/${id}/rebuild`, { image: 'linode/ubuntu24.04', root_pass: GOOD_PASSWORD });
    expect(rebuilt.body).toMatchObject({ id, ipv4, image: 'linode/ubuntu24.04', status: 'rebuilding' });
    await settled(id, 'running');
    expect(account.ledger()).toMatchObject({ created: 1, living: 1 });
  });

  it('without an image are left off', async () => {
    const empty = await post({ region: 'us-east', type: 'g6-nanode-1' });
    expect(empty.body).toMatchObject({ image: null, status: 'provisioning' });
    await settled(Number(empty.body['id']), 'offline');
  });

  it('never show the password or user data again', async () => {
    const data = Buffer.from('#!/bin/sh\necho canary-in-user-data\n').toString('base64');
    const made = await post({ ...SMALL, root_pass: 'canary-Password-7', metadata: { user_data: data } });
    expect(made.body['has_user_data']).toBe(true);
    const texts = await Promise.all(
      ['/linode/instances', `/linode/instances/${Number(made.body['id'])}`, '/account/events'].map(async (path) => (await account.call('GET', path)).text),
    );
    const all = [made.text, ...texts, (await account.callControl('GET', '/machines')).text, (await account.callControl('GET', '/ledger')).text].join('');
    expect(all).not.toContain('canary');
    expect(all).not.toContain(data);
    expect(account.world.all()[0]?.request.firstBoot.userData).toContain('canary-in-user-data');
  });

  it('take compressed user data', async () => {
    const data = gzipSync('#cloud-config\n').toString('base64');
    expect((await post({ ...SMALL, metadata: { user_data: data } })).status).toBe(200);
    expect(account.world.all()[0]?.request.firstBoot.userData).toBe('#cloud-config\n');
  });

  it('tell every complaint at once', async () => {
    expect((await post({})).body['errors']).toEqual([
      { reason: 'region is required', field: 'region' },
      { reason: 'type is required', field: 'type' },
    ]);
    expect((await post({ ...SMALL, region: 'moon', type: 'g9', tags: ['x'] })).body['errors']).toEqual([
      { reason: 'region is not valid', field: 'region' },
      { reason: 'A valid plan type by that ID was not found', field: 'type' },
      { reason: 'Length must be 3-50 characters', field: 'tags' },
    ]);
    expect(account.ledger().created).toBe(0);
  });

  it.each<[string, Record<string, unknown>, string, string?]>([
    ['a short label', { label: 'ab' }, 'Length must be 3-64 characters', 'label'],
    ['a long label', { label: 'a'.repeat(65) }, 'Length must be 3-64 characters', 'label'],
    ['a label with two hyphens', { label: 'a--b' }, 'Must not contain two hyphens, underscores or periods in a row', 'label'],
    ['an unknown image', { image: 'linode/plan9' }, 'image is not valid', 'image'],
    ['no way in', { root_pass: null }, 'Must provide valid root_pass, authorized_keys, or authorized_users'],
    ['a short password', { root_pass: 'aB3$' }, 'Length must be 7-128 characters', 'root_pass'],
    ['a weak password', { root_pass: 'aaaaaaaaaa' }, 'Password does not meet strength requirement', 'root_pass'],
    ['a key that is none', { authorized_keys: ['x'] }, 'SSH Key must be in the form of "type key comment"', 'authorized_keys'],
    ['an unknown firewall', { firewall_id: 5 }, 'firewall_id is not valid', 'firewall_id'],
    ['an unknown StackScript', { stackscript_id: 5 }, 'stackscript_id is not valid', 'stackscript_id'],
    ['user data that is not encoded', { metadata: { user_data: '#!/bin/sh' } }, 'Must be Base64-encoded', 'metadata.user_data'],
    ['user data that is too long', { metadata: { user_data: 'A'.repeat(16_388) } }, 'Must not exceed 16384 characters once encoded', 'metadata.user_data'],
    [
      'user data without cloud-init',
      { image: 'linode/debian10', metadata: { user_data: 'IyE=' } },
      'The image does not support cloud-init',
      'metadata.user_data',
    ],
    ['a subnet that is not there', { interfaces: [{ purpose: 'vpc', subnet_id: 1 }] }, 'subnet_id is not valid', 'interfaces[0].subnet_id'],
    [
      'a private address with the newer interfaces',
      { private_ip: true, interface_generation: 'linode' },
      'Private IPs are not available with Linode interfaces',
      'private_ip',
    ],
  ])('refuse %s', async (_, over, reason, field) => {
    expect(await reasons(over)).toEqual([field === undefined ? { reason } : { reason, field }]);
  });

  it('take keys instead of a password', async () => {
    expect((await post({ ...SMALL, root_pass: undefined, authorized_keys: ['ssh-ed25519 AAAAC3Nz test'] })).status).toBe(200);
    expect((await post({ ...SMALL, root_pass: undefined, authorized_users: ['somebody'] })).status).toBe(200);
  });

  it('have unique labels, after a change too', async () => {
    const { id } = await account.create({ label: 'one' });
    await account.create({ label: 'two' });
    const unique = [{ reason: 'Label must be unique among your linodes', field: 'label' }];
    expect(await reasons({ label: 'one' })).toEqual(unique);
    expect((await account.call('PUT', `/linode/instances/${id}`, { label: 'two' })).body['errors']).toEqual(unique);
    expect((await account.call('PUT', `/linode/instances/${id}`, { label: 'one', tags: ['new'] })).body).toMatchObject({ label: 'one', tags: ['new'] });
    expect(account.ledger().machines[0]).toMatchObject({ label: 'one', tags: ['new'] });
  });

  it('run StackScripts with their fields, checked', async () => {
    const script = '#!/bin/sh\n# <UDF name="port" label="Port" oneOf="80,8080" default="80">\n# <UDF name="site" label="Site" example="a">\necho $SITE\n';
    const made = await account.call('POST', '/linode/stackscripts', { label: 'web', images: ['linode/debian12'], script });
    expect(made.body['user_defined_fields']).toEqual([
      { name: 'port', label: 'Port', example: '', default: '80', oneOf: '80,8080' },
      { name: 'site', label: 'Site', example: 'a' },
    ]);
    const id = Number(made.body['id']);
    expect(await reasons({ stackscript_id: id })).toEqual([{ reason: 'site is required by the StackScript', field: 'stackscript_data[site]' }]);
    expect(await reasons({ stackscript_id: id, stackscript_data: { site: 'x', port: '81' } })).toEqual([
      { reason: 'Must be one of 80, 8080', field: 'stackscript_data[port]' },
    ]);
    expect(await reasons({ image: 'linode/ubuntu24.04', stackscript_id: id, stackscript_data: { site: 'x' } })).toEqual([
      { reason: 'The image is not valid for this StackScript', field: 'image' },
    ]);
    const linode = await post({ ...SMALL, stackscript_id: id, stackscript_data: { site: 'x' } });
    expect(linode.status).toBe(200);
    const own = { LINODE_ID: String(linode.body['id']), LINODE_LISHUSERNAME: `linode${String(linode.body['id'])}`, LINODE_RAM: '1024' };
    expect(account.world.all()[0]?.request.firstBoot).toEqual({ userData: null, script, env: { port: '80', site: 'x', ...own } });
    expect((await account.call('GET', `/linode/stackscripts/${id}`)).body).toMatchObject({ deployments_total: 1, deployments_active: 1 });
  });

  it('of a private image run again what made it', async () => {
    const data = Buffer.from('#!/bin/sh\necho 2 > version\n').toString('base64');
    const source = await account.create({ metadata: { user_data: data } });
    const disks = (await account.call('GET', `/linode/instances/${source.id}/disks`)).body['data'] as { id: number }[];
    const image = (await account.call('POST', '/images', { disk_id: disks[0]?.id, label: 'golden' })).body;
    expect(image).toMatchObject({ status: 'creating', is_public: false, label: 'golden' });
    expect(await reasons({ image: image['id'] })).toEqual([{ reason: 'The image is not yet available', field: 'image' }]);
    await expect
      .poll(async () => (await account.call('GET', `/images/${String(image['id'])}`)).body['status'], { timeout: 5000, interval: 5 })
      .toBe('available');
    const copy = await post({ ...SMALL, image: image['id'] });
    expect(copy.status).toBe(200);
    const copied = account.world.all()[1]?.request.firstBoot;
    expect(copied).toMatchObject({ userData: null, script: '#!/bin/sh\necho 2 > version\n', env: { LINODE_ID: String(copy.body['id']) } });
    expect((await fetch(`${account.url}/v4/images`).then((r) => r.json())) as unknown).not.toMatchObject({
      data: expect.arrayContaining([{ label: 'golden' }]),
    });
  });

  it('get one private address later, and no second one', async () => {
    const { id } = await account.create({ private_ip: false });
    const add = () => account.call('POST', `/linode/instances/${id}/ips`, { type: 'ipv4', public: false });
    const added = await add();
    expect(added.body).toMatchObject({ public: false, linode_id: id, prefix: 17 });
    expect((await account.call('GET', `/linode/instances/${id}`)).body['ipv4']).toContain(added.body['address']);
    expect((await add()).status).toBe(400);
  });

  it('take the address of a subnet that is asked for, or a free one, and give it back', async () => {
    const vpc = await account.call('POST', '/vpcs', { label: 'net', region: 'us-east', subnets: [{ label: 'one', ipv4: '10.1.0.0/29' }] });
    const [subnet] = vpc.body['subnets'] as { id: number }[];
    const inside = (address?: string) =>
      account.create({
        private_ip: false,
        interfaces: [{ purpose: 'vpc', subnet_id: subnet?.id, ...(address === undefined ? {} : { ipv4: { vpc: address } }) }],
      });
    const vpcOf = async (id: number) => {
      const ips = (await account.call('GET', `/linode/instances/${id}/ips`)).body['ipv4'] as { vpc: { address: string }[] };
      return ips.vpc.map((each) => each.address);
    };
    // Of eight addresses the first and the last two are the vendor's.
    const asked = await inside('10.1.0.5');
    expect(await vpcOf(asked.id)).toEqual(['10.1.0.5']);
    for (const taken of ['10.1.0.5', '10.1.0.1', '10.1.0.6', '10.9.9.9']) await expect(inside(taken), taken).rejects.toThrow(': 400 ');
    const free = [await inside(), await inside(), await inside()];
    expect((await Promise.all(free.map((each) => vpcOf(each.id)))).flat()).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4']);
    await expect(inside()).rejects.toThrow('The subnet has no free address');
    await account.call('DELETE', `/linode/instances/${asked.id}`);
    expect(await vpcOf((await inside()).id)).toEqual(['10.1.0.5']);
    const elsewhere = await post({ ...SMALL, region: 'eu-west', interfaces: [{ purpose: 'vpc', subnet_id: subnet?.id }] });
    expect(elsewhere.body['errors']).toEqual([{ reason: 'The VPC is in another region', field: 'interfaces[0].subnet_id' }]);
  });

  it('take the newer interfaces: public, VPC, and a firewall on them', async () => {
    const vpc = await account.call('POST', '/vpcs', { label: 'net', region: 'us-east', subnets: [{ label: 'one', ipv4: '10.0.0.0/24' }] });
    const [subnet] = vpc.body['subnets'] as { id: number }[];
    const rules = { inbound_policy: 'DROP', outbound_policy: 'ACCEPT' };
    const wall = await account.call('POST', '/networking/firewalls', { label: 'wall', rules });
    const hidden = await post({
      ...SMALL,
      interface_generation: 'linode',
      interfaces: [{ firewall_id: wall.body['id'], vpc: { subnet_id: subnet?.id, ipv4: { addresses: [{ address: 'auto', primary: true }] } } }],
    });
    expect(hidden.body).toMatchObject({ ipv4: [], interface_generation: 'linode' });
    const firewalls = (await account.call('GET', `/linode/instances/${Number(hidden.body['id'])}/firewalls`)).body['data'];
    expect(firewalls).toMatchObject([{ label: 'wall' }]);
    const open = await post({ ...SMALL, interface_generation: 'linode', interfaces: [{ public: {} }] });
    expect(open.body['ipv4']).toHaveLength(1);
    const both = await post({ ...SMALL, interface_generation: 'linode', interfaces: [{ public: {}, vpc: { subnet_id: subnet?.id } }] });
    expect(both.status).toBe(400);
  });

  it('are found by their tags, which live and go with them', async () => {
    const { id } = await account.create({ label: 'one', tags: ['team-a'] });
    await account.create({ label: 'two', tags: ['team-b'] });
    const found = await account.call('GET', '/linode/instances', undefined, { 'x-filter': '{"tags":"team-a"}' });
    expect(found.body['data']).toMatchObject([{ id }]);
    expect((await account.call('GET', '/tags')).body['data']).toEqual([{ label: 'team-a' }, { label: 'team-b' }]);
    expect((await account.call('GET', '/tags/team-a')).body['data']).toMatchObject([{ type: 'linode', data: { id } }]);
    await account.call('DELETE', `/linode/instances/${id}`);
    expect((await account.call('GET', '/tags/team-a')).status).toBe(404);
  });

  it('join placement groups of their region while there is room', async () => {
    const body = { label: 'apart', region: 'us-east', placement_group_type: 'anti_affinity:local', placement_group_policy: 'strict' };
    const group = Number((await account.call('POST', '/placement/groups', body)).body['id']);
    for (let n = 0; n < 10; n++) expect((await post({ ...SMALL, placement_group: { id: group } })).status).toBe(200);
    expect(await reasons({ placement_group: { id: group } })).toEqual([{ reason: 'A placement group has at most 10 Linodes', field: 'placement_group.id' }]);
    expect(await reasons({ region: 'eu-west', placement_group: { id: group } })).toEqual([
      { reason: 'The placement group is in another region', field: 'placement_group.id' },
    ]);
    expect((await account.call('DELETE', `/placement/groups/${group}`)).status).toBe(400);
  });

  it('have no statistics while they are young', async () => {
    const { id } = await account.create();
    const refused = await account.call('GET', `/linode/instances/${id}/stats`);
    expect([refused.status, refused.body]).toEqual([400, { errors: [{ reason: 'Stats are unavailable at this time.' }] }]);
  });
});
