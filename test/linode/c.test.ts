/**
 * The system of the Spanish document ("Autoescalado para Linodes detrás de un NodeBalancer"): its own prometheus.yml, rules.yml and
 * alertManager.yml, with Drover in the place of am-executor and its script.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EmulatorClient } from '../../src/emulators/api/client.ts';
import type { Load } from '../../src/emulators/load/load.ts';
import { until } from '../support/daemon.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { EmulatedLinode, type Front, type Linode, makeFront, privateOf, scaledTimes } from '../support/emulated-linode.ts';
import { describeWith, find } from '../support/real.ts';

const DOCUMENTS = join(import.meta.dirname, 'documents', 'c');
/** The document's five minutes are fifteen seconds. */
const FACTOR = 20;
const PATIENCE_MS = 120_000;
const READ_ONLY = 'discovery-token-77aa';
const MAX = 2;

describeWith(['prometheus', 'prometheus-alertmanager', 'promtool', 'amtool'], 'the Spanish document, with Drover in the place of am-executor', () => {
  let world: EmulatedLinode;
  let front: Front;
  let drover: ControllerProcess;
  let traffic: Load;
  const base: Linode[] = [];
  let theirs: string;

  const document = (name: string): string => readFileSync(join(DOCUMENTS, name), 'utf8');
  /** As an operator puts it in place: other ports only where the network is not ours alone. */
  const placed = (name: string): string => {
    const { prometheus, alertmanager, drover: api, executor } = world.ports;
    const text = document(name).replaceAll('9093', String(alertmanager)).replaceAll('8470', String(api)).replaceAll('23222', String(executor));
    const reached = world.isNamespace ? text : text.replace('__meta_linode_public_ipv6', '__meta_linode_public_ipv4').replace('"[$1]:9100"', '"$1:9100"');
    return scaledTimes(reached.replaceAll('9090', String(prometheus)), FACTOR);
  };
  const config = (token: string): string => `version: 1
server: { listen: '127.0.0.1:${world.ports.drover}', state: ./state }
clouds: { linode: { type: linode, url: '${world.url}', token: { file: ${token} } } }
balancers: { web: { type: nodebalancer, url: '${world.url}', token: { file: ${token} }, nodebalancer: ${front.id}, config_id: ${front.configId} } }
receivers: { executor: { format: alertmanager, auth: none, listen: '127.0.0.1:${world.ports.executor}' } }
groups:
  nginx:
    cloud: linode
    template: { region: us-east, type: g6-nanode-1, image: linode/debian12, tags: [khw, autoscale], private_ip: true }
    balancer: { use: web, port: ${world.ports.web} }
    min: 0
    max: ${MAX}
    evaluate_every: 1s
    policies:
      - { name: high, type: alert, alert: HighLoad, receiver: executor, change: +1, every: 30s }
      - { name: low, type: alert, alert: LowLoad, receiver: executor, change: -1, every: 10s }
    limits: { scale_in: { every: 5s, after_quiet: 5s }, destruction: { window: 10s } }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1 } }
    lifecycle: { boot_timeout: 1m, drain: 2s }
`;
  const instances = async () => (await drover.client.instances({ group: 'nginx', gone: 'false' })).instances;
  const ours = async (): Promise<Linode[]> => (await world.linodes()).filter((l) => l.tags.includes('autoscale'));
  const creates = async (): Promise<number> =>
    (await world.ledger()).calls.filter((c) => c.route === 'POST /linode/instances' && c.status === 200).reduce((sum, c) => sum + c.count, 0);
  const foreign = async (): Promise<string> =>
    JSON.stringify(
      (await front.nodes()).filter((n) => n.label.startsWith('base-')).map(({ label, address, mode, weight }) => ({ label, address, mode, weight })),
    );
  const told = async <T>(part: () => Promise<T>): Promise<T> => {
    try {
      return await part();
    } catch (e) {
      const decisions = await drover?.cli('history', 'nginx').catch(() => null);
      process.stderr.write(`${drover?.log(40)}\n${decisions?.stdout ?? ''}\n${world.logs()}\n${JSON.stringify(await front.nodes())}\n`);
      throw e;
    }
  };

  beforeAll(async () => {
    world = await EmulatedLinode.open({ timeFactor: FACTOR, tokens: [`${READ_ONLY}=events:read_only linodes:read_only ips:read_only`] });
    front = await makeFront(world, 'frente');
    for (let i = 1; i <= 4; i++) base.push(await world.makeLinode(`base-${i}`, ['khw']));
    await world.makeLinode('otra', ['database']);
    for (const linode of base) await front.addNode(linode, linode.label);
    theirs = await foreign();
    await until('the four to serve', async () => (await front.nodes()).every((n) => n.status === 'UP'), PATIENCE_MS);
    world.write('read-only', READ_ONLY, 0o600);
    for (const name of ['prometheus.yml', 'rules.yml', 'alertManager.yml']) world.write(name, placed(name));
    traffic = await world.startTraffic(front.url, 20);
  }, PATIENCE_MS);
  afterAll(async () => {
    await world?.close();
  });

  it('its files are good ones, and `doctor --rules` says what they do not tell', async () => {
    execFileSync(find('promtool') ?? '', ['check', 'config', join(world.dir, 'prometheus.yml')], { stdio: 'pipe' });
    execFileSync(find('amtool') ?? '', ['check-config', join(world.dir, 'alertManager.yml')], { stdio: 'pipe' });
    world.write('drover.yaml', config('token'));
    for (const name of ['rules.yml', 'prometheus.yml', 'alertManager.yml', 'executor.yml']) world.write(`document/${name}`, document(name));
    drover = world.controller();
    const lint = await drover.cli(
      ...['--json', 'doctor', '--rules', 'document/rules.yml', '--prometheus', 'document/prometheus.yml'],
      ...['--alertmanager', 'document/alertManager.yml', '--executor', 'document/executor.yml'],
    );
    expect(lint.code, lint.stderr).toBe(0);
    expect(lint.stdout).toContain('cpu-formula');
    expect(lint.stdout).toContain('no-maximum');
    expect(lint.stdout).toContain('resolved-kills');
  });

  it('a token that may only read cannot create, and a group that acts refuses to start with it', async () => {
    const reader = new EmulatorClient(`${world.url}/v4`, world.controlUrl, READ_ONLY);
    expect((await reader.call('POST', '/linode/instances', { region: 'us-east', type: 'g6-nanode-1' })).status).toBe(401);
    world.write('drover.yaml', config('read-only'));
    const refused = await drover.cli('serve', 'drover.yaml');
    expect(refused.code).not.toBe(0);
    expect(`${refused.stdout}${refused.stderr}`).toMatch(/linodes:read_write/);
    expect(`${refused.stdout}${refused.stderr}`).not.toContain(READ_ONLY);
    expect(await ours()).toEqual([]);
  });

  it('discovery finds the tagged ones, by the document’s own relabel rules', () =>
    told(async () => {
      world.write('drover.yaml', config('token'));
      await drover.start();
      await world.startMonitoring(join(world.dir, 'prometheus.yml'), join(world.dir, 'alertManager.yml'));
      const targets = await until('four targets that are up', async () => {
        const found = await world.targets();
        return found.length === 4 && found.every((t) => t.health === 'up') ? found : null;
      });
      expect(targets.map((t) => t.labels['instance'] ?? '').sort()).toEqual(base.map((l) => l.label));
      if (world.isNamespace) for (const t of targets) expect(t.scrapeUrl).toMatch(/^http:\/\/\[[0-9a-f:]+\]:9100\//);
    }));

  it('load on all four: one Linode more, tagged, in the region of the NodeBalancer, and requests once its check has passed', () =>
    told(async () => {
      const before = await creates();
      const startedMs = Date.now();
      for (const linode of base) await world.load(linode, { cpus: 1 });
      await until('HighLoad to fire', () => world.isFiring('HighLoad'), PATIENCE_MS);
      const firedMs = Date.now() - startedMs;
      const [made] = await until(
        'one Linode more',
        async () => {
          const found = await ours();
          return found.length > 0 ? found : null;
        },
        PATIENCE_MS,
        20,
      );
      expect(made?.label).toMatch(/^nginx-.{25}$/);
      expect(made?.tags).toEqual(expect.arrayContaining(['khw', 'autoscale']));
      expect(made?.region).toBe('us-east');
      const address = `${privateOf(made as Linode)}:${world.ports.web}`;
      await until('its node to be UP', async () => (await front.nodes()).some((n) => n.address === address && n.status === 'UP'), PATIENCE_MS);
      const served = await until(
        'it to serve requests',
        async () => {
          const machine = await world.control<{ requests: number }>('GET', `/machines/${made?.id}`);
          return machine.requests > 0 ? machine.requests : null;
        },
        PATIENCE_MS,
      );
      expect(served).toBeGreaterThan(0);
      expect(await creates()).toBe(before + 1);
      // `for: 5m` of the document, with a scrape and an evaluation before it and room for a slow machine after it.
      expect(firedMs).toBeGreaterThan(300_000 / FACTOR);
      process.stdout.write(`HighLoad after ${Math.round(firedMs / 1000)} s, serving after ${Math.round((Date.now() - startedMs) / 1000)} s\n`);
    }));

  it('repeats, and a resolve that comes out of order, make no more machines', () =>
    told(async () => {
      const before = await creates();
      const startsAt = new Date(Date.now() - 60_000).toISOString();
      const message = (status: string, at: string): string =>
        JSON.stringify({
          ...{ version: '4', groupKey: '{}:{alertname="HighLoad"}', truncatedAlerts: 0, status, receiver: 'web.hook', groupLabels: { alertname: 'HighLoad' } },
          ...{ commonLabels: { alertname: 'HighLoad', severity: 'critical' }, commonAnnotations: {}, externalURL: 'http://127.0.0.1' },
          alerts: [
            {
              ...{ status, labels: { alertname: 'HighLoad', severity: 'critical' }, annotations: {}, startsAt: at, generatorURL: '' },
              ...{ endsAt: status === 'resolved' ? new Date().toISOString() : '0001-01-01T00:00:00Z', fingerprint: 'aaaaaaaaaaaaaaaa' },
            },
          ],
        });
      const post = async (body: string): Promise<number> =>
        (await fetch(`http://127.0.0.1:${world.ports.executor}/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status;
      for (const status of ['firing', 'firing', 'resolved', 'firing']) expect(await post(message(status, startsAt))).toBeLessThan(300);
      await new Promise((done) => setTimeout(done, 5_000));
      expect(await creates()).toBe(before);
      // While it goes on: one more per half minute of the policy, and never past the maximum the script did not have.
      await until('the maximum', async () => (await instances()).filter((i) => i.state === 'serving').length === MAX, PATIENCE_MS);
      await new Promise((done) => setTimeout(done, 10_000));
      expect((await ours()).length).toBe(MAX);
    }));

  it('load gone: LowLoad leads back to the four of before', () =>
    told(async () => {
      for (const linode of base) await world.load(linode, { cpus: 0, seconds: 1 });
      await until('none of ours', async () => (await ours()).length === 0 && (await instances()).length === 0, PATIENCE_MS);
      expect(await foreign()).toBe(theirs);
      expect((await front.nodes()).map((n) => n.label).sort()).toEqual(base.map((l) => l.label));
      await until('four targets again', async () => (await world.targets()).length === 4);
    }));

  it('an account limit: Alertmanager is content, the failure is told, and the launch is tried again', () =>
    told(async () => {
      const fault = await world.control<{ id: number }>('POST', '/faults', { kind: 'quota', method: 'POST', path: '/linode/instances', count: null });
      for (const linode of base) await world.load(linode, { cpus: 1 });
      const failed = await until(
        'the failure in the events',
        async () => (await drover.client.events({ limit: 200 })).events.find((e) => e.type === 'launch.failed'),
        PATIENCE_MS,
      );
      expect(JSON.stringify(failed)).toContain('quota');
      const notified = await fetch(`http://127.0.0.1:${world.ports.alertmanager}/metrics`).then((r) => r.text());
      expect(notified).toMatch(/alertmanager_notifications_total\{integration="webhook"\} [1-9]/);
      expect(notified).toMatch(/alertmanager_notifications_failed_total\{integration="webhook"[^}]*\} 0\n/);
      await world.control('DELETE', `/faults/${fault.id}`);
      await until('a machine that serves', async () => (await instances()).some((i) => i.state === 'serving'), PATIENCE_MS);
    }));

  it('the alert resolves while a machine is made: it is in the balancer or gone, never left over', () =>
    told(async () => {
      for (const linode of base) await world.load(linode, { cpus: 0, seconds: 1 });
      await until('none of ours', async () => (await ours()).length === 0, PATIENCE_MS);
      await world.control('POST', '/boot-faults', { count: 1, slower: 10 });
      for (const linode of base) await world.load(linode, { cpus: 1 });
      await until('one that boots', async () => (await ours()).some((l) => l.status !== 'running'), PATIENCE_MS, 20);
      for (const linode of base) await world.load(linode, { cpus: 0, seconds: 1 });
      await until('none of ours', async () => (await ours()).length === 0 && (await instances()).length === 0, PATIENCE_MS);
    }));

  it('the ledger: created is deleted and living, members are the machines, and no request has failed', () =>
    told(async () => {
      const ledger = await world.balance();
      expect(ledger.living).toBe(5);
      expect(ledger.members.filter((m) => m.deleted_ms === null).map((m) => m.label)).toEqual(base.map((l) => l.label));
      expect(await foreign()).toBe(theirs);
      await traffic.stop();
      expect(traffic.failures()).toEqual([]);
      const { requests, failed } = traffic.count();
      expect(failed).toBe(0);
      expect(requests).toBeGreaterThan(1_000);
      process.stdout.write(`${requests} requests, ${failed} failed; ${ledger.created} Linodes created, ${ledger.deleted} deleted\n`);
    }));
});
