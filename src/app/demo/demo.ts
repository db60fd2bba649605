import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Load, startLoad } from '../../emulators/load/load.ts';
import { freePort } from '../../platform/free-port.ts';
import { realProcesses } from '../../platform/processes.ts';
import type { EventRow } from '../../ports/ports.ts';
import { type Controller, startController } from '../controller.ts';
import { type DemoBalancer, startDemoBalancer } from './demo-balancer.ts';
import { DemoCount, type DemoSummary } from './demo-count.ts';
import { writeReport } from './demo-report.ts';

export interface DemoOptions {
  /** Ends by itself after a scripted rise, a killed machine and a fall; null: runs until `q`. */
  readonly seconds: number | null;
  /** NDJSON instead of text. */
  readonly json: boolean;
  /** Writes one self-contained HTML file at the end. */
  readonly report: string | null;
  readonly balancer?: 'auto' | 'haproxy' | 'proxy';
}

export interface DemoIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly stdin: NodeJS.ReadStream;
}

const GROUP = 'web';
const PER_INSTANCE = 100;
const RATE = { start: 140, most: 1_000, step: 60, spike: 500, spikeMs: 15_000 };
/** The script, as shares of the time asked for. */
const SCRIPT = { rise: [0.13, 390], kill: 0.42, fall: [0.58, 90] } as const;

