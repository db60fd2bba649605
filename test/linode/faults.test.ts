/** Whatever goes wrong at the cloud: the group ends at its size with no machine twice, and says what happened. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { until } from '../support/daemon.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { EmulatedLinode, type Front, makeFront, privateOf } from '../support/emulated-linode.ts';
import { FaultyGroup } from '../support/faulty-group.ts';
import { BOOT_TIMEOUT_S, BOOTS, LISTS, ROUNDS, withoutCase } from './fault-cases.ts';

// Most of a case is waiting for its own back-off.
vi.setConfig({ maxConcurrency: 12 });

/** 35 s from the create call to `running` are 0.7 s. */
const FACTOR = 50;
const PATIENCE_MS = 150_000;
/** An event comes a moment after what it tells of. */
const TOLD_MS = 10_000;
const OTHERS = ['killed', 'sick', 'noderemoved', 'foreignnode', 'blind', 'crashcreate', 'crashlost', 'crashdelete'];
describe('every fault of the emulated Linode', () => {
  let world: EmulatedLinode;
  let shared: Front;
  let drover: ControllerProcess;
  const groups = new Map<string, FaultyGroup>();
  const startedMs = Date.now();

  const groupOf = (name: string): FaultyGroup => groups.get(name) as FaultyGroup;
  /** Tells what there was when it went wrong. */
  const told = async (name: string, part: (g: FaultyGroup) => Promise<void>): Promise<void> => {
    const group = groupOf(name);
    try {
      await part(group);
    } catch (e) {
      process.stderr.write(`${await group.diagnosis().catch(String)}\n${drover.log(15)}\n`);
      throw e;
    }
  };
  const says = async (g: FaultyGroup, tells: readonly RegExp[]): Promise<void> => {
    for (const what of tells) await until(`${g.name} to tell ${String(what)}`, async () => what.test(await g.told()), TOLD_MS);
  };

  const config = (fronts: ReadonlyMap<string, Front>): string => {
    const cloud = (name: string): string =>
      `  ${name}: { type: linode, url: '${world.url}', token: { file: token }, timeout: 2s, consistency: 1s, lists_per_minute: 10000, creates_per_15s: 1000 }\n`;
    const balancer = (name: string, front: Front): string =>
      `  ${name}: { type: nodebalancer, url: '${world.url}', token: { file: token }, timeout: 2s, lists_per_minute: 10000, nodebalancer: ${front.id}, config_id: ${front.configId} }\n`;
    const group = (name: string): string => `  ${name}:
    cloud: ${fronts.has(name) ? name : 'linode'}
    template: { region: us-east, type: g6-nanode-1, image: linode/debian12, private_ip: true }
    balancer: { use: ${fronts.has(name) ? name : 'shared'}, port: ${world.ports.web} }
    min: 0
    max: 3
    evaluate_every: 1s
    limits:
      scale_out: { every: 1s }
      scale_in: { every: 1s, after_quiet: 1s }
      destruction: { window: 10s, replace: 'max(10, 100%)', all: 'max(10, 100%)' }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1 }, grace: 0s }
    lifecycle: { boot_timeout: ${BOOT_TIMEOUT_S}s, drain: 1s }
`;
    const apart = [...fronts];
    return `version: 1
server: { listen: '127.0.0.1:${world.ports.drover}', state: ./state }
clouds:
${['linode', ...apart.map(([name]) => name)].map(cloud).join('')}balancers:
${balancer('shared', shared)}${apart.map(([name, front]) => balancer(name, front)).join('')}groups:
${[...groups.keys()].map(group).join('')}`;
  };

  beforeAll(async () => {
    world = await EmulatedLinode.open({ timeFactor: FACTOR, flags: ['--rate-limits', 'off'] });
    shared = await makeFront(world, 'shared');
    const fronts = new Map<string, Front>();
    for (const round of ROUNDS) if (round.apart) fronts.set(round.name, await makeFront(world, round.name));
    drover = world.controller();
    for (const name of [...ROUNDS.map((r) => r.name), ...BOOTS.map((b) => b.name), ...OTHERS])
      groups.set(name, new FaultyGroup(name, world, fronts.get(name) ?? shared, drover));
    world.write('drover.yaml', config(fronts));
    await drover.start();
  }, PATIENCE_MS);
  afterAll(async () => {
    await world?.close();
  });

  it('has a case here, with every value it can have', async () => {
    const { routes } = await world.control<{ routes: string[] }>('GET', '/');
    expect(withoutCase(routes)).toEqual([]);
  });

  it('for the next machine: slow, stuck or mute from the start', async () => {
    for (const { name, fault } of BOOTS) {
      const group = groupOf(name);
      await world.control('POST', '/boot-faults', { ...fault, count: 1 });
      await group.size(1);
      await until(`the machine of ${name}`, async () => (await group.ledger()).machines.length === 1, PATIENCE_MS, 50);
    }
  });

  describe.concurrent('ends right', () => {
    it.each(BOOTS)('$name: one machine serves, $made made', ({ name, made, tells }) =>
      told(name, async (g) => {
        await g.serves(1);
        await says(g, [tells]);
        await g.balances(made, 1);
        await g.size(0);
        await g.isEmpty();
        await g.balances(made, 0);
      }),
    );

    it.each(ROUNDS)('$name, at each call of a machine’s life', ({ name, fault, calls, tells }) =>
      told(name, async (g) => {
        const ids: number[] = [];
        for (const call of calls.filter((each) => each === 'create' || each === 'join')) ids.push(await g.fault(call, fault));
        await g.size(1);
        await g.serves(1);
        await g.met(ids);
        await g.balances(1, 1);
        for (const call of calls.filter((each) => each !== 'create' && each !== 'join')) ids.push(await g.fault(call, fault));
        await g.size(0);
        await g.isEmpty();
        await g.met(ids);
        await g.balances(1, 0);
        const { machines, members } = await g.ledger();
        expect(members, 'one node, whatever was answered').toHaveLength(1);
        expect(members[0]?.deleted_ms).toBeLessThanOrEqual(machines[0]?.deleted_ms as number);
        await says(g, tells);
      }),
    );

    it('a machine that is killed is replaced, once', () =>
      told('killed', async (g) => {
        await g.size(1);
        await g.serves(1);
        const [before] = await g.linodes();
        await world.control('POST', `/machines/${before?.id}/kill`);
        await until('another machine', async () => (await g.linodes()).some((each) => each.id !== before?.id), PATIENCE_MS);
        await g.serves(1);
        expect((await g.linodes())[0]?.id).not.toBe(before?.id);
        await g.balances(2, 1);
        await says(g, [/instance\.(draining|terminating|gone) .*"cause":"(replace-unhealthy|stopped|vanished)"/]);
        await g.size(0);
        await g.isEmpty();
      }));

    it('a machine that is sick is replaced, once; one that is well again is kept', () =>
      told('sick', async (g) => {
        await g.size(1);
        await g.serves(1);
        const [before] = await g.linodes();
        await world.control('POST', `/machines/${before?.id}/sick`);
        await until('the node to be DOWN', async () => (await g.nodes()).some((node) => node.status === 'DOWN'), PATIENCE_MS, 50);
        await world.control('POST', `/machines/${before?.id}/well`);
        await g.serves(1);
        expect((await g.linodes()).map((each) => each.id)).toEqual([before?.id]);
        await g.balances(1, 1);
        await world.control('POST', `/machines/${before?.id}/sick`);
        await until('another machine', async () => (await g.linodes()).some((each) => each.id !== before?.id), PATIENCE_MS);
        await g.serves(1);
        await g.balances(2, 1);
        await says(g, [/"cause":"replace-unhealthy"/, /REPLACE_UNHEALTHY/]);
        await g.size(0);
        await g.isEmpty();
      }));

    it('a node that is taken out by hand comes back, with no machine more', () =>
      told('noderemoved', async (g) => {
        await g.size(1);
        await g.serves(1);
        const [node] = await g.nodes();
        await world.api('DELETE', `/nodebalancers/${g.front.id}/configs/${g.front.configId}/nodes/${node?.id}`);
        await until('a node again', async () => (await g.nodes()).some((each) => each.id !== node?.id), PATIENCE_MS);
        await g.serves(1);
        await g.balances(1, 1);
        await says(g, [/instance\.reattached/]);
        await g.size(0);
        await g.isEmpty();
      }));

    it('a foreign node at the machine’s address is named and left alone, until it is taken out by hand', () =>
      told('foreignnode', async (g) => {
        await g.size(1);
        const linode = await until('the machine', async () => (await g.linodes())[0], PATIENCE_MS, 10);
        const theirs = await g.front.addNode(linode, 'somebody-else');
        await until('the conflict to be told', async () => (await g.told()).includes('somebody-else'), PATIENCE_MS);
        await until('the decision to say so', async () => (await g.told()).includes('BLOCKED_BALANCER'), PATIENCE_MS);
        expect((await g.front.nodes()).find((each) => each.id === theirs.id)).toMatchObject({
          label: 'somebody-else',
          address: theirs.address,
          mode: 'accept',
        });
        const { machines, members } = await g.ledger();
        expect([machines.length, members]).toEqual([1, []]);
        await world.api('DELETE', `/nodebalancers/${g.front.id}/configs/${g.front.configId}/nodes/${theirs.id}`);
        await g.serves(1);
        await g.balances(1, 1);
        await g.size(0);
        await g.isEmpty();
      }));
  });

  /** Lists of machines and of nodes that ended so, as the metrics count them. */
  const failures = async (code: string): Promise<number> => {
    const lines = (await drover.client.metricsText()).split('\n');
    const counted = (name: string): number => Number(lines.find((line) => line.startsWith(name))?.split(' ')[1] ?? 0);
    const [cloud, nodes] = ['provider_requests_total{cloud="linode",op="list"', 'balancer_requests_total{balancer="shared",op="members"'];
    return Math.min(...[cloud, nodes].map((name) => counted(`drover_${name},code="${code}"}`)));
  };

  it('lists that fail or are behind: nothing is made and nothing deleted', () =>
    told('blind', async (g) => {
      await g.size(2);
      await g.serves(2);
      const machines = await g.linodes();
      for (const [fault, code] of LISTS) {
        const before = code === null ? 0 : await failures(code);
        const paths = ['/linode/instances', `/nodebalancers/${g.front.id}/configs/${g.front.configId}/nodes`];
        for (const path of paths) await world.control('POST', '/faults', { ...fault, method: 'GET', path, count: code === null ? 6 : null });
        await until(
          `lists that met ${JSON.stringify(fault)}`,
          async () =>
            code === null ? (await world.control<{ faults: unknown[] }>('GET', '/faults')).faults.length === 0 : (await failures(code)) > before + 1,
          PATIENCE_MS,
        );
        await world.control('DELETE', '/faults');
        await g.serves(2);
        expect((await g.linodes()).map((each) => each.id)).toEqual(machines.map((each) => each.id));
      }
      await g.balances(2, 2);
      await g.size(0);
      await g.isEmpty();
      await world.control('POST', '/faults', { kind: 'stale', method: 'GET', path: '/linode/instances', age_s: 3, count: 20 });
      await g.size(1);
      await g.serves(1);
      await g.balances(3, 1);
      await world.control('DELETE', '/faults');
    }));

  it.each([
    ['crashcreate', 'create', { kind: 'error_after' }, 1],
    ['crashlost', 'create', { kind: 'lost_answer', effect: true }, 1],
    ['crashdelete', 'delete', { kind: 'lost_answer', effect: true }, 0],
  ] as const)('%s: the %s is done, its answer never heard, and the controller killed: after a restart the group is right', (name, call, fault, size) =>
    told(name, async (g) => {
      if (call === 'delete') {
        await g.size(1);
        await g.serves(1);
      }
      const id = await g.fault(call, fault);
      await g.size(size);
      await until(
        `the ${call}`,
        async () => (await g.ledger()).machines.filter((m) => m.deleted_ms === null).length === size && (await g.ledger()).machines.length === 1,
        PATIENCE_MS,
        5,
      );
      await drover.kill();
      await g.met([id]);
      await drover.start();
      await (size === 1 ? g.serves(1) : g.isEmpty());
      await g.balances(1, size);
      if (size === 1) {
        const [linode] = await g.linodes();
        await says(g, [new RegExp(`instance\\.booting .*"machine":"${linode?.id}"`)]);
      }
    }),
  );

  it('the ledger of the whole account agrees', async () => {
    const ledger = await world.balance();
    process.stdout.write(
      `${groups.size} groups in ${Math.round((Date.now() - startedMs) / 1000)} s: ${ledger.created} Linodes created, ${ledger.deleted} deleted, ${ledger.living} living\n`,
    );
    for (const group of groups.values()) {
      const rows = await group.rows();
      expect((await group.linodes()).map((each) => String(each.id)).sort(), group.name).toEqual(rows.map((row) => String(row.machine)).sort());
      expect((await group.nodes()).map((each) => each.address).sort(), group.name).toEqual(
        (await group.linodes()).map((each) => `${privateOf(each)}:${world.ports.web}`).sort(),
      );
    }
    expect(new Set(ledger.machines.map((each) => each.label)).size).toBe(ledger.created);
  });
});
