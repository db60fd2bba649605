import type { Reading } from '../core/model/model.ts';
import { createMemoryData, type MemoryData } from '../drivers/stores/memory/data.ts';
import { openMemoryStore } from '../drivers/stores/memory/driver.ts';
import { readInstances } from '../drivers/stores/memory/reads.ts';
import { type CommitResult, DriverError, type GroupCommit, type GroupRow, type InstanceRow, type Machine, type Store, StoreError } from '../ports/ports.ts';
import { CloudFaults } from './cloud-faults.ts';
import { type Dice, dice } from './dice.ts';
import { type Fault, rarityOf } from './faults.ts';
import { SimMetrics } from './metrics.ts';
import { SimProcess } from './process.ts';
import type { CloudScenario, Scenario } from './scenario.ts';
import { SimBalancer } from './sim-balancer.ts';
import { SimCloud } from './sim-cloud.ts';
import { Trace } from './trace.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Watch, type Watcher } from './watcher.ts';

/** 2026-11-22 12:00 UTC: where every run begins. */
export const START_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
/** More violations of one run say nothing new. */
const ENOUGH = 20;

export interface Violation {
  readonly id: string;
  readonly atMs: number;
  readonly text: string;
}

export interface WorldOptions {
  /** Keep the lines of the story. */
  readonly story?: boolean;
  /** Hits to let happen, as `class#number`; all others are let off. Not given: all happen. */
  readonly only?: ReadonlySet<string>;
}

/** Ground truth around the engine: clouds, balancers, members, metrics, and the store that outlives every process. */
export class SimWorld {
  readonly scenario: Scenario;
  readonly dice: Dice;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly watch: Watch;
  readonly installId = 'inst';
  /** Not a secret kept from anyone here: cheap, and the chain still shows every change. */
  readonly secrets = { sha256: cheapHash, randomHex: () => '' };
  data: MemoryData = createMemoryData('inst');
  readonly clouds = new Map<string, SimCloud>();
  readonly balancers = new Map<string, SimBalancer>();
  /** Alive, or stopped by SIGSTOP. */
  readonly processes: SimProcess[] = [];
  /** Fault classes whose episode is on now. */
  readonly raging = new Set<Fault>();
  /** Loads that people or a storm have set, by group. */
  readonly walk = new Map<string, number>();
  readonly jobs = new Map<string, number>();
  /** Addresses of machines whose check fails. */
  readonly sick = new Set<string>();
  /** Machines of others, by cloud and id, as they must stay. */
  readonly planted = new Map<string, Machine>();
  readonly marks = new Map<string, number>();
  /** Every hit, as `class#number`, in order. */
  readonly hitList: string[] = [];
  readonly violations: Violation[] = [];
  /** Evaluations that ended well. */
  ticks = 0;
  /** Faults are over. */
  calm = false;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #diceOf = new Map<Fault, Dice>();
  readonly #throws = new Map<Fault, number>();
  readonly #faultDice: Dice;
  readonly #metrics: SimMetrics;
  readonly #armed = new Map<SimProcess, { left: number; readonly of: string }>();
  #started = 0;
  #caller: SimProcess | null = null;

