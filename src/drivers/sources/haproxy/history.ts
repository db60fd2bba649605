/** Counters as read before, so that rates can be taken from their growth. */

const KEEP_MS = 15 * 60_000;
const KEEP_COUNT = 300;
const SPACING_MS = 500;
/** A shorter time gives a rate of noise. */
const SHORTEST_MS = 1000;

export type Counters = Readonly<Record<string, number>>;
export interface Sample {
  readonly atMs: number;
  readonly counters: Counters;
}

export class History {
  readonly #samples = new Map<string, Sample[]>();

  /**
   * Notes the counters of now (monotonic ms) and gives the sample to compare them with: the newest that is at least `windowMs` old, else the
   * oldest there is. Null: none is old enough. `reset`: a counter fell, so what was known is of another run of HAProxy, and is dropped.
   */
  note(key: string, now: Sample, windowMs: number): { readonly base: Sample | null; readonly reset: boolean } {
    const before = (this.#samples.get(key) ?? []).filter((s) => now.atMs - s.atMs <= KEEP_MS).slice(-KEEP_COUNT);
    const last = before.at(-1);
    const reset = last !== undefined && Object.entries(last.counters).some(([name, value]) => (now.counters[name] ?? 0) < value);
    const known = reset ? [] : before;
    const newest = known.at(-1);
    const spaced = newest === undefined || now.atMs - newest.atMs >= SPACING_MS;
    this.#samples.set(key, spaced ? [...known, now] : known);
    const base = known.findLast((s) => now.atMs - s.atMs >= windowMs) ?? known[0];
    return { base: base !== undefined && now.atMs - base.atMs >= SHORTEST_MS ? base : null, reset };
  }
}
