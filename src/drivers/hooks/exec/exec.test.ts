import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HookContext } from '../../../ports/hook.ts';
import { hookContract, type Received } from '../../../testing/hook-contract.ts';
import { manifest } from './driver.ts';

const open = (options: unknown, ports: DriverPorts) => manifest.open(manifest.options.parse(options), ports);
/** Appends the DROVER_* environment as it is, one run after the other, ended by a line `--`. */
const RECORD = 'env -0 | grep -z "^DROVER_" >>seen; printf "%s\\0" -- >>seen';

hookContract('exec', async () => {
  const ports = realPorts();
  writeFileSync(join(ports.baseDir, 'key'), 'canary-77d1', { mode: 0o600 });
  const received = async (): Promise<Received[]> => {
    const file = join(ports.baseDir, 'seen');
    const runs = existsSync(file) ? readFileSync(file, 'utf8').split('--\0').slice(0, -1) : [];
    return runs.map((run) => {
      const env = Object.fromEntries(run.split('\0').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
      return {
        group: env['DROVER_GROUP'],
        instance: env['DROVER_INSTANCE'],
        machineId: env['DROVER_MACHINE_ID'],
        address: env['DROVER_ADDRESS'],
        port: env['DROVER_PORT'],
        zone: env['DROVER_ZONE'],
        step: env['DROVER_STEP'],
        token: env['DROVER_TOKEN'],
      };
    });
  };
  return {
    openSucceeding: () => open(['/bin/sh', '-c', RECORD], ports),
    openFailing: () => open({ command: ['/bin/sh', '-c', 'echo "refused: $KEY" >&2; exit 1'], env: { KEY: { file: join(ports.baseDir, 'key') } } }, ports),
    openHanging: () => open(['/bin/sleep', '600'], ports),
    openMissing: () => open(['./no-such-hook.sh'], ports),
    received,
    canary: 'canary-77d1',
    teardown: async () => rmSync(ports.baseDir, { recursive: true, force: true }),
  };
});

describe('exec hook', () => {
  const directories: string[] = [];
  afterEach(() => {
    for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
  });
  const world = () => {
    const ports = realPorts();
    directories.push(ports.baseDir);
    return ports;
  };
  const context: HookContext = {
    group: 'web',
    instance: 'web-7',
    machineId: 'm-1',
    address: '10.0.0.9',
    port: null,
    zone: null,
    step: 'before_delete',
    token: 'tok',
  };
  const signal = new AbortController().signal;

  it('fills fields into single arguments and finds the program beside the configuration', async () => {
    const ports = world();
    writeFileSync(join(ports.baseDir, 'hook.sh'), '#!/bin/sh\nprintf "[%s]" "$@" >args\n');
    chmodSync(join(ports.baseDir, 'hook.sh'), 0o755);
    const hook = await open(['./hook.sh', '{{id}}', 'at={{ ip }}; {{instance}}'], ports);
    await hook.run({ ...context, machineId: '$(id) `x` "; rm' }, signal);
    expect(readFileSync(join(ports.baseDir, 'args'), 'utf8')).toBe('[$(id) `x` "; rm][at=10.0.0.9; web-7]');
  });

  it('refuses a value that would be read as an option, and one that is not there', async () => {
    const hook = await open(['/bin/echo', '{{id}}'], world());
    await expect(hook.run({ ...context, machineId: '--all' }, signal)).rejects.toMatchObject({ code: 'bad-request' });
    const port = await open(['/bin/echo', '--port={{port}}'], world());
    await expect(port.run(context, signal)).rejects.toMatchObject({ code: 'bad-request', message: '{{port}} has no value for this machine' });
  });

  it('says how the command failed', async () => {
    const hook = await open(['/bin/sh', '-c', 'echo no such node >&2; exit 4'], world());
    await expect(hook.run(context, signal)).rejects.toMatchObject({ code: 'unknown', message: '/bin/sh ended with exit code 4: no such node' });
  });

  it('refuses wrong options by name', () => {
    expect(manifest.options.safeParse(['x', '{{instnace}}']).success).toBe(false);
    expect(manifest.options.safeParse({ command: [] }).success).toBe(false);
    expect(manifest.options.safeParse({ command: ['x'], env: { DROVER_STEP: 'x' } }).success).toBe(false);
    expect(manifest.options.safeParse('x').success).toBe(false);
  });
});
