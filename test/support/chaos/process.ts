import { createHash } from 'node:crypto';
import type { MemoryData } from '../../../src/drivers/stores/memory/data.ts';
import { openMemoryStore } from '../../../src/drivers/stores/memory/driver.ts';
import { openBalancer } from '../../../src/engine/balancer-access.ts';
import { openCloud } from '../../../src/engine/cloud-access.ts';
import type { World } from '../../../src/engine/context.ts';
import { Engine } from '../../../src/engine/engine.ts';
import { noInstrument } from '../../../src/engine/instrument.ts';
import { Operating } from '../../../src/engine/operate.ts';
import type { Clock, Http, Source, Store } from '../../../src/ports/ports.ts';
import { DriverError, silentLog } from '../../../src/ports/ports.ts';
import type { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { Crashed } from '../sim-group.ts';
import type { ChaosWorld } from './world.ts';

const NEVER = new Promise<never>(() => {});
const sha256 = (t: string): string => createHash('sha256').update(t).digest('hex');

/** One controller process. Killed, it is frozen where it stands: no call of it starts any more and no answer reaches it. */
export class SimProcess {
  readonly engine: Engine;
  readonly operating: Operating;
  dead = false;
  readonly #world: ChaosWorld;

  constructor(world: ChaosWorld, name: string) {
    this.#world = world;
    const clock = this.#clock(world.clock);
    const store = this.#store(world, clock);
    const cloud = openCloud('sim', this.#gated(world.cloud), world.cloud.can, clock, noInstrument, world.installId);
    const balancers: World['balancers'] = new Map(
      [...world.balancers].map(([id, b]) => [id, openBalancer(id, this.#gated(b), b.can, clock, noInstrument)] as const),
    );
    const source: Source = { read: async (query) => world.read(String(query)) };
    const http: Http = {
      request: async ({ url }) => {
        if (!world.answers(new URL(url).hostname)) throw new DriverError('unreachable', 'refused');
        return { status: 200, headers: {}, body: new Uint8Array() };
      },
    };
    this.engine = new Engine({
      controllerId: name,
      clock,
      random: world.dice.fork(name),
      crash: (label) => this.#crashPoint(label),
      log: { ...silentLog, error: (fields, message) => this.dead || world.onLog(`${message} ${JSON.stringify(fields)}`) },
      store,
      instrument: noInstrument,
      http: this.#gated(http),
      sockets: { exchange: async () => '', canConnect: async () => true },
      calendar: { schedule: () => null, freezeUntil: () => null },
      installId: world.installId,
      world: {
        clouds: new Map([['sim', cloud]]),
        balancers,
        sources: new Map([['src', this.#gated(source)]]),
        notifiers: new Map(),
        openHook: async () => this.#gated(world.hook),
      },
    });
    this.operating = new Operating(this.engine);
  }

  kill(): void {
    this.dead = true;
  }

  #crashPoint(label: string): void {
    if (this.dead) throw new Crashed(label);
    if (!this.#world.shouldCrash(label)) return;
    this.kill();
    this.#world.onCrash(label);
    throw new Crashed(label);
  }

  #store(world: ChaosWorld, clock: Clock): Store {
    const data: MemoryData = world.data;
    const store = openMemoryStore({ clock, secrets: { sha256, randomHex: () => '' }, data, crash: (label) => this.#crashPoint(label) });
    return this.#gated({ ...store, commit: (change) => world.checks.commit(change, () => store.commit(change)) } as Store);
  }

  #clock(base: VirtualClock): Clock {
    return {
      wall: () => base.wall(),
      mono: () => base.mono(),
      after: (ms, run) => (this.dead ? () => {} : base.after(ms, () => this.dead || run())),
      sleep: (ms, signal) => (this.dead ? NEVER : this.#alive(base.sleep(ms, signal))),
    };
  }

  #gated<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (t, key) => {
        const value: unknown = Reflect.get(t, key, t);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (this.dead) return NEVER;
          const out: unknown = value.apply(t, args);
          return out instanceof Promise ? this.#alive(out) : out;
        };
      },
    });
  }

  #alive<T>(answer: Promise<T>): Promise<T> {
    return answer.then(
      (value) => (this.dead ? NEVER : value),
      (error) => {
        if (this.dead) return NEVER;
        throw error;
      },
    );
  }
}
