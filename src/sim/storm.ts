import { copyMemoryData } from '../drivers/stores/memory/data.ts';
import type { Dice } from './dice.ts';
import { FAULT_NAMES, FAULTS, type Fault, rarityOf } from './faults.ts';
import { askSomething } from './people.ts';
import type { SimProcess } from './process.ts';
import { sendAlerts } from './senders.ts';
import type { SimWorld } from './world.ts';

/** Faults come and go in episodes; machines, people and processes have their accidents. Ends by itself after `stormMs`. */
export class Storm {
  readonly #world: SimWorld;
  readonly #dice: Dice;
  /** One stream per class: leaving a class out does not reshuffle the others. */
  readonly #episodes: ReadonlyMap<Fault, Dice>;
  readonly #endMono: number;
  /** Slots of controllers that are down, and when they come back. */
  readonly #down = new Map<number, number>();
  readonly #slotOf = new Map<SimProcess, number>();
  #backup: SimWorld['data'] | null = null;

  constructor(world: SimWorld) {
    this.#world = world;
    this.#dice = world.dice.fork('storm');
    this.#endMono = world.now + world.scenario.stormMs;
    const on = FAULT_NAMES.filter((fault) => world.scenario.faults[fault] !== undefined);
    this.#episodes = new Map(on.map((fault) => [fault, world.dice.fork(`storm ${fault}`)]));
  }

