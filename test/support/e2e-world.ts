/** The whole product between real parts: HAProxy, Prometheus, Alertmanager, node-exporter, machines of one cloud, and load that never stops. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DecisionJson, EventJson, InstanceJson } from '../../src/api/documents.ts';
import { type Load, startLoad } from '../../src/emulators/load/load.ts';
import { realProcesses } from '../../src/platform/processes.ts';
import type { ProcessInfo } from '../../src/ports/processes.ts';
import { freePort, until } from './daemon.ts';
import { ControllerProcess } from './e2e-controller.ts';
import { type Monitoring, startMonitoring } from './e2e-monitoring.ts';

import { fingerprint, type RealHaproxy, startRealHaproxy } from './haproxy.ts';
import { startTestMember, type TestMember } from './member.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const WEB = join(ROOT, 'src/emulators/web/main.ts');
export const CLOUD_SH = join(ROOT, 'examples/exec-cloud/cloud.sh');
const AM_TOKEN = 'e2e-alertmanager-token';

export const GROUP = 'web';
/** Requests per second: what one machine carries, ordinary traffic, the rise. */
export const RATE = { per: 50, base: 60, high: 230 };
/** Machines: for ordinary traffic, for the rise (230 / 50 = 4.6), while the alert fires. */
export const SIZE = { base: 2, high: 5, pressure: 7, max: 8 };

export interface World {
  readonly dir: string;
  readonly haproxy: RealHaproxy;
  /** Where HAProxy takes requests. */
  readonly url: string;
  readonly monitoring: Monitoring;
  readonly controller: ControllerProcess;
  /** The fixed server of the backend that is none of Drover's. */
  readonly foreign: TestMember;
  readonly foreignAtStart: string;
  readonly load: Load;
  installId: string;
  close(): Promise<void>;
}

/** HAProxy as its driver's README has it, with what this operator has besides: a fixed server, the exporter, and a second address. */
function haproxyConfig(config: string, foreign: TestMember, port: number): string {
  const edits: [string, string][] = [
    ['  default_backend web\n', `  bind 127.0.0.1:${port}\n  default_backend web\n`],
    ['  server-template app ', `  server legacy ${foreign.address}:${foreign.port} check weight 0\n  server-template app `],
    ['  stats enable\n', '  stats enable\n  http-request use-service prometheus-exporter if { path /metrics }\n'],
  ];
  return edits.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the README's configuration has no ${from.trim()}`);
    return text.replace(from, to);
  }, config);
}

/** The example cloud, as slow as a cloud: a second before and after each machine is made. Keeps a diary of what it was asked. */
const SLOW_CLOUD = `#!/bin/sh
echo "$DROVER_CALL \${DROVER_TOKEN:-$DROVER_MACHINE_ID}" >>"$DIARY"
[ "$DROVER_CALL" = create ] || exec "$@"
sleep 1; answer=$("$@") || exit; sleep 1; printf '%s\\n' "$answer"
`;

function cloudConfig(cloud: 'local' | 'exec', dir: string, firstPort: number): { clouds: string; group: string } {
  const env = "BOOT_MS: '800', WORK_MS: '100'";
  if (cloud === 'local') return { clouds: '', group: `cloud: local\n    template: { command: ['${process.execPath}', '${WEB}'], env: { ${env} } }` };
  writeFileSync(join(dir, 'slow-cloud.sh'), SLOW_CLOUD);
  chmodSync(join(dir, 'slow-cloud.sh'), 0o755);
  const clouds = `clouds:
  mine:
    type: exec
    list: ['${CLOUD_SH}', list]
    create: [./slow-cloud.sh, '${CLOUD_SH}', create, '${process.execPath}', '${WEB}']
    delete: [./slow-cloud.sh, '${CLOUD_SH}', delete]
    env: { CLOUD_DIR: '${join(dir, 'cloud')}', DIARY: '${join(dir, 'diary')}', FIRST_PORT: '${firstPort}', ${env} }
    idempotent: token
    consistency: 3s
    timeout: 30s`;
  return { clouds, group: 'cloud: mine\n    template: { size: small }' };
}

function droverConfig(parts: { listen: string; prometheus: string; haproxy: RealHaproxy; cloud: { clouds: string; group: string } }): string {
  return `version: 1
prometheus: ${parts.prometheus}
server: { listen: '${parts.listen}', state: ./state }
${parts.cloud.clouds}
balancers: { edge: { type: haproxy, socket: ${parts.haproxy.socket}, backend: web, state_file: ${parts.haproxy.stateFile} } }
receivers: { am: { format: alertmanager, auth: { bearer: { file: ./am-token } } } }
groups:
  ${GROUP}:
    ${parts.cloud.group}
    balancer: edge
    min: ${SIZE.base}
    max: ${SIZE.max}
    evaluate_every: 1s
    metrics:
      rps: { query: 'sum(rate(haproxy_backend_http_requests_total{proxy="web"}[5s]))', unit: req/s }
      members_rps: { query: 'sum(rate(http_requests_total{job="members"}[5s]))', unit: req/s }
    policies:
      - { name: traffic, type: target, metric: rps, per_instance: ${RATE.per} }
      - { name: members, type: target, metric: members_rps, per_instance: ${RATE.per}, advisory: true }
      - { name: pressure, type: alert, alert: WebPressure, receiver: am, while_firing: { min: ${SIZE.pressure} } }
    limits:
      scale_out: { every: 2s }
      scale_in: { step: 2, every: 2s, after_quiet: 4s }
      destruction: { window: 10s, all: 'max(10, 100%)' }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1 } }
    lifecycle: { boot_timeout: 30s, drain: 10s }
`;
}

