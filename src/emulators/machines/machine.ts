/** One emulated machine: its phases in time, and its process while it runs. */
import { rm } from 'node:fs/promises';
import { writeDisk } from './first-boot.ts';
import { GuestProcess } from './guest-process.ts';
import type { EmulatedMachine, MachineLoad, MachineRequest, MachineStats, Network, Phase, WorldOptions } from './machines.ts';

/** A process that is not up after this, real time, will not come up. */
const READY_TIMEOUT_MS = 30_000;

/** What a machine needs of its world. */
export interface Surroundings {
  readonly network: Network;
  readonly guests: WorldOptions['guests'];
  readonly scripts: WorldOptions['scripts'];
  readonly app: WorldOptions['app'];
  readonly exporterPort: number;
  /** Real ms, already divided by the time factor. */
  readonly provisionMs: number;
  readonly bootMs: number;
  readonly shutdownMs: number;
  readonly appStartMs: number;
  /** Its own directory. */
  readonly disk: string;
  readonly stuckIn: 'provisioning' | 'booting' | null;
  readonly mute: boolean;
  readonly onPhase: (machine: EmulatedMachine, from: Phase) => void;
}

export class Machine implements EmulatedMachine {
  request: MachineRequest;
  phase: Phase = 'provisioning';
  readonly #around: Surroundings;
  readonly #scripts: readonly string[];
  /** `due` until its scripts ended: one that is cut short runs again. */
  #firstBoot: 'due' | 'done' | 'failed';
  #guest: GuestProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Resolves when nothing of it is left. */
  #gone: Promise<void> | null = null;

  constructor(request: MachineRequest, around: Surroundings) {
    this.request = request;
    this.#around = around;
    const scripts = writeDisk(around.disk, request.firstBoot);
    this.#scripts = around.scripts === 'run' ? scripts : [];
    this.#firstBoot = this.#scripts.length > 0 ? 'due' : 'done';
    if (around.stuckIn !== 'provisioning') this.#after(around.provisionMs, () => (request.booted ? this.#beginBoot() : this.#enter('off')));
  }