  /** `watchers`: who looks on, opened once the world stands. */
  constructor(scenario: Scenario, watchers: (world: SimWorld) => readonly Watcher[], options: WorldOptions = {}) {
    this.scenario = scenario;
    this.dice = dice(scenario.seed);
    this.#only = options.only;
    this.#faultDice = this.dice.fork('faults');
    const ties = this.dice.fork('order');
    this.clock = new VirtualClock(START_MS, async () => {}, ties);
    this.trace = new Trace(options.story ?? false);
    for (const cloud of scenario.clouds) this.clouds.set(cloud.name, this.#cloud(cloud));
    for (const name of ['lb', 'edge']) this.balancers.set(name, this.#balancer(name));
    this.#metrics = new SimMetrics(this, this.dice.fork('metrics'));
    this.watch = new Watch(watchers(this));
  }

  get now(): number {
    return this.clock.mono();
  }

  // ── what happened ──

  fail(id: string, text: string): void {
    this.true(`VIOLATION ${id}: ${text}`);
    if (this.violations.length < ENOUGH) this.violations.push({ id, atMs: this.now, text });
  }
  mark(name: string): void {
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1);
  }
  true(text: string): void {
    this.trace.note(this.now, 'true', text);
  }
  believed(text: string): void {
    this.trace.note(this.now, 'believed', text);
  }

  logged(process: SimProcess, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.trace.keeps) this.believed(`${process.name} logs: ${message} ${JSON.stringify(fields).slice(0, 300)}`);
    // What it tells people is no failure of the program; an exception that nobody expected is.
    const expected = /is closed|does not answer|connection lost/.test(String(fields['err']));
    if (!expected && /^(evaluation|step|cycle|notifying) failed/.test(message))
      this.fail('errors', `${process.name} logged: ${message} ${String(fields['err'])}`);
  }

  // ── chance ──

  /** One throw for a fault class whose episode is on. */
  hits(fault: Fault): boolean {
    return this.raging.has(fault) && this.strikes(fault, this.scenario.faults[fault] ?? 0);
  }