/** The real controller, store, API and balancer on this machine, with three small web servers as machines. Returns the exit code. */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<number> {
  const demo = new Demo(options, io);
  try {
    return await demo.run();
  } finally {
    await demo.clean();
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #io: DemoIo;
  readonly #dir = mkdtempSync(join(tmpdir(), 'drover-demo-'));
  readonly #count = new DemoCount();
  readonly #lines: { t: number; text: string }[] = [];
  #balancer: DemoBalancer | null = null;
  #controller: Controller | null = null;
  #load: Load | null = null;
  #startMs = Date.now();
  #end: () => void = () => {};
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: DemoOptions, io: DemoIo) {
    this.#options = options;
    this.#io = io;
  }

  async run(): Promise<number> {
    this.#say('Demo. Small web servers on this machine play the part of cloud machines. Nothing is kept, nothing leaves 127.0.0.1.\n');
    this.#balancer = await startDemoBalancer(this.#dir, this.#options.balancer ?? 'auto');
    const file = join(this.#dir, 'drover.yaml');
    writeFileSync(file, demoConfig(this.#balancer, await freePort()));
    this.#startMs = Date.now();
    this.#controller = await startController({
      configFile: file,
      log: { format: 'json', level: 'error', write: (line) => void this.#io.stderr.write(line) },
    });
    this.#controller.operations.onEvents((events) => {
      for (const e of events) this.#see(e);
    });
    this.#say(`  api         ${this.#controller.url}   token in ${this.#controller.tokenFile}`);
    this.#say(`  balancer    ${this.#balancer.url} (${this.#balancer.kind})`);
    if (this.#options.seconds === null) this.#say('  load        l more   k less   s spike   x kill a machine   q quit\n');
    else this.#say('');
    await this.#served(2, 20_000);
    this.#count.begin();
    this.#load = startLoad({ url: this.#balancer.url, rate: RATE.start, maxRate: RATE.most });
    this.#line('load', `serving 2, load ${RATE.start} req/s, comfortable is ${PER_INSTANCE} each`, { rate: RATE.start });
    const done = new Promise<void>((end) => {
      this.#end = end;
    });
    if (this.#options.seconds !== null) this.#script(this.#options.seconds);
    this.#keys();
    if (this.#options.json) this.#every(1_000, () => this.#tellLoad());
    await done;
    return this.#finish();
  }

  async clean(): Promise<void> {
    for (const t of this.#timers) clearTimeout(t);
    if (this.#io.stdin.isTTY) {
      this.#io.stdin.setRawMode(false);
      this.#io.stdin.pause();
    }
    await this.#load?.stop().catch(() => {});
    const install = this.#controller?.store.installId;
    await this.#controller?.stop().catch(() => {});
    if (install) await endMachines(install);
    await this.#balancer?.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #finish(): Promise<number> {
    const load = this.#load as Load;
    await load.stop();
    this.#load = null;
    const { requests, failed } = load.count();
    const summary = this.#count.summary(requests, failed, this.#startMs);
    for (const f of load.failures()) this.#io.stderr.write(`failed at ${this.#t(f.atMs)} s: ${f.what}\n`);
    if (this.#options.report !== null) writeReport(this.#options.report, summary, this.#lines);
    if (this.#options.json) this.#json('summary', { ...summary });
    else this.#say(closing(summary, this.#t(Date.now())));
    return 0;
  }

  // ── what happens ──

  #script(seconds: number): void {
    const at = (share: number, run: () => void): void => this.#after(Math.max(0, share * seconds * 1000 - (Date.now() - this.#startMs)), run);
    at(SCRIPT.rise[0], () => this.#setRate(SCRIPT.rise[1]));
    at(SCRIPT.kill, () => void this.#kill());
    at(SCRIPT.fall[0], () => this.#setRate(SCRIPT.fall[1]));
    at(1, () => this.#end());
  }

  #keys(): void {
    const { stdin } = this.#io;
    const stop = (): void => this.#end();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    if (!stdin.isTTY) return;
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on('data', (data: Buffer) => {
      for (const key of data.toString()) {
        if (key === 'q' || key === '\u0003') this.#end();
        else if (key === 'l') this.#setRate((this.#load?.rate ?? 0) + RATE.step);
        else if (key === 'k') this.#setRate((this.#load?.rate ?? 0) - RATE.step);
        else if (key === 's') this.#spike();
        else if (key === 'x') void this.#kill();
      }
    });
  }

  #spike(): void {
    const before = this.#load?.rate ?? 0;
    this.#setRate(before + RATE.spike);
    this.#after(RATE.spikeMs, () => this.#setRate(before));
  }

  #setRate(rate: number): void {
    if (!this.#load) return;
    this.#load.rate = Math.max(0, Math.min(RATE.most, rate));
    this.#line('load', `load ${this.#load.rate} req/s`, { rate: this.#load.rate });
  }

  /** SIGKILL, as a machine dies: no goodbye. */
  async #kill(): Promise<void> {
    const rows = await this.#controller?.operations.instances(GROUP, false);
    const victim = rows?.find((r) => r.state === 'serving');
    const processes = victim ? await realProcesses.findByEnv('DROVER_INSTANCE') : [];
    const process = processes.find((p) => p.env['DROVER_INSTANCE'] === victim?.id && p.env['DROVER_INSTALL'] === this.#controller?.store.installId);
    if (!victim || !process) return;
    await realProcesses.kill(process, 'SIGKILL');
    this.#line('kill', `■ killed ${victim.id}`, { instance: victim.id });
  }

  // ── what is told ──

  #see(e: EventRow): void {
    this.#count.see(e);
    const data = e.data as Record<string, string | number>;
    if (e.type === 'decision') {
      if (data['outcome'] === 'hold' && !this.#options.json) return;
      const sign = data['outcome'] === 'scale_out' ? '▲' : data['outcome'] === 'scale_in' ? '▽' : data['outcome'] === 'replace' ? '■' : ' ';
      const { id, outcome, reason, from, wanted, target, serving, sentence } = data;
      this.#line('decision', `${sign} ${String(sentence)}`, { group: e.group, id, outcome, reason, from, wanted, target, serving, sentence });
    } else if (e.type.startsWith('instance.')) {
      const state = e.type.slice('instance.'.length);
      const tell = state === 'serving' || (state === 'draining' && data['cause'] === 'vanished');
      const text =
        state === 'serving'
          ? `${String(data['instance'])} serves, ${(Number(data['start_ms']) / 1000).toFixed(1)} s after it was asked for`
          : `${String(data['instance'])} is gone: it is replaced`;
      if (this.#options.json || tell)
        this.#line('instance', text, {
          group: e.group,
          instance: data['instance'] ?? null,
          state,
          ...(data['cause'] === undefined ? {} : { cause: data['cause'] }),
        });
    }
  }

  #tellLoad(): void {
    if (!this.#load) return;
    const { requests, failed } = this.#load.count();
    this.#json('load', { rate: this.#load.rate, requests, failed });
  }

  #line(event: string, text: string, data: Record<string, unknown>): void {
    this.#lines.push({ t: this.#t(Date.now()), text });
    if (this.#options.json) this.#json(event, data);
    else this.#say(`${String(Math.round(this.#t(Date.now()))).padStart(4)} s  ${GROUP}  ${text}`);
  }

  #json(event: string, data: Record<string, unknown>): void {
    this.#io.stdout.write(`${JSON.stringify({ t: this.#t(Date.now()), event, ...data })}\n`);
  }

  #say(text: string): void {
    if (!this.#options.json) this.#io.stdout.write(`${text}\n`);
  }

  /** Seconds since the controller's start. */
  #t(atMs: number): number {
    return Math.max(0, Math.round((atMs - this.#startMs) / 100) / 10);
  }

  async #served(count: number, withinMs: number): Promise<void> {
    const until = Date.now() + withinMs;
    for (;;) {
      const rows = (await this.#controller?.operations.instances(GROUP, false)) ?? [];
      if (rows.filter((r) => r.state === 'serving').length >= count) return;
      if (Date.now() > until) throw new Error(`the first ${count} machines did not serve within ${withinMs / 1000} s`);
      await new Promise((done) => this.#after(100, () => done(null)));
    }
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  #every(ms: number, run: () => void): void {
    this.#after(ms, () => {
      run();
      this.#every(ms, run);
    });
  }
}

/** The demo's machines end with it; anyone else's stay. */
async function endMachines(installId: string): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const mine = (await realProcesses.findByEnv('DROVER_INSTALL')).filter((p) => p.env['DROVER_INSTALL'] === installId && !p.zombie);
    if (mine.length === 0) return;
    await Promise.all(mine.map((p) => realProcesses.kill(p, 'SIGKILL')));
    await new Promise((done) => setTimeout(done, 50));
  }
}

function demoConfig(balancer: DemoBalancer, port: number): string {
  const web = new URL('../../emulators/web/main.ts', import.meta.url).pathname;
  return `version: 1
server: { listen: '127.0.0.1:${port}', state: ./state }
balancers: { edge: ${balancer.balancer} }
sources: { edge-stats: ${balancer.source} }
groups:
  ${GROUP}:
    cloud: local
    template: { command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(web)}], env: { BOOT_MS: '3000' } }
    balancer: { use: edge }
    min: 2
    max: 10
    evaluate_every: 1s
    metrics: { rps: { from: edge-stats, ${balancer.query}, unit: req/s } }
    policies:
      - { name: traffic, type: target, metric: rps, per_instance: ${PER_INSTANCE} }
    limits:
      scale_out: { every: 3s }
      scale_in: { step: 1, every: 3s, after_quiet: 6s }
      destruction: { window: 1m, replace: 'max(2, 50%)', all: 'max(20, 100%)' }
    health: { http: { path: /healthz, every: 1s, timeout: 1s, healthy_after: 1, unhealthy_after: 2 }, grace: 0s }
    lifecycle: { boot_timeout: 20s, drain: 5s }
`;
}

function closing(s: DemoSummary, seconds: number): string {
  const minutes = seconds >= 55 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds)} s`;
  return `\n  That was ${minutes}: ${s.requests} requests, ${s.failed} failed; scaled out ${s.scaled_out}×, in ${s.scaled_in}×, replaced ${s.replaced}.\n  Next:  drover init`;
}
