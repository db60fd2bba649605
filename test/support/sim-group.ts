/** The production engine on virtual time: memory store, true cloud and balancer, one source whose value the test sets. */
import { createHash } from 'node:crypto';
import type { GroupSpec, Reading } from '../../src/core/model/model.ts';
import { openMemoryStore } from '../../src/drivers/stores/memory/driver.ts';
import { openBalancer } from '../../src/engine/balancer-access.ts';
import { openCloud } from '../../src/engine/cloud-access.ts';
import type { World } from '../../src/engine/context.ts';
import { Engine } from '../../src/engine/engine.ts';
import { type Instrument, noInstrument } from '../../src/engine/instrument.ts';
import { Operating } from '../../src/engine/operate.ts';
import type { Balancer, Cloud, CommitResult, Crash, Hook, Http, Random, Source, Store } from '../../src/ports/ports.ts';
import { DriverError, silentLog } from '../../src/ports/ports.ts';
import { SimBalancer } from '../../src/sim/sim-balancer.ts';
import { SimCloud } from '../../src/sim/sim-cloud.ts';
import { VirtualClock } from '../../src/sim/virtual-clock.ts';

export const START_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

/** All settled promises run: two turns of the event loop are enough because nothing here waits on the real world. */
const drain = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((go) => setImmediate(go));
};

export function seeded(seed: number): Random {
  let s = seed >>> 0;
  return {
    u32: () => {
      s = (s + 0x6d2b79f5) >>> 0;
      let t = Math.imul(s ^ (s >>> 15), 1 | s);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return (t ^ (t >>> 14)) >>> 0;
    },
  };
}

export class Crashed extends Error {}

export class SimGroup {
  readonly clock = new VirtualClock(START_MS, drain);
  readonly cloud: SimCloud;
  readonly balancer: SimBalancer;
  /** A second balancer, for groups that name it. */
  readonly edge: SimBalancer;
  store!: Store;
  engine!: Engine;
  operating!: Operating;
  /** The metric `load`; a DriverError or missing makes it so. */
  load: number | Reading = 0;
  /** Machines whose health check fails, by address. */
  readonly sick = new Set<string>();
  crash: Crash = () => {};
  hook: Hook = { run: async () => {} };
  /** What cloud and balancer `lb` can be asked beyond the ordinary. Read when a controller starts. */
  cloudAlso: Pick<Cloud, 'preflight' | 'place' | 'targets'> = {};
  balancerAlso: Pick<Balancer, 'preflight' | 'place'> = {};
  /** What becomes of a commit on its way to the store and back. */
  onCommit: (commit: () => Promise<CommitResult>) => Promise<CommitResult> = (commit) => commit();
  /** Which controller asked the cloud for a change, in order. */
  readonly acted: string[] = [];
  installId = '';
  instrument: Instrument = noInstrument;

  static async open(spec: GroupSpec, over: { can?: Partial<SimCloud['can']>; store?: Store } = {}): Promise<SimGroup> {
    const sim = new SimGroup(over.can ?? {});
    sim.store =
      over.store ??
      openMemoryStore({
        clock: sim.clock,
        secrets: { sha256: (t) => createHash('sha256').update(t).digest('hex'), randomHex: (n) => 'a'.repeat(2 * n) },
        profile: 'exclusive',
      });
    sim.installId = sim.store.installId;
    (sim.cloud as { installId: string }).installId = sim.installId;
    await sim.store.control([{ kind: 'put-spec', spec }], []);
    return sim;
  }

  private constructor(can: Partial<SimCloud['can']>) {
    this.cloud = new SimCloud(this.clock, '', can);
    this.balancer = new SimBalancer(this.clock);
    this.edge = new SimBalancer(this.clock);
  }

  /** Another controller in the same world, with a store handle of its own to be given. */
  beside(): SimGroup {
    return Object.assign(Object.create(SimGroup.prototype) as SimGroup, this, { onCommit: (commit: () => Promise<CommitResult>) => commit() });
  }

  private cloudOf(controllerId: string): Cloud {
    const { cloud, acted, cloudAlso } = this;
    const told = <T>(job: () => T): T => {
      acted.push(controllerId);
      return job();
    };
    return {
      ...cloudAlso,
      list: () => cloud.list(),
      get: (id) => cloud.get(id),
      create: (request) => told(() => cloud.create(request)),
      delete: (id) => told(() => cloud.delete(id)),
    };
  }

  private balancerOf(): Balancer {
    const { balancer, balancerAlso } = this;
    return {
      ...balancerAlso,
      members: () => balancer.members(),
      attach: (member) => balancer.attach(member),
      drain: (ref) => balancer.drain(ref),
      detach: (ref) => balancer.detach(ref),
    };
  }

  async start(controllerId = 'c1'): Promise<void> {
    const cloud = openCloud('sim', this.cloudOf(controllerId), this.cloud.can, this.clock, noInstrument, this.installId);
    const source: Source = {
      read: async () => {
        if (typeof this.load !== 'number') return this.load;
        return { kind: 'value', value: this.load, atMs: this.clock.wall(), ageMs: 0, coverage: 1 };
      },
    };
    const world: World = {
      clouds: new Map([['sim', cloud]]),
      balancers: new Map([
        ['lb', openBalancer('lb', this.balancerOf(), this.balancer.can, this.clock, noInstrument)],
        ['edge', openBalancer('edge', this.edge, this.edge.can, this.clock, noInstrument)],
      ]),
      sources: new Map([['src', source]]),
      notifiers: new Map(),
      openHook: async () => this.hook,
    };
    const http: Http = {
      request: async ({ url }) => {
        const host = new URL(url).hostname;
        const m = this.cloud.alive().find((x) => x.address === host);
        if (!m || m.state === 'pending' || m.state === 'stopped' || this.sick.has(host)) throw new DriverError('unreachable', 'refused');
        return { status: 200, headers: {}, body: new Uint8Array() };
      },
    };
    this.engine = new Engine({
      controllerId,
      clock: this.clock,
      random: seeded(7),
      crash: (label) => this.crash(label),
      log: silentLog,
      store: { ...this.store, commit: (change) => this.onCommit(() => this.store.commit(change)) },
      instrument: this.instrument,
      http,
      sockets: { exchange: async () => '', canConnect: async () => true },
      calendar: { schedule: () => null, freezeUntil: () => null },
      installId: this.installId,
      world,
    });
    this.operating = new Operating(this.engine);
    await this.engine.start();
  }

  /** Ends the process without any goodbye: timers and calls under way come to nothing, the world stays. */
  kill(): void {
    for (const r of this.engine.runners.values()) r.lost = true;
    this.engine.runners.clear();
    void this.engine.stop();
  }

  async seconds(s: number): Promise<void> {
    await this.clock.advance(s * 1000);
  }

  /** Machines that exist and are not being deleted. */
  alive(): number {
    return this.cloud.alive().filter((m) => m.state !== 'deleting').length;
  }
}
