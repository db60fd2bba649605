/** Draws for one input. The same seed and index give the same input for ever; fast-check's arbitraries cost ten times as much. */

/** As in test/support/fast-check.ts: one seed for all checks; FC_SEED draws others, to go looking. */
export const SEED = Number(process.env['FC_SEED'] ?? 20261122) >>> 0;

export class Draw {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
    this.u32();
  }

  /** mulberry32 */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 ≤ result < `below`. */
  below(below: number): number {
    return below <= 1 ? 0 : Math.floor((this.u32() / 2 ** 32) * below);
  }

  /** Both ends are possible. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True one time in `n`. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** Small numbers mostly: 0 half of the time, 1 a quarter … */
  few(most: number): number {
    let n = 0;
    while (n < most && this.oneIn(2)) n++;
    return n;
  }

  list<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }

  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}
