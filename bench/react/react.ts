/** From a step of load to a new machine that answers requests, minus the machine's own boot: Drover and the classic chain, side by side. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Load, startLoad } from '../../src/emulators/load/load.ts';
import { findProgram } from '../../src/platform/find-program.ts';
import { freePort } from '../../src/platform/free-port.ts';
import { endProcess, type RunningController, startControllerProcess } from '../controller.ts';
import { type BenchResult, median, type Row, round } from '../figures.ts';
import type { MachineRecord } from './machine.ts';
import { KINDS, type Kind, openStage, PER_INSTANCE, RATE_QUERY, type Stage } from './stage.ts';

const ROUNDS = 4;
const BOOT_MS = 3_000;
const RATE = { low: 60, high: 180 };
/** The load before each step, ms: every window of the measurements is full of it. */
const CALM_MS = 3_500;
const LIMIT_MS = 30_000;
const NEEDS = ['haproxy', 'prometheus', 'prometheus-alertmanager', 'bash', 'curl'] as const;
const MACHINE = fileURLToPath(new URL('machine.ts', import.meta.url));

/** Times of one way of reacting in one round, ms from the step. */
interface Reaction {
  /** The decision (Drover), or the message at the receiver (classic). */
  readonly askedMs: number;
  readonly startedMs: number;
  readonly listeningMs: number;
  readonly servingMs: number;
  /** Serving minus the time from the start of the process to listening. */
  readonly reactionMs: number;
}

