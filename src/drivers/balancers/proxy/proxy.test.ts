import { expect, it } from 'vitest';
import { freePort } from '../../../../test/support/daemon.ts';
import { sendRequests, startTestMember, type TestMember } from '../../../../test/support/member.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { startProxy } from '../../../emulators/proxy/proxy.ts';
import { type BalancerRig, balancerContract } from '../../../testing/balancer-contract.ts';
import { manifest } from './driver.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const open = (admin: string, more: object = {}) => manifest.open(manifest.options.parse({ admin, ...more }), realPorts());

async function setUp(check: { check_path?: string }): Promise<BalancerRig> {
  const proxy = await startProxy({ listen: LOOPBACK, admin: LOOPBACK });
  const members: TestMember[] = [];
  let started = 0;
  // Somebody else's member, which never answers.
  const spec = { owner: 'somebody else', address: '127.0.0.1', port: await freePort(), weight: 3 };
  await fetch(`${proxy.adminUrl}/members/theirs`, { method: 'PUT', body: JSON.stringify(spec) });
  return {
    balancer: await open(proxy.adminUrl, check),
    startMember: async (ready = true) => {
      const member = await startTestMember(`m-${++started}`, ready);
      members.push(member);
      return member;
    },
    send: (n, path = '/') => sendRequests(`${proxy.url}${path}`, n),
    foreign: async () => {
      const { members: all } = (await (await fetch(`${proxy.adminUrl}/members`)).json()) as { members: Record<string, unknown>[] };
      return all
        .filter((m) => m['owner'] !== 'test-install')
        .map(({ ref, owner, address, port, weight, check: path, state }) => JSON.stringify({ ref, owner, address, port, weight, path, state }))
        .join('\n');
    },
    unreachable: async () => open(`http://127.0.0.1:${await freePort()}`),
    close: async () => {
      await proxy.close();
      await Promise.all(members.map((m) => m.stop()));
    },
  };
}

balancerContract('proxy', manifest.can, () => setUp({ check_path: '/healthz' }));

it('refuses to take a name that another installation uses, and to touch its member', async () => {
  const rig = await setUp({});
  try {
    const signal = AbortSignal.timeout(10_000);
    const before = await rig.foreign();
    await expect(rig.balancer.attach({ instance: 'theirs', address: '127.0.0.1', port: 9, weight: null }, signal)).rejects.toMatchObject({ code: 'conflict' });
    await rig.balancer.drain('theirs', signal);
    await rig.balancer.detach('theirs', signal);
    expect(await rig.foreign()).toBe(before);
  } finally {
    await rig.close();
  }
});

it('checks by a TCP connection when there is no path', async () => {
  const rig = await setUp({});
  try {
    const member = await rig.startMember();
    await rig.balancer.attach({ instance: 'tcp-1', address: member.address, port: member.port, weight: 5 }, AbortSignal.timeout(10_000));
    expect(await rig.send(5)).toMatchObject({ failed: 0 });
    const closed = await freePort();
    const late = rig.balancer.attach({ instance: 'tcp-2', address: '127.0.0.1', port: closed, weight: null }, AbortSignal.timeout(800));
    await expect(late).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') });
  } finally {
    await rig.close();
  }
});

it('refuses options that cannot be', () => {
  for (const bad of [
    {},
    { admin: 'localhost:80' },
    { admin: 'http://u:p@127.0.0.1' },
    { admin: 'http://127.0.0.1:1', check_path: 'x' },
    { admin: 'http://127.0.0.1:1', chek: 1 },
  ])
    expect(manifest.options.safeParse(bad).success).toBe(false);
});
