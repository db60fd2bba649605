import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import type { Cloud, CreateRequest } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import { cloudContract } from '../../../testing/cloud-contract.ts';
import { manifest } from './driver.ts';

const FOREVER = new AbortController().signal;
const ROOT = join(import.meta.dirname, '../../../..');
const CLOUD_SH = join(ROOT, 'examples/exec-cloud/cloud.sh');
const WEB = join(ROOT, 'src/emulators/web/main.ts');

/** Options for the example script with machines of `command`. */
function scripted(dir: string, command: string[], script = CLOUD_SH): object {
  return {
    list: [script, 'list'],
    create: [script, 'create', ...command],
    delete: [script, 'delete'],
    env: { CLOUD_DIR: join(dir, 'cloud'), FIRST_PORT: '33000' },
    idempotent: 'token',
    consistency: '1s',
    timeout: '20s',
  };
}

/** Deletes every machine of the script through the script itself. */
async function destroy(ports: DriverPorts): Promise<void> {
  const cloud = join(ports.baseDir, 'cloud');
  for (const id of existsSync(cloud) ? readdirSync(cloud) : []) {
    const env = { CLOUD_DIR: cloud, DROVER_MACHINE_ID: id };
    await ports.processes.run({ argv: [CLOUD_SH, 'delete'], env, timeoutMs: 20_000, maxBytes: 65_536 });
  }
  for (const p of await ports.processes.findByEnv('MACHINE')) if (p.env['MACHINE']?.startsWith(`${cloud}/`)) await ports.processes.kill(p, 'SIGKILL');
  rmSync(ports.baseDir, { recursive: true, force: true });
}

cloudContract('exec with the example script', async () => {
  const ports = realPorts();
  const options = manifest.options.parse(scripted(ports.baseDir, ['/bin/sleep', '600']));
  const hang = ['/bin/sleep', '600'];
  return {
    can: manifest.abilities?.(options) ?? manifest.can,
    open: (installId) => manifest.open(options, { ...ports, installId }),
    openUnusable: () => manifest.open(manifest.options.parse({ list: ['./missing'], create: ['./missing'], delete: ['./missing'] }), ports),
    openHanging: () => manifest.open(manifest.options.parse({ list: hang, create: hang, delete: hang, get: hang }), ports),
    template: {},
    unknownId: 'no-such-machine',
    teardown: () => destroy(ports),
  };
});

