import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import { realSockets } from '../../../platform/sockets.ts';
import type { Cloud, CreateRequest, Machine } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import { cloudContract } from '../../../testing/cloud-contract.ts';
import { manifest } from './driver.ts';
import { MARK } from './tags.ts';

const FOREVER = new AbortController().signal;
/** One process that says each SIGTERM it gets and takes its time to end. A shell with children may lose one between two of them. */
const LINGERS =
  "process.on('SIGTERM', () => { console.log('term'); setTimeout(() => { console.log('done'); process.exit(0) }, 800) }); console.log('up'); setInterval(() => 0, 1000)";
type Template = { command?: string[]; env?: Record<string, string | { env: string } | { file: string }>; cwd?: string; port?: number };
const SLEEP = { command: ['/bin/sleep', '600'], env: {} };
const installs: string[] = [];
const directories: string[] = [];

function world(over: Partial<DriverPorts> = {}): DriverPorts & { open(options?: object): Promise<Cloud> } {
  const ports = realPorts({ installId: `local-test-${crypto.randomUUID()}`, ...over });
  installs.push(ports.installId);
  directories.push(ports.baseDir);
  return { ...ports, open: (options = {}) => manifest.open(manifest.options.parse({ stop_timeout: '2s', ...options }), ports) };
}

async function killAll(ports: DriverPorts, install: string): Promise<void> {
  for (const p of await ports.processes.findByEnv('DROVER_INSTALL')) if (p.env['DROVER_INSTALL'] === install) await ports.processes.kill(p, 'SIGKILL');
}

afterEach(async () => {
  const ports = realPorts();
  directories.push(ports.baseDir);
  for (const install of installs.splice(0)) await killAll(ports, install);
  for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
});

let n = 0;
function request(ports: DriverPorts, template: Template = {}, token = `t-${++n}`): CreateRequest {
  const owner = { install: ports.installId, group: 'web', token, instance: `web-${token}`, templateId: 'tpl-1' };
  return { owner, name: owner.instance, template: { ...SLEEP, ...template }, zone: null, signal: FOREVER };
}

async function processesOf(ports: DriverPorts, machine: Machine) {
  return (await ports.processes.findByEnv('DROVER_TOKEN')).filter((p) => p.env['DROVER_TOKEN'] === machine.id && p.env['DROVER_INSTALL'] === ports.installId);
}

const places = (machines: readonly Machine[]) => new Map(machines.map((m) => [m.id, m.port]));

async function errorOf(work: Promise<unknown>): Promise<DriverError> {
  const e = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(e).toBeInstanceOf(DriverError);
  return e as DriverError;
}

for (const addresses of ['shared', 'own'] as const) {
  cloudContract(`local, ${addresses} addresses`, async () => {
    const options = { addresses, stop_timeout: '2s', network: '127.21.0.0/16', ports: '30000-30999' };
    const template = { ...SLEEP, ...(addresses === 'own' ? { port: 30_999 } : {}) };
    const ports = realPorts();
    const used = new Set<string>();
    const open = (installId: string) => {
      used.add(installId);
      return manifest.open(manifest.options.parse(options), { ...ports, installId });
    };
    return {
      can: manifest.abilities?.(manifest.options.parse(options)) ?? manifest.can,
      open,
      openUnusable: null,
      openHanging: null,
      template,
      unknownId: 'no-such-token',
      teardown: async () => {
        for (const install of used) await killAll(ports, install);
        rmSync(ports.baseDir, { recursive: true, force: true });
      },
    };
  });
}

