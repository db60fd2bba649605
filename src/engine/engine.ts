import type { GroupMemory } from '../core/model/model.ts';
import { initialMemory } from '../core/remember.ts';
import { type EventRow, type GroupRow, type NewEvent, StoreError } from '../ports/ports.ts';
import { AlertBook } from './alert-book.ts';
import { InvariantViolated } from './assert.ts';
import type { EngineContext, World } from './context.ts';
import { cycle } from './cycle.ts';
import { DeadMan } from './dead-man.ts';
import { DueQueue } from './due.ts';
import { freezeGroup } from './freeze-group.ts';
import { GroupRunner } from './group-runner.ts';
import { Leases } from './lease.ts';
import { logEvents } from './log-events.ts';
import { Notifying } from './notify.ts';
import { probeGroup } from './probe.ts';
import { owedChange } from './record.ts';
import { Serial, Slots } from './serial.ts';

/** What the engine is given: the parts it shares with its own parts as they are, and the world of the first configuration. */
export interface EngineDeps extends Omit<EngineContext, 'world' | 'firing' | 'alert' | 'wake' | 'mayStart' | 'fleet'> {
  /** Names this process; another process must have another name. */
  readonly controllerId: string;
  readonly world: World;
  /** Evaluations under way at once; the others wait their turn. */
  readonly cyclesAtOnce?: number;
}

/** Store key of the list of groups whose machines are being deleted on a person's order. */
export const RETIRING = 'retiring';
/** Soonest time between two evaluations of a group, however often it is woken, ms. */
const WAKE_GAP_MS = 50;
const STORE_RETRY_MS = 2_000;
/** Repeats of alerts make no event: another controller's are read at every so manyth look around, half a minute apart. */
const ALERTS_EVERY_LOOKS = 6;
/** Events after which the books of a group may say what its controller has not read. */
const HEEDED = /^(control|config|alert|group)\./;
/** A stop waits this long for steps under way, ms. */
const STOP_MS = 8_000;
/** Groups asked for at once when taking them: their writes share a flush to the disk. */
const TAKEN_AT_ONCE = 200;
/** Regular evaluations fall on a common grid, ms: those of one moment share a flush, where each alone would cost one. */
const GRID_MS = 50;
const onGrid = (atMono: number): number => Math.ceil(atMono / GRID_MS) * GRID_MS;

