/** The process of one emulated machine. Started by a world, spoken to over its channel; ends with it. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWeb, type Web } from '../web/web.ts';
import { createExporter } from './exporter.ts';
import { readVersion, runScripts } from './first-boot.ts';
import type { FromGuest, GuestSpec, ToGuest } from './guest-protocol.ts';
import type { MachineLoad, MachineStats } from './machines.ts';
import { Processors } from './processors.ts';

/** A machine that was just destroyed may still be letting go of the address. */
const BUSY_ADDRESS_MS = 5000;
const MAX_WAIT_MS = 10_000;
const TICK_MS = 1000;
const MAX_TIMER_MS = 2 ** 31 - 1;
/** The mean of `stats` goes back this far. */
const WINDOW_TICKS = 5;

class Guest {
  readonly #spec: GuestSpec;
  readonly #processors: Processors;
  readonly #bootedMs = Date.now();
  readonly #exporters: Server[] = [];
  /** Busy and passed ms at the last ticks, oldest first. */
  readonly #ticks: { readonly busyMs: number; readonly upMs: number }[] = [];
  readonly #addresses: string[];
  /** Where the application listens. */
  readonly #serving = new Set<string>();
  #web: Web | null = null;
  #healthy = true;
  #loadBytes = 0;
  #loadTimer: NodeJS.Timeout | null = null;
  #load1 = 0;

  constructor(spec: GuestSpec) {
    this.#spec = spec;
    this.#addresses = [...spec.addresses];
    this.#processors = new Processors({ count: spec.vcpus, workMs: spec.workMs, maxWaitMs: MAX_WAIT_MS, nowMs: () => performance.now() });
  }

  async run(): Promise<void> {
    const spec = this.#spec;
    setInterval(() => this.#tick(), TICK_MS);
    if (!spec.mute) for (const address of spec.addresses) await this.#openExporter(address);
    if (spec.scripts.length > 0) {
      const ok = await runScripts(spec.scripts, spec.disk, spec.env);
      tell({ type: 'first-boot', ok });
      if (!ok) return;
    }
    if (spec.bare || spec.mute) return;
    await sleep(spec.startMs);
    const version = readVersion(spec.disk);
    const [host, ...alsoOn] = this.#addresses;
    if (host === undefined) return;
    const web = await startWeb({
      host,
      alsoOn,
      port: spec.appPort,
      busyPortMs: BUSY_ADDRESS_MS,
      name: spec.name,
      serve: () => this.#processors.serve(),
      ...(version === null ? {} : { version }),
    });
    web.setHealthy(this.#healthy);
    for (const address of [host, ...alsoOn]) this.#serving.add(address);
    this.#web = web;
    // Given while it started.
    for (const address of this.#addresses) await this.#serveOn(address);
  }

  /** One more address, for the exporter and the application. */
  async listen(address: string): Promise<void> {
    if (this.#spec.mute || this.#addresses.includes(address)) return;
    this.#addresses.push(address);
    await this.#openExporter(address);
    await this.#serveOn(address);
  }

  async #serveOn(address: string): Promise<void> {
    if (this.#web === null || this.#serving.has(address)) return;
    this.#serving.add(address);
    await this.#web.listenOn(address);
  }

  setLoad(load: MachineLoad): void {
    if (this.#loadTimer) clearTimeout(this.#loadTimer);
    this.#processors.setLoad(load.cpus);
    this.#loadBytes = load.memoryBytes;
    this.#loadTimer = setTimeout(
      () => {
        this.#processors.setLoad(0);
        this.#loadBytes = 0;
      },
      Math.min(load.forMs, MAX_TIMER_MS),
    );
  }

  setHealthy(healthy: boolean): void {
    this.#healthy = healthy;
    this.#web?.setHealthy(healthy);
  }

  stats(): MachineStats {
    const served = [...(this.#web?.served.values() ?? [])].reduce((sum, n) => sum + n, 0);
    const before = this.#ticks[0];
    if (before === undefined) return { cpu: null, requests: served };
    const { busyMs, upMs } = this.#usage();
    const cpu = (busyMs - before.busyMs) / ((upMs - before.upMs) * this.#spec.vcpus);
    return { cpu: Math.min(1, Math.max(0, cpu)), requests: served };
  }

  async stop(graceMs: number): Promise<never> {
    for (const server of this.#exporters) server.close();
    await this.#web?.close(graceMs);
    process.exit(0);
  }

  #usage(): { readonly busyMs: number; readonly upMs: number } {
    const { busyMs, upMs } = this.#processors.usage();
    return { busyMs: busyMs.reduce((sum, ms) => sum + ms, 0), upMs };
  }

  #tick(): void {
    this.#ticks.push(this.#usage());
    if (this.#ticks.length > WINDOW_TICKS) this.#ticks.shift();
    const kept = Math.exp(-TICK_MS / 60_000);
    this.#load1 = this.#load1 * kept + this.#processors.threads * (1 - kept);
  }

  async #openExporter(address: string): Promise<void> {
    for (const endMs = performance.now() + BUSY_ADDRESS_MS; ; await sleep(50)) {
      const server = createExporter({
        name: this.#spec.name,
        memoryMb: this.#spec.memoryMb,
        processors: this.#processors,
        loadBytes: () => this.#loadBytes,
        load1: () => this.#load1,
        served: () => this.#web?.served ?? null,
        bootedMs: this.#bootedMs,
      });
      try {
        // `once` rejects with what `error` says.
        await once(server.listen(this.#spec.exporterPort, address), 'listening');
        this.#exporters.push(server);
        return;
      } catch (e) {
        if (!(e instanceof Error && 'code' in e && e.code === 'EADDRINUSE') || performance.now() > endMs) throw e;
      }
    }
  }
}

function tell(message: FromGuest): void {
  if (process.connected) process.send?.(message);
}

function fail(e: unknown): never {
  process.stderr.write(`guest: ${e instanceof Error ? e.message : String(e)}\n`);
  process.exit(1);
}

/** Everything this machine started goes with it: it leads a process group of its own. */
function endAll(): never {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {}
  process.exit(1);
}

let spec: GuestSpec | null = null;
let guest: Guest | null = null;

function hear(message: ToGuest): void {
  if (message.type === 'start') {
    spec = message.spec;
    tell({ type: 'ready' });
    return;
  }
  if (message.type === 'go' && spec !== null && guest === null) {
    guest = new Guest(spec);
    guest.run().catch(fail);
    return;
  }
  if (guest === null) {
    if (message.type === 'listen' && spec !== null) spec = { ...spec, addresses: [...spec.addresses, message.address] };
    return;
  }
  switch (message.type) {
    case 'go':
      return;
    case 'listen':
      guest.listen(message.address).catch(fail);
      return;
    case 'stop':
      guest.stop(message.graceMs).catch(fail);
      return;
    case 'load':
      guest.setLoad(message.load);
      break;
    case 'healthy':
      guest.setHealthy(message.healthy);
      break;
    case 'stats':
      break;
  }
  tell({ type: 'reply', id: message.id, stats: guest.stats() });
}

if (process.send === undefined) fail(new Error('started by a world of machines only'));
process.on('disconnect', endAll);
process.on('message', hear);
