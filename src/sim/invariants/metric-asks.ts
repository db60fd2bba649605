import type { GroupSpec, Reading } from '../../core/model/model.ts';
import type { SimProcess } from '../process.ts';
import type { SimWorld } from '../world.ts';

/** How many times of one metric are kept; an evaluation uses one of the newest. */
const KEEP = 64;

/** When each process asked for a metric and truly got one it may shrink by. */
export class MetricAsks {
  readonly #world: SimWorld;
  /** A commit may be the last thing that a process does. */
  readonly #of = new WeakMap<SimProcess, Map<string, Map<string, number[]>>>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  asked(by: SimProcess, group: string, metric: string, given: boolean): void {
    if (!given) return;
    const times = this.#times(by, group, metric);
    times.push(this.#world.clock.wall());
    if (times.length > 2 * KEEP) times.splice(0, KEEP);
  }

  /** Which ask a reading came from is told by its time; a value that no ask gave was made up. */
  isGiven(by: SimProcess, group: string, metric: string, reading: Reading | undefined): boolean {
    return reading?.kind === 'value' && this.#times(by, group, metric).includes(reading.atMs);
  }

  #times(by: SimProcess, group: string, metric: string): number[] {
    let groups = this.#of.get(by);
    if (!groups) {
      groups = new Map();
      this.#of.set(by, groups);
    }
    let metrics = groups.get(group);
    if (!metrics) {
      metrics = new Map();
      groups.set(group, metrics);
    }
    let times = metrics.get(metric);
    if (!times) {
      times = [];
      metrics.set(metric, times);
    }
    return times;
  }
}

/** Metrics of the policies that move a group. */
export function usedMetrics(spec: GroupSpec): string[] {
  const used = new Set<string>();
  for (const p of spec.policies) {
    const metric = (p.options as { readonly metric?: string }).metric;
    if (!p.advisory && metric !== undefined) used.add(metric);
  }
  return [...used];
}
