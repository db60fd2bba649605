import type { GroupSpec, Reading } from '../../core/model/model.ts';
import type { SimProcess } from '../process.ts';
import type { SimWorld } from '../world.ts';

/** How many asks of one metric are kept; an evaluation uses one of the newest. */
const KEEP = 64;

export interface Ask {
  readonly wallMs: number;
  readonly atMono: number;
  readonly given: boolean;
}

/** Every time a process asked for a metric, and whether it truly got one it may shrink by. */
export class MetricAsks {
  readonly #world: SimWorld;
  /** A commit may be the last thing that a process does. */
  readonly #of = new WeakMap<SimProcess, Map<string, Ask[]>>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  asked(by: SimProcess, group: string, metric: string, given: boolean): void {
    let own = this.#of.get(by);
    if (!own) {
      own = new Map();
      this.#of.set(by, own);
    }
    const key = `${group}/${metric}`;
    let list = own.get(key);
    if (!list) {
      list = [];
      own.set(key, list);
    }
    list.push({ wallMs: this.#world.clock.wall(), atMono: this.#world.now, given });
    if (list.length > 2 * KEEP) list.splice(0, KEEP);
  }

  of(by: SimProcess, group: string, metric: string): readonly Ask[] {
    return this.#of.get(by)?.get(`${group}/${metric}`) ?? [];
  }

  /** Which ask a reading came from is told by its time; a value that no ask gave was made up. */
  isGiven(by: SimProcess, group: string, metric: string, reading: Reading | undefined): boolean {
    if (reading?.kind !== 'value') return false;
    return this.of(by, group, metric).some((ask) => ask.given && ask.wallMs === reading.atMs);
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
