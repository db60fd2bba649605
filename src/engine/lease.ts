import type { Clock, GroupRow, SeenLease, Store } from '../ports/ports.ts';

/** Lease of a group on a shared store, ms; renewed at a third of it. */
const TTL_MS = 15_000;
const RENEW_MS = 5_000;
/** A mutating call may start only with this much lease left: time for the call (a longer one is renewed under way), and for clocks that differ, ms. */
const CALL_MS = 5_000;
const SKEW_MS = 2_000;

/**
 * Who may act. On an exclusive store the process that holds the file holds every group. On a shared one a group is ours until
 * the lease ends by our own monotonic clock, counted from before we asked.
 */
export class Leases {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #onLost: (group: string) => void;
  readonly #held = new Map<string, { epoch: number; untilMono: number }>();
  /** Leases of others, and since when they have stood as they do. */
  readonly #others = new Map<string, SeenLease & { readonly sinceMono: number }>();
  #cancel: () => void = () => {};
  #closed = false;

  constructor(store: Store, clock: Clock, owner: string, onLost: (group: string) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#owner = owner;
    this.#onLost = onLost;
  }

  /** `seen`: the group's row as just read. */
  async acquire(seen: GroupRow): Promise<GroupRow | null> {
    const asked = this.#clock.mono();
    const row = await this.#store.acquire(seen.name, this.#owner, TTL_MS, this.#isDead(seen) ? seen : undefined);
    if (row) {
      this.#others.delete(seen.name);
      this.#held.set(seen.name, { epoch: row.epoch, untilMono: this.#store.profile === 'exclusive' ? Number.POSITIVE_INFINITY : asked + TTL_MS });
    }
    return row;
  }

  /** Nobody renewed it for longer than a lease lasts, by our own clock: the store's may have been set back, and would keep a dead owner alive for hours. */
  #isDead(seen: GroupRow): boolean {
    const { epoch, leaseUntilMs } = seen;
    const before = this.#others.get(seen.name);
    if (before?.epoch === epoch && before.leaseUntilMs === leaseUntilMs) return this.#clock.mono() - before.sinceMono > TTL_MS + SKEW_MS;
    this.#others.set(seen.name, { epoch, leaseUntilMs, sinceMono: this.#clock.mono() });
    return false;
  }

  /** May a mutating call start now? */
  covers(group: string): boolean {
    const held = this.#held.get(group);
    return held !== undefined && held.untilMono - this.#clock.mono() >= CALL_MS + SKEW_MS;
  }

  /** Renews all that is held and looks for free groups, until closed. */
  keep(lookForMore: () => void): void {
    const round = async (): Promise<void> => {
      for (const [group, held] of [...this.#held]) {
        const asked = this.#clock.mono();
        const kept = await this.#store.renew(group, this.#owner, held.epoch, TTL_MS).catch(() => null);
        if (kept === true) held.untilMono = asked + TTL_MS;
        else if (kept === false && this.#held.get(group) === held) this.#onLost(group);
      }
      if (!this.#closed) lookForMore();
    };
    const next = (): void => {
      if (this.#closed) return;
      this.#cancel = this.#clock.after(RENEW_MS, () => void round().finally(next));
    };
    next();
  }

  drop(group: string): void {
    this.#held.delete(group);
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }
}