export async function openWorld(cloud: 'local' | 'exec'): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), `drover-e2e-${cloud}-`));
  const opened: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end().catch((e) => process.stderr.write(`closing: ${String(e)}\n`));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const foreign = await startTestMember('legacy');
    opened.push(() => foreign.stop());
    const port = await freePort();
    const haproxy = await startRealHaproxy((config) => haproxyConfig(config, foreign, port));
    opened.push(() => haproxy.close());
    const listen = `127.0.0.1:${await freePort()}`;
    const tokenFile = join(dir, 'am-token');
    writeFileSync(tokenFile, AM_TOKEN, { mode: 0o600 });
    const monitoring = await startMonitoring({ dir, haproxy: new URL(haproxy.statsUrl).host, controller: listen, tokenFile });
    opened.push(() => monitoring.close());
    const parts = cloudConfig(cloud, dir, await freePort());
    writeFileSync(join(dir, 'drover.yaml'), droverConfig({ listen, prometheus: monitoring.prometheusUrl, haproxy, cloud: parts }));
    const controller = new ControllerProcess(dir, `http://${listen}`);
    const url = `http://127.0.0.1:${port}/`;
    const load = startLoad({ url, rate: 0, maxRate: RATE.high + 50, keepFailures: 10_000 });
    const world: World = {
      ...{ dir, haproxy, url, monitoring, controller, foreign, load, close },
      foreignAtStart: await fingerprint(haproxy, 'web', /^legacy$/),
      installId: '',
    };
    opened.push(() => endMachines(world));
    opened.push(() => controller.close());
    opened.push(() => load.stop());
    await controller.start();
    world.installId = (await controller.client.version()).install;
    return world;
  } catch (e) {
    await close();
    throw e;
  }
}

/** Living processes of this installation's machines, whichever cloud started them. */
export async function machineProcesses(world: World): Promise<readonly ProcessInfo[]> {
  const all = await realProcesses.findByEnv('DROVER_INSTANCE');
  return all.filter((p) => p.env['DROVER_INSTALL'] === world.installId && world.installId !== '' && !p.zombie);
}

async function endMachines(world: World): Promise<void> {
  await until('every machine to end', async () => {
    const left = await machineProcesses(world);
    await Promise.all(left.map((p) => realProcesses.kill(p, 'SIGKILL')));
    return left.length === 0;
  });
}

export async function instances(world: World, gone = false): Promise<readonly InstanceJson[]> {
  return (await world.controller.client.instances({ group: GROUP, gone: gone ? 'true' : 'false' })).instances;
}

/** Every event of the run, oldest first. */
export async function allEvents(world: World): Promise<readonly EventJson[]> {
  const found: EventJson[] = [];
  for (let before: string | null = null; ; ) {
    const page = await world.controller.client.events({ limit: 1000, ...(before === null ? {} : { before }) });
    found.push(...page.events);
    before = page.next;
    if (before === null) return found.reverse();
  }
}

/** Every stored decision of the run, oldest first. */
export async function allDecisions(world: World): Promise<readonly DecisionJson[]> {
  const found: DecisionJson[] = [];
  for (let before: string | null = null; ; ) {
    const page = await world.controller.client.decisions({ group: GROUP, limit: 100, ...(before === null ? {} : { before }) });
    found.push(...page.decisions);
    before = page.next;
    if (before === null) return found.reverse();
  }
}

/** What a reader of a failed run wants to see first. */
export async function diagnose(world: World): Promise<string> {
  const told = await allDecisions(world)
    .then((all) => all.slice(-25).map((d) => `${d.at} ×${d.count} ${d.outcome} ${d.reason} ${d.from}→${d.target} serving ${d.serving}: ${d.sentence}`))
    .catch((e) => [String(e)]);
  const rows = await instances(world)
    .then((all) => all.map((i) => `${i.id} ${i.state} ${i.health} ${i.address}:${i.port} ${JSON.stringify(i.step)}`))
    .catch((e) => [String(e)]);
  const failures = world.load.failures().slice(0, 20);
  return [
    `── load ${JSON.stringify(world.load.count())} ${JSON.stringify(failures)}`,
    `── decisions\n${told.join('\n')}`,
    `── instances\n${rows.join('\n')}`,
    `── controller\n${world.controller.log()}`,
    world.monitoring.logs(),
  ].join('\n');
}
