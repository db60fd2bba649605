/** An emulated Linode account in a process of its own, and around it what an operator has: monitoring, traffic, a controller. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { EmulatorClient } from '../../src/emulators/api/client.ts';
import type { LedgerView } from '../../src/emulators/api/ledger.ts';
import { type Load, startLoad, startLoadInNamespace } from '../../src/emulators/load/load.ts';
import { whyNotHere } from '../../src/emulators/machines/namespace.ts';
import { endChild, firstLine } from '../../src/platform/children.ts';
import { type Daemon, freePort, until } from './daemon.ts';
import { ControllerProcess } from './e2e-controller.ts';
import { spawnAlertmanager, spawnPrometheus } from './monitoring-daemons.ts';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const START_MS = 30_000;
const END_MS = 10_000;

export interface Linode {
  readonly id: number;
  readonly label: string;
  readonly status: string;
  readonly ipv4: readonly string[];
  readonly ipv6: string;
  readonly region: string;
  readonly tags: readonly string[];
}

export interface Node {
  readonly id: number;
  readonly label: string;
  readonly address: string;
  readonly status: string;
  readonly mode: string;
  readonly weight: number;
}

/** Ports of the documents, where the network is ours alone; free ones elsewhere. */
export interface Ports {
  readonly prometheus: number;
  readonly alertmanager: number;
  readonly drover: number;
  readonly executor: number;
  /** Of the application and of the balancer. */
  readonly web: number;
}

export interface EmulatedLinodeOptions {
  /** Long durations are divided by it. */
  readonly timeFactor: number;
  /** More of `drover emulate linode`. */
  readonly flags?: readonly string[];
  /** Tokens beside the one of the operator, as TOKEN=SCOPES. */
  readonly tokens?: readonly string[];
}

/** Never in argv of ours but the emulator's own. */
export const TOKEN = 'operator-token-3d1f';

export class EmulatedLinode extends EmulatorClient {
  readonly dir = mkdtempSync(join(tmpdir(), 'drover-linode-world-'));
  readonly timeFactor: number;
  readonly url: string;
  readonly controlUrl: string;
  /** Machines have addresses as at Linode, IPv6 too. */
  readonly isNamespace: boolean;
  readonly ports: Ports;
  readonly #emulator: ChildProcess;
  readonly #daemons = new Map<string, Daemon>();
  readonly #closers: (() => Promise<unknown>)[] = [];

  private constructor(options: EmulatedLinodeOptions, ports: Ports, emulator: ChildProcess, told: { url: string; control: string; network: string }) {
    super(`${told.url}/v4`, told.control, TOKEN);
    this.timeFactor = options.timeFactor;
    this.ports = ports;
    this.#emulator = emulator;
    this.url = told.url;
    this.controlUrl = told.control;
    this.isNamespace = told.network === 'namespace';
    writeFileSync(join(this.dir, 'token'), TOKEN, { mode: 0o600 });
  }