  /** Starts one process per slot; called before the storm, too. */
  startAll(): void {
    for (let slot = 0; slot < this.#world.scenario.controllers; slot++) this.#start(slot);
  }

  get over(): boolean {
    return this.#world.now >= this.#endMono;
  }

  begin(): void {
    this.#world.clock.after(0, () => this.#step());
  }

  #start(slot: number): void {
    const process = this.#world.start(slot);
    this.#slotOf.set(process, slot);
    this.#down.delete(slot);
    if (this.#world.raging.has('crash') && this.#dice.chance(0.3)) this.#world.arm(process, this.#dice); // and again during the recovery
  }

  /** Everyone who is down comes back. */
  raiseAll(): void {
    this.#mournTheDead();
    for (const process of [...this.#world.processes]) {
      process.goOn();
      process.cut.clear();
    }
    for (const slot of [...this.#down.keys()]) this.#start(slot);
  }

  #mournTheDead(): void {
    const alive = new Set(this.#world.processes);
    for (const [process, slot] of this.#slotOf) {
      if (alive.has(process)) continue;
      this.#slotOf.delete(process);
      if (!this.#down.has(slot)) this.#down.set(slot, this.#world.now + this.#dice.int(0, 10 * this.#world.scenario.tickMs));
    }
  }

  #step(): void {
    const world = this.#world;
    if (this.over || world.calm || world.violations.length > 0) return;
    const d = this.#dice;
    const { tickMs, groups } = world.scenario;
    for (const [fault, own] of this.#episodes) if (own.chance(0.06)) this.#toggle(fault);
    for (const { spec, load } of groups) {
      const now = world.walk.get(spec.name) ?? load.low;
      const next = d.chance(0.1) ? d.unit() * load.high : now + (d.unit() - 0.5) * load.high * 0.1;
      world.walk.set(spec.name, Math.max(0, Math.round(next)));
      if (d.chance(0.05)) world.jobs.set(spec.name, d.int(0, spec.max * 10));
    }
    for (const b of world.balancers.values()) for (const e of b.entries()) if (d.chance(0.1)) b.setSessions(e.address, e.state === 'ready' ? d.int(0, 3) : 0);
    for (const [fault, own] of this.#episodes) {
      if (FAULTS[fault].per !== 'step' || !world.strikes(fault, (world.scenario.faults[fault] ?? 0) * 0.25)) continue;
      this.#happen(fault, own);
    }
    this.#mournTheDead();
    for (const [slot, atMono] of [...this.#down]) if (world.now >= atMono) this.#start(slot);
    world.clock.after(Math.round(tickMs * (0.1 + 5 * d.unit())), () => this.#step());
  }

  #toggle(fault: Fault): void {
    const { raging } = this.#world;
    // What everything rests on is bad for a short while only, or nothing else would ever be tried.
    const rare = rarityOf(fault) < 1;
    if (raging.has(fault)) raging.delete(fault);
    else if (!rare || this.#dice.chance(rarityOf(fault))) raging.add(fault);
    if (raging.has(fault)) this.#world.mark(`episode ${fault}`);
    this.#world.true(`episode ${fault} ${raging.has(fault) ? 'begins' : 'is over'}`);
  }

  #happen(fault: Fault, d: Dice): void {
    const world = this.#world;
    switch (fault) {
      case 'machine-dies':
      case 'machine-stops':
      case 'machine-sick':
      case 'id-reused':
      case 'tags-lost':
      case 'foreign':
      case 'zone-dies':
        this.#machines(fault, d);
        break;
      case 'lb-restart':
      case 'lb-edited':
        this.#balancers(fault, d);
        break;
      case 'people':
      case 'reload':
        askSomething(world, d, fault);
        break;
      case 'alert-doubled':
      case 'alert-reordered':
      case 'alert-replayed':
      case 'alert-unresolved':
        sendAlerts(world, d, fault);
        break;
      case 'wall-jump': {
        const ms = d.pick([-1, 1]) * Math.round(d.logUniform(1_000, 100_000_000));
        world.clock.jumpWall(ms);
        world.true(`the wall clock jumps by ${ms / 1000} s`);
        world.watch.tell('wallJumped');
        break;
      }
      default:
        this.#processes(fault, d);
    }
  }

  #machines(fault: Fault, d: Dice): void {
    const world = this.#world;
    const cloudName = d.pick([...world.clouds.keys()]);
    const cloud = world.clouds.get(cloudName);
    const machines = world.ours(cloudName).filter((m) => m.state !== 'deleting');
    const machine = machines.length > 0 ? d.pick(machines) : null;
    if (!cloud) return;
    if (fault === 'foreign') this.#plant(cloudName, d);
    if (fault === 'foreign' || !machine) return;
    world.true(`${machine.id}: ${fault}`);
    if (fault === 'machine-dies') cloud.kill(machine.id, 'gone');
    else if (fault === 'machine-stops') cloud.kill(machine.id, 'stopped');
    else if (fault === 'tags-lost') cloud.retag(machine.id, null);
    else if (fault === 'zone-dies') for (const m of machines.filter((x) => x.zone === machine.zone)) cloud.kill(m.id, d.pick(['gone', 'stopped']));
    else if (fault === 'id-reused') {
      cloud.kill(machine.id, 'gone');
      this.#plant(cloudName, d, machine.id);
    } else if (machine.address !== null) {
      if (world.sick.has(machine.address)) world.sick.delete(machine.address);
      else world.sick.add(machine.address);
    }
  }

  /** Someone else's machine, perhaps under an id that was ours. */
  #plant(cloudName: string, d: Dice, reused?: string): void {
    const world = this.#world;
    const cloud = world.clouds.get(cloudName);
    const id = reused ?? `f-${world.planted.size}`;
    const group = d.pick(world.scenario.groups).spec.name;
    const other = { install: 'other', group, token: `other.${group}.${d.int(1, 9)}`, instance: `${group}-1`, templateId: 't1' };
    cloud?.plant({ id, name: d.pick([`${group}-1`, group, 'x']), owner: reused === undefined && d.chance(0.5) ? null : other });
    const machine = cloud?.alive().find((m) => m.id === id);
    if (machine) world.planted.set(`${cloudName} ${id}`, machine);
    world.true(`${id} belongs to somebody else`);
  }

  #balancers(fault: Fault, d: Dice): void {
    const [name, balancer] = d.pick([...this.#world.balancers]);
    const entries = balancer.entries();
    this.#world.true(`${name}: ${fault}`);
    if (fault === 'lb-restart') balancer.restart();
    else if (entries.length > 0) balancer.edit(d.pick(entries).ref, d.pick(['remove', 'drain']));
  }

  #processes(fault: Fault, d: Dice): void {
    const world = this.#world;
    const { tickMs, profile } = world.scenario;
    const running = world.running();
    const process = running.length > 0 ? d.pick(running) : null;
    if (fault === 'store-restored') this.#restore(d);
    if (fault === 'store-restored' || !process) return;
    if (fault === 'crash') world.arm(process, d);
    if (fault === 'stop') this.#terminate(process);
    if (fault === 'mass-restart') for (const p of running) world.ended(p, 'power cut');
    if (fault === 'paused') {
      process.stop();
      world.true(`${process.name} is stopped (SIGSTOP)`);
      world.clock.after(Math.round(d.logUniform(tickMs / 10, 20 * tickMs)), () => {
        world.true(`${process.name} goes on`);
        process.goOn();
      });
    }
    if (fault !== 'partition') return;
    const edge = d.pick(
      profile === 'shared' ? (['store', 'store', 'cloud', 'balancer', 'metrics', 'members'] as const) : (['cloud', 'balancer', 'metrics', 'members'] as const),
    );
    process.cut.set(edge, d.pick(['requests', 'answers']));
    world.true(`${process.name} is cut off from ${edge} (${process.cut.get(edge)} are lost)`);
    world.clock.after(Math.round(d.logUniform(tickMs / 3, 20 * tickMs)), () => {
      process.cut.delete(edge);
      world.true(`${process.name} reaches ${edge} again`);
    });
  }

  /** SIGTERM, and SIGKILL where that takes too long. */
  #terminate(process: SimProcess): void {
    const world = this.#world;
    world.true(`${process.name} gets SIGTERM`);
    let ended = false;
    const end = (how: string): void => {
      if (!ended && !process.dead) world.ended(process, how);
      ended = true;
    };
    process.engine.stop().then(
      () => end('stopped'),
      (e: unknown) => end(String(e)),
    );
    world.clock.after(15_000, () => end('SIGKILL'));
  }

  /** Now and then a copy is kept; later everyone dies, and the copy is what is left. */
  #restore(d: Dice): void {
    const world = this.#world;
    if (this.#backup === null || d.chance(0.3)) {
      this.#backup = copyMemoryData(world.data);
      world.true('a backup of the store is made');
      return;
    }
    for (const p of [...world.processes]) world.ended(p, 'the store is lost');
    world.data = copyMemoryData(this.#backup);
    world.true('the store is restored from the backup');
    world.watch.tell('restored');
  }
}
