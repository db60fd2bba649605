/**
 * Traffic that never stops, through an emulated NodeBalancer: a burst takes the group from two machines to six and back, by their processors as
 * a real Prometheus measures them. No request fails, and no machine gets one before the NodeBalancer has checked it.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cpuQuery } from '../../src/config/expand-target.ts';
import type { Load } from '../../src/emulators/load/load.ts';
import { until } from '../support/daemon.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { EmulatedLinode, type Front, type Linode, makeFront, privateOf } from '../support/emulated-linode.ts';
import { describeWith } from '../support/real.ts';

const FACTOR = 10;
const PATIENCE_MS = 120_000;
/** A request takes 25 ms of a processor: two machines have work for 0.4, then for 1.75, which is 88 % of them and 29 % of six. */
const RATE = { base: 16, burst: 70 };
const SIZE = { base: 2, burst: 6 };
/** How long a machine listens in the balancer and has not passed its check. */
const UNCHECKED_MS = 4_000;

interface MachineView {
  readonly id: string;
  readonly label: string;
  readonly phase: string;
  readonly private_ipv4: string;
  readonly requests: number | null;
}

/** What was seen of one machine. */
interface Sighting {
  /** Running, and not yet UP: looks, and the most requests it had then. */
  waited: number;
  requestsBefore: number;
  isUp: boolean;
  requests: number;
}

