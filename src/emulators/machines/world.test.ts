import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, isAlive } from '../../../test/support/daemon.ts';
import { openLoopback } from './loopback.ts';
import type { BootFaults, EmulatedMachine, MachineRequest, MachineWorld, Network, WorldOptions } from './machines.ts';
import { createWorld } from './world.ts';

const POLL = { timeout: 15_000, interval: 20 };
const NO_FAULT: BootFaults = { count: 1, slower: null, stuckIn: null, mute: false };

let network: Network;
let world: MachineWorld;
let dir: string;
let appPort: number;
let exporterPort: number;
/** `name from→to`. */
let phases: string[];

async function open(over: Partial<WorldOptions> = {}): Promise<void> {
  dir = mkdtempSync(join(tmpdir(), 'drover-world-'));
  phases = [];
  appPort = await freePort();
  exporterPort = await freePort();
  network = await openLoopback();
  world = createWorld({
    network,
    timeFactor: 100,
    guests: 'processes',
    scripts: 'run',
    app: { port: appPort, workMs: 5, startMs: 100 },
    exporterPort,
    dir,
    onPhase: (machine, from) => phases.push(`${machine.request.name} ${from}→${machine.phase}`),
    ...over,
  });
}

function make(over: Partial<MachineRequest> = {}): EmulatedMachine {
  const addresses = { publicV4: network.takePublicV4(), privateV4: null, vpcV4: null, v6: network.takeV6() };
  return world.create({
    name: 'web',
    image: null,
    vcpus: 1,
    memoryMb: 1024,
    addresses,
    firstBoot: { userData: null, script: null, env: {} },
    booted: true,
    ...over,
  });
}

const reaches = (machine: EmulatedMachine, phase: string) => expect.poll(() => machine.phase, POLL).toBe(phase);
/** Status of the application at an address, or why there is no answer. */
const ask = async (address: string, path = '/', port = appPort): Promise<number | string> => {
  try {
    return (await fetch(`http://${address}:${port}${path}`, { signal: AbortSignal.timeout(2000) })).status;
  } catch {
    return 'no answer';
  }
};
const answers = (address: string, what: number | string, path = '/', port = appPort) => expect.poll(() => ask(address, path, port), POLL).toBe(what);

afterEach(async () => {
  await world.close();
  await network.close();
});

describe('phases of machines, without processes', () => {
  beforeEach(() => open({ guests: 'none' }));

  it('are gone through in order, in time divided by the factor', async () => {
    const startMs = performance.now();
    const machine = make();
    expect(machine.phase).toBe('provisioning');
    for (const action of [() => machine.boot(), () => machine.shutdown(), () => machine.reboot()]) expect(action).toThrow('busy');
    await reaches(machine, 'running');
    // 15 s and 20 s, by 100.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(345);
    expect(() => machine.boot()).toThrow('the machine is running');
    machine.reboot();
    expect(machine.phase).toBe('stopping');
    expect(() => machine.shutdown()).toThrow('busy');
    await reaches(machine, 'running');
    machine.shutdown();
    await reaches(machine, 'off');
    expect(() => machine.shutdown()).toThrow('the machine is off');
    machine.boot();
    await reaches(machine, 'running');
    machine.destroy();
    expect(machine.phase).toBe('gone');
    machine.destroy();
    expect(() => machine.boot()).toThrow('the machine is gone');
    expect(() => machine.addPrivateV4('127.1.1.1')).toThrow('gone');
    expect(world.all()).toEqual([]);
    expect(phases.map((phase) => phase.replace('web ', ''))).toEqual([
      ...['provisioning→booting', 'booting→running', 'running→stopping', 'stopping→booting', 'booting→running'],
      ...['running→stopping', 'stopping→off', 'off→booting', 'booting→running', 'running→gone'],
    ]);
  });

  it('end in off when it is not to be booted', async () => {
    const machine = make({ booted: false });
    await reaches(machine, 'off');
    machine.reboot();
    await reaches(machine, 'running');
  });

  it('end at once from any of them when it is destroyed', async () => {
    const young = make();
    young.destroy();
    const booting = make({ name: 'booting' });
    await reaches(booting, 'booting');
    booting.destroy();
    const stopping = make({ name: 'stopping' });
    await reaches(stopping, 'running');
    stopping.shutdown();
    stopping.destroy();
    const last = make({ name: 'last' });
    await reaches(last, 'running');
    // Longer than anything the others still had before them.
    expect(phases.filter((phase) => phase.includes('→gone'))).toEqual(['web provisioning→gone', 'booting booting→gone', 'stopping stopping→gone']);
    expect(phases.filter((phase) => phase.startsWith('stopping')).at(-1)).toBe('stopping stopping→gone');
  });

  it('go wrong as they are told, for as many machines as they are told', async () => {
    world.setBootFaults({ ...NO_FAULT, count: 2, stuckIn: 'provisioning' });
    const stuck = [make({ name: 'stuck' }), make({ name: 'stuck' })];
    const good = make();
    await reaches(good, 'running');
    world.setBootFaults({ ...NO_FAULT, stuckIn: 'booting' });
    const hangs = make({ name: 'hangs' });
    world.setBootFaults({ ...NO_FAULT, slower: 3 });
    const startMs = performance.now();
    const slow = make({ name: 'slow' });
    await reaches(slow, 'running');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(1045);
    expect([stuck[0]?.phase, stuck[1]?.phase, hangs.phase]).toEqual(['provisioning', 'provisioning', 'booting']);
    expect(() => hangs.shutdown()).toThrow('busy');
    for (const machine of world.all()) machine.destroy();
    expect(world.all()).toEqual([]);
  });

  it('have a limit to what is asked of a machine', async () => {
    expect(() => make({ vcpus: 0 })).toThrow(RangeError);
    expect(() => make({ vcpus: 1.5 })).toThrow(RangeError);
    const machine = make();
    await expect(machine.setLoad({ cpus: 2, memoryBytes: 0, forMs: 1000 })).rejects.toThrow(RangeError);
    await expect(machine.setLoad({ cpus: 1, memoryBytes: 0, forMs: 1000 })).rejects.toThrow('does not run');
    await expect(machine.setHealthy(false)).rejects.toThrow('does not run');
    expect(await machine.stats()).toEqual({ cpu: null, requests: 0 });
  });
});

