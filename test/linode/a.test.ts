/**
 * The system of "Build Your Own Autoscaling" (Prometheus, Grafana, Jenkins, Ansible): its playbook, its memory rule and its webhook, with Drover
 * in the place of the Jenkins pipeline. Prometheus and Alertmanager run beside the emulated Linodes, not on them.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/daemon.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { EmulatedLinode, type Linode, scaledTimes } from '../support/emulated-linode.ts';
import { type PlaybookRun, runPlaybook } from '../support/playbook.ts';
import { describeWith } from '../support/real.ts';
import { traceFiles, traceProcesses } from '../support/secret-traces.ts';

const DOCUMENTS = join(import.meta.dirname, 'documents', 'a');
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
/** The document's two minutes are twelve seconds. */
const FACTOR = 10;
const PATIENCE_MS = 120_000;
const VMS = ['grafana', 'node_exporter', 'prometheus'];
const LINODE_TOKEN = `a28-token-${randomBytes(12).toString('hex')}`;
const ROOT_PASS = `rP$${randomBytes(12).toString('hex')}`;
const WEBHOOK_PASSWORD = randomBytes(12).toString('hex');
const GRAFANA_PASSWORD = randomBytes(12).toString('hex');
const SECRETS = [LINODE_TOKEN, ROOT_PASS];