/** Looks at every machine and its node as fast as it can. Requests are read first: a node that is not UP after that was not UP before. */
class Watch {
  readonly seen = new Map<string, Sighting>();
  readonly #world: EmulatedLinode;
  readonly #front: Front;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(world: EmulatedLinode, front: Front) {
    this.#world = world;
    this.#front = front;
    this.#done = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const { machines } = await this.#world.control<{ machines: MachineView[] }>('GET', '/machines');
      const up = new Set((await this.#front.nodes()).filter((node) => node.status === 'UP').map((node) => node.address));
      for (const machine of machines) if (machine.requests !== null) this.#note(machine, up.has(`${machine.private_ipv4}:${this.#world.ports.web}`));
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  #note({ id, requests }: MachineView, isUp: boolean): void {
    const seen = this.seen.get(id) ?? { waited: 0, requestsBefore: 0, isUp: false, requests: 0 };
    this.seen.set(id, seen);
    seen.isUp ||= isUp;
    seen.requests = requests ?? 0;
    if (seen.isUp) return;
    seen.waited++;
    seen.requestsBefore = Math.max(seen.requestsBefore, requests ?? 0);
  }
}

describeWith(['prometheus', 'prometheus-alertmanager'], 'a burst, under traffic that never stops', () => {
  let world: EmulatedLinode;
  let front: Front;
  let drover: ControllerProcess;
  let traffic: Load;
  let watch: Watch;
  const took: string[] = [];

  const prometheus = (): string => `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: web
    http_sd_configs: [{ url: 'http://127.0.0.1:${world.ports.drover}/sd?cloud=linode', refresh_interval: 1s }]
    relabel_configs:
      - { source_labels: [__meta_linode_tags], regex: '.*,web,.*', action: keep }
      - { source_labels: [__meta_linode_private_ipv4], regex: '(.+)', target_label: __address__, replacement: '$1:9100' }
      - { source_labels: [__meta_linode_instance_label], target_label: instance }
`;
  const config = (): string => `version: 1
prometheus: http://127.0.0.1:${world.ports.prometheus}
server: { listen: '127.0.0.1:${world.ports.drover}', state: ./state }
clouds: { linode: { type: linode, url: '${world.url}', token: { file: token } } }
balancers: { edge: { type: nodebalancer, url: '${world.url}', token: { file: token }, nodebalancer: ${front.id}, config_id: ${front.configId} } }
defaults: { evaluate_every: 1s }
groups:
  web:
    cloud: linode
    template: { region: us-east, type: g6-nanode-1, image: linode/debian12, tags: [web], private_ip: true }
    balancer: { use: edge, port: ${world.ports.web} }
    min: ${SIZE.base}
    max: ${SIZE.burst}
    metrics:
      # As the shorthand target.cpu writes it, over seconds in place of minutes.
      cpu: { query: '${cpuQuery('web').replaceAll('[2m]', '[8s]')}', unit: percent }
    policies:
      - { name: processors, type: target, metric: cpu, target: 30 }
    limits:
      scale_out: { every: 2s }
      scale_in: { step: 4, every: 2s, after_quiet: 8s }
      destruction: { window: 10s, all: 'max(10, 100%)' }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1 } }
    lifecycle: { boot_timeout: 1m, drain: 2s }
  careful:
    cloud: linode
    template: { region: us-east, type: g6-nanode-1, image: linode/debian12, tags: [other], private_ip: true }
    balancer: { use: edge, port: ${world.ports.web} }
    min: 0
    max: 1
    # Says less than the check of the NodeBalancer: it joins while its health path says that it is sick.
    health: { tcp: { every: 1s, timeout: 1s, healthy_after: 3 } }
    limits: { scale_in: { every: 1s, after_quiet: 1s }, destruction: { window: 10s, all: 'max(10, 100%)' } }
    lifecycle: { boot_timeout: 1m, drain: 2s }
`;
  const ours = async (group: string): Promise<Linode[]> => (await world.linodes()).filter((each) => each.label.startsWith(`${group}-`));
  /** So many serve, and are UP, and nothing else is there. */
  const settled = async (size: number): Promise<void> => {
    await until(
      `${size} machines`,
      async () => {
        const { instances } = await drover.client.instances({ group: 'web', gone: 'false' });
        if (instances.length !== size || instances.some((each) => each.state !== 'serving')) return false;
        const [linodes, nodes] = [await ours('web'), (await front.nodes()).filter((node) => node.label.startsWith('web-'))];
        return linodes.length === size && nodes.length === size && nodes.every((node) => node.status === 'UP' && node.mode === 'accept');
      },
      PATIENCE_MS,
    );
  };
  const told = async (part: () => Promise<void>): Promise<void> => {
    try {
      await part();
    } catch (e) {
      const decisions = await drover.cli('history', 'web').catch(() => null);
      process.stderr.write(`${drover.log(30)}\n${decisions?.stdout ?? ''}\n${world.logs()}\n${JSON.stringify([...watch.seen])}\n`);
      process.stderr.write(`${JSON.stringify([traffic.count(), traffic.failures().slice(0, 5)])}\n`);
      throw e;
    }
  };
  const noFailure = (): void => {
    expect(traffic.failures()).toEqual([]);
    expect(traffic.count()).toMatchObject({ failed: 0, skipped: 0 });
  };

  beforeAll(async () => {
    world = await EmulatedLinode.open({ timeFactor: FACTOR, flags: ['--work', '25ms'] });
    front = await makeFront(world, 'edge');
    world.write('drover.yaml', config());
    const files = [world.write('prometheus.yml', prometheus()), world.write('alertmanager.yml', 'route: { receiver: none }\nreceivers: [{ name: none }]\n')];
    drover = world.controller();
    await drover.start();
    await world.startMonitoring(files[0] as string, files[1] as string);
    await settled(SIZE.base);
    watch = new Watch(world, front);
    traffic = await world.startTraffic(front.url, RATE.base);
  }, PATIENCE_MS);
  afterAll(async () => {
    await watch?.end();
    await world?.close();
  });

  it('a burst: six machines', () =>
    told(async () => {
      const utilisation = await until(
        'the processors to be measured',
        async () => (await world.query('count(node_cpu_seconds_total{mode="idle"}) == 2'))[0],
        PATIENCE_MS,
      );
      expect(utilisation.value).toBe(SIZE.base);
      const startedMs = Date.now();
      traffic.rate = RATE.burst;
      await settled(SIZE.burst);
      took.push(`2 → 6 in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
      const { decisions } = await drover.client.decisions({ group: 'web', limit: 100 });
      expect(decisions.some((each) => each.outcome === 'scale_out' && each.reason === 'ABOVE_TARGET')).toBe(true);
      await until(
        'every one to serve requests',
        async () => (await ours('web')).every((each) => (watch.seen.get(String(each.id))?.requests ?? 0) > 0),
        PATIENCE_MS,
      );
      noFailure();
    }));

  it('none had a request before it was UP', async () => {
    const linodes = await ours('web');
    const late = linodes.map((each) => ({ label: each.label, ...watch.seen.get(String(each.id)) })).filter((each) => (each.waited ?? 0) > 0);
    // The two of the beginning were UP before anybody looked.
    expect(late.length).toBeGreaterThanOrEqual(SIZE.burst - SIZE.base);
    for (const each of late) expect(each, each.label).toMatchObject({ requestsBefore: 0, isUp: true });
  });

  it('a machine that answers and has not passed the check is in the balancer and gets nothing, however long', () =>
    told(async () => {
      await drover.client.scale({ group: 'careful', kind: 'exact', size: 1, for_s: null, reason: 'test' });
      const linode = await until('its machine', async () => (await ours('careful'))[0], PATIENCE_MS, 20);
      // As soon as it runs: before three checks of its port have passed, so before it joins.
      await until('it to run', async () => await world.control('POST', `/machines/${linode.id}/sick`), PATIENCE_MS, 20);
      const address = `${privateOf(linode)}:${world.ports.web}`;
      const node = async () => (await front.nodes()).find((each) => each.address === address);
      await until('its node', async () => (await node())?.status === 'DOWN', PATIENCE_MS, 20);
      const [sinceMs, before] = [Date.now(), traffic.count().requests];
      let looks = 0;
      while (Date.now() - sinceMs < UNCHECKED_MS) {
        expect(await world.control<MachineView>('GET', `/machines/${linode.id}`)).toMatchObject({ phase: 'running', requests: 0 });
        expect(await node()).toMatchObject({ status: 'DOWN', mode: 'accept' });
        looks++;
        await new Promise((done) => setTimeout(done, 50));
      }
      expect(looks).toBeGreaterThan(5);
      expect(traffic.count().requests - before).toBeGreaterThan((RATE.base * UNCHECKED_MS) / 2_000);
      await world.control('POST', `/machines/${linode.id}/well`);
      await until('it to serve', async () => ((await world.control<MachineView>('GET', `/machines/${linode.id}`)).requests ?? 0) > 0, PATIENCE_MS);
      expect(await node()).toMatchObject({ status: 'UP' });
      await drover.client.scale({ group: 'careful', kind: 'exact', size: 0, for_s: null, reason: 'test' });
      await until('it to be gone', async () => (await ours('careful')).length === 0 && (await node()) === undefined, PATIENCE_MS);
      noFailure();
    }));

  it('and back: two machines', () =>
    told(async () => {
      const startedMs = Date.now();
      traffic.rate = RATE.base;
      await settled(SIZE.base);
      took.push(`6 → 2 in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
      const { decisions } = await drover.client.decisions({ group: 'web', limit: 100 });
      expect(decisions.some((each) => each.outcome === 'scale_in' && each.reason === 'BELOW_TARGET')).toBe(true);
      noFailure();
    }));

  it('the ledger: a machine for each that a decision asked for, all others deleted, and not one request has failed', () =>
    told(async () => {
      await traffic.stop();
      noFailure();
      const { requests, failed } = traffic.count();
      const ledger = await world.balance();
      const { events } = await drover.client.events({ type: 'instance.intent', limit: 1000 });
      expect(events.map((each) => each.data['cause']).filter((cause) => cause !== 'scale-out' && cause !== 'min')).toEqual([]);
      expect([ledger.created, events.length]).toEqual([SIZE.burst + 1, SIZE.burst + 1]);
      expect(ledger.living).toBe(SIZE.base);
      // One node for each machine, ever.
      expect(ledger.members).toHaveLength(ledger.created);
      expect((await front.nodes()).map((each) => each.address).sort()).toEqual(
        (await ours('web')).map((each) => `${privateOf(each)}:${world.ports.web}`).sort(),
      );
      expect(requests).toBeGreaterThan(1_000);
      process.stdout.write(`${took.join(', ')}; ${requests} requests, ${failed} failed; ${ledger.created} Linodes created, ${ledger.deleted} deleted\n`);
    }));
});
