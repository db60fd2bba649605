import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Machine, type Surroundings } from './machine.ts';
import type { BootFaults, EmulatedMachine, MachineRequest, MachineWorld, WorldOptions } from './machines.ts';

const DURATIONS = { provisionMs: 15_000, bootMs: 20_000, shutdownMs: 5000 };
const MAX_VCPUS = 256;
const MAX_MACHINES = 10_000;

/**
 * Throws RangeError for a time factor outside 1 to 1000, and Error when a port needs rights that we have not, and when `dir` holds something: it is
 * removed at the end.
 * Addresses belong to whoever took them from the network: a machine that is gone does not give them back by itself.
 */
export function createWorld(options: WorldOptions): MachineWorld {
  if (!(options.timeFactor >= 1 && options.timeFactor <= 1000)) throw new RangeError('the time factor is 1 to 1000');
  const guarded = [options.app.port, options.exporterPort].filter((port) => port < firstOpenPort());
  if (options.guests === 'processes' && guarded.length > 0) throw new Error(`port ${guarded.join(' and ')} needs the rights of root; take one from 1024 up`);
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  if (readdirSync(options.dir).length > 0) throw new Error(`${options.dir} is not empty; disks of machines go into a directory of their own`);
  return new World(options);
}

/** The first port that this process may listen on. */
function firstOpenPort(): number {
  if (process.getuid?.() === 0) return 1;
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    return 1024;
  }
}

class World implements MachineWorld {
  readonly #options: WorldOptions;
  readonly #machines = new Set<Machine>();
  readonly #ending = new Set<Promise<void>>();
  readonly #durations: Record<keyof typeof DURATIONS, number>;
  #faults: BootFaults | null = null;
  #made = 0;
  #closed = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#durations = { ...DURATIONS, ...options.durations };
  }

  get network() {
    return this.#options.network;
  }
  get timeFactor(): number {
    return this.#options.timeFactor;
  }

  create(request: MachineRequest): EmulatedMachine {
    if (this.#closed) throw new Error('the world is closed');
    if (!(Number.isInteger(request.vcpus) && request.vcpus >= 1 && request.vcpus <= MAX_VCPUS)) throw new RangeError(`1 to ${MAX_VCPUS} processors`);
    if (this.#machines.size >= MAX_MACHINES) throw new RangeError(`there are ${MAX_MACHINES} machines already`);
    const machine = new Machine(request, this.#surroundings());
    this.#machines.add(machine);
    return machine;
  }

  all(): readonly EmulatedMachine[] {
    return [...this.#machines];
  }

  setBootFaults(faults: BootFaults): void {
    this.#faults = { ...faults };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const machine of this.#machines) machine.destroy();
    await Promise.all(this.#ending);
    await rm(this.#options.dir, { recursive: true, force: true });
  }

  #surroundings(): Surroundings {
    const { network, guests, scripts, app, exporterPort, timeFactor, dir } = this.#options;
    const faults = this.#takeFaults();
    const real = (ms: number, slower = 1) => (ms * slower) / timeFactor;
    const slower = faults?.slower ?? 1;
    return {
      network,
      guests,
      scripts,
      app,
      exporterPort,
      provisionMs: real(this.#durations.provisionMs, slower),
      bootMs: real(this.#durations.bootMs, slower),
      shutdownMs: real(this.#durations.shutdownMs),
      appStartMs: real(app.startMs),
      disk: join(dir, `machine-${++this.#made}`),
      stuckIn: faults?.stuckIn ?? null,
      mute: faults?.mute ?? false,
      onPhase: (machine, from) => {
        if (machine.phase === 'gone') this.#forget(machine as Machine);
        this.#options.onPhase?.(machine, from);
      },
    };
  }

  #takeFaults(): BootFaults | null {
    if (this.#faults === null || this.#faults.count <= 0) return null;
    this.#faults.count--;
    return this.#faults;
  }

  #forget(machine: Machine): void {
    this.#machines.delete(machine);
    const ending = machine.end().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
