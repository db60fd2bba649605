import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/daemon.ts';
import { type LinodeAccount, linodePorts, openSharedAccount } from '../../../../test/support/linode-account.ts';
import { sendRequests, startTestMember, type TestMember } from '../../../../test/support/member.ts';
import type { Balancer, MemberRequest } from '../../../ports/balancer.ts';
import { DriverError } from '../../../ports/errors.ts';
import { type BalancerRig, balancerContract } from '../../../testing/balancer-contract.ts';
import { manifest } from './driver.ts';
import { isOurNode, nodeLabel } from './node-label.ts';

const REGION = 'eu-central';
const CHECKED = { check: 'http', check_path: '/healthz', check_interval: 2, check_timeout: 1, check_attempts: 2 };

interface Node {
  readonly id: number;
  readonly label: string;
  readonly address: string;
  readonly mode: string;
  readonly weight: number;
  readonly status: string;
}

/** One NodeBalancer of the account with one configuration. */
interface Rig {
  readonly world: LinodeAccount;
  readonly id: number;
  readonly configId: number;
  readonly port: number;
  readonly url: string;
  nodes(): Promise<Node[]>;
  add(node: object): Promise<Node>;
  /** Private address of a new Linode in the NodeBalancer's region. */
  address(): Promise<string>;
  open(over?: object, installId?: string): Promise<Balancer>;
}

let made = 0;
async function openRig(world: LinodeAccount, config: object = CHECKED): Promise<Rig> {
  const port = await freePort();
  const balancer = await world.api<{ id: number; ipv4: string }>('POST', '/nodebalancers', { region: REGION, label: `edge-${++made}` });
  const { id: configId } = await world.api<{ id: number }>('POST', `/nodebalancers/${balancer.id}/configs`, { port, protocol: 'http', ...config });
  const path = `/nodebalancers/${balancer.id}/configs/${configId}/nodes`;
  return {
    world,
    id: balancer.id,
    configId,
    port,
    url: `http://${balancer.ipv4}:${port}`,
    nodes: async () => (await world.api<{ data: Node[] }>('GET', path)).data,
    add: (node) => world.api<Node>('POST', path, node),
    address: async () => {
      const linode = { region: REGION, type: 'g6-nanode-1', label: `member-${++made}`, private_ip: true };
      const { id } = await world.api<{ id: number }>('POST', '/linode/instances', linode);
      const { ipv4 } = await world.api<{ ipv4: { private: { address: string }[] } }>('GET', `/linode/instances/${id}/ips`);
      return ipv4.private[0]?.address ?? '';
    },
    open: (over = {}, installId = 'inst-a') => {
      const options = manifest.options.parse({ token: { env: 'FULL' }, url: world.url, timeout: '5s', nodebalancer: balancer.id, port, ...over });
      return manifest.open(options, linodePorts({ installId }));
    },
  };
}

async function contractRig(config: object): Promise<BalancerRig> {
  const world = await openSharedAccount();
  const rig = await openRig(world, config);
  await rig.add({ label: 'by-hand', address: `${await rig.address()}:80`, mode: 'reject', weight: 7 });
  const members: TestMember[] = [];
  let started = 0;
  const balancer = await rig.open();
  return {
    balancer,
    startMember: async (ready = true) => {
      const member = await startTestMember(`m-${++started}`, ready, await rig.address());
      members.push(member);
      return member;
    },
    send: (n, path = '/') => sendRequests(`${rig.url}${path}`, n),
    foreign: async () => {
      const foreign = (await rig.nodes()).filter((node) => node.label === 'by-hand');
      return foreign.map(({ id, label, address, mode, weight }) => JSON.stringify({ id, label, address, mode, weight })).join('\n');
    },
    unreachable: async () => rig.open({ url: `http://127.0.0.1:${await freePort()}` }),
    close: async () => {
      await world.close();
      await Promise.all(members.map((m) => m.stop()));
    },
  };
}

balancerContract('nodebalancer, emulated', manifest.can, () => contractRig(CHECKED));

