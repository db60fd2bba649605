/** Which backend a client's address is pinned to. */

const KEEP_MS = 30 * 60_000;
const MAX_PINS = 100_000;

export class PinTable {
  /** In the order of last use, so that the oldest is first. */
  readonly #pins = new Map<string, { readonly id: string; readonly usedMs: number }>();

  readonly #most: number;

  constructor(most = MAX_PINS) {
    this.#most = most;
  }

  get(client: string): string | null {
    const pin = this.#pins.get(client);
    if (pin === undefined || performance.now() - pin.usedMs > KEEP_MS) return null;
    return pin.id;
  }

  set(client: string, id: string): void {
    this.#pins.delete(client);
    this.#pins.set(client, { id, usedMs: performance.now() });
    if (this.#pins.size <= this.#most) return;
    const [oldest] = this.#pins.keys();
    if (oldest !== undefined) this.#pins.delete(oldest);
  }
}