describe('exec cloud', () => {
  const worlds: DriverPorts[] = [];
  afterEach(async () => {
    for (const ports of worlds.splice(0)) await destroy(ports);
  });

  /** A cloud whose commands are all one shell script; `$DROVER_CALL` says which. */
  async function scriptCloud(script: string, options: object = {}): Promise<{ cloud: Cloud; ports: DriverPorts }> {
    const ports = realPorts();
    worlds.push(ports);
    const path = join(ports.baseDir, 'script.sh');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    const all = { list: ['./script.sh'], create: ['./script.sh'], delete: ['./script.sh'] };
    return { cloud: await manifest.open(manifest.options.parse({ ...all, ...options }), ports), ports };
  }

  function request(ports: DriverPorts, over: Partial<CreateRequest> = {}): CreateRequest {
    const owner = { install: ports.installId, group: 'web', token: 'tok-1', instance: 'web-1', templateId: 'tpl-9' };
    return { owner, name: 'web-1', template: { size: 'small', n: 2 }, zone: 'fsn1', signal: FOREVER, ...over };
  }

  async function errorOf(work: Promise<unknown>): Promise<DriverError> {
    const e = await work.then(
      (value) => value,
      (thrown: unknown) => thrown,
    );
    expect(e).toBeInstanceOf(DriverError);
    return e as DriverError;
  }

  it('tells a command everything, in its environment and as JSON on its input', async () => {
    const { cloud, ports } = await scriptCloud(`cat >"$DROVER_CALL.in"; env >"$DROVER_CALL.env"; echo '{"id": 7}'`, { env: { KEY: 'k' } });
    expect(await cloud.create(request(ports))).toEqual({
      id: '7',
      owner: request(ports).owner,
      name: '7',
      state: 'running',
      address: null,
      port: null,
      zone: null,
      createdAtMs: null,
      pricePerHour: null,
      paidUntilMs: null,
    });
    await cloud.delete('7', FOREVER);
    const env = (call: string) => readFileSync(join(ports.baseDir, `${call}.env`), 'utf8').split('\n');
    expect(env('create')).toEqual(
      expect.arrayContaining([
        'KEY=k',
        'DROVER_CALL=create',
        'DROVER_TOKEN=tok-1',
        'DROVER_GROUP=web',
        'DROVER_INSTANCE=web-1',
        `DROVER_INSTALL=${ports.installId}`,
        'DROVER_TEMPLATE_ID=tpl-9',
        'DROVER_ZONE=fsn1',
        'DROVER_NAME=web-1',
        'DROVER_TEMPLATE={"size":"small","n":2}',
      ]),
    );
    expect(env('delete')).toEqual(expect.arrayContaining(['DROVER_MACHINE_ID=7', `DROVER_INSTALL=${ports.installId}`]));
    const input = (call: string) => JSON.parse(readFileSync(join(ports.baseDir, `${call}.in`), 'utf8')) as unknown;
    expect(input('create')).toEqual({
      call: 'create',
      install: ports.installId,
      token: 'tok-1',
      group: 'web',
      instance: 'web-1',
      template_id: 'tpl-9',
      name: 'web-1',
      zone: 'fsn1',
      template: { size: 'small', n: 2 },
    });
    expect(input('delete')).toEqual({ call: 'delete', install: ports.installId, id: '7' });
  });

  it('understands machines as scripts print them', async () => {
    const ours = '"token":"t","group":"g","instance":"g-1","template":"x"';
    const { cloud, ports } = await scriptCloud(`cat <<EOF
{"machines":[
 {"id":"a",${ours},"install":"$DROVER_INSTALL","state":"pending","address":"","port":"8080","created_at":"1700000000","price_per_hour":"0.5","zone":"z","extra":1},
 {"id":"b",${ours},"install":"another","address":"10.0.0.1"},
 {"id":"c","token":"t","group":"g","instance":"g-2","address":"10.0.0.2","created_at":"2023-11-14T22:13:20Z"},
 {"id":"d","address":"10.0.0.3","created_at":1700000000123,"paid_until":1700003600}]}
EOF`);
    const { items, complete } = await cloud.list(FOREVER);
    expect(complete).toBe(true);
    expect(items.map((m) => m.id)).toEqual(['a', 'c', 'd']);
    expect(items[0]).toEqual({
      id: 'a',
      owner: { install: ports.installId, group: 'g', token: 't', instance: 'g-1', templateId: 'x' },
      name: 'g-1',
      state: 'pending',
      address: null,
      port: 8080,
      zone: 'z',
      createdAtMs: 1_700_000_000_000,
      pricePerHour: 0.5,
      paidUntilMs: null,
    });
    // Without its installation a machine is nobody's: it might be another one's.
    expect(items[1]).toMatchObject({ owner: null, createdAtMs: 1_700_000_000_000 });
    expect(items[2]).toMatchObject({ owner: null, createdAtMs: 1_700_000_000_123, paidUntilMs: 1_700_003_600_000 });
  });

  it('passes on that a list is not complete, and then knows of no absence', async () => {
    const { cloud } = await scriptCloud(`echo '{"machines":[],"complete":false}'`);
    expect(await cloud.list(FOREVER)).toMatchObject({ items: [], complete: false });
    expect((await errorOf(cloud.get('x', FOREVER))).message).toContain('not complete');
  });

  it.each([
    [10, 'unauthorized', true],
    [11, 'not-found', true],
    [12, 'throttled', true],
    [13, 'no-capacity', true],
    [14, 'quota', true],
    [15, 'conflict', true],
    [16, 'bad-request', true],
    [1, 'unknown', false],
    [127, 'unknown', false],
  ])('takes exit code %i for %s', async (exitCode, code, definite) => {
    const { cloud, ports } = await scriptCloud(`echo '{"id":"x"}'; echo "because   of" >&2; echo this >&2; exit ${exitCode}`);
    const e = await errorOf(cloud.create(request(ports)));
    expect(e).toMatchObject({ code, definite, message: `the create command ended with exit code ${exitCode}: because of this` });
  });

  it('takes not-found at a deletion for success, and at a get for null', async () => {
    const { cloud } = await scriptCloud('exit 11', { get: ['./script.sh'] });
    await cloud.delete('x', FOREVER);
    expect(await cloud.get('x', FOREVER)).toBeNull();
    expect((await errorOf(cloud.list(FOREVER))).code).toBe('not-found');
  });

  it('tells when a command was killed', async () => {
    const { cloud } = await scriptCloud('kill -9 $$');
    expect(await errorOf(cloud.delete('x', FOREVER))).toMatchObject({ code: 'unknown', definite: false, message: expect.stringContaining('ended by SIGKILL') });
  });

  it('asks the get command for one machine and insists on that one', async () => {
    const { cloud } = await scriptCloud(`echo "{\\"id\\":\\"$DROVER_MACHINE_ID\\",\\"address\\":\\"10.1.1.1\\"}"`, { get: ['./script.sh'] });
    expect(await cloud.get('m-1', FOREVER)).toMatchObject({ id: 'm-1', address: '10.1.1.1' });
    const other = await scriptCloud(`echo '{"id":"other"}'`, { get: ['./script.sh'] });
    expect((await errorOf(other.cloud.get('m-1', FOREVER))).code).toBe('bad-reply');
  });

  it.each([
    ['nothing', '', /must print JSON: it is empty/],
    ['half an answer', `printf '{"machines":['`, /must print JSON/],
    ['HTML', `echo '<html>'`, /HTML/],
    ['a list instead of an object', `echo '[]'`, /does not fit: the answer/],
    ['no machines', `echo '{}'`, /does not fit: machines/],
    ['a machine without id', `echo '{"machines":[{"id":"a"},{"address":"x"}]}'`, /does not fit: machines\.1\.id/],
    ['an unknown state', `echo '{"machines":[{"id":"a","state":"on"}]}'`, /does not fit: machines\.0\.state/],
    ['a wrong port', `echo '{"machines":[{"id":"a","port":70000}]}'`, /does not fit: machines\.0\.port/],
    ['one id twice', `echo '{"machines":[{"id":"a"},{"id":"a"}]}'`, /two machines with one id/],
  ])('refuses a list with %s', async (_, script, message) => {
    const { cloud } = await scriptCloud(script);
    const e = await errorOf(cloud.list(FOREVER));
    expect(e.code).toBe('bad-reply');
    expect(e.message).toMatch(message);
  });

  it('leaves the outcome open when create prints nonsense or another machine', async () => {
    for (const answer of ['ok', '{"id":""}', '{"id":"a","token":"other"}']) {
      const { cloud, ports } = await scriptCloud(`echo '${answer}'`);
      expect(await errorOf(cloud.create(request(ports)))).toMatchObject({ code: 'bad-reply', definite: false });
    }
  });

  it('kills a command that takes too long or prints too much', async () => {
    const slow = await scriptCloud('sleep 600', { timeout: '300ms' });
    expect(await errorOf(slow.cloud.list(FOREVER))).toMatchObject({ code: 'unreachable' });
    const loud = await scriptCloud('yes | head -c 20000000');
    expect(await errorOf(loud.cloud.list(FOREVER))).toMatchObject({ code: 'bad-reply' });
  });

  it('keeps secrets out of messages and off the command line', async () => {
    const ports = realPorts();
    worlds.push(ports);
    writeFileSync(join(ports.baseDir, 'key'), 'canary-9f3\n', { mode: 0o600 });
    const script = 'tr "\\0" " " </proc/$$/cmdline >"$PWD/cmdline"; echo "bad key $KEY" >&2; exit 10';
    const command = ['/bin/sh', '-c', script];
    const options = manifest.options.parse({ list: command, create: command, delete: command, env: { KEY: { file: join(ports.baseDir, 'key') } } });
    const e = await errorOf((await manifest.open(options, ports)).list(FOREVER));
    expect(e.message).toBe('the list command ended with exit code 10: bad key ***');
    expect(readFileSync(join(ports.baseDir, 'cmdline'), 'utf8')).not.toContain('canary');
    const missing = manifest.options.parse({ list: command, create: command, delete: command, env: { KEY: { file: '/no/such/key' } } });
    expect(await errorOf((await manifest.open(missing, ports)).create(request(ports)))).toMatchObject({ code: 'unauthorized', definite: true });
  });

  it('cuts a long complaint to its end', async () => {
    const { cloud } = await scriptCloud('i=0; while [ $i -lt 100 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1');
    const { message } = await errorOf(cloud.list(FOREVER));
    expect(message.length).toBeLessThan(260);
    expect(message).toMatch(/line 99$/);
  });

  it('finds commands relative to the configuration file, wherever they run', async () => {
    const ports = realPorts();
    worlds.push(ports);
    mkdirSync(join(ports.baseDir, 'bin'));
    mkdirSync(join(ports.baseDir, 'work'));
    writeFileSync(join(ports.baseDir, 'bin/list'), '#!/bin/sh\npwd >where; echo \'{"machines":[]}\'\n');
    chmodSync(join(ports.baseDir, 'bin/list'), 0o755);
    const options = manifest.options.parse({ list: ['bin/list'], create: ['true'], delete: ['true'], cwd: './work' });
    expect((await (await manifest.open(options, ports)).list(FOREVER)).items).toEqual([]);
    expect(readFileSync(join(ports.baseDir, 'work/where'), 'utf8').trim()).toBe(join(ports.baseDir, 'work'));
  });

  it('refuses wrong options by name', () => {
    const wrong = (options: object) => manifest.options.safeParse({ list: ['l'], create: ['c'], delete: ['d'], ...options }).error?.issues[0]?.path;
    expect(wrong({})).toBeUndefined();
    expect(wrong({ list: [] })).toEqual(['list']);
    expect(wrong({ create: 'x y' })).toEqual(['create']);
    expect(wrong({ env: { DROVER_TOKEN: 'x' } })).toEqual(['env', 'DROVER_TOKEN']);
    expect(wrong({ timeout: '5 minutes' })).toEqual(['timeout']);
    expect(wrong({ idempotent: true })).toEqual(['idempotent']);
  });

  it('runs web servers by the example script', async () => {
    const ports = realPorts();
    worlds.push(ports);
    const cloud = await manifest.open(manifest.options.parse(scripted(ports.baseDir, [process.execPath, WEB])), ports);
    const machine = await cloud.create(request(ports));
    const url = `http://${machine.address}:${machine.port}`;
    await expect
      .poll(
        () =>
          fetch(`${url}/healthz`).then(
            (r) => r.status,
            () => 0,
          ),
        { timeout: 15_000 },
      )
      .toBe(200);
    expect(await (await fetch(url)).text()).toBe('hello from web-1\n');
    expect((await cloud.get(machine.id, FOREVER))?.state).toBe('running');
    await cloud.delete(machine.id, FOREVER);
    await expect(fetch(url)).rejects.toThrow();
    expect(readdirSync(join(ports.baseDir, 'cloud'))).toEqual([]);
  });

  it('shows a dead machine as stopped until it is deleted', async () => {
    const ports = realPorts();
    worlds.push(ports);
    const cloud = await manifest.open(manifest.options.parse(scripted(ports.baseDir, ['/bin/sleep', '600'])), ports);
    const machine = await cloud.create(request(ports));
    await expect.poll(async () => (await cloud.get(machine.id, FOREVER))?.state, { timeout: 5000 }).toBe('running');
    for (const p of await ports.processes.findByEnv('MACHINE'))
      if (p.env['MACHINE'] === join(ports.baseDir, 'cloud', machine.id)) await ports.processes.kill(p, 'SIGKILL');
    await expect.poll(async () => (await cloud.get(machine.id, FOREVER))?.state, { timeout: 5000 }).toBe('stopped');
    expect(await cloud.create(request(ports))).toMatchObject({ id: machine.id, state: 'stopped' });
    await cloud.delete(machine.id, FOREVER);
    expect(await cloud.get(machine.id, FOREVER)).toBeNull();
  });

  it('ends with one machine when the controller is killed in the middle of a create', async () => {
    const ports = realPorts();
    worlds.push(ports);
    const slow = join(ports.baseDir, 'slow.sh');
    writeFileSync(slow, `#!/bin/sh\n[ "$1" = create ] && { touch begun; while [ ! -e go ]; do sleep 0.05; done; }\nexec ${CLOUD_SH} "$@"\n`);
    chmodSync(slow, 0o755);
    const options = manifest.options.parse(scripted(ports.baseDir, ['/bin/sleep', '600'], slow));
    const controller = `
      import { manifest } from ${JSON.stringify(join(import.meta.dirname, 'driver.ts'))};
      import { realPorts } from ${JSON.stringify(join(ROOT, 'test/support/ports.ts'))};
      const cloud = await manifest.open(${JSON.stringify(options)}, realPorts({ baseDir: ${JSON.stringify(ports.baseDir)} }));
      await cloud.create({ ...${JSON.stringify({ ...request(ports), signal: null })}, signal: new AbortController().signal });`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', controller], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: ports.baseDir },
    });
    const exit = once(child, 'exit');
    await expect.poll(() => existsSync(join(ports.baseDir, 'begun')), { timeout: 15_000, interval: 10 }).toBe(true);
    child.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
    const cloud = await manifest.open(options, ports);
    expect((await cloud.list(FOREVER)).items).toEqual([]); // the script is still on its way
    const creating = cloud.create(request(ports));
    writeFileSync(join(ports.baseDir, 'go'), ''); // now both go on at once
    const again = await creating;
    const running = async () => (await cloud.list(FOREVER)).items.map((m) => `${m.owner?.token} ${m.state}`);
    await expect.poll(running, { timeout: 5000 }).toEqual(['tok-1 running']);
    const machine = join(ports.baseDir, 'cloud', again.id);
    expect((await ports.processes.findByEnv('MACHINE')).filter((p) => p.env['MACHINE'] === machine)).toHaveLength(1);
  });
});
