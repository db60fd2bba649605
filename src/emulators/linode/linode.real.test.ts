import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../../../test/support/daemon.ts';
import { GOOD_PASSWORD, type LinodeAccount, openAccount } from '../../../test/support/linode-account.ts';
import { describeUnless } from '../../../test/support/real.ts';
import { canMakeNamespace, whyNotHere } from '../machines/namespace.ts';

const APP_PORT = 8000;

describe('an emulated account with machines that are processes', () => {
  let account: LinodeAccount;
  beforeAll(async () => {
    account = await openAccount({
      guests: 'processes',
      scripts: 'run',
      timeFactor: 100,
      app: { port: APP_PORT, startMs: 10 },
      exporterPort: 9100,
      rateLimits: false,
    });
  });
  afterAll(() => account.close());

  const statusOf = async (id: number) => (await account.call('GET', `/linode/instances/${id}`)).body['status'];
  const running = async (over: Record<string, unknown> = {}) => {
    const made = await account.create(over);
    await expect.poll(() => statusOf(made.id), { timeout: 15_000, interval: 50 }).toBe('running');
    return made;
  };
  const answers = (url: string) =>
    fetch(url).then(
      (response) => response.status,
      () => null,
    );
  const serving = (url: string) => expect.poll(() => answers(url), { timeout: 15_000, interval: 50 }).toBe(200);

  it('serves, exports its figures, runs its first-boot script before, and ends with the Linode', async () => {
    const script = '#!/bin/sh\n# <UDF name="release" label="Release">\necho "$release" > version\n';
    const stackscript = await account.call('POST', '/linode/stackscripts', { label: 'app', images: ['linode/debian12'], script });
    const { id, ipv4 } = await running({ stackscript_id: stackscript.body['id'], stackscript_data: { release: 'v7' } });
    await serving(`http://${ipv4[0]}:${APP_PORT}/healthz`);
    expect((await fetch(`http://${ipv4[1]}:${APP_PORT}/`)).headers.get('x-version')).toBe('v7');
    expect(await (await fetch(`http://${ipv4[0]}:9100/metrics`)).text()).toContain('node_cpu_seconds_total{cpu="0",mode="idle"}');
    const pid = Number((await account.callControl('GET', `/machines/${id}`)).body['pid']);
    expect(pid).toBeGreaterThan(1);
    await account.call('DELETE', `/linode/instances/${id}`);
    await expect.poll(() => answers(`http://${ipv4[0]}:${APP_PORT}/healthz`), { timeout: 5000 }).toBeNull();
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it('stands behind a NodeBalancer: in once checked, out when sick, in again, out when killed', async () => {
    const { id, ipv4 } = await running({ label: 'behind' });
    const balancer = (await account.call('POST', '/nodebalancers', { region: 'us-east', label: 'front' })).body;
    const configs = `/nodebalancers/${Number(balancer['id'])}/configs`;
    const check = { check: 'http', check_path: '/healthz', check_interval: 5, check_timeout: 3, check_attempts: 2 };
    const config = await account.call('POST', configs, { port: 8080, ...check });
    const nodes = `${configs}/${Number(config.body['id'])}/nodes`;
    await account.call('POST', nodes, { address: `${ipv4[1]}:${APP_PORT}`, label: 'behind' });
    const node = async () => ((await account.call('GET', nodes)).body['data'] as { status: string }[])[0]?.status;
    const becomes = (status: string) => expect.poll(node, { timeout: 15_000, interval: 50 }).toBe(status);
    await becomes('UP');
    expect((await fetch(`http://${String(balancer['ipv4'])}:8080/`)).headers.get('x-instance')).toBe('behind');
    expect((await account.callControl('POST', '/machines/behind/sick')).status).toBe(200);
    await becomes('DOWN');
    expect((await account.callControl('POST', `/machines/${id}/well`)).status).toBe(200);
    await becomes('UP');
    expect((await account.callControl('POST', `/machines/${id}/kill`)).status).toBe(200);
    await becomes('DOWN');
    await expect.poll(() => statusOf(id), { timeout: 5000 }).toBe('offline');
    expect((await fetch(`http://${String(balancer['ipv4'])}:8080/`)).status).toBe(503);
    const metrics = async () => (await account.callControl('GET', '/metrics')).text;
    await expect.poll(metrics, { timeout: 5000 }).toMatch(/^balancer_request_rate\{balancer="front",port="8080"\} [0-9.]+$/m);
    const figures = await metrics();
    expect(figures).toMatch(/^balancer_requests_total\{balancer="front",port="8080"\} 2$/m);
    expect(figures).toMatch(/^balancer_failed_requests_total\{balancer="front",port="8080"\} 1$/m);
  });

  it('shows load that is put on it, and in its statistics once it is old enough', async () => {
    const { id, ipv4 } = await running({ label: 'loaded' });
    await serving(`http://${ipv4[0]}:${APP_PORT}/healthz`);
    expect((await account.callControl('POST', '/machines/loaded/load', { cpus: 1, memory_mb: 100, seconds: 60 })).status).toBe(200);
    const cpu = async () => Number((await account.callControl('GET', '/machines/loaded')).body['cpu']);
    await expect.poll(cpu, { timeout: 20_000, interval: 200 }).toBeGreaterThan(0.9);
    const sample = async () => ((await account.call('GET', `/linode/instances/${id}/stats`)).body['cpu'] as number[][] | undefined)?.[0]?.[1] ?? 0;
    await expect.poll(sample, { timeout: 15_000, interval: 200 }).toBeGreaterThan(80);
  });

  it('gives back what it took when it ends', async () => {
    const other = await openAccount({ guests: 'processes', timeFactor: 100, app: { port: APP_PORT, startMs: 10 } });
    const { id, ipv4 } = await other.create();
    await expect.poll(async () => (await other.call('GET', `/linode/instances/${id}`)).body['status'], { timeout: 15_000 }).toBe('running');
    await serving(`http://${ipv4[0]}:${APP_PORT}/healthz`);
    await other.close();
    expect(await answers(`http://${ipv4[0]}:${APP_PORT}/healthz`)).toBeNull();
    expect(await answers(other.url)).toBeNull();
  });
});

const BIN = fileURLToPath(new URL('../../../bin/drover.mjs', import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `drover emulate linode ARGUMENTS`. */
function emulate(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, 'emulate', 'linode', ...argv], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const late = setTimeout(() => child.kill('SIGTERM'), 50_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(late);
      resolve({ code, stdout, stderr });
    });
  });
}

