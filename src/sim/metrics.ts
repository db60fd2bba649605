import { missing, type Reading } from '../core/model/model.ts';
import type { Dice } from './dice.ts';
import type { Fault } from './faults.ts';
import { loadAt } from './load.ts';
import type { Scenario } from './scenario.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What the metrics follow. */
export interface MetricsTruth {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly calm: boolean;
  readonly walk: ReadonlyMap<string, number>;
  readonly jobs: ReadonlyMap<string, number>;
  readonly raging: ReadonlySet<Fault>;
  hits(fault: Fault): boolean;
}

/** A source of metrics that follows the true load and now and then does not tell it. */
export class SimMetrics {
  readonly #truth: MetricsTruth;
  readonly #dice: Dice;
  readonly #stuck = new Map<string, Reading>();

  constructor(truth: MetricsTruth, dice: Dice) {
    this.#truth = truth;
    this.#dice = dice;
  }

  /** The load that a group truly has. */
  load(group: string, metric: string): number {
    const drawn = this.#truth.scenario.groups.find((g) => g.spec.name === group);
    if (!drawn) return 0;
    const high = drawn.load.high;
    if (this.#truth.calm) return metric === 'jobs' ? 15 : Math.round(high * 0.45);
    if (metric === 'jobs') return this.#truth.jobs.get(group) ?? 5;
    return loadAt(drawn.load, this.#truth.clock.mono(), this.#truth.walk.get(group) ?? drawn.load.low);
  }

  /** What the source says, and whether that is a value which may be believed. */
  async read(query: string): Promise<{ readonly group: string; readonly metric: string; readonly reading: Reading; readonly given: boolean }> {
    const [group = '', metric = ''] = query.split('/');
    const reading = await this.#reading(query, group, metric);
    return { group, metric, reading, given: reading.kind === 'value' && this.#isHonest(reading) };
  }

  #isHonest(r: Extract<Reading, { kind: 'value' }>): boolean {
    const old = r.ageMs !== null && r.ageMs > Math.max(60_000, 3 * this.#truth.scenario.tickMs);
    return Number.isFinite(r.value) && r.value >= 0 && !old && r.coverage >= 0.8 && r.atMs <= this.#truth.clock.wall() + 60_000;
  }

  async #reading(query: string, group: string, metric: string): Promise<Reading> {
    const atMs = this.#truth.clock.wall();
    if (this.#truth.hits('metric-hangs')) {
      await this.#truth.clock.sleep(60_000);
      return missing('source-error', 'hangs', this.#truth.clock.wall());
    }
    if (this.#truth.hits('metric-missing')) return missing('empty', 'no series', atMs);
    let value = this.load(group, metric);
    if (this.#truth.raging.has('metrics-disagree') && metric === 'jobs') value = this.#truth.hits('metrics-disagree') ? value * 4 : value;
    const d = this.#dice;
    if (this.#truth.hits('metric-garbage')) value = d.pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1]);
    if (this.#truth.hits('metric-lies')) value = d.pick([value * 1_000, 1e308, value / 1_000]);
    const ageMs = this.#truth.hits('metric-old') ? 10 * Math.max(60_000, 3 * this.#truth.scenario.tickMs) : 0;
    const coverage = this.#truth.hits('metric-gaps') ? d.unit() * 0.7 : 1;
    const reading: Reading = { kind: 'value', value, atMs: atMs - ageMs, ageMs, coverage };
    const stuck = this.#stuck.get(query);
    if (!this.#truth.raging.has('metric-stuck')) this.#stuck.delete(query);
    else if (stuck?.kind === 'value' && this.#truth.hits('metric-stuck')) return { ...stuck, atMs };
    else if (reading.kind === 'value' && this.#isHonest(reading)) this.#stuck.set(query, reading);
    return reading;
  }
}