describeWith(['prometheus', 'prometheus-alertmanager', 'ansible-playbook'], 'Build Your Own, with Drover in the place of the Jenkins pipeline', () => {
  let world: EmulatedLinode;
  let drover: ControllerProcess;
  let people: Server;
  const told: { event: string; sentence: string }[] = [];
  let project: string;
  let nodeExporter: Linode;

  const head = (): string => `version: 1
prometheus: http://127.0.0.1:${world.ports.prometheus}
server: { listen: '127.0.0.1:${world.ports.drover}', state: ./state }
clouds:
  linode: { type: linode, url: '${world.url}', token: { secret: linode_token } }
  premises: { type: local }
receivers:
  pipeline: { format: jenkins, auth: { basic: { username: jenkins, password: { secret: webhook_password } } }, webhook: { body: alertmanager } }
  grafana: { format: jenkins, auth: { basic: { username: grafana, password: { secret: grafana_password } } }, webhook: { body: grafana } }
notify: { ops: { webhook: { url: 'http://127.0.0.1:${(people.address() as AddressInfo).port}/' } } }
`;
  const pace = `max: 3
    evaluate_every: 1s
    limits:
      scale_out: { every: 5s }
      scale_in: { every: 5s, after_quiet: 5s }
      collapse_guard: off
      destruction: { window: 1m, replace: 10, all: 10 }`;
  const health = (port: string): string => `{ http: { path: /healthz, ${port}every: 1s, timeout: 1s, healthy_after: 1 } }`;
  const node = (bootTimeout: string): string => `  app-node:
    cloud: linode
    template: { region: ap-south, type: g6-nanode-1, image: linode/debian10, private_ip: true, tags: [app], root_pass: { secret: root_pass } }
    min: 1
    ${pace}
    health: ${health(`port: ${world.ports.web}, `)}
    lifecycle: { boot_timeout: ${bootTimeout}, drain: 1s }
`;
  const memory75 = (bootTimeout = '1m'): string => `${head()}groups:
${node(bootTimeout)}    metrics: { memory: 'max(node_memory_Active_bytes/node_memory_MemTotal_bytes*100)' }
    policies:
      - { name: memory75, type: alert, alert: HighMemory, change: +1, every: 10m }
      - { name: quiet, type: step, metric: memory, steps: [{ below: 40, for: 5s, change: -1 }] }
`;
  const threads = (): string => {
    const policy = `    metrics: { threads: 'max(app_threads)' }
    policies: [{ name: threads, type: step, metric: threads, steps: [{ above: 20, for: 3s, change: to 2 }, { below: 12, for: 5s, change: -1 }] }]
`;
    return `${head()}groups:
${node('1m')}${policy}  rack:
    cloud: premises
    template: { command: ['${process.execPath}', '${MAIN}', emulate, web, --listen, '{{address}}:{{port}}'] }
    min: 1
    ${pace}
    health: ${health('')}
    lifecycle: { drain: 1s }
${policy}`;
  };

  const apply = async (text: string): Promise<void> => {
    world.write('next.yaml', text);
    const applied = await drover.cli('apply', 'next.yaml', '--yes');
    expect(applied.code, `${applied.stdout}${applied.stderr}`).toBe(0);
  };
  const created = async (): Promise<number> => (await world.ledger()).created;
  const ours = async (): Promise<readonly Linode[]> => (await world.linodes()).filter((l) => !VMS.includes(l.label));
  const serving = async (group = 'app-node'): Promise<number> =>
    (await drover.client.instances({ group, gone: 'false' })).instances.filter((i) => i.state === 'serving').length;
  /** As many serve, and there are no others. */
  const settled = (count: number): Promise<boolean> =>
    until(`${count} to serve`, async () => (await serving()) === count && (await ours()).length === count, PATIENCE_MS);
  const events = async (type: string) => (await drover.client.events({ limit: 500, type })).events;
  const loadMemory = (): Promise<void> => world.load(nodeExporter, { memory_mb: 900 });
  const unload = (): Promise<void> => world.load(nodeExporter, { memory_mb: 0, seconds: 1 });
  const upTargets = async () => (await world.targets()).filter((t) => t.health === 'up');
  const play = (args: readonly string[], killAt?: string): Promise<PlaybookRun> => {
    const { prometheus, alertmanager, drover: api } = world.ports;
    const at = [`prometheus_address=127.0.0.1:${prometheus}`, `alertmanager_address=127.0.0.1:${alertmanager}`, `drover_url=http://127.0.0.1:${api}`];
    const pacing = ['poll_seconds=1', 'poll_times=60', ...at].flatMap((v) => ['-e', v]);
    return runPlaybook(project, ['deployment.yml', '-i', 'inventory', ...pacing, ...args], { HOME: join(world.dir, 'home'), LINODE_URL: world.url }, killAt);
  };
  const invoke = async (body: string, headers: Record<string, string> = {}): Promise<number> =>
    (
      await fetch(`http://127.0.0.1:${world.ports.drover}/generic-webhook-trigger/invoke`, {
        ...{ method: 'POST', body },
        headers: { 'content-type': 'application/json', ...headers },
      })
    ).status;
  const asGrafana = (password = GRAFANA_PASSWORD) => ({ authorization: `Basic ${Buffer.from(`grafana:${password}`).toString('base64')}` });
  /** What the webhook contact point of Grafana sends. */
  const grafana = (status: 'firing' | 'resolved', startsAt: string, fingerprint: string): string =>
    JSON.stringify({
      ...{ receiver: 'jenkins', status, groupLabels: {}, commonLabels: {}, commonAnnotations: {}, externalURL: 'http://grafana/', version: '1' },
      ...{ groupKey: '{}:{}', truncatedAlerts: 0, orgId: 1, title: `[${status.toUpperCase()}:1]`, state: status === 'firing' ? 'alerting' : 'ok', message: '' },
      alerts: [
        {
          ...{ status, labels: { alertname: 'HighMemory', grafana_folder: 'app' }, annotations: {}, startsAt, fingerprint, generatorURL: '', silenceURL: '' },
          ...{ endsAt: status === 'resolved' ? new Date().toISOString() : '0001-01-01T00:00:00Z', dashboardURL: '', panelURL: '', values: { B: 88 } },
        },
      ],
    });
  const orTell = async <T>(part: () => Promise<T>): Promise<T> => {
    try {
      return await part();
    } catch (e) {
      const decisions = await drover?.cli('history', 'app-node').catch(() => null);
      process.stderr.write(`${drover?.log(40)}\n${decisions?.stdout ?? ''}\n${world.logs()}\n${JSON.stringify(told.slice(-5))}\n`);
      throw e;
    }
  };
  const noTrace = (): void => {
    expect(traceFiles(world.dir, SECRETS)).toEqual([]);
    // Both do find what is there: the password that Alertmanager reads, and the emulator, which alone is told the token.
    expect(traceFiles(world.dir, [WEBHOOK_PASSWORD])).toEqual([join(world.dir, 'webhook-password')]);
    expect(traceProcesses(SECRETS)).toEqual([expect.stringContaining('emulate linode')]);
  };

  beforeAll(async () => {
    world = await EmulatedLinode.open({ timeFactor: FACTOR, tokens: [LINODE_TOKEN], flags: ['--boot', '5s', '--work', '300ms'] });
    people = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        told.push(JSON.parse(body) as (typeof told)[number]);
        response.end();
      });
    });
    await new Promise<void>((done) => people.listen(0, '127.0.0.1', done));
    project = join(world.dir, 'playbook');
    cpSync(DOCUMENTS, project, { recursive: true });
    drover = world.controller();
  }, PATIENCE_MS);
  afterAll(async () => {
    await world?.close();
    people?.close();
  });

  it('secrets are kept encrypted: by Ansible Vault for the playbook, by `drover secret set` for Drover', async () => {
    world.write('vault-password', randomBytes(18).toString('hex'), 0o600);
    world.write('webhook-password', WEBHOOK_PASSWORD, 0o600);
    world.write('playbook/id_deploy.pub', `ssh-ed25519 ${randomBytes(51).toString('base64')} deploy\n`);
    execFileSync('ansible-vault', ['encrypt', '--output', 'group_vars/all/vault.yml', '-'], {
      ...{ cwd: project, stdio: 'pipe', env: { PATH: process.env['PATH'], HOME: join(world.dir, 'home'), LC_ALL: 'C.UTF-8' } },
      input: `linode_token: "${LINODE_TOKEN}"\nroot_pass: "${ROOT_PASS}"\n`,
    });
    world.write('drover.yaml', `${head()}groups: {}\n`);
    const values = { linode_token: LINODE_TOKEN, root_pass: ROOT_PASS, webhook_password: WEBHOOK_PASSWORD, grafana_password: GRAFANA_PASSWORD };
    for (const [name, value] of Object.entries(values)) {
      const set = await drover.cliGiven(`${value}\n`, 'secret', 'set', name);
      expect(set.code, set.stderr).toBe(0);
      expect(`${set.stdout}${set.stderr}`).not.toContain(value);
    }
    noTrace();
  });

  it('the playbook, killed at a task, goes on from there; run again it changes nothing', async () => {
    const killed = await play([], 'Wait until the VMs run');
    expect(killed.changed, killed.output).toBeNull();
    noTrace();
    const rest = await play(['--start-at-task', 'Wait until the VMs run']);
    expect(rest.code, rest.output).toBe(0);
    expect(rest.output).not.toContain('TASK [Create the VMs that are missing]');
    const again = await play([]);
    expect([again.code, again.changed], again.output).toEqual([0, 0]);
    const linodes = await world.linodes();
    nodeExporter = linodes.find((l) => l.label === 'node_exporter') as Linode;
    expect(linodes.map((l) => l.label).sort()).toEqual(VMS);
    for (const { region, tags } of linodes) expect([region, tags]).toEqual(['ap-south', ['app']]);
    const inventory = readFileSync(join(project, 'inventory'), 'utf8');
    for (const { label, ipv4 } of linodes)
      expect(inventory.split(`# BEGIN ${label}\n[${label}]\n${ipv4[0]} private_ip=${ipv4[1]} vm=${label}\n# END ${label}\n`)).toHaveLength(2);
    expect(inventory.match(/^# (BEGIN|END) /gm)).toHaveLength(6);
    expect(await created()).toBe(3);
  });

  it('Prometheus sees the three, each with its metrics', () =>
    orTell(async () => {
      await drover.start();
      for (const name of ['prometheus.yml', 'rules.yml', 'alertmanager.yml'])
        world.write(name, scaledTimes(readFileSync(join(project, 'etc', name), 'utf8'), FACTOR));
      await world.startMonitoring(join(world.dir, 'prometheus.yml'), join(world.dir, 'alertmanager.yml'));
      const targets = await until('three targets that are up', async () => {
        const up = await upTargets();
        return up.length === 3 ? up : null;
      });
      expect(targets.map((t) => String(t.labels['instance'])).sort()).toEqual(VMS);
      for (const { scrapeUrl } of targets) expect((await fetch(scrapeUrl)).status).toBe(200);
    }));

  it('the webhook of the pipeline: no password and a wrong one are refused, a dry run is seen and makes nothing', () =>
    orTell(async () => {
      await apply(memory75());
      await settled(1);
      const before = await created();
      const firing = grafana('firing', new Date().toISOString(), 'f0');
      expect(await invoke(firing)).toBe(401);
      expect(await invoke(firing, asGrafana('wrong'))).toBe(401);
      expect(await invoke(firing, { ...asGrafana(), 'gwt-dry-run': 'true' })).toBeLessThan(300);
      const seen = await until('the dry run in the events', async () => (await events('delivery.rejected')).find((e) => e.data['code'] === 'dry-run'));
      expect(seen.data['receiver']).toBe('grafana');
      expect((await drover.cli('eval', 'app-node')).code).toBe(0);
      expect([await created(), await serving()]).toEqual([before, 1]);
      await until('four targets', async () => (await upTargets()).length === 4);
    }));

  it('memory above 75 % on one VM: the alert, one VM more, polled until it runs, kept, and a target', () =>
    orTell(async () => {
      const before = await created();
      const startedMs = Date.now();
      await loadMemory();
      await until('HighMemory to fire', () => world.isFiring('HighMemory'), PATIENCE_MS);
      const firedMs = Date.now() - startedMs;
      await settled(2);
      const servingMs = Date.now() - startedMs;
      const made = (await ours()).at(-1);
      expect([made?.region, made?.status]).toEqual(['ap-south', 'running']);
      expect(made?.tags).toContain('app');
      expect((await world.api<{ type: string; image: string }>('GET', `/linode/instances/${made?.id}`)).type).toBe('g6-nanode-1');
      await until('it to be a target', async () => (await upTargets()).some((t) => t.labels['instance'] === made?.label));
      // The pipeline of the document knew the new VM, and its inventory did not.
      world.write('playbook/drover.sh', `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' --config ../drover.yaml export ansible "$@"\n`, 0o755);
      const roles = await play(['-i', 'drover.sh', '--start-at-task', 'Ask each node for its metrics']);
      expect([roles.code, roles.changed], roles.output).toEqual([0, 0]);
      expect(roles.output.match(/^\S+ +: ok=1 /gm)).toHaveLength(5);
      expect([await created(), (await ours()).length]).toEqual([before + 1, 2]);
      expect(firedMs).toBeGreaterThan(60_000 / FACTOR);
      process.stdout.write(`HighMemory after ${Math.round(firedMs / 1000)} s, serving after ${Math.round(servingMs / 1000)} s\n`);
    }));

  it('load gone: back to the count of before, and the last one stays', () =>
    orTell(async () => {
      const before = await created();
      await unload();
      await settled(1);
      const kept = (await ours())[0]?.id;
      const since = Date.now();
      await until('evaluations enough', async () => Date.now() - since > 6_000, PATIENCE_MS);
      expect((await ours()).map((l) => l.id)).toEqual([kept]);
      expect(await created()).toBe(before);
    }));

  it('Grafana: what is resolved never creates; what fires, told three times, creates one', () =>
    orTell(async () => {
      const before = await created();
      const [early, startsAt] = [new Date(Date.now() - 60_000).toISOString(), new Date().toISOString()];
      expect(await invoke(grafana('resolved', early, 'f1'), asGrafana())).toBeLessThan(300);
      expect((await drover.cli('eval', 'app-node')).code).toBe(0);
      expect(await created()).toBe(before);
      for (let i = 0; i < 3; i++) expect(await invoke(grafana('firing', startsAt, 'f2'), asGrafana())).toBeLessThan(300);
      await settled(2);
      expect(await invoke(grafana('resolved', startsAt, 'f2'), asGrafana())).toBeLessThan(300);
      await settled(1);
      expect(await created()).toBe(before + 1);
    }));

  it('a boot that is stuck: given up after two minutes, deleted, tried again, and people are told', () =>
    orTell(async () => {
      await apply(memory75('12s'));
      const before = await created();
      await world.control('POST', '/boot-faults', { count: 1, stuck_in: 'booting' });
      told.length = 0;
      await loadMemory();
      const stuck = await until('one that is stuck', async () => (await ours()).find((l) => l.status === 'booting'), PATIENCE_MS);
      await until('it to be deleted', async () => (await ours()).every((l) => l.id !== stuck.id), PATIENCE_MS);
      const row = (await world.ledger()).machines.find((m) => m.id === String(stuck.id));
      expect((row?.deleted_ms ?? 0) - (row?.created_ms ?? 0)).toBeGreaterThanOrEqual(120_000 / FACTOR - 1_000);
      await settled(2);
      expect(await created()).toBeGreaterThanOrEqual(before + 2);
      const blocked = told.find((t) => t.event === 'blocked');
      expect(blocked?.sentence).toContain('not healthy within 12 s');
      await unload();
      await settled(1);
    }));

  it('the API is down: nothing is created, the alert stays, and it is tried again', () =>
    orTell(async () => {
      await apply(memory75());
      const before = await created();
      told.length = 0;
      const seq = (await drover.client.events({ limit: 1 })).events[0]?.seq ?? 0;
      const since = async (type: string) => (await drover.client.events({ limit: 50, type, after_seq: seq })).events;
      const fault = await world.control<{ id: number }>('POST', '/faults', { kind: 'error', status: 503, count: null });
      await loadMemory();
      const failed = await until('the failure in the events', async () => (await since('step.failed'))[0], PATIENCE_MS);
      expect((await since('alert.fired')).map((e) => e.data['receiver'])).toEqual(['pipeline']);
      expect([failed.data['step'], failed.data['code']]).toEqual(['create', 'unreachable']);
      await until('its reason', async () => (await drover.cli('why', 'app-node')).stdout.includes('BLOCKED_PROVIDER'));
      await until('people to be told', async () => told.some((t) => t.event === 'blocked'));
      expect([await created(), await world.isFiring('HighMemory')]).toEqual([before, true]);
      await world.control('DELETE', `/faults/${fault.id}`);
      await settled(2);
      expect(await created()).toBe(before + 1);
      await unload();
      await settled(1);
    }));

  it('the same on a series of the application, app_threads, with Linodes and with machines of one’s own', () =>
    orTell(async () => {
      await apply(threads());
      await until('the first on the premises', async () => (await serving('rack')) === 1, PATIENCE_MS);
      const before = await created();
      const busy = (await ours())[0] as Linode;
      const traffic = await world.startTraffic(`http://${busy.ipv4[0]}:${world.ports.web}/`, 20);
      await settled(2);
      await until('two on the premises', async () => (await serving('rack')) === 2, PATIENCE_MS);
      await traffic.stop();
      await settled(1);
      await until('one on the premises', async () => (await serving('rack')) === 1, PATIENCE_MS);
      expect(await created()).toBe(before + 1);
    }));

  it('the ledger: created is deleted and living, the operator’s VMs are untouched, and no secret has left a trace', () =>
    orTell(async () => {
      const ledger = await world.balance();
      expect(ledger.living).toBe(VMS.length + 1);
      for (const vm of VMS) expect(ledger.machines.filter((m) => m.label === vm).map((m) => m.deleted_ms)).toEqual([null]);
      // A machine that is gone leaves the books with the next list.
      await until('the books to say so', async () => (await drover.client.instances({ group: 'app-node', gone: 'false' })).instances.length === 1);
      for (const command of [
        ['config', 'show', '--expanded'],
        ['instances', 'list', '--json'],
        ['events', '--json'],
      ]) {
        const { stdout, stderr } = await drover.cli(...command);
        for (const value of [...SECRETS, WEBHOOK_PASSWORD, GRAFANA_PASSWORD]) expect(`${stdout}${stderr}`).not.toContain(value);
      }
      noTrace();
      process.stdout.write(`${ledger.created} Linodes created, ${ledger.deleted} deleted, ${ledger.living} living\n`);
    }));
});