export async function react(): Promise<BenchResult> {
  const base = { bench: 'react', title: `load step ${RATE.low} → ${RATE.high} req/s to the new machine answering, minus its boot (${ROUNDS} rounds, medians)` };
  const found = Object.fromEntries(NEEDS.map((name) => [name, findProgram(name)]));
  const lacking = NEEDS.filter((name) => found[name] === null);
  if (lacking.length > 0) return { ...base, rows: [], notes: [], lacking, raw: null };
  const dir = mkdtempSync(join(tmpdir(), 'drover-react-'));
  const bench = new ReactBench(dir);
  try {
    await bench.open(found as Record<(typeof NEEDS)[number], string>);
    for (let i = 0; i < ROUNDS; i++) await bench.round(i);
    return { ...base, ...report(bench.reactions, bench.failed()), lacking: [], raw: bench.reactions };
  } finally {
    await bench.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function report(reactions: Readonly<Record<Kind, readonly Reaction[]>>, failed: number): Pick<BenchResult, 'rows' | 'notes'> {
  const of = (kind: Kind, what: keyof Reaction): number => (median(reactions[kind].map((r) => r[what])) ?? 0) / 1000;
  const classic = of('classic', 'reactionMs');
  const rows: Row[] = KINDS.flatMap((kind): Row[] => {
    const name = { direct: 'Drover, HAProxy read directly', prometheus: 'Drover, Prometheus scraped every 1 s', classic: 'rule → Alertmanager → script' }[kind];
    const all = reactions[kind].map((r) => round(r.reactionMs / 1000, 2)).join(', ');
    return [
      { what: name, value: round(of(kind, 'reactionMs'), 2), unit: 's' },
      { what: `  step → ${kind === 'classic' ? 'message at the receiver' : 'decision'}`, value: round(of(kind, 'askedMs'), 2), unit: 's' },
      { what: '  listening → first request', value: round(median(reactions[kind].map((r) => (r.servingMs - r.listeningMs) / 1000)) ?? 0, 2), unit: 's' },
      { what: '  ratio to rule → Alertmanager → script', value: round(of(kind, 'reactionMs') / classic, 2), unit: '×' },
      { what: '  all rounds', value: all, unit: 's' },
    ];
  });
  rows.push({ what: 'failed requests, all three together', value: failed, unit: '' });
  return {
    rows,
    notes: [
      `All three answer the same step at the same moment, each with its own backend of one HAProxy; machines are the web emulator with ${BOOT_MS / 1000} s of boot.`,
      'Boot is what the machine itself noted: start of its process to listening. Serving is the end of its first request through HAProxy.',
      `Drover: evaluation every 1 s, health check every 1 s, request rate over 1 s (direct, the shortest it takes) or rate(…[3s]) (Prometheus); HAProxy checks every 0.5 s.`,
      'Chain: scrape and rule every 1 s, the same rate(…[3s]), no `for`, group_wait 0s; the script asks the machine every 0.1 s and then joins it without a check.',
    ],
  };
}

class ReactBench {
  readonly reactions: Record<Kind, Reaction[]> = { direct: [], prometheus: [], classic: [] };
  readonly #dir: string;
  readonly #records: string;
  #stage: Stage | null = null;
  #controller: RunningController | null = null;
  #webhook: ChildProcess | null = null;
  readonly #messages: { readonly status: string; readonly atMs: number }[] = [];
  readonly #loads: Load[] = [];

  constructor(dir: string) {
    this.#dir = dir;
    this.#records = join(dir, 'records');
  }

  async open(programs: Readonly<Record<(typeof NEEDS)[number], string>>): Promise<void> {
    mkdirSync(this.#records);
    const stage = await openStage(this.#dir, programs);
    this.#stage = stage;
    const firstPort = 23_000;
    const script = fileURLToPath(new URL('add-machine.sh', import.meta.url));
    const env = { ADMIN: String(stage.adminPort), NODE: process.execPath, MACHINE, ...this.#machineEnv('classic'), FIRST_PORT: String(firstPort) };
    const webhook = spawn(process.execPath, [fileURLToPath(new URL('webhook-process.ts', import.meta.url)), String(stage.webhookPort), script], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#webhook = webhook;
    createInterface({ input: webhook.stdout }).on('line', (line) => this.#messages.push(JSON.parse(line)));
    const first = spawn(script, [], { env: { ...process.env, ...env, SLOT: 'web1', PORT: String(firstPort) }, stdio: 'inherit' });
    const file = join(this.#dir, 'drover.yaml');
    writeFileSync(
      file,
      config(stage, await freePort(), (kind) => this.#machineEnv(kind)),
    );
    this.#controller = await startControllerProcess(file);
    for (const kind of ['direct', 'prometheus'])
      await this.#controller.event(`the first machine of ${kind}`, (e) => e.group === kind && e.type === 'instance.serving', LIMIT_MS);
    await this.#until('the first machine of the chain', () => first.exitCode === 0);
    for (const kind of KINDS) this.#loads.push(startLoad({ url: stage.urls[kind], rate: RATE.low }));
    await this.#until('the first requests', () => this.#read().filter((r) => r.firstRequestMs !== null).length === KINDS.length);
  }

  /** Calm, step, until all three have a machine that answers; then back to one machine each. */
  async round(number: number): Promise<void> {
    const known = new Set(this.#read().map((r) => r.pid));
    // Not in step with anyone's interval.
    await new Promise((done) => setTimeout(done, CALM_MS + Math.random() * 1_000));
    const stepMs = Date.now();
    for (const load of this.#loads) load.rate = RATE.high;
    const fresh = (): MachineRecord[] => this.#read().filter((r) => !known.has(r.pid) && r.firstRequestMs !== null);
    await this.#until(`round ${number + 1}: a new machine of each`, () => KINDS.every((kind) => fresh().some((r) => r.kind === kind)));
    for (const kind of KINDS) {
      const record = fresh().find((r) => r.kind === kind) as MachineRecord;
      const askedAtMs =
        kind === 'classic'
          ? this.#messages.find((m) => m.status === 'firing' && m.atMs >= stepMs)?.atMs
          : this.#controller?.events.find((e) => e.group === kind && e.type === 'decision' && e.data['outcome'] === 'scale_out' && e.atMs >= stepMs)?.atMs;
      const servingMs = (record.firstRequestMs ?? 0) - stepMs;
      this.reactions[kind].push({
        askedMs: (askedAtMs ?? Number.NaN) - stepMs,
        startedMs: record.startedMs - stepMs,
        listeningMs: record.listeningMs - stepMs,
        servingMs,
        reactionMs: servingMs - (record.listeningMs - record.startedMs),
      });
    }
    const downMs = Date.now();
    for (const load of this.#loads) load.rate = RATE.low;
    if (number + 1 < ROUNDS) await this.#shrink(fresh(), downMs);
  }

  async #shrink(fresh: readonly MachineRecord[], downMs: number): Promise<void> {
    const extra = fresh.find((r) => r.kind === 'classic') as MachineRecord;
    const slot = `web${extra.port - 23_000 + 1}`;
    await this.#stage?.ask(`set server classic/${slot} state maint`);
    process.kill(extra.pid, 'SIGTERM');
    const living = (group: string): number => {
      const events = this.#controller?.events.filter((e) => e.group === group) ?? [];
      return events.filter((e) => e.type === 'instance.intent').length - events.filter((e) => e.type === 'instance.gone').length;
    };
    await this.#until('the groups at one machine again', () => living('direct') === 1 && living('prometheus') === 1);
    await this.#until('the alert to be resolved', () => this.#messages.some((m) => m.status === 'resolved' && m.atMs >= downMs));
  }

  failed(): number {
    return this.#loads.reduce((sum, load) => sum + load.count().failed, 0);
  }

  async close(): Promise<void> {
    for (const load of this.#loads) await load.stop();
    if (this.#webhook) await endProcess(this.#webhook, 'SIGKILL');
    await this.#controller?.stop();
    for (const { kind, pid } of this.#read()) {
      if (kind !== 'classic') continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended before
      }
    }
    await this.#stage?.stop();
  }

  #machineEnv(kind: Kind): Record<string, string> {
    return { KIND: kind, BOOT_MS: String(BOOT_MS), RECORDS: this.#records };
  }

  #read(): MachineRecord[] {
    return readdirSync(this.#records).flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(this.#records, name), 'utf8')) as MachineRecord];
      } catch {
        return []; // being written
      }
    });
  }

  async #until(what: string, fits: () => boolean): Promise<void> {
    const endMs = performance.now() + LIMIT_MS;
    while (!fits()) {
      if (performance.now() > endMs) throw new Error(`waited ${LIMIT_MS / 1000} s for ${what}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

function config(stage: Stage, port: number, envOf: (kind: Kind) => Record<string, string>): string {
  const group = (kind: 'direct' | 'prometheus', metric: string): string => `  ${kind}:
    cloud: here
    template: { command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(MACHINE)}], env: ${JSON.stringify(envOf(kind))} }
    balancer: { use: ${kind} }
    min: 1
    max: 5
    evaluate_every: 1s
    metrics: { rps: ${metric} }
    policies: [{ name: traffic, type: target, metric: rps, per_instance: ${PER_INSTANCE} }]
    limits:
      scale_out: { every: 2s }
      scale_in: { step: 1, every: 1s, after_quiet: 2s }
      collapse_guard: off
      destruction: { window: 1m, replace: 'max(2, 50%)', all: 'max(20, 100%)' }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1, unhealthy_after: 3 }, grace: 0s }
    lifecycle: { boot_timeout: 20s, drain: 2s }
`;
  return `version: 1
server: { listen: '127.0.0.1:${port}', state: ./state }
clouds: { here: { type: local, ports: 24000-24999 } }
balancers:
  direct: { type: haproxy, socket: ${stage.socket}, backend: direct }
  prometheus: { type: haproxy, socket: ${stage.socket}, backend: prometheus }
sources:
  edge: { type: haproxy, socket: ${stage.socket} }
  prom: { type: prometheus, url: '${stage.prometheusUrl}' }
groups:
${group('direct', '{ from: edge, metric: request_rate, backend: direct, window: 1s, unit: req/s }')}${group('prometheus', `{ from: prom, query: '${RATE_QUERY('prometheus')}', unit: req/s }`)}`;
}