describe('nodebalancer', () => {
  let world: LinodeAccount;
  let rig: Rig;
  const members: TestMember[] = [];
  beforeAll(async () => {
    world = await openSharedAccount();
  });
  beforeEach(async () => {
    rig = await openRig(world);
  });
  afterEach(async () => {
    await world.clearFaults();
    await Promise.all(members.splice(0).map((m) => m.stop()));
  });
  afterAll(() => world.close());

  const signal = () => AbortSignal.timeout(15_000);
  const start = async (name: string, ready = true): Promise<TestMember> => {
    const member = await startTestMember(name, ready, await rig.address());
    members.push(member);
    return member;
  };
  const request = (m: TestMember, weight: number | null = null): MemberRequest => ({ instance: m.name, address: m.address, port: m.port, weight });
  const codeOf = async (call: Promise<unknown>) => {
    const e = await call.then(
      () => null,
      (error: unknown) => error,
    );
    expect(e).toBeInstanceOf(DriverError);
    const { code, message } = e as DriverError;
    return { code, message };
  };

  it('makes a node with a label that says whose it is, with the weight of the group or its own', async () => {
    const balancer = await rig.open({ weight: 40 });
    const [a, b] = [await start('web-9b3e'), await start('web-with-a-name-that-is-much-too-long')];
    await balancer.attach(request(a), signal());
    await balancer.attach(request(b, 256), signal());
    const nodes = await rig.nodes();
    expect(nodes.map((node) => node.weight)).toEqual([40, 255]);
    expect(nodes[0]?.label).toMatch(/^web-9b3e-[0-9a-f]{8}$/);
    for (const node of nodes) expect(node.label).toMatch(/^[A-Za-z0-9_.-]{3,32}$/);
    expect(nodes.map((node) => node.mode)).toEqual(['accept', 'accept']);
  });

  it('by label and configuration id is the same', async () => {
    const { label } = await world.api<{ label: string }>('GET', `/nodebalancers/${rig.id}`);
    const balancer = await rig.open({ nodebalancer: label, port: undefined, config_id: rig.configId });
    const a = await start('web-1');
    await balancer.attach(request(a), signal());
    expect((await (await rig.open()).members(signal())).items).toMatchObject([
      { address: a.address, port: a.port, state: 'ready', health: 'up', sessions: null },
    ]);
  });

  it('never touches the node of somebody else at the same address, and names it', async () => {
    const a = await start('web-1');
    const theirs = await rig.add({ label: 'nginx-by-hand', address: `${a.address}:${a.port}`, mode: 'accept', weight: 100 });
    const balancer = await rig.open();
    expect(await codeOf(balancer.attach(request(a), signal()))).toMatchObject({ code: 'conflict', message: expect.stringContaining('nginx-by-hand') });
    await balancer.drain(String(theirs.id), signal());
    await balancer.detach(String(theirs.id), signal());
    expect(await rig.nodes()).toMatchObject([{ id: theirs.id, mode: 'accept' }]);
    expect((await balancer.members(signal())).items).toEqual([]);
  });

  it('keeps two installations at one NodeBalancer apart', async () => {
    const [ours, theirs] = [await rig.open({}, 'inst-a'), await rig.open({}, 'inst-b')];
    const [a, b] = [await start('web-1'), await start('web-1')];
    const refA = await ours.attach(request(a), signal());
    const refB = await theirs.attach(request(b), signal());
    expect((await ours.members(signal())).items.map((m) => m.ref)).toEqual([refA]);
    expect((await theirs.members(signal())).items.map((m) => m.ref)).toEqual([refB]);
    await ours.detach(refB, signal());
    expect(await codeOf(ours.attach(request(b), signal()))).toMatchObject({ code: 'conflict' });
    expect(await rig.nodes()).toHaveLength(2);
  });

  it.each([
    ['a 500 after the node was made', { kind: 'error_after', method: 'POST', path: '/nodebalancers/*/configs/*/nodes' }],
    ['an answer that is lost', { kind: 'lost_answer', method: 'POST', path: '/nodebalancers/*/configs/*/nodes' }],
  ] as const)('%s: the next try takes the node that is there', async (_, fault) => {
    const balancer = await rig.open();
    const a = await start('web-1');
    await world.fault(fault);
    await codeOf(balancer.attach(request(a), signal()));
    const ref = await balancer.attach(request(a), signal());
    expect((await rig.nodes()).map((node) => String(node.id))).toEqual([ref]);
  });

  it('without checks takes a member in at once, and says that its health is not known', async () => {
    const bare = await openRig(world, { check: 'none' });
    const balancer = await bare.open();
    const a = await startTestMember('web-1', true, await bare.address());
    members.push(a);
    const ref = await balancer.attach(request(a), signal());
    expect((await balancer.members(signal())).items).toMatchObject([{ ref, state: 'ready', health: 'unknown' }]);
    expect((await sendRequests(bare.url, 5)).byMember).toEqual({ 'web-1': 5 });
  });

  it('in a VPC takes members of its subnet', async () => {
    const vpc = await world.api<{ id: number }>('POST', '/vpcs', { label: `net-${++made}`, region: REGION });
    const subnet = await world.api<{ id: number }>('POST', `/vpcs/${vpc.id}/subnets`, { label: 'a', ipv4: '10.30.0.0/24' });
    const edge = await world.api<{ id: number }>('POST', '/nodebalancers', { region: REGION, label: `vpc-${++made}`, vpcs: [{ subnet_id: subnet.id }] });
    await world.api('POST', `/nodebalancers/${edge.id}/configs`, { port: await freePort(), protocol: 'http', check: 'none' });
    const [config] = (await world.api<{ data: { port: number }[] }>('GET', `/nodebalancers/${edge.id}/configs`)).data;
    const interfaces = [{ purpose: 'public' }, { purpose: 'vpc', subnet_id: subnet.id }];
    const linode = { region: REGION, type: 'g6-nanode-1', image: 'linode/debian12', root_pass: 'Long-enough-7-words', interfaces };
    const { id } = await world.api<{ id: number }>('POST', '/linode/instances', linode);
    const { ipv4 } = await world.api<{ ipv4: { vpc: { address: string }[] } }>('GET', `/linode/instances/${id}/ips`);
    const balancer = await rig.open({ nodebalancer: edge.id, port: config?.port, subnet_id: subnet.id });
    const ref = await balancer.attach({ instance: 'web-1', address: ipv4.vpc[0]?.address ?? '', port: 80, weight: null }, signal());
    expect((await balancer.members(signal())).items).toMatchObject([{ ref, address: ipv4.vpc[0]?.address, port: 80, state: 'ready' }]);
  });

  it('says what a person set: a rejected node is out, and is brought back by an attach', async () => {
    const balancer = await rig.open();
    const a = await start('web-1');
    const ref = await balancer.attach(request(a), signal());
    const path = `/nodebalancers/${rig.id}/configs/${rig.configId}/nodes/${ref}`;
    for (const mode of ['reject', 'backup']) {
      await world.api('PUT', path, { mode });
      expect((await balancer.members(signal())).items).toMatchObject([{ ref, state: 'out' }]);
    }
    expect(await balancer.attach(request(a), signal())).toBe(ref);
    expect((await balancer.members(signal())).items).toMatchObject([{ ref, state: 'ready' }]);
  });

  it('shows a member whose check fails as down', async () => {
    const balancer = await rig.open();
    const a = await start('web-1');
    await balancer.attach(request(a), signal());
    a.setReady(false);
    await expect.poll(async () => (await balancer.members(signal())).items[0]?.health, { timeout: 15_000, interval: 100 }).toBe('down');
  }, 20_000);

  it('refuses an address that is none of the private network, in the words of the API', async () => {
    const balancer = await rig.open();
    const member = { instance: 'web-1', address: '8.8.8.8', port: 80, weight: null };
    expect(await codeOf(balancer.attach(member, signal()))).toMatchObject({ code: 'bad-request', message: expect.stringContaining('address') });
  });

  it('says what is wrong with what it was told to manage', async () => {
    const wrong = async (over: object) => codeOf((await rig.open(over)).members(signal()));
    expect(await wrong({ port: 1 })).toMatchObject({
      code: 'bad-request',
      message: expect.stringMatching(new RegExp(`no configuration for port 1; it has ${rig.port}`)),
    });
    expect(await wrong({ port: undefined, config_id: 1 })).toMatchObject({ code: 'bad-request' });
    expect(await wrong({ nodebalancer: 1 })).toMatchObject({ code: 'bad-request', message: expect.stringContaining('no NodeBalancer 1') });
    expect(await wrong({ nodebalancer: 'nowhere' })).toMatchObject({ code: 'bad-request', message: expect.stringContaining('nowhere') });
    for (const bad of [{ port: 80, config_id: 3 }, {}, { port: 80, weight: 256 }, { port: 80, slots: 'app' }])
      expect(manifest.options.safeParse({ token: { env: 'T' }, nodebalancer: 1, ...bad }).success, JSON.stringify(bad)).toBe(false);
  });

  it('looks at its token, and says where its members must be', async () => {
    await (await rig.open()).preflight?.('act', signal());
    const reader = await rig.open({ token: { env: 'READ' } });
    await reader.preflight?.('read', signal());
    const refused = await codeOf(reader.preflight?.('act', signal()) ?? Promise.resolve());
    expect(refused).toMatchObject({ code: 'unauthorized', message: expect.stringContaining('nodebalancers:read_write') });
    expect(await reader.place?.(signal())).toEqual({ realm: 'linode', region: REGION, network: 'private addresses' });
    expect(await (await rig.open({ subnet_id: 5 })).place?.(signal())).toMatchObject({ network: 'VPC subnet 5' });
    expect(await codeOf((await rig.open({ token: { env: 'NARROW' } })).preflight?.('read', signal()) ?? Promise.resolve())).toMatchObject({
      code: 'unauthorized',
    });
  });
});

it('knows its nodes by their labels: of this install, this name and this address', () => {
  const { secrets } = linodePorts();
  const label = nodeLabel('inst-a', 'web-9b3e', '192.168.130.5:80', secrets);
  const address = '192.168.130.5:80';
  expect(isOurNode('inst-a', { label, address }, secrets)).toBe(true);
  expect(isOurNode('inst-b', { label, address }, secrets)).toBe(false);
  expect(isOurNode('inst-a', { label, address: '192.168.130.6:80' }, secrets)).toBe(false);
  expect(isOurNode('inst-a', { label: `x${label}`, address }, secrets)).toBe(false);
  for (const odd of ['', 'a', label.slice(-8), 'nginx-by-hand']) expect(isOurNode('inst-a', { label: odd, address }, secrets)).toBe(false);
});
