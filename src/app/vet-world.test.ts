/** The controller over an emulated Linode account: what is refused before anything starts, and a group that runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createCliIo } from '../../test/support/cli-io.ts';
import { freePort } from '../../test/support/daemon.ts';
import { type LinodeAccount, openSharedAccount, TOKENS } from '../../test/support/linode-account.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { run } from '../cli/run.ts';
import { type Controller, startController } from './controller.ts';

const APP_PORT = 18_080;
let world: LinodeAccount;
let balancer: { id: number; ipv4: string; port: number };
const running: Controller[] = [];
const dirs: string[] = [];

beforeAll(async () => {
  world = await openSharedAccount({ guests: 'processes', app: { port: APP_PORT, startMs: 100 }, exporterPort: 19_100, timeFactor: 100 });
  const made = await world.api<{ id: number; ipv4: string }>('POST', '/nodebalancers', { region: 'eu-central', label: 'edge' });
  const port = await freePort();
  const check = { check: 'http', check_path: '/healthz', check_interval: 2, check_timeout: 1, check_attempts: 2 };
  await world.api('POST', `/nodebalancers/${made.id}/configs`, { port, protocol: 'http', ...check });
  balancer = { ...made, port };
}, 30_000);
afterEach(async () => {
  for (const c of running.splice(0)) await c.stop();
  for (const { id } of (await world.api<{ data: { id: number }[] }>('GET', '/linode/instances')).data) await world.api('DELETE', `/linode/instances/${id}`);
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});
afterAll(() => world?.close());

interface Parts {
  readonly token?: keyof typeof TOKENS;
  readonly mode?: 'act' | 'observe';
  readonly region?: string;
  readonly privateIp?: boolean;
  readonly url?: string;
  readonly max?: number;
}

function text({ mode = 'act', region = 'eu-central', privateIp = true, url = world.url, max = 3 }: Parts = {}): string {
  return `version: 1
server: { listen: '127.0.0.1:0', state: ./state }
clouds:
  akamai: { type: linode, token: { file: ./token }, url: '${url}', timeout: 5s, consistency: 1s }
balancers:
  edge: { type: nodebalancer, token: { file: ./token }, url: '${url}', timeout: 5s, nodebalancer: ${balancer.id}, port: ${balancer.port} }
groups:
  nginx:
    cloud: akamai
    mode: ${mode}
    template: { region: ${region}, type: g6-nanode-1, image: linode/debian12, private_ip: ${privateIp}, tags: [khw, autoscale] }
    balancer: { use: edge, port: ${APP_PORT} }
    health: { http: { path: /healthz, port: ${APP_PORT}, every: 1s } }
    lifecycle: { warmup: 0s, boot_timeout: 30s, drain: { timeout: 1s } }
    evaluate_every: 1s
    min: 2
    max: ${max}
`;
}

function home(parts: Parts = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'drover-linode-app-'));
  dirs.push(dir);
  writeFileSync(join(dir, 'token'), TOKENS[parts.token ?? 'FULL'].token, { mode: 0o600 });
  writeFileSync(join(dir, 'drover.yaml'), text(parts));
  return dir;
}

async function start(dir: string, log: string[] = []): Promise<Controller> {
  const options = { configFile: join(dir, 'drover.yaml'), log: { level: 'warn', format: 'json', write: (line: string) => void log.push(line) } } as const;
  const c = await startController(options);
  running.push(c);
  return c;
}
const linodes = async () => (await world.api<{ data: Record<string, unknown>[] }>('GET', '/linode/instances')).data;
const nodes = async () => {
  const [config] = (await world.api<{ data: { id: number }[] }>('GET', `/nodebalancers/${balancer.id}/configs`)).data;
  return (await world.api<{ data: Record<string, unknown>[] }>('GET', `/nodebalancers/${balancer.id}/configs/${config?.id}/nodes`)).data;
};

describe('before anything is started', () => {
  it('a token that may only read is refused where a group acts, by serve and by doctor', async () => {
    const dir = home({ token: 'READ' });
    await expect(start(dir)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/^nginx: .*needs linodes:read_write.*Nothing was started\.$/),
    });
    const serve = createCliIo({ cwd: dir });
    expect(await run(['serve', '--log', 'json'], serve.io)).toBe(EXIT.refused);
    expect(serve.err()).toMatch(/drover: nginx: .*the token has .*linodes:read_only.*mode: observe/);
    const doctor = createCliIo({ cwd: dir });
    expect(await run(['doctor'], doctor.io)).toBe(EXIT.problem);
    expect(doctor.out()).toMatch(/FAIL +nginx +it would be refused: .*linodes:read_write/);
    expect(`${serve.err()}${doctor.out()}`).not.toContain(TOKENS.READ.token);
    expect(await linodes()).toEqual([]);
  }, 20_000);

  it('the same token is enough to watch', async () => {
    const c = await start(home({ token: 'READ', mode: 'observe' }));
    await expect.poll(async () => (await c.operations.group('nginx')).lastEvaluatedMs, { timeout: 10_000 }).not.toBeNull();
    expect((await c.operations.group('nginx')).problem).toBeNull();
  }, 20_000);

  it('another region than the NodeBalancer’s is refused with both names; so are public addresses', async () => {
    await expect(start(home({ region: 'us-east' }))).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/us-east .*edge is in eu-central/),
    });
    await expect(start(home({ privateIp: false }))).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/public addresses.*private addresses only/),
    });
    expect(await linodes()).toEqual([]);
  });

  it('an API that does not answer only warns, and is asked before the first create', async () => {
    const log: string[] = [];
    const c = await start(home({ url: `http://127.0.0.1:${await freePort()}` }), log);
    expect(log.some((line) => line.includes('asked again before its first machine'))).toBe(true);
    expect((await c.operations.fleet()).map((g) => g.group)).toEqual(['nginx']);
  }, 20_000);
});

describe('a group on Linode', () => {
  it('runs behind its NodeBalancer, is discovered with the labels of Linode, and a change it cannot follow is not applied', async () => {
    const c = await start(home());
    await expect.poll(async () => (await c.operations.group('nginx')).serving, { timeout: 30_000, interval: 200 }).toBe(2);
    const made = await linodes();
    expect(made).toHaveLength(2);
    for (const each of made) {
      expect(each['label']).toMatch(/^nginx-[a-z0-9]{25}$/);
      expect(each['tags']).toEqual(expect.arrayContaining(['khw', 'autoscale']));
    }
    expect((await nodes()).map((node) => node['status'])).toEqual(['UP', 'UP']);
    expect((await fetch(`http://${balancer.ipv4}:${balancer.port}/`)).status).toBe(200);

    const foreign = await world.api<{ id: number }>('POST', '/linode/instances', { region: 'us-east', type: 'g6-nanode-1', label: 'by-hand', tags: ['khw'] });
    type Sd = { targets: string[]; labels: Record<string, string> }[];
    await expect.poll(async () => ((await (await fetch(`${c.url}/sd?cloud=akamai`)).json()) as Sd).length, { timeout: 20_000, interval: 500 }).toBe(3);
    const reply = await fetch(`${c.url}/sd?cloud=akamai`);
    expect(Number(reply.headers.get('age'))).toBeLessThan(60);
    const theirs = ((await reply.json()) as Sd).find((t) => t.labels['__meta_linode_instance_id'] === String(foreign.id));
    expect(theirs?.labels).toMatchObject({ __meta_linode_instance_label: 'by-hand', __meta_linode_tags: ',khw,' });
    expect(theirs?.labels).not.toHaveProperty('__meta_drover_group');
    const ours = (await (await fetch(`${c.url}/sd`)).json()) as Sd;
    expect(ours).toHaveLength(2);
    for (const each of ours) {
      expect(each.labels).toMatchObject({ __meta_drover_group: 'nginx', __meta_drover_state: 'serving', __meta_linode_region: 'eu-central' });
      expect(each.targets[0]).toBe(each.labels['__meta_linode_private_ipv4']);
    }

    const actor = { name: 'ops', role: 'admin' } as const;
    await expect(c.configuration.apply(text({ region: 'us-east' }), actor, [])).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/us-east .*edge is in eu-central.*Nothing was applied\.$/),
    });
    expect((await c.configuration.apply(text({ max: 5 }), actor, [])).applied).toBe(true);
    expect((await linodes()).filter((each) => each['id'] !== foreign.id)).toHaveLength(2);
  }, 90_000);
});
