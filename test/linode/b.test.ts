/**
 * The system of Akamai's reference architecture ("Autoscaling on Linode using Prometheus"): Prometheus, Alertmanager, and Drover in the place of
 * am-executor and of the Jenkins jobs that scale; the pipelines that set nodes up stay: StackScript, golden image, Ansible, Terraform, Jenkins.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Load } from '../../src/emulators/load/load.ts';
import { until } from '../support/daemon.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { EmulatedLinode, type Front, type Linode, makeFront, type Node, privateOf, scaledTimes } from '../support/emulated-linode.ts';
import { startJenkins, type TestJenkins } from '../support/jenkins.ts';
import { describeWith, find } from '../support/real.ts';
import { bakeImage, Downloads, fewest, makeStackScript, startArtefacts, Witness } from '../support/reference-architecture.ts';
import { groupsOf, type Parts } from './b-groups.ts';

const DOCUMENTS = join(import.meta.dirname, 'documents', 'b');
/** A minute is three seconds. */
const FACTOR = 20;
const PATIENCE_MS = 120_000;
/** Requests a second. One takes 50 ms of a processor, and a node has one: two nodes do 40. */
const [QUIET, BURST, CAMPAIGN] = [4, 32, 60];
const WITNESS_MS = 250;
const DOWNLOAD_S = 4;
const OWN_ROBOT = { username: 'robot', password: 'ci-password-55e1' };
const CI_TOKEN = { user: 'drover', token: 'api-token-91c4' };

const hasTerraform = find('terraform') !== null;
const WAYS = ['by-image', 'by-ansible', 'by-jenkins', ...(hasTerraform ? ['by-terraform'] : [])] as const;

const timeOf = (event: { readonly at: string } | undefined): number => Date.parse(event?.at ?? '');

