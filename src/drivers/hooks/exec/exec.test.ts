import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RECORD_ENVIRONMENT, recordedRuns } from '../../../../test/support/hook-record.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HookAlert, HookContext } from '../../../ports/hook.ts';
import { hookContract } from '../../../testing/hook-contract.ts';
import { manifest } from './driver.ts';

const open = (options: unknown, ports: DriverPorts) => manifest.open(manifest.options.parse(options), ports);

hookContract('exec', async () => {
  const ports = realPorts();
  writeFileSync(join(ports.baseDir, 'key'), 'canary-77d1', { mode: 0o600 });
  const received = async () => recordedRuns(ports.baseDir);
  return {
    openSucceeding: () => open(['/bin/sh', '-c', RECORD_ENVIRONMENT], ports),
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

  const alert = (over: Partial<HookAlert> = {}): HookAlert => ({
    episode: '5ef77f1f8a3ecfb8/1763812770123',
    name: 'HighLoad',
    labels: { alertname: 'HighLoad', severity: 'critical', instance: 'a' },
    annotations: { summary: 'line one\nline two', 'odd=name': 'x' },
    startsAtMs: 1_763_812_770_123,
    origin: { receiver: 'web.hook', externalUrl: 'http://am:9093', groupLabels: { alertname: 'HighLoad' }, generatorUrl: 'http://prom/graph?g0=x' },
    ...over,
  });

  it('sets the variables of prometheus-am-executor for the alerts behind the launch', async () => {
    const ports = world();
    const hook = await open({ command: ['/bin/sh', '-c', 'env -0 | grep -z "^AMX_" >amx; true'], amx: true, env: { AMX_STATUS: 'mine' } }, ports);
    const other = alert({
      episode: 'aaaaaaaaaaaaaaaa/5',
      labels: { alertname: 'HighLoad', severity: 'warning' },
      annotations: {},
      origin: null,
      startsAtMs: 5,
    });
    await hook.run({ ...context, alerts: [alert(), other] }, signal);
    const told = readFileSync(join(ports.baseDir, 'amx'), 'utf8')
      .split('\0')
      .filter((line) => line !== '')
      .sort();
    expect(told).toEqual([
      'AMX_ALERT_1_ANNOTATION_summary=line one\nline two',
      'AMX_ALERT_1_END=0',
      'AMX_ALERT_1_FINGERPRINT=5ef77f1f8a3ecfb8',
      'AMX_ALERT_1_LABEL_alertname=HighLoad',
      'AMX_ALERT_1_LABEL_instance=a',
      'AMX_ALERT_1_LABEL_severity=critical',
      'AMX_ALERT_1_START=1763812770',
      'AMX_ALERT_1_STATUS=firing',
      'AMX_ALERT_1_URL=http://prom/graph?g0=x',
      'AMX_ALERT_2_END=0',
      'AMX_ALERT_2_FINGERPRINT=aaaaaaaaaaaaaaaa',
      'AMX_ALERT_2_LABEL_alertname=HighLoad',
      'AMX_ALERT_2_LABEL_severity=warning',
      'AMX_ALERT_2_START=0',
      'AMX_ALERT_2_STATUS=firing',
      'AMX_ALERT_LEN=2',
      'AMX_EXTERNAL_URL=http://am:9093',
      'AMX_GLABEL_alertname=HighLoad',
      'AMX_LABEL_alertname=HighLoad',
      'AMX_RECEIVER=web.hook',
      'AMX_STATUS=mine',
    ]);
  });

  it('sets none of them unasked, and none where no alert caused the launch', async () => {
    const ports = world();
    const record = ['/bin/sh', '-c', 'env -0 | grep -z "^AMX_" >amx; true'];
    await (await open(record, ports)).run({ ...context, alerts: [alert()] }, signal);
    expect(readFileSync(join(ports.baseDir, 'amx'), 'utf8')).toBe('');
    await (await open({ command: record, amx: true }, ports)).run({ ...context, alerts: [] }, signal);
    expect(readFileSync(join(ports.baseDir, 'amx'), 'utf8')).toBe('');
  });

  it('tells no more alerts than an environment holds', async () => {
    const ports = world();
    const hook = await open({ command: ['/bin/sh', '-c', 'printf %s "$AMX_ALERT_LEN" >amx'], amx: true }, ports);
    const alerts = Array.from({ length: 100 }, () => alert({ annotations: { text: 'x'.repeat(8000) } }));
    await hook.run({ ...context, alerts }, signal);
    const told = Number(readFileSync(join(ports.baseDir, 'amx'), 'utf8'));
    expect(told).toBeGreaterThan(20);
    expect(told).toBeLessThan(40);
  });

  it('refuses wrong options by name', () => {
    expect(manifest.options.safeParse(['x', '{{instnace}}']).success).toBe(false);
    expect(manifest.options.safeParse({ command: [] }).success).toBe(false);
    expect(manifest.options.safeParse({ command: ['x'], env: { DROVER_STEP: 'x' } }).success).toBe(false);
    expect(manifest.options.safeParse('x').success).toBe(false);
  });
});