const ANY = ['--listen', '127.0.0.1:0', '--control', '127.0.0.1:0'];

describe('drover emulate linode', () => {
  it('runs a command beside the emulator and ends with its code', async () => {
    const script = `
      const headers = { authorization: 'Bearer ' + process.env.LINODE_TOKEN };
      const type = await (await fetch(process.env.LINODE_URL + '/v4/linode/types/g6-nanode-1', { headers })).json();
      const ledger = await (await fetch(process.env.LINODE_CONTROL_URL + '/ledger')).json();
      console.log(JSON.stringify([process.env.LINODE_TOKEN, type.id, ledger.living]));
      process.exit(3);`;
    const argv = ['--network', 'loopback', '--token', 'abc=linodes:read_only', '--', process.execPath, '--input-type=module', '-e', script];
    const ran = await emulate([...ANY, ...argv]);
    expect([ran.code, ran.stdout]).toEqual([3, '["abc","g6-nanode-1",0]\n']);
    expect(ran.stderr).toContain("Linode's API, emulated, at http://127.0.0.1:");
  });

  it.each([
    [['--network', 'moon'], '--network is auto or own or here or loopback'],
    [['--time-factor', '0'], '--time-factor is a whole number from 1 to 1000'],
    [['--token', 'a b'], '--token is TOKEN or TOKEN=SCOPES'],
    [['--rate-limits', 'maybe'], '--rate-limits is on or off'],
  ])('refuses %s', async (argv, text) => {
    const ran = await emulate([...ANY, ...argv]);
    expect([ran.code, ran.stderr.includes(text)]).toEqual([2, true]);
  });

  it('refuses to listen beyond loopback, and a command that is not there', async () => {
    const beyond = await emulate(['--listen', '0.0.0.0:0', '--control', '127.0.0.1:0']);
    expect([beyond.code, beyond.stderr.includes('an emulator listens on loopback only')]).toEqual([1, true]);
    const missing = await emulate([...ANY, '--network', 'loopback', '--', 'no-such-program-here']);
    expect([missing.code, missing.stderr.includes('no-such-program-here: no such program')]).toEqual([1, true]);
  });
});