describeWith(['prometheus', 'prometheus-alertmanager', 'ansible-playbook'], 'the reference architecture, with Drover in the place of its glue', () => {
  let world: EmulatedLinode;
  let front: Front;
  let drover: ControllerProcess;
  let traffic: Load;
  let witness: Witness;
  let artefacts: Awaited<ReturnType<typeof startArtefacts>>;
  let jenkins: TestJenkins;
  let parts: Parts;
  let legacy: Linode;
  let theirs: string;
  let twoSinceMs = Number.POSITIVE_INFINITY;
  const inbox = (): string => join(world.dir, 'inbox');

  const placed = (name: string): void => {
    const { prometheus, alertmanager, drover: api, executor } = world.ports;
    const ports = { 9093: alertmanager, 8470: api, 23222: executor, 9090: prometheus };
    const text = readFileSync(join(DOCUMENTS, name), 'utf8').replace(/\b(9093|8470|23222|9090)\b/g, (port) =>
      String(ports[port as unknown as keyof typeof ports]),
    );
    world.write(name, scaledTimes(text, FACTOR));
  };
  const script = (name: string): Promise<number> => makeStackScript(world, name, readFileSync(join(DOCUMENTS, `${name}.sh`), 'utf8'));
  const deliver = (machine: string, release: string): void => {
    writeFileSync(join(world.dir, `${machine}.new`), release);
    renameSync(join(world.dir, `${machine}.new`), join(inbox(), machine));
  };
  const instances = async (group: string) => (await drover.client.instances({ group, gone: 'false' })).instances;
  const serving = (group: string, count: number) =>
    until(
      `${count} of ${group} to serve`,
      async () => {
        const all = await instances(group);
        return all.length === count && all.every((i) => i.state === 'serving') ? all : null;
      },
      PATIENCE_MS,
    );
  const events = async (group: string) => [...(await drover.client.events({ group, limit: 200 })).events].sort((a, b) => a.seq - b.seq);
  const creates = async (): Promise<number> => (await world.ledger()).machines.filter((m) => m.tags.includes('web')).length;
  /** What decisions asked for, one upon the other. */
  const asked = async (): Promise<number> => {
    const { events: all } = await drover.client.events({ group: 'web', type: 'decision', limit: 200 });
    return all.map((e) => e.data as { from: number; target: number }).reduce((sum, d) => sum + Math.max(0, d.target - d.from), 0);
  };
  const requests = async (machine: string): Promise<number> => (await world.control<{ requests: number | null }>('GET', `/machines/${machine}`)).requests ?? 0;
  const nodeAt = async (linode: Linode): Promise<Node | undefined> =>
    (await front.nodes()).find((n) => n.address === `${privateOf(linode)}:${world.ports.web}`);
  const foreign = async (): Promise<string> => {
    const { label, address, mode, weight } = (await nodeAt(legacy)) as Node;
    return JSON.stringify({ label, address, mode, weight });
  };
  const refusedDeliveries = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${world.ports.alertmanager}/metrics`)).text();
    return Number(/alertmanager_notification_requests_failed_total\{integration="webhook"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  const told = async <T>(part: () => Promise<T>): Promise<T> => {
    try {
      return await part();
    } catch (e) {
      const decisions = await drover?.cli('history', 'web').catch(() => null);
      process.stderr.write(`${drover?.log(40)}\n${decisions?.stdout ?? ''}\n${world.logs()}\n${JSON.stringify(await front.nodes())}\n`);
      throw e;
    }
  };

  beforeAll(async () => {
    world = await EmulatedLinode.open({ timeFactor: FACTOR, flags: ['--scripts', 'run', '--work', '50ms'] });
    front = await makeFront(world, 'traffic-manager', { check_interval: 5, check_timeout: 4 });
    artefacts = await startArtefacts('v1');
    mkdirSync(inbox());
    legacy = await world.makeLinode('legacy', ['old']);
    const node = await front.addNode(legacy, 'legacy');
    await world.api('PUT', `/nodebalancers/${front.id}/configs/${front.configId}/nodes/${node.id}`, { mode: 'reject' });
    theirs = await foreign();
    const baking = await bakeImage(world, await script('golden'), 'v2', (id) =>
      until('the image to be ready', async () => (await world.api<{ status: string }>('GET', `/images/${id}`)).status === 'available'),
    );
    jenkins = await startJenkins({
      users: { [CI_TOKEN.user]: { password: 'unused', token: CI_TOKEN.token } },
      jobs: {
        'team/deploy-node': {
          parameters: { DROVER_TOKEN: '', DROVER_MACHINE_ID: '', VERSION: '' },
          run: ({ DROVER_MACHINE_ID: machine = '', VERSION: release = '' }) => {
            deliver(machine, release);
            return { result: 'SUCCESS', afterMs: 500 };
          },
        },
      },
    });
    world.write('ci-password', OWN_ROBOT.password, 0o600);
    world.write('ci-token', CI_TOKEN.token, 0o600);
    for (const name of ['prometheus.yml', 'rules.yml', 'alertmanager.yml']) placed(name);
    for (const name of ['site.yml', 'terraform.sh']) copyFileSync(join(DOCUMENTS, name), join(world.dir, name));
    world.write('terraform/main.tf', readFileSync(join(DOCUMENTS, 'main.tf'), 'utf8'));
    if (hasTerraform)
      execFileSync('terraform', ['init', '-input=false'], {
        cwd: join(world.dir, 'terraform'),
        stdio: 'pipe',
        env: { PATH: process.env['PATH'], HOME: world.dir },
      });
    parts = {
      ...{ world, front, artefactsUrl: artefacts.url, image: baking, stackscripts: { web: await script('web'), waiting: await script('waiting') } },
      ...{ jenkins: { url: jenkins.url, user: CI_TOKEN.user }, robot: OWN_ROBOT.username, inbox: inbox(), release: 'v2', ways: WAYS },
    };
    world.write('drover.yaml', groupsOf(parts));
    drover = world.controller();
  }, PATIENCE_MS);
  afterAll(async () => {
    await witness?.stop();
    await world?.close();
    await jenkins?.close();
    await artefacts?.close();
  });

  it('1: two nodes with the artefact of the day behind the NodeBalancer', () =>
    told(async () => {
      await drover.start();
      await serving('web', 2);
      twoSinceMs = Date.now();
      traffic = await world.startTraffic(front.url, QUIET);
      witness = new Witness(front.url, WITNESS_MS);
      await until('both to answer', async () => witness.seen.size === 2);
      for (const { versions } of witness.seen.values()) expect([...versions]).toEqual(['v1']);
      artefacts.current = 'v2';
    }));

  it('2: discovery follows what is made and deleted, also by others', () =>
    told(async () => {
      await world.startMonitoring(join(world.dir, 'prometheus.yml'), join(world.dir, 'alertmanager.yml'));
      const names = async (): Promise<string> => {
        const targets = await world.targets();
        return targets.every((t) => t.health === 'up') ? JSON.stringify(targets.map((t) => t.labels['instance'] ?? '').sort()) : '';
      };
      const own = (await world.linodes()).filter((l) => l.tags.includes('web')).map((l) => l.label);
      await until('two targets that are up', async () => (await names()) === JSON.stringify(own.sort()), PATIENCE_MS);
      const other = await world.makeLinode('made-by-hand', ['web', 'hand']);
      await until('three targets that are up', async () => (await names()) === JSON.stringify([...own, 'made-by-hand'].sort()), PATIENCE_MS);
      await world.api('DELETE', `/linode/instances/${other.id}`);
      await until('two targets again', async () => (await names()) === JSON.stringify(own.sort()), PATIENCE_MS);
    }));

  it(`4: ${WAYS.join(', ')}: each node is as it shall be before it gets a request${hasTerraform ? '' : ' [by-terraform needs terraform]'}`, () =>
    told(async () => {
      for (const way of [...WAYS, 'by-hand']) await drover.client.scale({ group: way, kind: 'exact', size: 1, for_s: null, reason: null });
      for (const way of WAYS) {
        const [made] = await serving(way, 1);
        const label = (await world.linodes()).find((l) => l.id === Number(made?.machine))?.label ?? '';
        const answered = await until(`${way} to answer`, async () => witness.seen.get(label), PATIENCE_MS);
        expect([...answered.versions], way).toEqual(['v2']);
        const steps = await events(way);
        if (way !== 'by-image') expect(timeOf(steps.find((e) => e.type === 'hook.done')), way).toBeLessThanOrEqual(answered.firstMs);
      }
      const { builds } = jenkins;
      expect(builds.map((b) => [b.job, b.result, b.parameters['VERSION']])).toEqual([['team/deploy-node', 'SUCCESS', 'v2']]);
      if (hasTerraform) {
        const [made] = await instances('by-terraform');
        const state = readFileSync(join(world.dir, 'terraform', `${made?.machine}.tfstate`), 'utf8');
        expect(JSON.parse(state)).toMatchObject({ resources: [{ type: 'terraform_data', name: 'node', instances: [{}] }] });
      }
    }));

  it('5: a node whose check fails gets no request; once it passes it does', () =>
    told(async () => {
      const [made] = await until('the node that waits', async () => {
        const all = await instances('by-hand');
        return all[0]?.state === 'warming' ? all : null;
      });
      const linode = (await world.linodes()).find((l) => l.id === Number(made?.machine)) as Linode;
      await until('its place in the NodeBalancer', async () => (await nodeAt(linode))?.status === 'DOWN', PATIENCE_MS, 500);
      // Nothing listens there yet; then its application says that it is not well.
      await world.control('POST', `/machines/${linode.id}/sick`);
      deliver(String(linode.id), 'v2');
      const health = `http://${privateOf(linode)}:${world.ports.web}/healthz`;
      await until('the application to say 503', async () => (await fetch(health)).status === 503, PATIENCE_MS);
      const before = traffic.count().requests;
      await until('requests that could have gone there', async () => traffic.count().requests >= before + 12);
      expect(await nodeAt(linode)).toMatchObject({ mode: 'accept', status: 'DOWN' });
      expect(await requests(String(linode.id))).toBe(0);
      await world.control('POST', `/machines/${linode.id}/well`);
      await until('requests', async () => (await requests(String(linode.id))) > 0, PATIENCE_MS);
      await serving('by-hand', 1);
      for (const way of [...WAYS, 'by-hand']) await drover.client.scale({ group: way, kind: 'exact', size: 0, for_s: null, reason: null });
    }));

  it('3: a burst: CPU, telemetry, alert, webhook, decision, node, check, traffic; and Jenkins jobs that senders know', () =>
    told(async () => {
      const [before, since] = [await creates(), (await events('web')).at(-1)?.seq ?? 0];
      traffic.rate = BURST;
      await serving('web', 3);
      expect(await creates()).toBe(before + 1);
      const { events: all } = await drover.client.events({ limit: 200 });
      const made = all.find((e) => e.seq > since && e.type === 'instance.intent' && e.group === 'web')?.data['instance'];
      const flow = all.filter((e) => e.seq > since && (e.data['instance'] === made || e.data['name'] === 'HighLoad')).sort((a, b) => a.seq - b.seq);
      const wanted = ['alert.fired', 'instance.intent', 'instance.booting', 'instance.warming', 'instance.attached', 'instance.serving'];
      expect(flow.map((e) => e.type).filter((type) => type !== 'alert.resolved')).toEqual(wanted);
      await until('HighLoad to end', async () => !(await world.isFiring('HighLoad')), PATIENCE_MS);

      const api = `http://127.0.0.1:${world.ports.drover}`;
      const robot = (secret: string): string => `Basic ${Buffer.from(`${OWN_ROBOT.username}:${secret}`).toString('base64')}`;
      const trigger = (reason: string, headers: Record<string, string>) =>
        fetch(`${api}/job/scale-up/buildWithParameters`, { method: 'POST', headers, body: new URLSearchParams({ REASON: reason }) });
      const built = async (item: string | null, authorization: string): Promise<string> => {
        const ask = async <T>(url: string): Promise<T> => (await (await fetch(`${url}api/json`, { headers: { authorization } })).json()) as T;
        const { url } = await until('the build', async () => (await ask<{ executable?: { url: string } }>(item ?? '')).executable, PATIENCE_MS, 300);
        return until('its result', async () => (await ask<{ result: string | null }>(url)).result, PATIENCE_MS, 300);
      };
      const authorization = robot(OWN_ROBOT.password);
      expect((await trigger('nobody', {})).status).toBe(401);
      expect((await trigger('guess', { authorization: robot('guess') })).status).toBe(401);
      expect((await trigger('no crumb', { authorization })).status).toBe(403);
      const issued = await fetch(`${api}/crumbIssuer/api/json`, { headers: { authorization } });
      const { crumb, crumbRequestField } = (await issued.json()) as { crumb: string; crumbRequestField: string };
      const cookie = (issued.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
      const withCrumb = await trigger('crumb', { authorization, cookie, [crumbRequestField]: crumb });
      expect(withCrumb.status).toBe(201);
      expect(await built(withCrumb.headers.get('location'), authorization)).toBe('SUCCESS');
      await serving('web', 4);
      const token = (await drover.cli('token', 'create', 'ci', '--role', 'receiver', '--plain')).stdout.trim();
      const withToken = await trigger('token', { authorization: robot(token) });
      expect(withToken.status).toBe(201);
      expect(await built(withToken.headers.get('location'), robot(token))).toBe('SUCCESS');
      await serving('web', 5);
      expect(await creates()).toBe(before + 3);
    }));

  it('6: the burst is over: nodes drain, downloads end, never fewer than two', () =>
    told(async () => {
      traffic.rate = QUIET;
      const downloads = new Downloads(front.url, DOWNLOAD_S, 500);
      const up: number[] = [];
      await until(
        'two again',
        async () => {
          const nodes = await front.nodes();
          up.push(nodes.filter((n) => n.mode === 'accept' && n.status === 'UP').length);
          const all = await instances('web');
          return all.length === 2 && all.every((i) => i.state === 'serving');
        },
        PATIENCE_MS,
        1_000,
      );
      await downloads.stop();
      expect(downloads.done.filter((d) => d.problem !== null)).toEqual([]);
      expect(Math.min(...up)).toBe(2);
      const ledger = await world.ledger();
      const drained = (await events('web')).filter((e) => e.type === 'instance.draining');
      expect(drained).toHaveLength(3);
      const gone = ledger.machines.filter((m) => m.tags.includes('web') && !m.tags.includes('hand') && m.deleted_ms !== null);
      let caught = 0;
      for (const machine of gone) {
        const row = drained.find((e) => (e.data as { machine?: string }).machine === machine.id);
        const underWay = downloads.done.filter((d) => d.from === machine.label && d.startMs < timeOf(row) && d.endMs > timeOf(row));
        caught += underWay.length;
        for (const d of underWay) expect(d.endMs).toBeLessThan(machine.deleted_ms ?? 0);
      }
      expect(caught).toBeGreaterThan(0);
      process.stdout.write(`${downloads.done.length} downloads, ${caught} of them from nodes that were told to drain meanwhile\n`);
    }));

  it('7: killed and started again in the middle, and slower than Alertmanager repeats: one node for one decision', () =>
    told(async () => {
      const [before, decided] = [await creates(), await asked()];
      await drover.kill();
      traffic.rate = BURST;
      await until('a delivery that nobody takes', async () => (await refusedDeliveries()) > 0, PATIENCE_MS);
      await world.control('POST', '/boot-faults', { count: 1, slower: 5 });
      await drover.start();
      await until('the create', async () => (await creates()) > before, PATIENCE_MS, 20);
      await drover.kill();
      const refused = await refusedDeliveries();
      await until('a repeat that nobody takes', async () => (await refusedDeliveries()) > refused, PATIENCE_MS);
      await drover.start();
      await serving('web', 3);
      await until('HighLoad to end', async () => !(await world.isFiring('HighLoad')), PATIENCE_MS);
      expect(await creates()).toBe(before + 1);
      expect(await asked()).toBe(decided + 1);
    }));

  it('8: a campaign by the clock, with the alert on top of it', () =>
    told(async () => {
      const at = (inMs: number): string => new Date(Date.now() + inMs).toISOString().slice(0, 19);
      const apply = async (from: string, to: string): Promise<void> => {
        const file = world.write('campaign.yaml', groupsOf({ ...parts, campaign: { from, to } }));
        const { code, stderr } = await drover.cli('apply', file, '--yes');
        expect(code, stderr).toBe(0);
      };
      const from = at(4_000);
      await apply(from, at(3_600_000));
      await serving('web', 4);
      traffic.rate = CAMPAIGN;
      await serving('web', 5);
      traffic.rate = QUIET;
      await until('LowLoad to fire', () => world.isFiring('LowLoad'), PATIENCE_MS);
      await serving('web', 4);
      const held = Date.now();
      await until(
        'the floor to hold',
        async () => {
          expect((await instances('web')).filter((i) => i.state === 'serving').length).toBe(4);
          return Date.now() > held + 8_000;
        },
        PATIENCE_MS,
        1_000,
      );
      await apply(from, at(1_000));
      await serving('web', 2);
    }));

  it('the ledger: created is deleted and living, members are the machines, and no request has failed', () =>
    told(async () => {
      for (const way of [...WAYS, 'by-hand']) await until(`${way} to be gone`, async () => (await instances(way)).length === 0, PATIENCE_MS);
      await witness.stop();
      await traffic.stop();
      const ledger = await world.balance();
      expect(await asked()).toBe(ledger.machines.filter((m) => m.tags.includes('web') && !m.tags.includes('hand')).length);
      expect(fewest(ledger, 'web', twoSinceMs)).toBe(2);
      const living = (await world.linodes()).filter((l) => l.tags.includes('web'));
      expect((await world.linodes()).map((l) => l.label).sort()).toEqual([...living.map((l) => l.label), 'legacy'].sort());
      const nodes = await front.nodes();
      expect(nodes.map((n) => n.address).sort()).toEqual([...living, legacy].map((l) => `${privateOf(l)}:${world.ports.web}`).sort());
      expect(ledger.members.filter((m) => m.deleted_ms === null)).toHaveLength(nodes.length);
      expect(await foreign()).toBe(theirs);
      expect(witness.failures).toEqual([]);
      expect(traffic.failures()).toEqual([]);
      const { requests: sent, failed } = traffic.count();
      expect(failed).toBe(0);
      const answered = [...witness.seen.values()].reduce((sum, a) => sum + a.count, 0);
      process.stdout.write(`${sent + answered} requests, ${failed} failed; ${ledger.created} Linodes created, ${ledger.deleted} deleted\n`);
    }));
});
