import { missing, type Reading } from '../../../src/core/model/model.ts';
import { createMemoryData, type MemoryData } from '../../../src/drivers/stores/memory/data.ts';
import { openMemoryStore } from '../../../src/drivers/stores/memory/driver.ts';
import type { Hook, InstanceRow, ListResult, Machine } from '../../../src/ports/ports.ts';
import { DriverError } from '../../../src/ports/ports.ts';
import { SimBalancer } from '../../../src/sim/sim-balancer.ts';
import { type CloudFault, type CloudOp, SimCloud } from '../../../src/sim/sim-cloud.ts';
import { VirtualClock } from '../../../src/sim/virtual-clock.ts';
import { START_MS } from '../sim-group.ts';
import { Checks } from './checks.ts';
import { type Dice, dice } from './dice.ts';
import { SimProcess } from './process.ts';
import type { Fault, Scenario } from './scenario.ts';

const drain = (): Promise<void> => new Promise((go) => void setImmediate(go));

/** Ground truth around the engine, with the faults of one scenario. */
export class ChaosWorld {
  readonly scenario: Scenario;
  readonly dice: Dice;
  readonly clock = new VirtualClock(START_MS, drain);
  readonly installId = 'inst';
  readonly data: MemoryData = createMemoryData('inst');
  readonly cloud: SimCloud;
  readonly balancers = new Map<string, SimBalancer>();
  readonly checks: Checks;
  readonly hook: Hook;
  process: SimProcess | null = null;
  /** Fault classes whose episode is on now. */
  readonly raging = new Set<Fault>();
  load = 100;
  jobs = 5;
  /** Addresses of machines whose check fails. */
  readonly sick = new Set<string>();
  allSick = false;
  /** Crash at the nth crash point from now, of all or of one kind; null: none armed. */
  #crash: { left: number; readonly of: string } | null = null;
  readonly marks = new Map<string, number>();
  readonly trace: string[] = [];
  readonly #faultDice: Dice;
  readonly #diceOf = new Map<Fault, Dice>();
  readonly #lists: { atMono: number; items: readonly Machine[] }[] = [];
  readonly #missed = new Map<string, number>();
  #processes = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.dice = dice(scenario.seed);
    this.#faultDice = this.dice.fork('faults');
    this.cloud = new SimCloud(this.clock, this.installId, scenario.can);
    this.cloud.bootMs = scenario.bootMs;
    this.cloud.deleteMs = scenario.deleteMs;
    this.cloud.reusesAddresses = scenario.reusesAddresses;
    this.cloud.hiddenMs = () => (this.#faultDice.chance(0.5) ? 0 : this.#faultDice.int(0, this.cloud.can.consistencyMs));
    this.checks = new Checks(this);
    this.cloud.fault = (op) => this.#cloudFault(op);
    this.cloud.onCall = (op, arg) => this.checks.cloudCall(op, arg);
    this.cloud.onMade = (machine) => {
      if (this.hits('never-healthy') && machine.address) this.sick.add(machine.address);
      this.checks.made(machine);
    };
    for (const name of ['lb', 'edge']) this.balancers.set(name, this.#balancer(name));
    this.hook = {
      run: async () => {
        this.checks.mutating('hook');
        if (this.hits('hook-hangs')) await this.clock.sleep(10_000);
        if (this.hits('hook-fails')) throw new DriverError('unknown', 'exit 1');
      },
    };
  }

  #balancer(name: string): SimBalancer {
    const balancer = new SimBalancer(this.clock);
    balancer.plant({ ref: 'theirs', address: '192.168.0.1', port: 80, state: 'ready', health: 'up', sessions: 1 });
    balancer.onCall = (op, arg) => this.checks.balancerCall(name, op, arg);
    balancer.fault = () => {
      const before = this.hits('lb-error') ? new DriverError(this.#faultDice.pick(['unreachable', 'unknown', 'conflict']), 'lb') : undefined;
      const after = this.hits('lb-after') ? new DriverError('unreachable', 'lb') : undefined;
      const delayMs = this.hits('lb-slow') ? this.#faultDice.int(100, 30_000) : undefined;
      return { ...(before ? { before } : {}), ...(after ? { after } : {}), ...(delayMs ? { delayMs } : {}), incomplete: this.hits('lb-incomplete') };
    };
    return balancer;
  }

  // ── chance ──

  /** One throw for a fault class whose episode is on. */
  hits(fault: Fault): boolean {
    if (!this.raging.has(fault)) return false;
    let own = this.#diceOf.get(fault);
    if (!own) {
      own = this.dice.fork(fault);
      this.#diceOf.set(fault, own);
    }
    const hit = own.chance(this.scenario.faults.get(fault) ?? 0);
    if (hit) this.mark(fault);
    return hit;
  }

  mark(name: string): void {
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1);
  }

  note(text: string): void {
    this.trace.push(`${(this.clock.mono() / 1000).toFixed(3)} ${text}`);
    if (this.trace.length > 4_000) this.trace.splice(0, 1_000);
  }

  /** Most crash points are the store's and the cycle's: the rare kinds are also drawn by name. */
  armCrash(d: Dice, within: number): void {
    const of = d.pick(['', '', 'create:', 'attach:', 'drain:', 'detach:', 'delete:', 'hook-', 'control:']);
    this.#crash = { left: d.int(1, of === '' ? within : 6), of };
  }

  disarmCrash(): void {
    this.#crash = null;
  }

