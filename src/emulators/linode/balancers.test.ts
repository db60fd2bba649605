import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';

describe('NodeBalancers', () => {
  let account: LinodeAccount;
  const servers: Server[] = [];
  beforeEach(async () => {
    account = await openAccount();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    await account.close();
  });

  const newBalancer = async (over: Record<string, unknown> = {}) =>
    (await account.call('POST', '/nodebalancers', { region: 'us-east', label: 'front', ...over })).body;
  const CHECK = { port: 8080, check: 'http', check_path: '/', check_interval: 100, check_timeout: 30, check_attempts: 2 };
  /** A NodeBalancer with one config: the paths of both. */
  const front = async (config: Record<string, unknown> = CHECK, over: Record<string, unknown> = {}) => {
    const balancer = await newBalancer(over);
    const base = `/nodebalancers/${Number(balancer['id'])}`;
    const made = await account.call('POST', `${base}/configs`, config);
    return { base, config: `${base}/configs/${Number(made.body['id'])}`, ipv4: String(balancer['ipv4']), made };
  };
  /** What the machine of a Linode would serve. */
  const listen = (host: string, text: string) =>
    new Promise<void>((resolve) => {
      const server = createServer((_, response) => void response.end(text));
      servers.push(server);
      server.listen(80, host, resolve);
    });
  const nodes = async (config: string) => (await account.call('GET', `${config}/nodes`)).body['data'] as Record<string, unknown>[];
  const errors = (body: Record<string, unknown>) => body['errors'];

  it('really listen, check and balance', async () => {
    const { config, ipv4 } = await front();
    const [a, b] = [await account.create({ label: 'a-1' }), await account.create({ label: 'b-1' })];
    expect((await fetch(`http://${ipv4}:8080/`)).status).toBe(503);
    await listen(String(a.ipv4[1]), 'from a');
    const made = await account.call('POST', `${config}/nodes`, { address: `${a.ipv4[1]}:80`, label: 'node-a' });
    expect(made.body).toMatchObject({ label: 'node-a', weight: 50, mode: 'accept', status: 'Unknown' });
    await account.call('POST', `${config}/nodes`, { address: `${b.ipv4[1]}:80`, label: 'node-b' });
    await expect.poll(async () => (await nodes(config)).map((each) => each['status']), { timeout: 8000, interval: 20 }).toEqual(['UP', 'DOWN']);
    expect((await account.call('GET', config)).body['nodes_status']).toEqual({ up: 1, down: 1 });
    for (let n = 0; n < 4; n++) expect(await (await fetch(`http://${ipv4}:8080/`)).text()).toBe('from a');
    await account.call('PUT', `${config}/nodes/${Number(made.body['id'])}`, { mode: 'reject' });
    expect((await fetch(`http://${ipv4}:8080/`)).status).toBe(503);
    expect((await account.call('DELETE', config)).text).toBe('{}');
    await expect(fetch(`http://${ipv4}:8080/`)).rejects.toThrow();
  });

  it('keep a node when its Linode is deleted', async () => {
    const { config } = await front();
    const { id, ipv4 } = await account.create();
    await listen(String(ipv4[1]), 'ok');
    await account.call('POST', `${config}/nodes`, { address: `${ipv4[1]}:80`, label: 'node' });
    await expect.poll(async () => (await nodes(config))[0]?.['status'], { timeout: 8000, interval: 20 }).toBe('UP');
    await account.call('DELETE', `/linode/instances/${id}`);
    expect(await nodes(config)).toMatchObject([{ label: 'node', address: `${ipv4[1]}:80` }]);
    expect(account.ledger().members).toMatchObject([{ label: 'node', deleted_ms: null }]);
  });

  it('leave nodes Unknown without a check, and say it as the document does when told to', async () => {
    const { config } = await front({ port: 8080 });
    const { ipv4 } = await account.create();
    await account.call('POST', `${config}/nodes`, { address: `${ipv4[1]}:80`, label: 'node' });
    expect(await nodes(config)).toMatchObject([{ status: 'Unknown' }]);
    await account.close();
    account = await openAccount({ statusWords: 'documented' });
    const other = await front({ port: 8080 });
    const second = await account.create();
    await account.call('POST', `${other.config}/nodes`, { address: `${second.ipv4[1]}:80`, label: 'node' });
    expect(await nodes(other.config)).toMatchObject([{ status: 'unknown' }]);
  });

  it('take only private addresses of Linodes in their region as nodes', async () => {
    const { config } = await front();
    const here = await account.create({ label: 'here' });
    const there = await account.create({ label: 'there', region: 'eu-west' });
    const node = async (over: Record<string, unknown>) => {
      const { status, body } = await account.call('POST', `${config}/nodes`, { address: `${here.ipv4[1]}:80`, label: 'node', ...over });
      return status === 200 ? 'ok' : errors(body);
    };
    const notPrivate = [{ reason: 'Must be a private IPv4 address of a Linode in the same region', field: 'address' }];
    expect(await node({ address: `${here.ipv4[0]}:80` })).toEqual(notPrivate);
    expect(await node({ address: `${there.ipv4[1]}:80` })).toEqual(notPrivate);
    expect(await node({ address: String(here.ipv4[1]) })).toEqual([{ reason: 'Must be in address:port format', field: 'address' }]);
    expect(await node({ address: `${here.ipv4[1]}:70000` })).toEqual([{ reason: 'Must be in address:port format', field: 'address' }]);
    expect(await node({ label: 'ab' })).toEqual([{ reason: 'Length must be 3-32 characters', field: 'label' }]);
    expect(await node({ label: 'a b c' })).toMatchObject([{ field: 'label' }]);
    expect(await node({ weight: 256 })).toMatchObject([{ field: 'weight' }]);
    expect(await node({ mode: 'gone' })).toMatchObject([{ field: 'mode' }]);
    expect(await node({})).toBe('ok');
    expect(await node({ label: 'other' })).toEqual([{ reason: 'Address must be unique within the config', field: 'address' }]);
    expect(await node({ label: 'node', address: `${here.ipv4[1]}:81` })).toBe('ok');
  });

  it('in a VPC take only addresses of Linodes in the subnet', async () => {
    const vpc = await account.call('POST', '/vpcs', { label: 'net', region: 'us-east', subnets: [{ label: 'one', ipv4: '10.0.0.0/24' }] });
    const [subnet] = vpc.body['subnets'] as { id: number }[];
    const { config, base } = await front(CHECK, { vpcs: [{ subnet_id: subnet?.id }] });
    const inside = await account.create({ interfaces: [{ purpose: 'vpc', subnet_id: subnet?.id, ipv4: { vpc: '10.0.0.9' } }] });
    expect(errors((await account.call('POST', `${config}/nodes`, { address: '10.0.0.9:80', label: 'node' })).body)).toMatchObject([
      { field: 'subnet_id' },
      { field: 'address' },
    ]);
    const outside = await account.call('POST', `${config}/nodes`, { address: `${inside.ipv4[1]}:80`, label: 'node', subnet_id: subnet?.id });
    expect(errors(outside.body)).toEqual([{ reason: 'Must be the address of a Linode in the subnet', field: 'address' }]);
    const made = await account.call('POST', `${config}/nodes`, { address: '10.0.0.9:80', label: 'node', subnet_id: subnet?.id });
    expect(made.body['vpc_config_id']).toEqual(expect.any(Number));
    expect((await account.call('DELETE', `/vpcs/${Number(vpc.body['id'])}`)).status).toBe(400);
    expect((await account.call('GET', `/linode/instances/${inside.id}/nodebalancers`)).body['data']).toMatchObject([{ label: 'front' }]);
    expect((await account.call('DELETE', base)).text).toBe('{}');
  });

  it('take four addresses of the subnet, and give them back', async () => {
    const vpc = await account.call('POST', '/vpcs', { label: 'net', region: 'us-east', subnets: [{ label: 'one', ipv4: '10.0.0.0/28' }] });
    const [subnet] = vpc.body['subnets'] as { id: number }[];
    const vpcs = (over: object = {}) => [{ subnet_id: subnet?.id, ...over }];
    const first = await newBalancer({ label: 'nb-1', vpcs: vpcs() });
    const second = await newBalancer({ label: 'nb-2', vpcs: vpcs({ ipv4_range: '10.0.0.8/30' }) });
    const ranges = async () =>
      ((await account.call('GET', `/vpcs/${Number(vpc.body['id'])}`)).body['subnets'] as { nodebalancers: unknown }[])[0]?.nodebalancers;
    expect(await ranges()).toEqual([
      { id: first['id'], ipv4_range: '10.0.0.4/30' },
      { id: second['id'], ipv4_range: '10.0.0.8/30' },
    ]);
    expect(errors(await newBalancer({ label: 'nb-3', vpcs: vpcs() }))).toEqual([{ reason: 'The subnet has no free range', field: 'vpcs[0].ipv4_range' }]);
    expect(errors(await newBalancer({ label: 'nb-3', vpcs: vpcs({ ipv4_range: '10.0.0.0/29' }) }))).toMatchObject([{ field: 'vpcs[0].ipv4_range' }]);
    await account.call('DELETE', `/nodebalancers/${Number(second['id'])}`);
    expect(errors(await newBalancer({ label: 'nb-3', vpcs: vpcs() }))).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an interval that is not longer than the timeout', { ...CHECK, check_interval: 30 }, 'check_interval'],
    ['a check without a path', { ...CHECK, check_path: '' }, 'check_path'],
    ['a body check without a body', { ...CHECK, check: 'http_body' }, 'check_body'],
    ['a cookie for tcp', { port: 8080, protocol: 'tcp', stickiness: 'http_cookie' }, 'stickiness'],
    ['an unknown algorithm', { port: 8080, algorithm: 'random' }, 'algorithm'],
    ['a port that is none', { port: 0 }, 'port'],
    ['https, which is not emulated', { port: 8080, protocol: 'https' }, 'protocol'],
    ['the proxy protocol, which is not emulated', { port: 8080, protocol: 'tcp', proxy_protocol: 'v2' }, 'proxy_protocol'],
  ])('refuse %s', async (_, config, field) => {
    expect(errors((await front(config)).made.body)).toMatchObject([{ field }]);
  });

  it('have one config for a port, and unique labels', async () => {
    const { base, config } = await front();
    expect(errors((await account.call('POST', `${base}/configs`, CHECK)).body)).toEqual([
      { reason: 'Port must be unique among the configs of the NodeBalancer', field: 'port' },
    ]);
    expect((await account.call('PUT', config, { port: 8081 })).body).toMatchObject({ port: 8081, check: 'http' });
    expect(errors(await newBalancer())).toEqual([{ reason: 'Label must be unique among your NodeBalancers', field: 'label' }]);
    expect(errors(await newBalancer({ label: 'other', region: 'moon' }))).toEqual([{ reason: 'region is not valid', field: 'region' }]);
  });

  it('are made whole or not at all', async () => {
    const { ipv4 } = await account.create();
    const bad = await newBalancer({ configs: [{ port: 8080, nodes: [{ address: '1.2.3.4:80', label: 'node' }] }] });
    expect(errors(bad)).toMatchObject([{ field: 'configs[0].nodes[0].address' }]);
    expect((await account.call('GET', '/nodebalancers')).body['results']).toBe(0);
    const good = await newBalancer({ configs: [{ port: 8080, nodes: [{ address: `${ipv4[1]}:80`, label: 'node' }] }] });
    const configs = (await account.call('GET', `/nodebalancers/${Number(good['id'])}/configs`)).body['data'] as { id: number }[];
    expect(await nodes(`/nodebalancers/${Number(good['id'])}/configs/${configs[0]?.id}`)).toMatchObject([{ label: 'node' }]);
  });

  it('replace all nodes at a rebuild; kept ones are checked anew', async () => {
    const { config } = await front();
    const [a, b] = [await account.create({ label: 'a-1' }), await account.create({ label: 'b-1' })];
    await listen(String(a.ipv4[1]), 'a');
    const kept = (await account.call('POST', `${config}/nodes`, { address: `${a.ipv4[1]}:80`, label: 'node-a', weight: 7 })).body;
    await account.call('POST', `${config}/nodes`, { address: `${b.ipv4[1]}:80`, label: 'node-b' });
    await expect.poll(async () => (await nodes(config))[0]?.['status'], { timeout: 8000, interval: 20 }).toBe('UP');
    const wanted = [{ id: kept['id'], address: `${a.ipv4[1]}:80`, label: 'node-a' }];
    expect((await account.call('POST', `${config}/rebuild`, { nodes: wanted })).body['nodes_status']).toEqual({ up: 0, down: 1 });
    expect(await nodes(config)).toMatchObject([{ id: kept['id'], label: 'node-a', weight: 7 }]);
    expect((await account.call('POST', `${config}/rebuild`, {})).status).toBe(400);
    expect((await account.call('POST', `${config}/rebuild`, { nodes: [{ id: 1 }] })).status).toBe(400);
    expect(account.ledger().members.filter((each) => each.deleted_ms === null)).toHaveLength(1);
  });

  it('tell events of what happens to them', async () => {
    const { config } = await front();
    const { ipv4 } = await account.create();
    const { body } = await account.call('POST', `${config}/nodes`, { address: `${ipv4[1]}:80`, label: 'node' });
    await account.call('PUT', `${config}/nodes/${Number(body['id'])}`, { mode: 'drain' });
    await account.call('DELETE', `${config}/nodes/${Number(body['id'])}`);
    const filter = { 'x-filter': '{"entity.type":"nodebalancer","+order_by":"id","+order":"asc"}' };
    const events = (await account.call('GET', '/account/events', undefined, filter)).body['data'] as { action: string }[];
    expect(events.map((each) => each.action)).toEqual([
      'nodebalancer_create',
      'nodebalancer_config_create',
      'nodebalancer_node_create',
      'nodebalancer_node_update',
      'nodebalancer_node_delete',
    ]);
  });

  it('stale: lists of nodes lag too', async () => {
    const { config } = await front();
    const { ipv4 } = await account.create();
    await account.call('POST', `${config}/nodes`, { address: `${ipv4[1]}:80`, label: 'node' });
    await account.fault({ kind: 'stale', age_s: 60, path: '/nodebalancers/**' });
    expect(await nodes(config)).toEqual([]);
    expect(await nodes(config)).toHaveLength(1);
  });
});
