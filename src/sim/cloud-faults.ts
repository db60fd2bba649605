import { DriverError, type ListResult, type Machine } from '../ports/ports.ts';
import type { Dice } from './dice.ts';
import type { Fault } from './faults.ts';
import type { CloudScenario, Scenario } from './scenario.ts';
import type { CloudFault, CloudOp } from './sim-cloud.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What the faults of a cloud depend on. */
export interface CloudTruth {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly installId: string;
  readonly raging: ReadonlySet<Fault>;
  hits(fault: Fault): boolean;
  atQuota(cloud: CloudScenario): boolean;
  /** Machines that some row knows. */
  booked(): ReadonlySet<string | null>;
  /** A caller was asked for quiet. */
  throttled(cloud: string, forMs: number): void;
}

/** Longest list of machines that are gone and shown all the same. */
const TOMBSTONES = 20;

/** What goes wrong in one cloud. */
export class CloudFaults {
  readonly drawn: CloudScenario;
  readonly #truth: CloudTruth;
  readonly #dice: Dice;
  readonly #lists: { readonly atMono: number; readonly items: readonly Machine[] }[] = [];
  readonly #missed = new Map<string, number>();
  readonly #tombstones: Machine[] = [];

  constructor(drawn: CloudScenario, truth: CloudTruth, dice: Dice) {
    this.drawn = drawn;
    this.#truth = truth;
    this.#dice = dice;
  }

  gone(machine: Machine): void {
    this.#tombstones.push({ ...machine, state: 'gone' });
    if (this.#tombstones.length > TOMBSTONES) this.#tombstones.shift();
  }

  of(op: CloudOp): CloudFault {
    const d = this.#dice;
    const { drawn } = this;
    if (this.#truth.hits('throttled')) {
      const retryAfterMs = d.int(1, 20) * 1_000;
      this.#truth.throttled(drawn.name, retryAfterMs);
      return { before: new DriverError('throttled', '429', { retryAfterMs }) };
    }
    if (this.#truth.raging.has('unauthorized')) return { before: new DriverError('unauthorized', '401') };
    const limit = drawn.can.callLimitMs;
    const delayMs = this.#truth.hits('cloud-slow') ? d.int(100, op === 'list' ? 40_000 : limit * 2) : 0;
    if (op === 'create') return { ...this.#createFault(limit), ...(delayMs ? { delayMs } : {}) };
    if (op === 'delete') return { ...this.#deleteFault(), ...(delayMs ? { delayMs } : {}) };
    if (op === 'get') return this.#truth.hits('get-error') ? { before: new DriverError('unknown', '500') } : { delayMs };
    if (this.#truth.hits('list-error')) return { before: new DriverError('bad-reply', 'html') };
    return { delayMs, list: (truth) => this.#answer(truth) };
  }

  #createFault(limit: number): CloudFault {
    const d = this.#dice;
    if (this.#truth.atQuota(this.drawn)) return { before: new DriverError('quota', 'quota') };
    if (this.#truth.hits('create-refused')) return { before: new DriverError(d.pick(['quota', 'no-capacity']), 'no') };
    if (this.#truth.raging.has('create-bad')) return { before: new DriverError('bad-request', 'no such image') };
    if (this.#truth.hits('create-before')) return { before: new DriverError('unreachable', 'reset') };
    if (this.#truth.hits('create-after')) return { after: new DriverError('unknown', '500') };
    if (this.#truth.hits('create-stopped')) return { stopped: true };
    // On its way for longer than anyone waits; a request that is older than the call limit is dropped by the far side.
    if (this.#truth.hits('create-late')) return { lateMs: d.int(1, limit - 1), after: new DriverError('unreachable', 'time-out') };
    return {};
  }

  #deleteFault(): CloudFault {
    if (this.#truth.hits('delete-error')) return { before: new DriverError('unknown', '500') };
    if (this.#truth.hits('delete-ignored')) return { ignored: true };
    if (this.#truth.hits('delete-slow')) return { slowMs: this.#dice.int(60_000, 3_600_000) };
    return this.#truth.hits('delete-after') ? { after: new DriverError('unknown', '500') } : {};
  }

  /** What the list says instead of the truth. Machines that no row knows yet are left out at most twice running: no driver could work otherwise. */
  #answer(truth: ListResult<Machine>): ListResult<Machine> {
    const now = this.#truth.clock.mono();
    const lists = this.#lists;
    if (this.#truth.scenario.faults['list-stale'] !== undefined) {
      lists.push({ atMono: now, items: truth.items });
      while (lists[0] && now - lists[0].atMono > 10 * this.#truth.scenario.tickMs) lists.shift();
    }
    if (this.#truth.raging.size === 0) return truth;
    if (this.#truth.hits('list-incomplete')) return { ...truth, items: truth.items.filter(() => this.#dice.chance(0.5)), complete: false };
    const booked = this.#truth.booked();
    let items = truth.items;
    if (this.#truth.hits('list-stale')) {
      const old = this.#dice.pick(lists).items;
      items = [...old, ...truth.items.filter((m) => !booked.has(m.id) && !old.some((o) => o.id === m.id))];
    }
    if (this.#truth.hits('list-empty')) items = this.#without(items, booked, () => true);
    else if (this.#truth.raging.has('list-missing')) items = this.#without(items, booked, () => this.#truth.hits('list-missing'));
    for (const m of items) this.#missed.delete(m.id);
    const ours = (m: Machine): boolean => m.owner?.install === this.#truth.installId && m.state === 'running';
    if (this.#truth.hits('list-stopped')) items = items.map((m) => (ours(m) ? { ...m, state: 'stopped' } : m));
    if (this.#truth.hits('list-doubled')) items = [...items, ...items];
    if (this.#truth.hits('list-tombstones')) items = [...items, ...this.#tombstones.filter((t) => !items.some((m) => m.id === t.id))];
    return { ...truth, items };
  }

  #without(items: readonly Machine[], booked: ReadonlySet<string | null>, out: (m: Machine) => boolean): Machine[] {
    return items.filter((m) => {
      if (!out(m)) return true;
      if (booked.has(m.id)) return false;
      // One that was shown late has been missing for as long as a cloud may hide it already.
      if (this.#truth.scenario.faults['shown-late'] !== undefined) return true;
      const times = (this.#missed.get(m.id) ?? 0) + 1;
      this.#missed.set(m.id, times);
      return times > 2;
    });
  }
}