  /** One throw with this chance. Every class has a stream of its own: leaving one out does not reshuffle the others. */
  strikes(fault: Fault, chance: number): boolean {
    let own = this.#diceOf.get(fault);
    if (!own) {
      own = this.dice.fork(`fault ${fault}`);
      this.#diceOf.set(fault, own);
    }
    if (!own.chance(chance * rarityOf(fault))) return false;
    const n = (this.#throws.get(fault) ?? 0) + 1;
    this.#throws.set(fault, n);
    const name = `${fault}#${n}`;
    if (this.#only && !this.#only.has(name)) return false;
    this.hitList.push(name);
    this.mark(fault);
    this.trace.mix(this.now, fault);
    return true;
  }

  starts(by: SimProcess, what: string, group: string | null): void {
    this.watch.tell('starts', by, what, group);
  }
  ticked(): void {
    this.ticks++;
  }

  // ── processes ──

  running(): SimProcess[] {
    return this.processes.filter((p) => !p.dead && !p.stopped);
  }

  start(slot: number): SimProcess {
    this.#started++;
    const skew = this.scenario.skews[slot % this.scenario.skews.length] ?? { wallMs: 0, rate: 1 };
    const process = new SimProcess(this, `c${this.#started}`, skew);
    this.processes.push(process);
    this.true(`${process.name} starts`);
    this.trace.mix(this.now, 'start', process.name);
    process.engine.start().catch((e: unknown) => this.logged(process, 'start failed', { err: String(e) }));
    return process;
  }

  ended(process: SimProcess, how: string): void {
    process.kill();
    const i = this.processes.indexOf(process);
    if (i >= 0) this.processes.splice(i, 1);
    this.#armed.delete(process);
    this.true(`${process.name} ends: ${how}`);
    this.trace.mix(this.now, 'end', process.name);
    this.watch.tell('processEnded', process);
  }

  /** Most crash points are the store's and the cycle's: the rare kinds are also drawn by name. */
  arm(process: SimProcess, d: Dice): void {
    const of = d.pick(['', '', 'create:', 'attach:', 'drain:', 'detach:', 'delete:', 'hook-', 'control:']);
    this.#armed.set(process, { left: d.int(1, of === '' ? 60 : 6), of });
  }
  disarm(): void {
    this.#armed.clear();
  }

  crashesAt(process: SimProcess, label: string): boolean {
    const armed = this.#armed.get(process);
    if (!armed || !label.startsWith(armed.of) || --armed.left > 0) return false;
    this.mark(`crash ${label}`);
    this.ended(process, `SIGKILL at ${label}`);
    return true;
  }

  // ── the store ──

  /** A handle of nobody: for looking, and for writing what `app` would write. */
  outside(): Store {
    return openMemoryStore({ clock: this.clock, secrets: this.secrets, data: this.data, profile: this.scenario.profile });
  }
  rows(group: string): readonly InstanceRow[] {
    return readInstances(this.data, group, false);
  }
  group(name: string): GroupRow | undefined {
    return this.data.groups.get(name);
  }
  rowOfMachine(cloud: string, id: string): InstanceRow | undefined {
    for (const g of this.scenario.groups) {
      if (g.spec.cloud !== cloud) continue;
      const row = this.rows(g.spec.name).find((r) => r.machineId === id);
      if (row) return row;
    }
    return undefined;
  }
  /** The row in whose name a process changes an entry. Addresses are reused: undefined where several groups of its wrote down that they do. */
  rowOfMember(by: SimProcess, balancer: string, ref: string): InstanceRow | undefined {
    const rows = this.scenario.groups.flatMap((g) => this.rows(g.spec.name).filter((r) => r.members[balancer] === ref));
    const groups = by.intents.get(`${balancer} ${ref}`) ?? new Set();
    if (groups.size > 1) return undefined;
    return groups.size === 0 ? rows[0] : rows.find((r) => groups.has(r.group));
  }

  async commit(by: SimProcess, change: GroupCommit, run: () => Promise<CommitResult>): Promise<CommitResult> {
    const before = this.group(change.group);
    const was = change.instances?.map((row) => this.data.instances.get(row.id));
    const done = run(); // the store changes during the call; a crash after it leaves it changed
    const after = this.group(change.group);
    const now = change.instances?.map((row) => this.data.instances.get(row.id)) ?? [];
    const applied = after !== before || now.some((row, i) => row !== was?.[i]);
    const moved = applied ? now.flatMap((row, i) => (row ? [{ was: was?.[i], row }] : [])) : [];
    this.trace.mix(this.now, 'commit', change.group);
    for (const row of change.instances ?? []) intend(by.intents, row);
    if (this.trace.keeps) this.#tellCommit(by, change, moved);
    this.watch.tell('commit', { by, change, result: applied, before, after, moved });
    const result = await done;
    if (this.scenario.profile === 'shared' && this.hits('commit-unknown')) throw new StoreError('io', 'connection lost at COMMIT');
    return result;
  }

  #tellCommit(by: SimProcess, change: GroupCommit, moved: readonly { was: InstanceRow | undefined; row: InstanceRow }[]): void {
    for (const { was, row } of moved) {
      if (was?.state !== row.state)
        this.believed(`${by.name} ${row.id} ${was?.state ?? 'new'} → ${row.state} ${row.removalCause ?? ''} ${row.machineId ?? ''} ${row.removalWhy ?? ''}`);
    }
    const d = change.decision?.decision;
    if (d && change.decision?.kind === 'new') this.believed(`${by.name} ${d.group}: ${d.sentence}`);
  }

  // ── clouds and balancers ──

  /** Runs a call in the name of a process: the effect happens during it. */
  as<T>(process: SimProcess, run: () => Promise<T>): Promise<T> {
    this.#caller = process;
    try {
      return run();
    } finally {
      this.#caller = null;
    }
  }

  #cloud(drawn: CloudScenario): SimCloud {
    const cloud = new SimCloud(this.clock, this.installId, drawn.can);
    const d = this.#faultDice;
    const faults = new CloudFaults(drawn, this, this.dice.fork(`faults of ${drawn.name}`));
    cloud.bootMs = drawn.bootMs;
    cloud.deleteMs = drawn.deleteMs;
    cloud.reusesAddresses = drawn.reusesAddresses;
    cloud.network = this.scenario.clouds.indexOf(drawn);
    cloud.hiddenMs = () => (this.hits('shown-late') ? d.int(0, drawn.can.consistencyMs) : 0);
    cloud.fault = (op) => faults.of(op);
    cloud.onCall = (op, arg) => {
      this.trace.mix(this.now, op, arg);
      if (op !== 'list') this.true(`${this.#caller?.name ?? '?'} asks ${drawn.name}: ${op} ${arg}`);
      if (this.#caller) this.watch.tell('cloudCall', { by: this.#caller, cloud: drawn.name, op, arg });
    };
    cloud.onMade = (machine) => {
      if (machine.address && this.hits('never-healthy')) this.sick.add(machine.address);
      this.true(`${drawn.name} made ${machine.id} for ${machine.owner?.token ?? 'nobody'} at ${machine.address}`);
      this.watch.tell('made', drawn.name, machine);
    };
    cloud.onGone = (machine) => {
      if (machine.address) this.sick.delete(machine.address);
      this.true(`${drawn.name}: ${machine.id} is gone`);
      faults.gone(machine);
    };
    return cloud;
  }

  #balancer(name: string): SimBalancer {
    const balancer = new SimBalancer(this.clock);
    const d = this.#faultDice;
    balancer.plant({ ref: 'theirs', address: '192.168.0.1', port: 80, state: 'ready', health: 'up', sessions: 1 });
    balancer.onCall = (op, arg) => {
      this.trace.mix(this.now, op, arg);
      if (op === 'members') return;
      this.true(`${this.#caller?.name ?? '?'} asks ${name}: ${op} ${arg}`);
      if (this.#caller) this.watch.tell('balancerCall', { by: this.#caller, balancer: name, op, arg });
    };
    balancer.fault = () => {
      const before = this.hits('lb-error') ? new DriverError(d.pick(['unreachable', 'unknown', 'conflict']), 'lb') : undefined;
      const after = this.hits('lb-after') ? new DriverError('unreachable', 'lb') : undefined;
      const delayMs = this.hits('lb-slow') ? d.int(100, 30_000) : undefined;
      return { ...(before ? { before } : {}), ...(after ? { after } : {}), ...(delayMs ? { delayMs } : {}), incomplete: this.hits('lb-incomplete') };
    };
    return balancer;
  }

  atQuota({ name, quota }: CloudScenario): boolean {
    return quota !== null && !this.calm && this.ours(name).length >= quota;
  }
  booked(): Set<string | null> {
    return new Set(this.scenario.groups.flatMap((g) => this.rows(g.spec.name).map((r) => r.machineId)));
  }
  throttled(cloud: string, forMs: number): void {
    if (this.#caller) this.watch.tell('throttled', this.#caller, cloud, forMs);
  }

  // ── members, metrics, hooks ──

  /** Every machine of ours that exists in one cloud, those on their way out included. */
  ours(cloud: string, group?: string): Machine[] {
    return (this.clouds.get(cloud)?.alive(group) ?? []).filter((m) => !this.planted.has(`${cloud} ${m.id}`));
  }

  answers(address: string): boolean {
    if (this.raging.has('all-sick') || this.sick.has(address)) return false;
    if (this.hits('machine-flaps')) return false;
    for (const cloud of this.clouds.values()) if (cloud.at(address)?.state === 'running') return true;
    return false;
  }

  async runHook(): Promise<void> {
    if (this.hits('hook-hangs')) await this.clock.sleep(10 * this.scenario.tickMs);
    if (this.hits('hook-fails')) throw new DriverError('unknown', 'exit 1');
  }

  load(group: string, metric: string): number {
    return this.#metrics.load(group, metric);
  }
  async read(by: SimProcess, query: string): Promise<Reading> {
    this.watch.tell('looks', by, query.slice(0, query.indexOf('/')));
    const { group, metric, reading, given } = await this.#metrics.read(query);
    this.watch.tell('asked', by, group, metric, given);
    return reading;
  }
}

function cheapHash(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ (c + i), 0x85ebca6b);
  }
  return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0');
}

function intend(intents: SimProcess['intents'], { step, members, group }: InstanceRow): void {
  if (step?.kind !== 'drain' && step?.kind !== 'detach') return;
  for (const [name, ref] of Object.entries(members)) {
    const groups = intents.get(`${name} ${ref}`) ?? new Set();
    intents.set(`${name} ${ref}`, groups.add(group));
  }
}
