import type { Reading } from '../core/model/model.ts';
import type { MemoryData } from '../drivers/stores/memory/data.ts';
import { openMemoryStore } from '../drivers/stores/memory/driver.ts';
import { openBalancer } from '../engine/balancer-access.ts';
import { openCloud } from '../engine/cloud-access.ts';
import type { World } from '../engine/context.ts';
import { Engine } from '../engine/engine.ts';
import type { Instrument } from '../engine/instrument.ts';
import { noInstrument } from '../engine/instrument.ts';
import { Operating } from '../engine/operate.ts';
import {
  type Balancer,
  type Clock,
  type Cloud,
  type CommitResult,
  DriverError,
  type GroupCommit,
  type Hook,
  type Http,
  type InstanceRow,
  type Source,
  type Store,
  StoreError,
  silentLog,
} from '../ports/ports.ts';
import type { Dice } from './dice.ts';
import type { Fault } from './faults.ts';
import type { Scenario } from './scenario.ts';
import type { SimBalancer } from './sim-balancer.ts';
import type { SimCloud } from './sim-cloud.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Thrown through the engine where its process ends. */
class Crashed extends Error {}
const NEVER = new Promise<never>(() => {});
/** What a process needs of the world around it. */
export interface ProcessWorld {
  readonly scenario: Scenario;
  readonly dice: Dice;
  readonly clock: VirtualClock;
  readonly installId: string;
  readonly secrets: { sha256(text: string): string; randomHex(bytes: number): string };
  readonly data: MemoryData;
  readonly clouds: ReadonlyMap<string, SimCloud>;
  readonly balancers: ReadonlyMap<string, SimBalancer>;
  hits(fault: Fault): boolean;
  read(by: SimProcess, query: string): Promise<Reading>;
  runHook(): Promise<void>;
  answers(address: string): boolean;
  commit(by: SimProcess, change: GroupCommit, run: () => Promise<CommitResult>): Promise<CommitResult>;
  /** Runs a call in the name of a process: the effect happens during it. */
  as<T>(process: SimProcess, run: () => Promise<T>): Promise<T>;
  rowOfMachine(cloud: string, id: string): InstanceRow | undefined;
  rowOfMember(by: SimProcess, balancer: string, ref: string): InstanceRow | undefined;
  /** A call that changes something leaves a process. */
  starts(by: SimProcess, what: string, group: string | null): void;
  crashesAt(process: SimProcess, label: string): boolean;
  logged(process: SimProcess, message: string, fields: Readonly<Record<string, unknown>>): void;
  /** An evaluation ended well. */
  ticked(): void;
}

/** What a process talks to; each can be cut off from it alone. */
export type Edge = 'store' | 'cloud' | 'balancer' | 'metrics' | 'members';
/** A connection to the store that hears nothing gives up, ms. */
const STORE_LIMIT_MS = 5_000;

/**
 * One controller process: the production engine with its own clock. Dead, it is frozen where it stands: none of its calls starts any
 * more and no answer reaches it. Stopped (SIGSTOP), its timers and answers wait for it to go on.
 */
export class SimProcess {
  readonly name: string;
  readonly engine: Engine;
  readonly operating: Operating;
  readonly clock: Clock;
  readonly store: Store;
  dead = false;
  stopped = false;
  /** Edges on which requests or answers are lost. */
  readonly cut = new Map<Edge, 'requests' | 'answers'>();
  /** Which groups wrote down that they change an entry, by balancer and entry. */
  readonly intents = new Map<string, Set<string>>();
  readonly #world: ProcessWorld;
  readonly #dice: Dice;
  readonly #held: (() => void)[] = [];