describe('local cloud', () => {
  it('fills the command and the environment in, literally, and writes the log', async () => {
    const w = world();
    const secret = join(w.baseDir, 'secret');
    writeFileSync(secret, 'canary-secret\n', { mode: 0o600 });
    const cloud = await w.open({ log_dir: 'logs' });
    const machine = await cloud.create(
      request(w, {
        command: [
          '/bin/sh',
          '-c',
          'printf "%s|" "$@" "$PORT" "$ADDRESS" "$TEXT" "$KEY" "$PWD"; exec sleep 600',
          'sh',
          '{{address}}:{{port}}',
          '$(id) {{group}}; `x`',
        ],
        env: { TEXT: 'i={{instance}}', KEY: { file: secret } },
        cwd: '.',
      }),
    );
    const log = join(w.baseDir, 'logs', `${machine.name}.log`);
    const wanted = [`${machine.address}:${machine.port}`, '$(id) web; `x`', machine.port, machine.address, `i=${machine.name}`, 'canary-secret', w.baseDir];
    await expect.poll(() => readFileSync(log, 'utf8'), { timeout: 5000 }).toBe(wanted.map((v) => `${v}|`).join(''));
    for (const p of await processesOf(w, machine)) expect(readFileSync(`/proc/${p.pid}/cmdline`, 'utf8')).not.toContain('canary-secret');
  });

  it('lists what a machine forks as one machine', async () => {
    const w = world();
    const cloud = await w.open();
    const machine = await cloud.create(request(w, { command: ['/bin/sh', '-c', 'sleep 600 & setsid sleep 600 & sleep 600'] }));
    await expect.poll(async () => (await processesOf(w, machine)).length, { timeout: 5000 }).toBe(5);
    const { items } = await cloud.list(FOREVER);
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ id: machine.id, state: 'running', port: machine.port });
    await cloud.delete(machine.id, FOREVER);
    expect(await processesOf(w, machine)).toEqual([]);
  });

  it('says stopped when the leader is dead and its children live, and deletes those', async () => {
    const w = world();
    const cloud = await w.open();
    const machine = await cloud.create(request(w, { command: ['/bin/sh', '-c', 'sleep 600 & sleep 600'] }));
    await expect.poll(async () => (await processesOf(w, machine)).length, { timeout: 5000 }).toBe(4);
    const leader = (await processesOf(w, machine)).find((p) => p.pid === p.sessionId);
    process.kill(leader?.pid as number, 'SIGKILL'); // the process alone, not its group
    await expect.poll(async () => (await cloud.get(machine.id, FOREVER))?.state, { timeout: 5000 }).toBe('stopped');
    expect(await processesOf(w, machine)).toHaveLength(3);
    await cloud.delete(machine.id, FOREVER);
    expect(await cloud.get(machine.id, FOREVER)).toBeNull();
    expect(await processesOf(w, machine)).toEqual([]);
  });

  it('sees a machine gone when its command has ended', async () => {
    const w = world();
    const cloud = await w.open();
    const machine = await cloud.create(request(w));
    await expect.poll(async () => (await processesOf(w, machine)).length, { timeout: 5000 }).toBe(2);
    const command = (await processesOf(w, machine)).find((p) => p.pid !== p.sessionId);
    process.kill(command?.pid as number, 'SIGKILL');
    await expect.poll(async () => await cloud.get(machine.id, FOREVER), { timeout: 5000 }).toBeNull();
  });

  it('keeps sight of a program that overwrites its environment with a title', async () => {
    const w = world();
    const cloud = await w.open();
    // What setproctitle of nginx, redis or puma does to the process table: an environment without our tags.
    const machine = await cloud.create(request(w, { command: ['/usr/bin/env', '-i', '/bin/sleep', '600'] }));
    await expect.poll(async () => (await processesOf(w, machine)).length, { timeout: 5000 }).toBe(1);
    expect((await cloud.get(machine.id, FOREVER))?.state).toBe('running');
    const keeper = (await processesOf(w, machine))[0];
    await cloud.delete(machine.id, FOREVER);
    expect(await cloud.get(machine.id, FOREVER)).toBeNull();
    expect(() => process.kill(-(keeper?.pid as number), 0)).toThrow(/ESRCH/);
  });

  it('lets the command finish after SIGTERM, told once', async () => {
    const w = world();
    const cloud = await w.open({ log_dir: 'logs', stop_timeout: '10s' });
    const machine = await cloud.create(
      request(w, {
        command: [process.execPath, '-e', LINGERS],
      }),
    );
    const log = () => readFileSync(join(w.baseDir, 'logs', `${machine.name}.log`), 'utf8');
    await expect.poll(log, { timeout: 5000 }).toBe('up\n');
    const deleting = cloud.delete(machine.id, FOREVER);
    const again = cloud.delete(machine.id, FOREVER);
    expect((await cloud.get(machine.id, FOREVER))?.state).toBe('deleting');
    await Promise.all([deleting, again]);
    // The shell also says that its sleep was terminated.
    expect(
      log()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('Terminated')),
    ).toEqual(['up', 'term', 'done']);
  });

  it('kills what ignores SIGTERM after stop_timeout', async () => {
    const w = world();
    const cloud = await w.open({ log_dir: 'logs', stop_timeout: '300ms' });
    const machine = await cloud.create(request(w, { command: ['/bin/sh', '-c', 'trap "" TERM; echo up; sleep 600; sleep 600'] }));
    await expect.poll(() => readFileSync(join(w.baseDir, 'logs', `${machine.name}.log`), 'utf8'), { timeout: 5000 }).toBe('up\n');
    await cloud.delete(machine.id, FOREVER);
    expect(await processesOf(w, machine)).toEqual([]);
  });

  it('goes on deleting when the caller gives up', async () => {
    const w = world();
    const cloud = await w.open({ stop_timeout: '500ms' });
    const machine = await cloud.create(request(w, { command: ['/bin/sh', '-c', 'trap "" TERM; sleep 600; sleep 600'] }));
    await expect.poll(async () => (await processesOf(w, machine)).length, { timeout: 5000 }).toBe(3);
    expect((await errorOf(cloud.delete(machine.id, AbortSignal.timeout(50)))).code).toBe('unreachable');
    await expect.poll(async () => (await processesOf(w, machine)).length, { timeout: 5000 }).toBe(0);
  });

  it('does not take commands of hooks and other clouds for machines', async () => {
    const w = world();
    const cloud = await w.open();
    const other = await w.processes.spawnDetached({
      argv: ['/bin/sleep', '600'],
      env: { DROVER_INSTALL: w.installId, DROVER_TOKEN: 'hook-1', DROVER_GROUP: 'web', DROVER_INSTANCE: 'web-1' },
    });
    await cloud.delete('hook-1', FOREVER);
    expect((await cloud.list(FOREVER)).items).toEqual([]);
    expect(await w.processes.kill(other, 'SIGKILL')).toBe(true);
  });

  it('never gives two machines one port, and a freed one last', async () => {
    const w = world();
    const cloud = await w.open({ ports: '31000-31003' });
    const [a, b] = await Promise.all([cloud.create(request(w)), cloud.create(request(w))]);
    await cloud.delete(a.id, FOREVER);
    const c = await cloud.create(request(w));
    const d = await cloud.create(request(w));
    const e = await cloud.create(request(w));
    expect([a, b, c, d].map((m) => m.port).sort((x, y) => (x ?? 0) - (y ?? 0))).toEqual([31_000, 31_001, 31_002, 31_003]);
    expect(e.port).toBe(a.port);
    const full = await errorOf(cloud.create(request(w)));
    expect(full).toMatchObject({ code: 'no-capacity', definite: true });
  });

  it('never gives two installations on one host the same port, though their machines do not listen yet', async () => {
    const options = { ports: '31800-31809' };
    const [a, b] = [world(), world()];
    const ports: (number | null)[] = [];
    for (const one of [a, b, a, b]) ports.push((await (await one.open(options)).create(request(one))).port);
    expect(new Set(ports).size).toBe(4);
  });
  it('passes over a port that a stranger listens on', async () => {
    const w = world({ sockets: { ...realSockets, canConnect: async (target) => 'port' in target && target.port === 31_100 } });
    const machine = await (await w.open({ ports: '31100-31101' })).create(request(w));
    expect(machine.port).toBe(31_101);
  });

  it('goes on behind the highest port after a restart', async () => {
    const w = world();
    const first = await (await w.open({ ports: '31200-31209' })).create(request(w));
    const second = await (await w.open({ ports: '31200-31209' })).create(request(w));
    expect([first.port, second.port]).toEqual([31_200, 31_201]);
  });

  it('keeps to max, concurrent creates included', async () => {
    const w = world();
    const cloud = await w.open({ max: 2 });
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => cloud.create(request(w))));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(2);
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'quota', definite: true });
    expect((await cloud.list(FOREVER)).items).toHaveLength(2);
  });

  it('leaves one machine when two controllers make the same one at once', async () => {
    const w = world();
    const [one, two] = await Promise.all([w.open({ ports: '31300-31309' }), w.open({ ports: '31310-31319' })]);
    const same = request(w, {}, 'race');
    const [a, b] = await Promise.all([one.create(same), two.create(same)]);
    expect(a.id).toBe(b.id);
    const keepers = (await processesOf(w, a)).filter((p) => p.pid === p.sessionId);
    const ports = new Set(keepers.map((p) => p.env['PORT']));
    expect(ports.size).toBeLessThanOrEqual(2);
    await one.delete(a.id, FOREVER);
    expect(await processesOf(w, a)).toEqual([]);
  });

  it('never leaves two machines on one port when two controllers choose it at once', async () => {
    const w = world();
    const [one, two] = await Promise.all([w.open({ ports: '31400-31409' }), w.open({ ports: '31400-31409' })]);
    const results = await Promise.allSettled([one.create(request(w)), two.create(request(w))]);
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'conflict', definite: true });
    // Once both have answered, nothing of a try that lost is left: the list holds what was answered with, and that alone.
    const answered = results.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
    expect(places((await one.list(FOREVER)).items)).toEqual(places(answered));
    expect(answered.length).toBeGreaterThanOrEqual(1);
    expect(new Set(answered.map((m) => m.port)).size).toBe(answered.length);
  });

  it('answers with a machine that lives when the first try lost its port and is slow to die', async () => {
    const w = world();
    const taken = await (await w.open({ ports: '31500-31509' })).create(request(w));
    let looks = 0;
    const processes: DriverPorts['processes'] = {
      ...w.processes,
      // As if the other machine had been made a moment after this look.
      findByEnv: async (name) => (++looks === 1 ? [] : await w.processes.findByEnv(name)),
      // As on a busy host: the signal is on its way, and what it is for still runs.
      kill: async (p, signal) => {
        setTimeout(() => void w.processes.kill(p, signal), 100);
        return true;
      },
    };
    const cloud = await manifest.open(manifest.options.parse({ ports: '31500-31509' }), { ...w, processes });
    const machine = await cloud.create(request(w));
    expect(machine.port).not.toBe(taken.port);
    expect(places((await cloud.list(FOREVER)).items)).toEqual(places([taken, machine]));
    for (const p of await processesOf(w, machine)) expect(p.env['PORT']).toBe(String(machine.port));
  });

  it('gives its port up to a younger machine that could not see it yet', async () => {
    const w = world();
    const younger = request(w);
    const slow = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const open = (processes: DriverPorts['processes']) =>
      manifest.open(manifest.options.parse({ ports: '31600-31609' }), { ...w, processes, random: { u32: () => 3 } });
    // Two controllers in processes of their own: between fork and exec a machine shows the environment of its controller, not its tags.
    const first = await open({
      ...w.processes,
      spawnDetached: async (r) => {
        const keeper = await w.processes.spawnDetached(r);
        started.resolve();
        await slow.promise;
        return keeper;
      },
    });
    const second = await open({
      ...w.processes,
      findByEnv: async (name) => (await w.processes.findByEnv(name)).filter((p) => p.env['DROVER_TOKEN'] === younger.owner.token),
    });
    const older = first.create(request(w));
    await started.promise;
    const winner = await second.create(younger);
    slow.resolve();
    const other = await older;
    // Not the next port, where they would meet again, but one drawn by lot: three behind it.
    expect([winner.port, other.port]).toEqual([31_600, 31_604]);
    expect(places((await first.list(FOREVER)).items)).toEqual(places([winner, other]));
  });

  it('names what is wrong with a template, and starts nothing', async () => {
    const w = world();
    const shared = await w.open();
    const own = await w.open({ addresses: 'own' });
    const cases: [Cloud, Template, RegExp][] = [
      [shared, { command: ['no-such-program-here'] }, /cannot find the program no-such-program-here/],
      [shared, { command: ['./missing.sh'] }, /cannot find the program \.\/missing\.sh/],
      [shared, { cwd: 'missing-dir' }, /no such directory/],
      [shared, { port: 80 }, /template\.port is only for/],
      [own, {}, /template\.port is needed/],
      [shared, { command: [] }, /template\.command: must name a program/],
    ];
    for (const [cloud, template, message] of cases) {
      const e = await errorOf(cloud.create(request(w, template)));
      expect(e.message).toMatch(message);
      expect(e).toMatchObject({ code: 'bad-request', definite: true });
    }
    const lost = await errorOf(shared.create(request(w, { env: { KEY: { env: 'DROVER_NO_SUCH_VARIABLE' } } })));
    expect(lost).toMatchObject({ code: 'unauthorized', definite: true });
    expect((await w.processes.findByEnv(MARK)).filter((p) => p.env['DROVER_INSTALL'] === w.installId)).toEqual([]);
  });

  it('shows a command that ends at once as an error or as a machine that is gone', async () => {
    const w = world();
    const cloud = await w.open();
    const ended = request(w, { command: ['/bin/true'] });
    const outcome = await cloud.create(ended).then(
      (machine) => machine.id,
      (e: unknown) => (e as DriverError).message,
    );
    expect([ended.owner.token, 'the command ended as soon as it was started; set log_dir to see what it says']).toContain(outcome);
    await expect.poll(async () => await cloud.get(ended.owner.token, FOREVER), { timeout: 5000 }).toBeNull();
  });

  it('refuses wrong options by name', () => {
    const wrong = (options: object) => manifest.options.safeParse(options).error?.issues[0];
    expect(wrong({ address: '10.0.0.1' })).toMatchObject({ path: ['address'] });
    expect(wrong({ ports: '300-200' })).toMatchObject({ path: ['ports'] });
    expect(wrong({ network: '10.0.0.0/16' })).toMatchObject({ path: ['network'] });
    expect(wrong({ stop_timeout: '10' })).toMatchObject({ path: ['stop_timeout'] });
    const template = (t: object) => manifest.template.safeParse({ command: ['x'], ...t }).error?.issues[0];
    expect(template({ command: ['x', '{{prot}}'] })).toMatchObject({ path: ['command', 1], message: expect.stringContaining('{{port}}') });
    expect(template({ env: { DROVER_X: 'a' } })?.path).toEqual(['env', 'DROVER_X']);
    expect(template({ env: { PORT: '1' } })?.path).toEqual(['env', 'PORT']);
  });
});
