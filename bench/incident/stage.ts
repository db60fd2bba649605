/** One incident's surroundings: Alertmanagers, the document's chain on one account and Drover on another. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/platform/free-port.ts';
import { endProcess, type RunningController, startControllerProcess } from '../controller.ts';
import { Side } from './side.ts';
import { until } from './until.ts';

const START_MS = 30_000;

export interface Timing {
  /** Of the emulated accounts: boots and checks are divided by it. */
  readonly timeFactor: number;
  /** That do not know each other: each sends every notification. */
  readonly alertmanagers: number;
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatMs: number;
  /** How often Drover adds one more while the alert goes on, ms, 10,000 at least: as often as the chain does. */
  readonly everyMs: number;
}

export interface ExecutorLine {
  readonly event: string;
  readonly atMs: number;
  readonly signal?: string | null;
}

export class Stage {
  readonly chain: Side;
  readonly drover: Side;
  readonly executor: readonly ExecutorLine[];
  readonly controller: RunningController;
  readonly #alertmanagers: readonly string[];
  readonly #close: () => Promise<void>;

  private constructor(parts: Pick<Stage, 'chain' | 'drover' | 'executor' | 'controller'>, alertmanagers: readonly string[], close: () => Promise<void>) {
    this.chain = parts.chain;
    this.drover = parts.drover;
    this.executor = parts.executor;
    this.controller = parts.controller;
    this.#alertmanagers = alertmanagers;
    this.#close = close;
  }

  static async open(timing: Timing, alertmanager: string): Promise<Stage> {
    const dir = mkdtempSync(join(tmpdir(), 'drover-incident-'));
    const closers: (() => Promise<unknown>)[] = [async () => rmSync(dir, { recursive: true, force: true })];
    const close = async (): Promise<void> => {
      for (const end of closers.splice(0).reverse()) await end();
    };
    try {
      const opened = await Promise.allSettled([Side.open(timing.timeFactor), Side.open(timing.timeFactor)]);
      for (const each of opened) if (each.status === 'fulfilled') closers.push(() => each.value.close());
      const [chain, drover] = opened.map((each) => {
        if (each.status === 'rejected') throw each.reason;
        return each.value;
      }) as [Side, Side];
      const ports = { executor: await freePort(), drover: await freePort() };
      const { child, lines } = await startExecutor(chain, ports.executor);
      closers.push(() => endProcess(child, 'SIGTERM'));
      const controller = await startDrover(dir, drover, ports.drover, timing.everyMs);
      closers.push(() => controller.stop());
      const urls: string[] = [];
      for (let i = 0; i < timing.alertmanagers; i++) {
        const started = await startAlertmanager(alertmanager, join(dir, `am-${i}`), alertmanagerFile(timing, ports));
        closers.push(() => endProcess(started.child, 'SIGKILL'));
        urls.push(started.url);
      }
      return new Stage({ chain, drover, executor: lines, controller }, urls, close);
    } catch (e) {
      await close();
      throw e;
    }
  }

  /** The alert as Prometheus posts it: to every Alertmanager, firing until it is posted with an end. */
  async post(startsAtMs: number, endsAtMs: number | null): Promise<void> {
    const labels = { alertname: 'HighLoad', severity: 'critical' };
    const ends = endsAtMs === null ? {} : { endsAt: new Date(endsAtMs).toISOString() };
    const body = JSON.stringify([{ labels, annotations: {}, generatorURL: 'http://127.0.0.1/', startsAt: new Date(startsAtMs).toISOString(), ...ends }]);
    for (const url of this.#alertmanagers) {
      const reply = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (!reply.ok) throw new Error(`Alertmanager: ${reply.status} ${await reply.text()}`);
    }
  }

  close(): Promise<void> {
    return this.#close();
  }
}

async function startExecutor(side: Side, port: number): Promise<{ child: ChildProcess; lines: readonly ExecutorLine[] }> {
  const [program, script] = ['executor-process.ts', 'scale-out.sh'].map((name) => fileURLToPath(new URL(name, import.meta.url))) as [string, string];
  const { url, token } = side.account;
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', LINODE_URL: url, LINODE_TOKEN: token, NODEBALANCER_ID: String(side.balancerId) },
    ...{ CONFIG_ID: String(side.configId), PORT: String(side.appPort), PRIVATE: side.privatePrefix },
  };
  const child = spawn(process.execPath, [program, String(port), script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: ExecutorLine[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as ExecutorLine));
  await until('the executor to listen', () => lines.length > 0, START_MS);
  return { child, lines };
}

async function startDrover(dir: string, side: Side, port: number, everyMs: number): Promise<RunningController> {
  writeFileSync(join(dir, 'token'), side.account.token, { mode: 0o600 });
  const api = `url: '${side.account.url}', token: { file: ./token }`;
  const file = join(dir, 'drover.yaml');
  writeFileSync(
    file,
    `version: 1
server: { listen: '127.0.0.1:${await freePort()}', state: ./state }
clouds: { linode: { type: linode, ${api} } }
balancers: { front: { type: nodebalancer, ${api}, nodebalancer: ${side.balancerId}, config_id: ${side.configId} } }
receivers: { executor: { format: alertmanager, auth: none, listen: '127.0.0.1:${port}' } }
groups:
  nginx:
    cloud: linode
    template: { region: us-east, type: g6-nanode-1, image: linode/debian12, tags: [khw, autoscale], private_ip: true }
    balancer: { use: front, port: ${side.appPort} }
    min: 0
    max: 10
    policies: [{ name: high, type: alert, alert: HighLoad, receiver: executor, change: +1, every: ${everyMs / 1000}s }]
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1 } }
    lifecycle: { boot_timeout: 1m, drain: 1s }
`,
  );
  return startControllerProcess(file);
}

async function startAlertmanager(program: string, dir: string, config: string): Promise<{ child: ChildProcess; url: string }> {
  const port = await freePort();
  const file = `${dir}.yml`;
  writeFileSync(file, config);
  const argv = [`--config.file=${file}`, `--storage.path=${dir}`, `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='];
  const child = spawn(program, argv, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/-/ready`).then(
      (reply) => reply.ok,
      () => false,
    );
  try {
    await until('Alertmanager to be ready', isReady, START_MS);
  } catch (e) {
    await endProcess(child, 'SIGKILL');
    throw e;
  }
  return { child, url };
}

/** The document's, with a second receiver. Each has a route of its own, so that neither waits for the other. */
function alertmanagerFile(timing: Timing, ports: { readonly executor: number; readonly drover: number }): string {
  const times = `group_wait: ${timing.groupWaitMs}ms, group_interval: ${timing.groupIntervalMs}ms, repeat_interval: ${timing.repeatMs}ms`;
  return `route:
  receiver: chain
  group_by: [alertname]
  routes:
    - { receiver: chain, ${times}, continue: true }
    - { receiver: drover, ${times} }
receivers:
  - { name: chain, webhook_configs: [{ url: 'http://127.0.0.1:${ports.executor}' }] }
  - { name: drover, webhook_configs: [{ url: 'http://127.0.0.1:${ports.drover}' }] }
`;
}