  constructor(world: ProcessWorld, name: string, skew: { readonly wallMs: number; readonly rate: number }) {
    this.name = name;
    this.#world = world;
    this.#dice = world.dice.fork(`process ${name}`);
    this.clock = this.#clock(world.clock, skew);
    this.store = this.#store();
    const instrument: Instrument = { ...noInstrument, cycle: () => world.ticked() };
    const clouds: World['clouds'] = new Map(
      [...world.clouds].map(([id, c]) => [id, openCloud(id, this.#cloud(id, c), c.can, this.clock, instrument, world.installId)] as const),
    );
    const balancers: World['balancers'] = new Map(
      [...world.balancers].map(([id, b]) => [id, openBalancer(id, this.#balancer(id, b), b.can, this.clock, instrument)] as const),
    );
    const source: Source = { read: (query) => this.#io('metrics', () => world.read(this, String(query))) };
    const http: Http = { request: ({ url }) => this.#io('members', () => this.#check(url)) };
    const hook: Hook = {
      run: (call) => {
        if (this.dead) return NEVER;
        world.starts(this, 'hook', call.group);
        return this.#io('members', () => world.runHook());
      },
    };
    this.engine = new Engine({
      controllerId: name,
      clock: this.clock,
      random: this.#dice.fork('engine'),
      crash: (label) => this.#crashPoint(label),
      log: { ...silentLog, error: (fields, message) => this.dead || world.logged(this, message, fields) },
      store: this.store,
      instrument,
      http,
      sockets: { exchange: async () => '', canConnect: async () => true },
      calendar: { schedule: () => null, freezeUntil: () => null },
      installId: world.installId,
      world: { clouds, balancers, sources: new Map([['src', source]]), notifiers: new Map(), openHook: async () => hook },
    });
    this.operating = new Operating(this.engine);
  }

  /** Ends it between two instructions. */
  kill(): void {
    if (this.dead) return;
    this.dead = true;
    void this.#handle?.close();
    this.#held.length = 0;
  }

  stop(): void {
    this.stopped = true;
  }

  goOn(): void {
    this.stopped = false;
    const held = this.#held.splice(0);
    for (const each of held) this.#deliver(each);
  }

  #crashPoint(label: string): void {
    if (this.dead) throw new Crashed(label);
    if (!this.#world.crashesAt(this, label)) return;
    this.kill();
    throw new Crashed(label);
  }

  #deliver(run: () => void): void {
    if (this.dead) return;
    if (this.stopped) this.#held.push(run);
    else run();
  }

  #clock(base: VirtualClock, skew: { wallMs: number; rate: number }): Clock {
    const after: Clock['after'] = (ms, run) => {
      if (this.dead) return () => {};
      let live = true;
      const cancel = base.after(Math.max(0, ms) / skew.rate, () => this.#deliver(() => live && run()));
      return () => {
        live = false;
        cancel();
      };
    };
    return {
      wall: () => Math.round(base.wall() + skew.wallMs),
      mono: () => base.mono() * skew.rate,
      after,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const stop = (): void => {
            cancel();
            reject(signal?.reason);
          };
          const cancel = after(ms, () => {
            signal?.removeEventListener('abort', stop);
            resolve();
          });
          signal?.addEventListener('abort', stop, { once: true });
        }),
    };
  }

  /** A request travels, its effect happens over there, the answer travels back; each part may be lost or late. */
  #io<T>(edge: Edge, op: () => Promise<T>): Promise<T> {
    if (this.dead) return NEVER;
    const lost = this.cut.get(edge);
    const [there, back] = [this.#latency(edge), this.#latency(edge)];
    const { clock } = this.#world;
    return new Promise<T>((resolve, reject) => {
      const answer = (settle: () => void): void => {
        if (lost !== undefined) return;
        if (back === 0) this.#deliver(settle);
        else clock.after(back, () => this.#deliver(settle));
      };
      const land = (): void => {
        op().then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error as Error)),
        );
      };
      if (lost !== undefined && edge === 'store') {
        clock.after(STORE_LIMIT_MS, () => this.#deliver(() => reject(new StoreError('io', 'the store does not answer'))));
      }
      if (lost === 'requests') return;
      if (there === 0) land();
      else clock.after(there, land);
    });
  }

  #latency(edge: Edge): number {
    const { latencyMs, profile } = this.#world.scenario;
    if (edge === 'store' && this.#world.hits('store-slow')) return this.#dice.int(100, 4_000);
    if (latencyMs === 0 || (edge === 'store' && profile === 'exclusive')) return 0;
    return this.#dice.int(1, Math.ceil(latencyMs));
  }

  #handle: Store | null = null;
  #store(): Store {
    const world = this.#world;
    const { profile } = world.scenario;
    const handle = openMemoryStore({
      clock: profile === 'shared' ? world.clock : this.clock,
      secrets: world.secrets,
      data: world.data,
      profile,
      crash: (label) => this.#crashPoint(label),
    });
    this.#handle = handle;
    const far: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(handle)) {
      far[key] =
        typeof value === 'function' ? (...args: unknown[]) => this.#io('store', () => (value as (...a: unknown[]) => Promise<unknown>)(...args)) : value;
    }
    far['commit'] = (change: GroupCommit) => this.#io('store', () => world.commit(this, change, () => handle.commit(change)));
    far['onEvents'] = (listener: Parameters<Store['onEvents']>[0]) => handle.onEvents((events) => this.#deliver(() => listener(events)));
    far['close'] = () => handle.close();
    return far as unknown as Store;
  }

  #cloud(name: string, cloud: SimCloud): Cloud {
    const call = <T>(op: 'list' | 'get' | 'create' | 'delete', group: string | null, run: () => Promise<T>): Promise<T> => {
      if (this.dead) return NEVER;
      if (op === 'create' || op === 'delete') this.#world.starts(this, `${name} ${op}`, group);
      return this.#io('cloud', () => this.#world.as(this, run));
    };
    const groupOf = (id: string): string | null => this.#world.rowOfMachine(name, id)?.group ?? null;
    return {
      list: () => call('list', null, () => cloud.list()),
      get: (id) => call('get', null, () => cloud.get(id)),
      create: (request) => call('create', request.owner.group, () => cloud.create(request)),
      delete: (id) => call('delete', groupOf(id), () => cloud.delete(id)),
    };
  }

  #balancer(name: string, balancer: SimBalancer): Balancer {
    const call = <T>(what: string, group: string | null, run: () => Promise<T>): Promise<T> => {
      if (this.dead) return NEVER;
      if (what !== 'members') this.#world.starts(this, `${name} ${what}`, group);
      return this.#io('balancer', () => this.#world.as(this, run));
    };
    const groupOf = (ref: string): string | null => this.#world.rowOfMember(this, name, ref)?.group ?? null;
    return {
      members: () => call('members', null, () => balancer.members()),
      attach: (m) => call('attach', this.#world.data.instances.get(m.instance)?.group ?? null, () => balancer.attach(m)),
      drain: (ref) => call('drain', groupOf(ref), () => balancer.drain(ref)),
      detach: (ref) => call('detach', groupOf(ref), () => balancer.detach(ref)),
    };
  }

  async #check(url: string): ReturnType<Http['request']> {
    if (!this.#world.answers(new URL(url).hostname)) throw new DriverError('unreachable', 'refused');
    return { status: 200, headers: {}, body: new Uint8Array() };
  }
}
