/** Clouds, balancers and a source that cost next to nothing and are true: what the benches measure is the engine, not them. */
import { openBalancer } from '../src/engine/balancer-access.ts';
import { openCloud } from '../src/engine/cloud-access.ts';
import type { World } from '../src/engine/context.ts';
import type { Instrument } from '../src/engine/instrument.ts';
import type { Balancer, Clock, Cloud, CloudAbilities, CreateRequest, ListResult, Machine, Member, MemberRequest, Source } from '../src/ports/ports.ts';
import { balancerOf, loadOf, machinesOf } from './groups.ts';

const BOOT_MS = 2_000;
const CAN: CloudAbilities = {
  idempotency: 'token',
  consistencyMs: 0,
  callLimitMs: 20_000,
  concurrency: 50,
  zones: false,
  prices: false,
  cpu: false,
  listsForeign: false,
};

/** Every call takes constant time, however many machines there are; a list is as long as the fleet. */
class BenchCloud implements Cloud {
  readonly #clock: Clock;
  readonly #machines = new Map<string, Machine>();
  readonly #booting = new Set<string>();
  #next = 1;

  constructor(clock: Clock, machines: readonly Machine[]) {
    this.#clock = clock;
    for (const m of machines) this.#machines.set(m.id, m);
  }

  async list(): Promise<ListResult<Machine>> {
    for (const id of this.#booting) this.#see(id);
    return { items: [...this.#machines.values()], complete: true, asOfMs: this.#clock.wall() };
  }
  async get(id: string): Promise<Machine | null> {
    return this.#see(id) ?? null;
  }
  async create({ owner, name }: CreateRequest): Promise<Machine> {
    const n = this.#next++;
    const machine: Machine = {
      id: `n-${n}`,
      owner,
      name,
      state: 'pending',
      address: `11.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
      port: 8080,
      zone: null,
      createdAtMs: this.#clock.wall(),
      pricePerHour: null,
      paidUntilMs: null,
    };
    this.#machines.set(machine.id, machine);
    this.#booting.add(machine.id);
    return machine;
  }
  async delete(id: string): Promise<void> {
    this.#machines.delete(id);
    this.#booting.delete(id);
  }

  #see(id: string): Machine | undefined {
    const machine = this.#machines.get(id);
    if (machine?.state !== 'pending' || this.#clock.wall() - (machine.createdAtMs ?? 0) < BOOT_MS) return machine;
    const running: Machine = { ...machine, state: 'running' };
    this.#machines.set(id, running);
    this.#booting.delete(id);
    return running;
  }
}

class BenchBalancer implements Balancer {
  readonly #clock: Clock;
  readonly #members = new Map<string, Member>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(address: string, port: number): string {
    const ref = `s:${address}:${port}`;
    this.#members.set(ref, { ref, address, port, state: 'ready', health: 'up', sessions: 0 });
    return ref;
  }
  async members(): Promise<ListResult<Member>> {
    return { items: [...this.#members.values()], complete: true, asOfMs: this.#clock.wall() };
  }
  async attach({ address, port }: MemberRequest): Promise<string> {
    return this.put(address, port);
  }
  async drain(ref: string): Promise<void> {
    const m = this.#members.get(ref);
    if (m) this.#members.set(ref, { ...m, state: 'draining' });
  }
  async detach(ref: string): Promise<void> {
    this.#members.delete(ref);
  }
}

/** `groups` groups whose machines run and are in their balancers. `onRead` sees every reading asked for, before it is answered. */
export function openBenchWorld(deps: {
  readonly groups: number;
  readonly clock: Clock;
  readonly instrument: Instrument;
  readonly installId: string;
  readonly startMs: number;
  readonly onRead: (group: number) => void;
}): World {
  const { groups, clock, instrument, installId } = deps;
  const machines: Machine[] = [];
  const balancers = new Map<string, BenchBalancer>();
  for (let i = 0; i < groups; i++) {
    const own = machinesOf(i, installId, deps.startMs);
    machines.push(...own);
    const name = balancerOf(i);
    const balancer = balancers.get(name) ?? new BenchBalancer(clock);
    balancers.set(name, balancer);
    for (const m of own) balancer.put(m.address as string, m.port as number);
  }
  const source: Source = {
    read: async (query) => {
      const { group } = query as { group: number };
      deps.onRead(group);
      const atMs = clock.wall();
      return { kind: 'value', value: loadOf(group, atMs), atMs, ageMs: 0, coverage: 1 };
    },
  };
  return {
    clouds: new Map([['bench', openCloud('bench', new BenchCloud(clock, machines), CAN, clock, instrument, installId)]]),
    balancers: new Map(
      [...balancers].map(([name, b]) => [name, openBalancer(name, b, { sessions: true, checks: false, callLimitMs: 20_000 }, clock, instrument)]),
    ),
    sources: new Map([['src', source]]),
    notifiers: new Map(),
    openHook: async () => ({ run: async () => {} }),
  };
}