  shouldCrash(label: string): boolean {
    if (!this.#crash || !label.startsWith(this.#crash.of)) return false;
    return --this.#crash.left <= 0;
  }

  onCrash(label: string): void {
    this.#crash = null;
    this.mark(`crash ${label}`);
    this.note(`CRASH at ${label}`);
    this.checks.processEnded();
  }

  onLog(text: string): void {
    this.note(`LOG ${text.slice(0, 300)}`);
    // What it tells people is no failure of the program; an exception that nobody expected is.
    if (/^(evaluation|step|cycle) failed/.test(text)) this.checks.fail('errors', `the engine logged: ${text.slice(0, 600)}`);
  }

  // ── processes ──

  async start(): Promise<void> {
    this.#processes++;
    this.note(`START c${this.#processes}`);
    this.process = new SimProcess(this, `c${this.#processes}`);
    const { process } = this;
    await this.settle(process.engine.start());
  }

  /** Waits for a promise of the process, which never comes if the process dies first. */
  async settle<T>(job: Promise<T>): Promise<T | undefined> {
    let done = false;
    let value: T | undefined;
    job.then(
      (v) => {
        value = v;
        done = true;
      },
      () => {
        done = true;
      },
    );
    for (let i = 0; i < 40 && !done && !this.process?.dead; i++) await this.clock.advance(i < 5 ? 0 : 250);
    return value;
  }

  /** A store handle of nobody: for looking and for writing what `app` would write. */
  outsideStore() {
    return openMemoryStore({ clock: this.clock, secrets: { sha256: (t) => t.slice(0, 8), randomHex: () => '' }, data: this.data });
  }

  rows(): InstanceRow[] {
    return [...this.data.instances.values()].filter((r) => r.state !== 'gone');
  }

  // ── what the engine sees ──

  async read(metric: string): Promise<Reading> {
    const [hangs, lacks] = [this.hits('metric-hangs'), this.hits('metric-missing')];
    this.checks.asked(metric, !hangs && !lacks);
    if (hangs) await this.clock.sleep(60_000);
    if (lacks) return missing('empty', 'no series', this.clock.wall());
    const value = metric === 'jobs' ? this.jobs : this.load;
    return { kind: 'value', value, atMs: this.clock.wall(), ageMs: 0, coverage: 1 };
  }

  answers(address: string): boolean {
    const m = this.cloud.alive().find((x) => x.address === address);
    return m?.state === 'running' && !this.allSick && !this.sick.has(address);
  }

  #cloudFault(op: CloudOp): CloudFault | undefined {
    const d = this.#faultDice;
    if (this.hits('throttled')) return { before: this.checks.throttle(new DriverError('throttled', '429', { retryAfterMs: d.int(1, 20) * 1_000 })) };
    if (this.hits('unauthorized')) return { before: new DriverError('unauthorized', '401') };
    const limit = this.cloud.can.callLimitMs;
    const delayMs = this.hits('cloud-slow') ? d.int(100, op === 'list' ? 40_000 : limit * 2) : 0;
    if (op === 'create') return { ...this.#createFault(limit), ...(delayMs ? { delayMs } : {}) };
    if (op === 'delete') {
      if (this.hits('delete-error')) return { before: new DriverError('unknown', '500') };
      if (this.hits('delete-ignored')) return { ignored: true, delayMs };
      return this.hits('delete-after') ? { after: new DriverError('unknown', '500'), delayMs } : { delayMs };
    }
    if (op === 'get') return this.hits('get-error') ? { before: new DriverError('unknown', '500') } : { delayMs };
    if (this.hits('list-error')) return { before: new DriverError('bad-reply', 'html') };
    return { delayMs, list: (truth) => this.#answer(truth) };
  }

  #createFault(limit: number): CloudFault {
    const d = this.#faultDice;
    if (this.hits('create-refused')) return { before: new DriverError(d.pick(['quota', 'no-capacity', 'bad-request']), 'no') };
    if (this.hits('create-before')) return { before: new DriverError('unreachable', 'reset') };
    if (this.hits('create-after')) return { after: new DriverError('unknown', '500') };
    // On its way for longer than anyone waits; a request that is older than the call limit is dropped by the far side.
    if (this.hits('create-late')) return { lateMs: d.int(1, limit - 1), after: new DriverError('unreachable', 'time-out') };
    return {};
  }

  /** What the list says instead of the truth. Machines that no row knows yet are left out at most twice running: no driver could work otherwise. */
  #answer(truth: ListResult<Machine>): ListResult<Machine> {
    const now = this.clock.mono();
    this.#lists.push({ atMono: now, items: truth.items });
    while (this.#lists[0] && now - this.#lists[0].atMono > 120_000) this.#lists.shift();
    if (this.hits('list-incomplete')) return { ...truth, items: truth.items.filter(() => this.#faultDice.chance(0.5)), complete: false };
    const booked = new Set(this.rows().map((r) => r.machineId));
    let items = truth.items;
    if (this.hits('list-stale')) {
      const old = this.#faultDice.pick(this.#lists).items;
      items = [...old, ...truth.items.filter((m) => !booked.has(m.id) && !old.some((o) => o.id === m.id))];
    }
    if (this.hits('list-empty')) items = this.#without(items, booked, () => true);
    else if (this.raging.has('list-missing')) items = this.#without(items, booked, () => this.hits('list-missing'));
    for (const m of items) this.#missed.delete(m.id);
    if (this.hits('list-stopped')) items = items.map((m) => (m.owner?.install === this.installId && m.state === 'running' ? { ...m, state: 'stopped' } : m));
    return { ...truth, items };
  }

  #without(items: readonly Machine[], booked: ReadonlySet<string | null>, out: (m: Machine) => boolean): Machine[] {
    const someBooked = items.some((m) => booked.has(m.id) && m.owner?.install === this.installId);
    return items.filter((m) => {
      if (!out(m)) return true;
      if (booked.has(m.id) || someBooked) return false;
      const times = (this.#missed.get(m.id) ?? 0) + 1;
      this.#missed.set(m.id, times);
      return times > 2;
    });
  }
}