  get pid(): number | null {
    return this.phase === 'running' ? (this.#guest?.pid ?? null) : null;
  }

  boot(): void {
    this.#refuseUnless('off');
    this.#beginBoot();
  }

  shutdown(): void {
    this.#refuseUnless('running');
    this.#beginStop(() => this.#enter('off'));
  }

  reboot(): void {
    if (this.phase === 'off') {
      this.#beginBoot();
      return;
    }
    this.#refuseUnless('running');
    this.#beginStop(() => this.#beginBoot());
  }

  destroy(): void {
    if (this.phase === 'gone') return;
    this.#stopTimer();
    const guest = this.#guest;
    this.#guest = null;
    this.#gone = (guest?.kill() ?? Promise.resolve()).then(() => rm(this.#around.disk, { recursive: true, force: true, maxRetries: 5 }));
    this.#enter('gone');
  }

  /** Destroys it if that was not done, and resolves when its process and its disk are gone. */
  async end(): Promise<void> {
    this.destroy();
    await this.#gone;
  }

  addPrivateV4(address: string): void {
    if (this.phase === 'gone') throw new Error('the machine is gone');
    if (this.request.addresses.privateV4 !== null) throw new Error('it has a private address');
    this.request = { ...this.request, addresses: { ...this.request.addresses, privateV4: address } };
    const at = this.#around.network.listensAt(address);
    if (at !== null) this.#guest?.listen(at);
  }

  async setLoad(load: MachineLoad): Promise<void> {
    const { vcpus, memoryMb } = this.request;
    const within = (value: number, most: number) => value >= 0 && value <= most;
    if (!within(load.cpus, vcpus) || !within(load.memoryBytes, memoryMb * 1024 * 1024) || !(load.forMs > 0))
      throw new RangeError(`load: 0 to ${vcpus} processors, 0 to ${memoryMb} MB of memory, for more than 0 ms`);
    await this.#running().setLoad(load);
  }

  async setHealthy(healthy: boolean): Promise<void> {
    await this.#running().setHealthy(healthy);
  }

  async stats(): Promise<MachineStats> {
    if (this.phase !== 'running' || this.#guest === null) return { cpu: null, requests: 0 };
    return await this.#guest.stats();
  }

  #running(): GuestProcess {
    if (this.phase !== 'running') throw new Error('the machine does not run');
    if (this.#guest === null) throw new Error('machines have no processes in this world');
    return this.#guest;
  }

  #refuseUnless(phase: Phase): void {
    if (this.phase === phase) return;
    if (this.phase === 'off' || this.phase === 'running' || this.phase === 'gone') throw new Error(`the machine is ${this.phase}`);
    throw new Error('busy');
  }

  /** The process starts at once, so that the time it needs is part of the boot, not after it. */
  #beginBoot(): void {
    this.#enter('booting');
    if (this.phase !== 'booting' || this.#around.stuckIn === 'booting') return;
    const { bootMs } = this.#around;
    if (this.#around.guests === 'none') {
      this.#after(bootMs, () => this.#enter('running'));
      return;
    }
    let up = false;
    let overdue = false;
    const guest = this.#startGuest(() => {
      up = true;
      if (overdue && this.#guest === guest) this.#run(guest);
    });
    this.#after(bootMs, () => {
      overdue = true;
      if (up) this.#run(guest);
      // Its exit then leads to `off`.
      else this.#after(READY_TIMEOUT_MS, () => void guest.kill());
    });
  }

  #run(guest: GuestProcess): void {
    this.#stopTimer();
    guest.go();
    this.#enter('running');
  }

  #startGuest(onReady: () => void): GuestProcess {
    const { network, app, exporterPort, disk, mute, appStartMs } = this.#around;
    const { name, vcpus, memoryMb, addresses, firstBoot } = this.request;
    const all = [addresses.publicV4, addresses.privateV4, addresses.vpcV4, addresses.v6];
    const listening = all.flatMap((address) => (address === null ? [] : (network.listensAt(address) ?? [])));
    const guest: GuestProcess = new GuestProcess(
      {
        name,
        vcpus,
        memoryMb,
        addresses: [...new Set(listening)],
        appPort: app.port,
        exporterPort,
        workMs: app.workMs,
        startMs: appStartMs,
        scripts: this.#firstBoot === 'due' ? this.#scripts : [],
        env: firstBoot.env,
        bare: this.#firstBoot === 'failed',
        mute,
        disk,
      },
      {
        onReady,
        onFirstBoot: (ok) => {
          this.#firstBoot = ok ? 'done' : 'failed';
        },
        onExit: () => this.#guestEnded(guest),
      },
    );
    this.#guest = guest;
    return guest;
  }

  /** By itself: as a machine that crashed. While it is stopped or destroyed somebody else waits for it. */
  #guestEnded(guest: GuestProcess): void {
    if (this.#guest !== guest || (this.phase !== 'running' && this.phase !== 'booting')) return;
    this.#guest = null;
    this.#stopTimer();
    this.#enter('off');
  }

  #beginStop(then: () => void): void {
    const guest = this.#guest;
    const { shutdownMs } = this.#around;
    guest?.stop(shutdownMs);
    this.#enter('stopping');
    if (this.phase !== 'stopping') return;
    this.#after(shutdownMs, () => {
      const ended = guest?.kill() ?? Promise.resolve();
      void ended.then(() => {
        if (this.phase !== 'stopping') return;
        this.#guest = null;
        then();
      });
    });
  }

  #after(ms: number, then: () => void): void {
    this.#stopTimer();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      then();
    }, ms);
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #enter(phase: Phase): void {
    const from = this.phase;
    this.phase = phase;
    this.#around.onPhase(this, from);
  }
}
