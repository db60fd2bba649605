import type { Need } from '../ports/ports.ts';

/** Longest time one question before the start may take, ms. */
export const PREFLIGHT_MS = 10_000;

/** What one cloud or balancer was asked before anything is started. What passed once is not asked again; askers at one time share the question. */
export class Preflights {
  readonly #ask: (need: Need) => Promise<void>;
  readonly #passed = new Set<Need>();
  readonly #asking = new Map<Need, Promise<void>>();

  constructor(ask: (need: Need) => Promise<void>) {
    this.#ask = ask;
  }

  has(need: Need): boolean {
    // Who may act may look.
    return this.#passed.has(need) || this.#passed.has('act');
  }

  /** Throws DriverError. */
  async pass(need: Need): Promise<void> {
    if (this.has(need)) return;
    let asking = this.#asking.get(need);
    if (asking === undefined) {
      asking = this.#ask(need)
        .then(() => void this.#passed.add(need))
        .finally(() => this.#asking.delete(need));
      this.#asking.set(need, asking);
    }
    await asking;
  }
}