describe('the directory of a world', () => {
  beforeEach(() => open({ guests: 'none' }));

  it('is never one that holds something, and is gone at the end', async () => {
    const other = mkdtempSync(join(tmpdir(), 'drover-world-'));
    writeFileSync(join(other, 'letters'), 'dear');
    const options: WorldOptions = {
      network,
      timeFactor: 1,
      guests: 'none',
      scripts: 'keep',
      app: { port: 1, workMs: 1, startMs: 1 },
      exporterPort: 2,
      dir: other,
    };
    expect(() => createWorld(options)).toThrow('is not empty');
    expect(() => createWorld({ ...options, timeFactor: 0 })).toThrow(RangeError);
    expect(readFileSync(join(other, 'letters'), 'utf8')).toBe('dear');
    rmSync(other, { recursive: true });
    make();
    expect(existsSync(join(dir, 'machine-1'))).toBe(true);
    await world.close();
    expect(existsSync(dir)).toBe(false);
    expect(() => make()).toThrow('closed');
  });
});

describe('machines that are processes', () => {
  beforeEach(() => open());

  it('serve on their addresses while they run, and let go of them', async () => {
    const machine = make({ addresses: { publicV4: network.takePublicV4(), privateV4: network.takePrivateV4(), vpcV4: null, v6: network.takeV6() } });
    const { publicV4, privateV4 } = machine.request.addresses;
    await reaches(machine, 'running');
    const { pid } = machine;
    expect(isAlive(pid)).toBe(true);
    await answers(publicV4, 200);
    await answers(String(privateV4), 200);
    expect(await ask(publicV4, '/metrics', exporterPort)).toBe(200);
    expect(await ask('127.0.0.1')).toBe('no answer');
    expect((await fetch(`http://${publicV4}:${appPort}/`)).headers.get('x-instance')).toBe('web');
    await machine.setHealthy(false);
    expect(await ask(publicV4, '/healthz')).toBe(503);
    machine.shutdown();
    await reaches(machine, 'off');
    await expect.poll(async () => [await ask(publicV4), isAlive(pid), machine.pid], POLL).toEqual(['no answer', false, null]);
    machine.boot();
    await answers(publicV4, 200, '/healthz');
    const again = machine.pid;
    machine.destroy();
    await expect.poll(() => isAlive(again), POLL).toBe(false);
    // The address is somebody else's at once.
    network.release(publicV4);
    const next = make({ name: 'next' });
    expect(next.request.addresses.publicV4).toBe(publicV4);
    await answers(publicV4, 200);
  });

  it('run their scripts once, before the application', async () => {
    const machine = make({
      firstBoot: {
        userData: '#!/bin/sh\necho user data >> order\n',
        script: '#!/bin/sh\nsleep 0.3\necho script >> order\necho "$RELEASE" > version\nenv | sort > seen\n',
        env: { RELEASE: 'v7' },
      },
    });
    const { publicV4 } = machine.request.addresses;
    await reaches(machine, 'running');
    await answers(publicV4, 200);
    const disk = join(dir, 'machine-1');
    expect(readFileSync(join(disk, 'order'), 'utf8')).toBe('user data\nscript\n');
    expect((await fetch(`http://${publicV4}:${appPort}/`)).headers.get('x-version')).toBe('v7');
    expect(readFileSync(join(disk, 'seen'), 'utf8')).not.toMatch(/DROVER|VITEST|NODE_CHANNEL/);
    machine.reboot();
    await reaches(machine, 'running');
    await answers(publicV4, 200);
    expect(readFileSync(join(disk, 'order'), 'utf8')).toBe('user data\nscript\n');
  });

  it('run without the application when a script fails, also after a reboot', async () => {
    const machine = make({ firstBoot: { userData: '#cloud-config\n', script: '#!/bin/sh\necho what went wrong\nexit 3\n', env: {} } });
    const { publicV4 } = machine.request.addresses;
    const log = join(dir, 'machine-1', 'first-boot.log');
    await expect.poll(() => existsSync(log) && readFileSync(log, 'utf8'), POLL).toBe('what went wrong\n');
    await answers(publicV4, 200, '/metrics', exporterPort);
    machine.reboot();
    await reaches(machine, 'running');
    await answers(publicV4, 200, '/metrics', exporterPort);
    expect(await (await fetch(`http://${publicV4}:${exporterPort}/metrics`)).text()).not.toContain('app_threads');
    expect(await ask(publicV4)).toBe('no answer');
  });

  it('end what their scripts left running', async () => {
    const machine = make({ firstBoot: { userData: null, script: '#!/bin/sh\nsleep 300 &\necho $! > left\n', env: {} } });
    const left = join(dir, 'machine-1', 'left');
    await expect.poll(() => existsSync(left) && readFileSync(left, 'utf8').endsWith('\n'), POLL).toBe(true);
    const pid = Number(readFileSync(left, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    machine.destroy();
    await expect.poll(() => isAlive(pid), POLL).toBe(false);
  });

  it('are off when their process dies, and boot again', async () => {
    const machine = make();
    await reaches(machine, 'running');
    process.kill(Number(machine.pid), 'SIGKILL');
    await reaches(machine, 'off');
    expect(phases.at(-1)).toBe('web running→off');
    machine.boot();
    await answers(machine.request.addresses.publicV4, 200);
  });

  it('tell of the load put on them', async () => {
    const machine = make({ vcpus: 2 });
    const { publicV4 } = machine.request.addresses;
    await answers(publicV4, 200);
    const samples = async () => {
      const text = await (await fetch(`http://${publicV4}:${exporterPort}/metrics`)).text();
      const value = (series: string) =>
        Number(
          text
            .split('\n')
            .find((line) => line.startsWith(`${series} `))
            ?.split(' ')[1],
        );
      return { active: value('node_memory_Active_bytes'), total: value('node_memory_MemTotal_bytes') };
    };
    const before = await samples();
    await machine.setLoad({ cpus: 1, memoryBytes: 0.7 * before.total, forMs: 60_000 });
    const loaded = await samples();
    expect(loaded.active / loaded.total).toBeGreaterThan(0.75);
    await expect.poll(async () => (await machine.stats()).cpu ?? 0, POLL).toBeGreaterThan(0.4);
    expect((await machine.stats()).requests).toBeGreaterThanOrEqual(1);
    await machine.setLoad({ cpus: 2, memoryBytes: 0, forMs: 50 });
    await expect.poll(async () => ((await samples()).active === before.active ? (await machine.stats()).cpu : null), POLL).toBeLessThan(0.2);
  });

  it('take a private address while they run', async () => {
    const machine = make();
    await answers(machine.request.addresses.publicV4, 200);
    const address = network.takePrivateV4();
    machine.addPrivateV4(address);
    expect(machine.request.addresses.privateV4).toBe(address);
    await answers(address, 200);
    expect(() => machine.addPrivateV4('127.1.2.3')).toThrow('has a private address');
  });

  it('may run without ever listening', async () => {
    world.setBootFaults({ ...NO_FAULT, mute: true });
    const mute = make({ name: 'mute' });
    const good = make({ name: 'good' });
    await answers(good.request.addresses.publicV4, 200);
    await reaches(mute, 'running');
    expect(isAlive(mute.pid)).toBe(true);
    expect([await ask(mute.request.addresses.publicV4), await ask(mute.request.addresses.publicV4, '/metrics', exporterPort)]).toEqual([
      'no answer',
      'no answer',
    ]);
  });
});

describe('a world that keeps scripts', () => {
  beforeEach(() => open({ scripts: 'keep' }));

  it('lays them on the disk and does not run them', async () => {
    const machine = make({ firstBoot: { userData: 'hello', script: '#!/bin/sh\necho ran > ran\n', env: {} } });
    await answers(machine.request.addresses.publicV4, 200);
    const disk = join(dir, 'machine-1');
    expect(readFileSync(join(disk, 'user-data'), 'utf8')).toBe('hello');
    expect(readFileSync(join(disk, 'first-boot-script'), 'utf8')).toContain('echo ran');
    expect(existsSync(join(disk, 'ran'))).toBe(false);
    const { pid } = machine;
    await world.close();
    expect([isAlive(pid), existsSync(dir)]).toEqual([false, false]);
  });
});
