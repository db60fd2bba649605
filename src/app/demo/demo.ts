import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Load, startLoad } from '../../emulators/load/load.ts';
import { freePort } from '../../platform/free-port.ts';
import type { EventRow } from '../../ports/ports.ts';
import { type Controller, startController } from '../controller.ts';
import { DemoCount, type DemoSummary } from './demo-count.ts';
import { writeReport } from './demo-report.ts';
import { type DemoWorld, demoConfig, GROUP, PER_INSTANCE } from './demo-world.ts';
import { openLinodeWorld } from './linode-world.ts';
import { openLocalWorld } from './local-world.ts';

export interface DemoOptions {
  /** Ends by itself after a scripted rise, a killed machine and a fall; null: runs until `q`. */
  readonly seconds: number | null;
  /** NDJSON instead of text. */
  readonly json: boolean;
  /** Writes one self-contained HTML file at the end. */
  readonly report: string | null;
  /** Where the machines are; the balancer is a choice of `local` only. */
  readonly world: { readonly cloud: 'local'; readonly balancer: 'auto' | 'haproxy' | 'proxy' } | { readonly cloud: 'linode' };
}

export interface DemoIo {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly stdin: NodeJS.ReadStream;
}

const RATE = { start: 140, most: 1_000, step: 60, spike: 500, spikeMs: 15_000 };
/** The script, as shares of the time asked for. */
const SCRIPT = { rise: [0.13, 390], kill: 0.42, fall: [0.58, 90] } as const;

/** The real controller, store and API on this machine, with machines and a balancer of a world. Returns the exit code. */
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
  #world: DemoWorld | null = null;
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
    const { world: asked } = this.#options;
    const world = asked.cloud === 'linode' ? await openLinodeWorld(this.#dir) : await openLocalWorld(this.#dir, asked.balancer);
    this.#world = world;
    this.#say(`Demo. ${world.intro}\n`);
    const file = join(this.#dir, 'drover.yaml');
    writeFileSync(file, demoConfig(world.config, await freePort()));
    this.#startMs = Date.now();
    this.#controller = await startController({
      configFile: file,
      log: { format: 'json', level: 'error', write: (line) => void this.#io.stderr.write(line) },
    });
    this.#controller.operations.onEvents((events) => {
      for (const e of events) this.#see(e);
    });
    this.#say(`  api         ${this.#controller.url}   token in ${this.#controller.tokenFile}`);
    this.#say(`  balancer    ${world.url} (${world.balancer})`);
    if (this.#options.seconds === null) this.#say('  load        l more   k less   s spike   x kill a machine   q quit\n');
    else this.#say('');
    await this.#served(2, 30_000);
    this.#count.begin();
    this.#load = startLoad({ url: world.url, rate: RATE.start, maxRate: RATE.most });
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
    await this.#controller?.stop().catch(() => {});
    await this.#world?.close();
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

  async #kill(): Promise<void> {
    const rows = await this.#controller?.operations.instances(GROUP, false);
    const victim = rows?.find((r) => r.state === 'serving');
    if (victim === undefined || !(await this.#world?.kill(victim))) return;
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

function closing(s: DemoSummary, seconds: number): string {
  const minutes = seconds >= 55 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds)} s`;
  return `\n  That was ${minutes}: ${s.requests} requests, ${s.failed} failed; scaled out ${s.scaled_out}×, in ${s.scaled_in}×, replaced ${s.replaced}.\n  Next:  drover init`;
}
