/** A collection that can still say what was in it a while ago: for lists that lag behind. */

interface Version<V> {
  readonly fromMs: number;
  /** Null: not in it from then on. */
  readonly view: V | null;
}

/** Longest time one can look back, ms. */
export const MAX_STALE_MS = 600_000;

export class Timeline<V> {
  readonly #now: () => number;
  readonly #versions = new Map<number, Version<V>[]>();
  /** Ids that are gone, with when, oldest first. */
  readonly #gone: { id: number; atMs: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  set(id: number, view: V): void {
    this.#push(id, view);
  }

  delete(id: number): void {
    this.#push(id, null);
    this.#gone.push({ id, atMs: this.#now() });
    this.#forget();
  }

  /** What was in it `staleMs` ago, oldest first. */
  asOf(staleMs: number): V[] {
    const atMs = this.#now() - staleMs;
    return [...this.#versions.values()].flatMap((versions) => {
      const version = versions.findLast((each) => each.fromMs <= atMs);
      return version === undefined || version.view === null ? [] : [version.view];
    });
  }

  #push(id: number, view: V | null): void {
    const nowMs = this.#now();
    const versions = this.#versions.get(id) ?? [];
    // One version older than the limit stays: it says what was there at the limit.
    const first = versions.findLastIndex((each) => each.fromMs <= nowMs - MAX_STALE_MS);
    if (first > 0) versions.splice(0, first);
    versions.push({ fromMs: nowMs, view });
    this.#versions.set(id, versions);
  }

  #forget(): void {
    const limitMs = this.#now() - MAX_STALE_MS;
    for (let first = this.#gone[0]; first !== undefined && first.atMs < limitMs; first = this.#gone[0]) {
      this.#versions.delete(first.id);
      this.#gone.shift();
    }
  }
}