  static async open(options: EmulatedLinodeOptions): Promise<EmulatedLinode> {
    const own = (await whyNotHere()) === null;
    const ports: Ports = own
      ? { prometheus: 9090, alertmanager: 9093, drover: 8470, executor: 23_222, web: 80 }
      : { prometheus: await freePort(), alertmanager: await freePort(), drover: await freePort(), executor: await freePort(), web: 8080 };
    const argv = [
      ...[MAIN, 'emulate', 'linode', '--json', '--network', own ? 'here' : 'loopback', '--time-factor', String(options.timeFactor)],
      ...['--listen', '127.0.0.1:0', '--control', '127.0.0.1:0', '--app-port', String(ports.web), '--rate-limits', 'off'],
      ...[TOKEN, ...(options.tokens ?? [])].flatMap((token) => ['--token', token]),
      ...(options.flags ?? []),
    ];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir() } });
    const told = JSON.parse(await firstLine(child, 'the emulated Linode', START_MS));
    return new EmulatedLinode(options, ports, child, told);
  }

  async linodes(): Promise<readonly Linode[]> {
    return (await this.api<{ data: Linode[] }>('GET', '/linode/instances?page_size=500')).data;
  }

  /** Makes a Linode as the operator did before, and waits until it runs. */
  async makeLinode(label: string, tags: readonly string[], more: object = {}): Promise<Linode> {
    const made = await this.api<Linode>('POST', '/linode/instances', {
      ...{ label, tags, region: 'us-east', type: 'g6-nanode-1', image: 'linode/debian12', private_ip: true, root_pass: 'aB3$xyzzy-long-enough' },
      ...more,
    });
    return await until(`${label} to run`, async () => (await this.linodes()).find((l) => l.id === made.id && l.status === 'running'), START_MS);
  }

  async load(linode: Linode, load: { cpus?: number; memory_mb?: number; seconds?: number }): Promise<void> {
    await this.control('POST', `/machines/${linode.id}/load`, { seconds: 3600, ...load });
  }

  ledger(): Promise<LedgerView> {
    return this.control<LedgerView>('GET', '/ledger');
  }

  /** A file of the operator, below the world's folder. */
  write(name: string, text: string, mode = 0o644): string {
    const file = join(this.dir, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text, { mode });
    return file;
  }

  /** The real ones, with their files from `write`. */
  async startMonitoring(prometheusFile: string, alertmanagerFile: string): Promise<void> {
    const { prometheus, alertmanager } = this.ports;
    this.#daemons.set('alertmanager', spawnAlertmanager(this.dir, alertmanagerFile, alertmanager));
    this.#daemons.set('prometheus', spawnPrometheus(this.dir, prometheusFile, prometheus));
    for (const port of [prometheus, alertmanager])
      await until(`port ${port} to answer`, async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok).catch((e) => {
        throw new Error(`${String(e)}\n${this.logs()}`);
      });
  }

  async query(promql: string): Promise<readonly { readonly metric: Readonly<Record<string, string>>; readonly value: number }[]> {
    const reply = await fetch(`http://127.0.0.1:${this.ports.prometheus}/api/v1/query?query=${encodeURIComponent(promql)}`);
    const body = (await reply.json()) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
    return body.data.result.map((r) => ({ metric: r.metric, value: Number(r.value[1]) }));
  }

  async targets(): Promise<readonly { readonly scrapeUrl: string; readonly health: string; readonly labels: Readonly<Record<string, string>> }[]> {
    const reply = await fetch(`http://127.0.0.1:${this.ports.prometheus}/api/v1/targets?state=active`);
    return ((await reply.json()) as { data: { activeTargets: { scrapeUrl: string; health: string; labels: Record<string, string> }[] } }).data.activeTargets;
  }

  async isFiring(alert: string): Promise<boolean> {
    const reply = await fetch(`http://127.0.0.1:${this.ports.prometheus}/api/v1/alerts`);
    const { data } = (await reply.json()) as { data: { alerts: { labels: Record<string, string>; state: string }[] } };
    return data.alerts.some((a) => a.labels['alertname'] === alert && a.state === 'firing');
  }

  /** Below the folder, with `drover.yaml` from `write`; its server listens on the port of `ports.drover`. */
  controller(dir = this.dir, port = this.ports.drover): ControllerProcess {
    const controller = new ControllerProcess(dir, `http://127.0.0.1:${port}`);
    this.#closers.push(() => controller.close());
    return controller;
  }

  async startTraffic(url: string, rate: number): Promise<Load> {
    const options = { url, rate, maxRate: 500, keepFailures: 1_000 };
    const load = this.isNamespace ? await startLoadInNamespace(options) : startLoad(options);
    this.#closers.push(() => load.stop());
    return load;
  }

  /** What the emulated account ever had agrees with what is there now. */
  async balance(): Promise<LedgerView> {
    const [ledger, linodes] = [await this.ledger(), await this.linodes()];
    expect(ledger.created - ledger.deleted).toBe(ledger.living);
    expect(
      ledger.machines
        .filter((m) => m.deleted_ms === null)
        .map((m) => m.label)
        .sort(),
    ).toEqual(linodes.map((l) => l.label).sort());
    expect(new Set(ledger.machines.map((m) => m.label)).size).toBe(ledger.machines.length);
    return ledger;
  }

  logs(): string {
    return [...this.#daemons].map(([name, d]) => `── ${name}\n${d.output().trim().split('\n').slice(-15).join('\n')}`).join('\n');
  }

  async close(): Promise<void> {
    for (const end of this.#closers.splice(0).reverse()) await end().catch((e) => process.stderr.write(`closing: ${String(e)}\n`));
    await Promise.all([...this.#daemons.values()].map((d) => d.stop()));
    await endChild(this.#emulator, END_MS);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A balancer with one configuration, as the documents have it. */
export interface Front {
  readonly id: number;
  readonly configId: number;
  readonly url: string;
  nodes(): Promise<readonly Node[]>;
  /** A node of the operator, which Drover must not touch. */
  addNode(linode: Linode, label: string): Promise<Node>;
}

export const privateOf = (linode: Linode): string => {
  const found = linode.ipv4.find((ip) => ip.startsWith('192.168.') || Number(/^127\.(\d+)\./.exec(ip)?.[1] ?? 0) >= 130);
  if (found === undefined) throw new Error(`${linode.label} has no private address`);
  return found;
};

export async function makeFront(world: EmulatedLinode, label: string, more: object = {}): Promise<Front> {
  const nb = await world.api<{ id: number; ipv4: string }>('POST', '/nodebalancers', { region: 'us-east', label });
  const config = await world.api<{ id: number }>('POST', `/nodebalancers/${nb.id}/configs`, {
    ...{ port: world.ports.web, protocol: 'http', algorithm: 'roundrobin', check: 'http', check_path: '/healthz' },
    ...{ check_interval: 10, check_timeout: 5, check_attempts: 2, check_passive: true, stickiness: 'none' },
    ...more,
  });
  const path = `/nodebalancers/${nb.id}/configs/${config.id}/nodes`;
  return {
    id: nb.id,
    configId: config.id,
    url: `http://${nb.ipv4}:${world.ports.web}/`,
    nodes: async () => (await world.api<{ data: Node[] }>('GET', `${path}?page_size=500`)).data,
    addNode: (linode, name) => world.api<Node>('POST', path, { label: name, address: `${privateOf(linode)}:${world.ports.web}`, mode: 'accept', weight: 100 }),
  };
}

/** The times of a file of Prometheus or Alertmanager, divided by the factor: 5m becomes 30s where it is 10. */
export function scaledTimes(text: string, factor: number): string {
  const unit = { s: 1000, m: 60_000, h: 3_600_000 } as const;
  const scaled = (number: string, of: string): string => `${Math.round((Number(number) * unit[of as keyof typeof unit]) / factor)}ms`;
  return text
    .replace(/((?:_interval|_wait|for): *)(\d+)([smh])\b/g, (_, key: string, number: string, of: string) => `${key}${scaled(number, of)}`)
    .replace(/\[(\d+)([smh])\]/g, (_, number: string, of: string) => `[${scaled(number, of)}]`);
}
