import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../platform/free-port.ts';
import { realProcesses } from '../platform/processes.ts';
import { ConfigInvalid, type Controller, type ControllerOptions, startController } from './controller.ts';

const running: Controller[] = [];
const dirs: string[] = [];
const installs = new Set<string>();

afterEach(async () => {
  for (const c of running.splice(0)) await c.stop();
  for (const p of await realProcesses.findByEnv('DROVER_INSTALL')) if (installs.has(p.env['DROVER_INSTALL'] ?? '')) await realProcesses.kill(p, 'SIGKILL');
  for (const d of dirs.splice(0)) rmSync(d, { recursive: true, force: true });
});

const group = (name: string, more = ''): string => `  ${name}:
    cloud: local
    template: { command: [sleep, '600'] }
    health: none
    min: 1
    max: 3
    evaluate_every: 1s
    limits: { destruction: { all: 'max(10, 100%)' } }${more}
`;
const file = (...groups: string[]): string => `version: 1\nserver: { listen: '127.0.0.1:0', state: ./state }\ngroups:\n${groups.join('')}`;

function home(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'drover-controller-'));
  dirs.push(dir);
  writeFileSync(join(dir, 'drover.yaml'), text);
  return dir;
}

async function start(dir: string, over: Partial<ControllerOptions> = {}): Promise<Controller> {
  const c = await startController({ configFile: join(dir, 'drover.yaml'), log: { level: 'error', format: 'json', write: () => {} }, ...over });
  running.push(c);
  installs.add(c.store.installId);
  return c;
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; ; ) {
    if (await check()) return;
    if (Date.now() > end) throw new Error(`not within 15 s: ${what}`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

const machines = async (c: Controller): Promise<number> =>
  new Set(
    (await realProcesses.findByEnv('DROVER_INSTANCE'))
      .filter((p) => p.env['DROVER_INSTALL'] === c.store.installId && !p.zombie)
      .map((p) => p.env['DROVER_INSTANCE']),
  ).size;
const serving = async (c: Controller, name: string, n: number): Promise<boolean> => (await c.operations.group(name)).serving === n;

test('machines outlive the controller and are taken up again; a second one on the same state is refused', async () => {
  const dir = home(file(group('web')));
  const first = await start(dir);
  await until('one serves', () => serving(first, 'web', 1));
  const [before] = await first.operations.instances('web', false);
  await expect(start(dir)).rejects.toThrow(/another|locked|in use/i);
  running.splice(running.indexOf(first), 1);
  await first.stop();
  expect(await machines(first)).toBe(1);
  const second = await start(dir);
  await until('it is looked after', async () => (await second.operations.group('web')).lastEvaluatedMs !== null);
  expect((await second.operations.instances('web', false)).map((i) => [i.id, i.machineId, i.state])).toEqual([[before?.id, before?.machineId, 'serving']]);
});

test('the first admin token is written once, for the owner of the file alone, and works', async () => {
  const dir = home(file(group('web')));
  const c = await start(dir);
  expect(statSync(c.tokenFile).mode & 0o777).toBe(0o600);
  const token = readFileSync(c.tokenFile, 'utf8').trim();
  const ask = (authorization: string) => fetch(`${c.url}/api/v1/fleet`, { headers: { authorization } }).then((r) => r.status);
  expect(await ask(`Bearer ${token}`)).toBe(200);
  expect(await ask('Bearer drv_wrong')).toBe(401);
});

test('a change of the file is taken up; a wrong one changes nothing and is told', async () => {
  const dir = home(file(group('web')));
  const c = await start(dir);
  await until('one serves', () => serving(c, 'web', 1));
  writeFileSync(join(dir, 'drover.yaml'), file(group('web').replace('min: 1', 'min: 2')));
  await until('two serve', () => serving(c, 'web', 2));
  writeFileSync(join(dir, 'drover.yaml'), file(group('web').replace('min: 1', 'min: 9')));
  await until('the mistake is told', async () => (await c.configuration.running()).error !== null);
  expect((await c.operations.spec('web')).min).toBe(2);
  expect((await c.configuration.running()).error).toMatch(/drover\.yaml:\d+:\d+/);
});

test('a receiver with an address of its own comes, moves and goes with the file', async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const { port: takenPort } = taken.address() as AddressInfo;
  const [one, two] = [await freePort(), await freePort()];
  const withReceiver = (port: number): string => `${file(group('web'))}receivers: { am: { format: alertmanager, auth: none, listen: '127.0.0.1:${port}' } }\n`;
  const alert = JSON.stringify({ alerts: [{ status: 'firing', labels: { alertname: 'HighLoad' }, startsAt: new Date().toISOString() }] });
  const post = async (port: number): Promise<number | null> => {
    const sent = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: alert, headers: { connection: 'close' } }).catch(() => null);
    return sent?.status ?? null;
  };
  const dir = home(withReceiver(one));
  const c = await start(dir);
  expect(await post(one)).toBe(202);
  expect((await c.operations.alerts(false)).map((a) => [a.receiver, a.name])).toEqual([['am', 'HighLoad']]);
  writeFileSync(join(dir, 'drover.yaml'), withReceiver(two));
  await until('it has moved', async () => (await post(two)) === 202);
  await until('the old address is free', async () => (await post(one)) === null);
  writeFileSync(join(dir, 'drover.yaml'), withReceiver(takenPort));
  await until('it is told that the new address is taken', async () => /is in use/.test((await c.configuration.running()).error ?? ''));
  expect(await post(two)).toBe(202);
  writeFileSync(join(dir, 'drover.yaml'), file(group('web')));
  await until('it is gone', async () => (await post(two)) === null);
  await new Promise((done) => taken.close(done));
  const other = home(withReceiver(Number(new URL(c.url).port)));
  await expect(start(other)).rejects.toThrow(/The receiver am cannot listen on 127\.0\.0\.1:\d+: the address is in use/);
});

