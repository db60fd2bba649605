import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOOD_PASSWORD, type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';
import { officialLinodeClient, reasonsOf } from '../../../test/support/official-linode-client.ts';

describe('the official client @linode/api-v4', () => {
  let account: LinodeAccount;
  let official: Awaited<ReturnType<typeof officialLinodeClient>>;
  beforeAll(async () => {
    account = await openAccount();
    official = await officialLinodeClient(account.url, account.token);
  });
  afterAll(async () => {
    official.close();
    await account.close();
  });

  const SMALL = { region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', root_pass: GOOD_PASSWORD };

  it('creates, lists, filters, finds and deletes Linodes', async () => {
    const { client } = official;
    const made = await client.createLinode({ ...SMALL, label: 'client-1', tags: ['by-client', 'other'], private_ip: true, booted: true });
    expect(made).toMatchObject({ label: 'client-1', status: 'provisioning', tags: ['by-client', 'other'], region: 'us-east' });
    expect((await client.getLinodes({ page: 1, page_size: 100 }, { tags: 'by-client' })).data.map((each) => each.id)).toEqual([made.id]);
    expect((await client.getLinodes({}, { label: 'nobody' })).results).toBe(0);
    await expect.poll(async () => (await client.getLinode(made.id)).status, { timeout: 5000, interval: 10 }).toBe('running');
    expect((await client.getLinodeIPs(made.id)).ipv4.private).toHaveLength(1);
    const events = await client.getEvents({}, { action: 'linode_boot', 'entity.id': made.id });
    expect(events.data[0]).toMatchObject({ status: 'finished', percent_complete: 100 });
    await client.deleteLinode(made.id);
    expect(await client.getLinode(made.id).catch(reasonsOf)).toEqual([{ reason: 'Not found' }]);
  });

  it('gets the reasons of a refusal', async () => {
    await account.create({ label: 'taken' });
    const refused = await official.client.createLinode({ ...SMALL, label: 'taken' }).catch(reasonsOf);
    expect(refused).toEqual([{ reason: 'Label must be unique among your linodes', field: 'label' }]);
  });

  // The client lets private addresses through only, which machines on loopback have in a VPC alone.
  it('makes a NodeBalancer with config and node', async () => {
    const { client } = official;
    const vpc = await client.createVPC({ label: 'net', region: 'us-east', subnets: [{ label: 'one', ipv4: '10.0.0.0/24' }] });
    const subnetId = vpc.subnets[0]?.id ?? 0;
    const backend = await account.create({ label: 'behind', private_ip: false, interfaces: [{ purpose: 'vpc', subnet_id: subnetId }] });
    const [inside] = (await client.getLinodeIPs(backend.id)).ipv4.vpc;
    const balancer = await client.createNodeBalancerBeta({ region: 'us-east', label: 'front', vpcs: [{ subnet_id: subnetId }], configs: [] });
    const settings = {
      ...{ port: 8080, protocol: 'http', algorithm: 'roundrobin', stickiness: 'table', proxy_protocol: 'none', cipher_suite: 'recommended' },
      ...{ check: 'http', check_path: '/healthz', check_interval: 5, check_timeout: 3, check_attempts: 2, check_passive: true },
    };
    const node = { address: inside?.address, port: 80, label: 'node-1', mode: 'accept', weight: 50, subnet_id: subnetId };
    const config = await client.createNodeBalancerConfigBeta(balancer.id, { ...settings, nodes: [node] });
    expect(config).toMatchObject({ port: 8080, check: 'http', nodes_status: { up: 0, down: 1 } });
    const { id } = await client.createNodeBalancerConfigNodeBeta(balancer.id, config.id, { ...node, port: 81, label: 'node-2' });
    const nodes = await client.getNodeBalancerConfigNodes(balancer.id, config.id);
    expect(nodes.data).toMatchObject([
      { address: `${inside?.address}:80`, label: 'node-1' },
      { id, label: 'node-2', mode: 'accept', weight: 50 },
    ]);
    expect(await client.updateNodeBalancerConfigNodeBeta(balancer.id, config.id, id, { ...node, port: 81, label: 'node-2', mode: 'drain' })).toMatchObject({
      mode: 'drain',
    });
    await client.deleteNodeBalancerConfigNode(balancer.id, config.id, id);
    await client.deleteNodeBalancer(balancer.id);
    expect((await client.getNodeBalancers()).results).toBe(0);
  });

  it('reads profile, regions, types, images and firewalls', async () => {
    const { client } = official;
    expect((await client.getProfile()).username).toBe('emulated');
    expect((await client.getRegions()).data.map((each) => each.id)).toContain('us-east');
    expect((await client.getLinodeTypes()).data.map((each) => each.id)).toContain('g6-nanode-1');
    expect((await client.getImages()).results).toBeGreaterThan(5);
    expect((await client.getFirewalls()).results).toBe(0);
  });
});