describeUnless((await whyNotHere()) === null ? 'runs in a namespace itself' : null, "drover emulate linode in the machine's own network", () => {
  it('does not take addresses there', async () => {
    const ran = await emulate([...ANY, '--network', 'here']);
    expect([ran.code, ran.stderr.includes('network')]).toEqual([1, true]);
  });
});

describeUnless(await canMakeNamespace(), 'drover emulate linode in a network namespace of its own', () => {
  it('gives addresses as the vendor does, in a network that is not ours', async () => {
    const body = { region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', root_pass: GOOD_PASSWORD, private_ip: true };
    const script = `
      const { readlinkSync } = await import('node:fs');
      const headers = { authorization: 'Bearer ' + process.env.LINODE_TOKEN };
      const made = await fetch(process.env.LINODE_URL + '/v4/linode/instances', { method: 'POST', headers, body: ${JSON.stringify(JSON.stringify(body))} });
      const { ipv4 } = await made.json();
      const get = (url) => fetch(url, { signal: AbortSignal.timeout(2000) }).then((r) => r.status, () => null);
      const untilMs = Date.now() + 20000;
      while ((await get('http://' + ipv4[0] + '/healthz')) !== 200 && Date.now() < untilMs) await new Promise((done) => setTimeout(done, 50));
      const statuses = [await get('http://' + ipv4[1] + '/healthz'), await get('http://' + ipv4[1] + ':9100/metrics')];
      console.log(JSON.stringify({ ipv4, statuses, network: readlinkSync('/proc/self/ns/net') }));`;
    const ran = await emulate(['--network', 'own', '--time-factor', '50', '--', process.execPath, '--input-type=module', '-e', script]);
    expect(ran.code, ran.stderr).toBe(0);
    const told = JSON.parse(ran.stdout) as { network: string };
    expect(told).toMatchObject({ ipv4: ['203.0.113.1', '192.168.128.10'], statuses: [200, 200] });
    expect(told.network).not.toBe(readlinkSync('/proc/self/ns/net'));
  });

  it('lets the official client make a NodeBalancer node of a private address', async () => {
    const client = fileURLToPath(new URL('../../../test/support/official-linode-client.ts', import.meta.url));
    const script = `
      const { officialLinodeClient } = await import(${JSON.stringify(client)});
      const { client } = await officialLinodeClient(process.env.LINODE_URL, process.env.LINODE_TOKEN);
      const linode = await client.createLinode({ region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', root_pass: '${GOOD_PASSWORD}', private_ip: true });
      const { id } = await client.createNodeBalancer({ region: 'us-east', label: 'front', configs: [] });
      const node = { address: linode.ipv4[1], port: 80, label: 'node-1', mode: 'accept', weight: 50 };
      const settings = { port: 80, protocol: 'http', algorithm: 'roundrobin', stickiness: 'none', check: 'none', check_passive: true, nodes: [node] };
      const config = await client.createNodeBalancerConfigBeta(id, settings);
      const second = await client.createNodeBalancerConfigNode(id, config.id, { ...node, port: 81, label: 'node-2' });
      await client.deleteNodeBalancerConfigNode(id, config.id, second.id);
      console.log(JSON.stringify((await client.getNodeBalancerConfigNodes(id, config.id)).data));`;
    const ran = await emulate(['--network', 'own', '--time-factor', '50', '--', process.execPath, '--input-type=module', '-e', script]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject([{ address: '192.168.128.10:80', label: 'node-1' }]);
  });
});