test('a group that leaves the file keeps its machines; removing it with --drain deletes them', async () => {
  const dir = home(file(group('web'), group('api')));
  const c = await start(dir);
  await until('both serve', async () => (await serving(c, 'web', 1)) && (await serving(c, 'api', 1)));
  const ops = { name: 'ops', role: 'admin' } as const;
  await expect(c.operations.removeGroup(ops, 'api', true)).rejects.toThrow(/still in the configuration/);
  writeFileSync(join(dir, 'drover.yaml'), file(group('web')));
  await until('it is unmanaged', async () => (await c.operations.group('api')).state === 'unmanaged');
  expect(await machines(c)).toBe(2);
  await expect(c.operations.removeGroup(ops, 'api', false)).rejects.toThrow(/still has 1 machine/);
  await c.operations.pause(ops, 'api', null, null);
  await expect(c.operations.removeGroup(ops, 'api', true)).rejects.toThrow(/is paused.*drover resume api/);
  await c.operations.resume(ops, 'api');
  await c.operations.removeGroup(ops, 'api', true);
  await expect(c.operations.removeGroup(ops, 'api', true)).rejects.toThrow(/being removed already/);
  await until('it is gone', async () => (await machines(c)) === 1 && !(await c.operations.fleet()).some((g) => g.group === 'api'));
  expect((await c.operations.fleet()).map((g) => g.group)).toEqual(['web']);
});

test('a group whose cloud left the file with it can still be removed, also after a restart', async () => {
  const text = file(group('web'), group('api').replace('cloud: local', 'cloud: side')).replace('groups:', 'clouds: { side: { type: local } }\ngroups:');
  const dir = home(text);
  const c = await start(dir);
  await until('both serve', async () => (await serving(c, 'web', 1)) && (await serving(c, 'api', 1)));
  writeFileSync(join(dir, 'drover.yaml'), file(group('web')));
  await until('it is unmanaged', async () => (await c.operations.group('api')).state === 'unmanaged');
  running.splice(running.indexOf(c), 1);
  await c.stop();
  const again = await start(dir);
  await again.operations.removeGroup({ name: 'ops', role: 'admin' }, 'api', true);
  await until('it is gone', async () => (await machines(again)) === 1 && !(await again.operations.fleet()).some((g) => g.group === 'api'));
});

test('a group with machines does not change its cloud under them', async () => {
  const clouds = (name: string): string =>
    file(group('web').replace('cloud: local', `cloud: ${name}`)).replace('groups:', 'clouds: { here: { type: local }, there: { type: local } }\ngroups:');
  const dir = home(clouds('here'));
  const c = await start(dir);
  await until('one serves', () => serving(c, 'web', 1));
  const ops = { name: 'ops', role: 'admin' } as const;
  await expect(c.configuration.apply(clouds('there'), ops, [])).rejects.toThrow(/would not know them/);
  expect(readFileSync(join(dir, 'drover.yaml'), 'utf8')).toBe(clouds('here'));
  expect((await c.operations.spec('web')).cloud).toBe('here');
});

test('applying what deletes machines needs the name; then file and machines follow', async () => {
  const dir = home(file(group('web').replace('min: 1', 'min: 3')));
  const c = await start(dir);
  await until('three serve', () => serving(c, 'web', 3));
  const ops = { name: 'ops', role: 'admin' } as const;
  const less = file(group('web').replace('max: 3', 'max: 1'));
  const refused = await c.configuration.apply(less, ops, []);
  expect([refused.applied, refused.plan.confirm]).toEqual([false, ['web']]);
  expect((await c.operations.spec('web')).max).toBe(3);
  expect((await c.configuration.apply(less, ops, ['web'])).applied).toBe(true);
  expect(readFileSync(join(dir, 'drover.yaml'), 'utf8')).toBe(less);
  await until('one is left', async () => (await machines(c)) === 1);
});

test('a file with errors does not start, except with the last good one', async () => {
  const dir = home(file(group('web')).replace('./state', './elsewhere'));
  const c = await start(dir);
  running.splice(running.indexOf(c), 1);
  await c.stop();
  writeFileSync(join(dir, 'drover.yaml'), 'version: 1\nserver: { state: ./elsewhere }\ngroups: { web: { clod: local } }\n');
  await expect(start(dir)).rejects.toThrow(ConfigInvalid);
  const again = await start(dir, { lastGood: true });
  expect((await again.configuration.running()).error).toMatch(/last good/);
  expect((await again.operations.spec('web')).max).toBe(3);
});

test('plain HTTP beyond this machine is refused unless it is asked for', async () => {
  const dir = home(file(group('web')).replace('127.0.0.1:0', '0.0.0.0:0'));
  await expect(start(dir)).rejects.toThrow(ConfigInvalid);
});