/** Keeps every group it holds due, evaluated and converging. Everything it knows it reads from the store and the world. */
export class Engine {
  readonly #deps: EngineDeps;
  readonly ctx: EngineContext;
  readonly runners = new Map<string, GroupRunner>();
  readonly alerts: AlertBook;
  /** Groups that are archived once their last machine is gone. */
  readonly retiring = new Set<string>();
  readonly #due: DueQueue;
  readonly #slots: Slots;
  readonly #leases: Leases;
  readonly #notifying: Notifying;
  readonly #deadMan: DeadMan;
  readonly #lastStart = new Map<string, number>();
  readonly #working = new Set<Promise<void>>();
  /** Groups being taken: two askers must not make two runners of one. */
  readonly #taking = new Map<string, Promise<void>>();
  /** Groups that were given up and not looked for since: what was done in them is not known. */
  readonly #givenUp = new Set<string>();
  /** Deliveries of alerts, in order. */
  readonly receiving = new Serial();
  #retaking = false;
  #looks = 0;
  #world: World;
  #unsubscribe: () => void = () => {};
  #stopping = false;
  /** The store failed; nothing is started until it answers again. */
  storeDown: string | null = null;
  /** How often it did so far. */
  #outages = 0;
  /** What people and files want may have changed unheard while the store did not answer: which outages a group was read again after. */
  readonly #readAfter = new WeakMap<GroupRunner, number>();

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#world = deps.world;
    this.alerts = new AlertBook(deps.clock);
    this.#slots = new Slots(deps.cyclesAtOnce ?? 64);
    this.#due = new DueQueue(deps.clock, (key, lateMs) => this.#onDue(key, lateMs));
    this.#leases = new Leases(deps.store, deps.clock, deps.controllerId, (group) => this.#drop(group));
    const { clock, random, crash, log, store, instrument, http, sockets, calendar, installId } = deps;
    this.ctx = {
      clock,
      random,
      crash,
      log,
      store,
      instrument,
      http,
      sockets,
      calendar,
      installId,
      world: () => this.#world,
      firing: () => this.alerts.firing(),
      alert: (receiver, episode) => this.alerts.get(receiver, episode),
      wake: (group) => this.wake(group),
      mayStart: (runner) => !this.#stopping && this.storeDown === null && !runner.lost && this.#leases.covers(runner.name),
      fleet: (windowMs) => this.#fleet(windowMs),
    };
    this.#notifying = new Notifying(this.ctx, (group) => this.runners.get(group));
    this.#deadMan = new DeadMan(this.ctx, this.runners);
  }

  /** Takes every group it can get and begins. */
  async start(): Promise<void> {
    const isShared = this.#deps.store.profile === 'shared';
    this.#unsubscribe = this.#deps.store.onEvents((events: readonly EventRow[]) => {
      logEvents(this.#deps.log, events);
      this.#notifying.see(events);
      if (isShared) this.#heed(events);
    });
    await this.#readAlerts();
    const retiring = await this.#deps.store.meta(RETIRING);
    if (Array.isArray(retiring)) for (const name of retiring) this.retiring.add(String(name));
    await this.takeGroups();
    this.#deadMan.watch();
    if (isShared) this.#leases.keep(() => void this.#lookAround().catch((e) => this.#failed('lease', e)));
  }

  /** What others may have done on a shared store: groups that are new or free, and alerts they heard again (of which no event tells). */
  async #lookAround(): Promise<void> {
    await this.takeGroups();
    if (this.#looks++ % ALERTS_EVERY_LOOKS === 0) await this.#readAlerts();
  }

  async #readAlerts(): Promise<void> {
    for (const row of await this.#deps.store.alerts(true)) this.alerts.set(row);
  }

  /** People, senders and files may have spoken to another controller of the same store. */
  #heed(events: readonly EventRow[]): void {
    const told = events.filter((e) => HEEDED.test(e.type));
    if (told.length === 0) return;
    const everyone = told.some((e) => e.group === null);
    const names = everyone ? [...this.runners.keys()] : told.map((e) => e.group as string).filter((name) => this.runners.has(name));
    const look = async (): Promise<void> => {
      if (told.some((e) => e.type.startsWith('alert.'))) await this.#readAlerts();
      for (const name of new Set(names)) await this.refresh(name);
    };
    look().catch((e: unknown) => this.#failed('events', e));
  }

  /** Looks for groups that are new, free or expired; forgets archived ones. */
  async takeGroups(): Promise<void> {
    const sought = [...this.#givenUp];
    const free: GroupRow[] = [];
    for (const row of await this.#deps.store.groups()) {
      const runner = this.runners.get(row.name);
      if (row.archivedAtMs !== null) this.#drop(row.name);
      else if (!runner || runner.lost) free.push(row);
      else if (!sameOrders(row, runner.state.row)) await this.refresh(row.name); // an order whose event was missed
    }
    for (let i = 0; i < free.length; i += TAKEN_AT_ONCE) await Promise.all(free.slice(i, i + TAKEN_AT_ONCE).map((row) => this.#take(row)));
    for (const name of sought) this.#givenUp.delete(name);
  }

  async #take(seen: GroupRow): Promise<void> {
    // Since it was found free, another look may have taken it: a second runner would work against the first.
    if (this.#taking.has(seen.name) || this.runners.get(seen.name)?.lost === false) return;
    const taking = this.#takeNow(seen).finally(() => this.#taking.delete(seen.name));
    this.#taking.set(seen.name, taking);
    await taking;
  }

  async #takeNow(seen: GroupRow): Promise<void> {
    const { name } = seen;
    const outages = this.#outages;
    const row = await this.#leases.acquire(seen);
    if (!row || this.#stopping) return;
    const instances = await this.#deps.store.instances(name, false);
    const memory =
      row.memory ?? initialMemory(row.spec, this.#deps.clock.wall(), instances.filter((i) => i.removalCause === null && i.state !== 'terminating').length);
    const runner = new GroupRunner(
      this.#deps.store,
      { row, memory, rows: new Map(instances.map((i) => [i.id, i])) },
      this.#deps.clock,
      this.#deps.controllerId,
    );
    this.#readAfter.set(runner, outages);
    this.runners.set(name, runner);
    // Many groups at once start spread over their interval; those with work under way at once.
    const spread = this.runners.size <= 20 || instances.some((i) => i.state !== 'serving') ? 0 : (this.#deps.random.u32() % 1000) / 1000;
    this.#due.set(`c:${name}`, onGrid(this.#deps.clock.mono() + spread * row.spec.evaluateEveryMs));
    this.#due.set(`p:${name}`, this.#deps.clock.mono() + spread * row.spec.health.everyMs);
  }

  /** The books of a group changed from outside the cycle (a person, an alert, the file): read them, then look at once. */
  async refresh(group: string): Promise<void> {
    // Who takes it may have read what stood there before.
    await this.#taking.get(group)?.catch(() => {});
    const runner = this.runners.get(group);
    if (!runner) return this.takeGroups();
    await runner.reload();
    if (runner.lost)
      this.#giveUp(runner); // this one: meanwhile the group may have been taken again
    else {
      this.wake(group);
      this.#due.set(`p:${group}`, this.#deps.clock.mono());
    }
  }

  /** Makes the group due. `gapMs`: not sooner than this after its last evaluation began, so that many senders are one reason. */
  wake(group: string, gapMs = WAKE_GAP_MS): void {
    const runner = this.runners.get(group);
    if (!runner || this.#stopping) return;
    const last = this.#lastStart.get(group) ?? Number.NEGATIVE_INFINITY;
    const at = Math.max(this.#deps.clock.mono(), last + gapMs);
    if (runner.cycling) runner.againMono = Math.min(runner.againMono, at);
    else if (at < (this.#due.get(`c:${group}`) ?? Number.POSITIVE_INFINITY)) this.#due.set(`c:${group}`, at); // what is due sooner stays so
  }

  setWorld(world: World): void {
    this.#world = world;
  }

  nextDueMs(group: string): number | null {
    const at = this.#due.get(`c:${group}`);
    return at === null ? null : Math.round(this.#deps.clock.wall() + Math.max(0, at - this.#deps.clock.mono()));
  }

  /** Starts nothing new, lets commits and calls under way end (at most 8 s), writes held-back counts. Machines and members stay as they are. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#due.close();
    this.#unsubscribe();
    this.#notifying.close();
    this.#deadMan.close();
    this.#leases.close();
    const steps = [...this.runners.values()].flatMap((r) => [...r.inFlight.values()]);
    let cancel = () => {};
    const limit = new Promise<void>((done) => {
      cancel = this.#deps.clock.after(STOP_MS, done);
    });
    await Promise.race([Promise.allSettled([...this.#working, ...steps]), limit]);
    cancel();
    for (const runner of this.runners.values()) await runner.transact(() => null).catch(() => {}); // notes a clock that was set
    for (const runner of this.runners.values()) await this.#flush(runner).catch((e) => this.#failed(runner.name, e));
  }

  async #flush(runner: GroupRunner): Promise<void> {
    if (!runner.lost) await runner.transact(() => owedChange(runner));
  }

  #onDue(key: string, lateMs: number): void {
    const name = key.slice(2);
    const runner = this.runners.get(name);
    if (!runner || this.#stopping) return;
    const work = key[0] === 'p' ? this.#probe(runner) : this.#slots.run(() => this.#cycle(runner, lateMs));
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }

  async #probe(runner: GroupRunner): Promise<void> {
    let again = runner.state.row.spec.health.everyMs;
    try {
      again = await probeGroup(this.ctx, runner);
    } catch (e) {
      this.#failed(runner.name, e);
    }
    if (Number.isFinite(again) && this.runners.get(runner.name) === runner) this.#due.set(`p:${runner.name}`, this.#deps.clock.mono() + again);
  }

  async #cycle(runner: GroupRunner, lateMs: number): Promise<void> {
    if (runner.cycling || this.#stopping || this.runners.get(runner.name) !== runner) return;
    runner.cycling = true;
    runner.againMono = Number.POSITIVE_INFINITY;
    const started = this.#deps.clock.mono();
    this.#lastStart.set(runner.name, started);
    let nextMs = runner.state.row.spec.evaluateEveryMs;
    try {
      if (this.storeDown !== null) await this.#tryStore();
      await this.#readAgain(runner);
      nextMs = (await cycle(this.ctx, runner, 'timer')).nextMs;
      if (this.retiring.has(runner.name) && runner.state.rows.size === 0) await this.#archive(runner);
    } catch (e) {
      nextMs = Math.min(nextMs, STORE_RETRY_MS);
      await this.#cycleFailed(runner, e);
    } finally {
      runner.cycling = false;
      if (runner.lost) this.#giveUp(runner);
      else if (!this.#stopping) {
        // From when it was due, not from when it ran: lateness does not add up.
        const now = this.#deps.clock.mono();
        this.#due.set(`c:${runner.name}`, Math.max(now, Math.min(runner.againMono, onGrid(started - lateMs + nextMs))));
      }
    }
  }

  async #cycleFailed(runner: GroupRunner, e: unknown): Promise<void> {
    this.#failed(runner.name, e);
    if (e instanceof InvariantViolated) await freezeGroup(this.#deps.clock, runner, e).catch((again) => this.#failed(runner.name, again));
  }

  async #archive(runner: GroupRunner): Promise<void> {
    this.retiring.delete(runner.name);
    const event: NewEvent = { atMs: this.#deps.clock.wall(), group: runner.name, type: 'group.archived', actor: 'drover', data: {} };
    await this.#deps.store.control(
      [
        { kind: 'archive', group: runner.name },
        { kind: 'meta', key: RETIRING, value: [...this.retiring] },
      ],
      [event],
    );
    this.#drop(runner.name);
  }

  /** Before anything is decided after an outage: others may have written orders of which no event came. */
  async #readAgain(runner: GroupRunner): Promise<void> {
    const outages = this.#outages;
    if (this.#readAfter.get(runner) === outages) return;
    await runner.reload();
    this.#readAfter.set(runner, outages);
  }

  async #tryStore(): Promise<void> {
    await this.#deps.store.ping();
    this.storeDown = null;
    this.#deps.log.info({}, 'the store answers again');
  }

  #failed(group: string, e: unknown): void {
    if (e instanceof StoreError && (e.code === 'disk-full' || e.code === 'io')) {
      if (this.storeDown === null) {
        this.#deps.log.error({ err: e.message }, 'the store failed: nothing is acknowledged or changed until it answers');
        this.#outages++;
      }
      this.storeDown = e.message;
      return;
    }
    this.#deps.log.error({ group, err: e instanceof Error ? (e.stack ?? e.message) : String(e) }, 'evaluation failed');
  }

  /** Another controller has it, or what the store did is not known: looked for again soon. */
  #giveUp(runner: GroupRunner): void {
    if (this.runners.get(runner.name) === runner) {
      this.#drop(runner.name);
      this.#givenUp.add(runner.name);
    }
    if (this.#stopping || this.#retaking) return;
    this.#retaking = true;
    this.#deps.clock.after(STORE_RETRY_MS, () => {
      this.#retaking = false;
      if (this.#stopping) return;
      this.takeGroups().catch((e: unknown) => {
        this.#failed(runner.name, e);
        this.#giveUp(runner);
      });
    });
  }

  #drop(group: string): void {
    const runner = this.runners.get(group);
    if (runner) runner.lost = true;
    this.runners.delete(group);
    this.#due.delete(`c:${group}`);
    this.#due.delete(`p:${group}`);
    this.#leases.drop(group);
  }

  #fleet(windowMs: number): { destroyed: number; living: number } | null {
    if (this.#taking.size > 0 || this.#givenUp.size > 0) return null;
    let destroyed = 0;
    let living = 0;
    for (const runner of this.runners.values()) {
      if (runner.lost) return null;
      const since = runner.nowMs() - windowMs;
      living += runner.state.rows.size;
      destroyed += runner.condemning;
      for (const d of (runner.state.memory as GroupMemory).destroyed) if (d.atMs > since && d.cause !== 'forced') destroyed++;
    }
    return { destroyed, living };
  }
}

/** Does the row say the same of what people and files want as the one that was read before? */
function sameOrders(a: GroupRow, b: GroupRow): boolean {
  const orders = ({ spec, managed, frozen, pause, manual, approved }: GroupRow): string =>
    JSON.stringify([spec.hash, managed, frozen, pause, manual, approved]);
  return a === b || orders(a) === orders(b);
}
