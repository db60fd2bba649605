import type { SimProcess } from '../process.ts';
import type { CommitSeen } from '../watch.ts';
import type { SimWorld } from '../world.ts';

/** A clock that differs by less was slewed, not set, and is not followed, ms. */
const SLEW_MS = 1_000;
/** A slow store is reached within, ms. */
const SLOW_MS = 4_000;
/** Nothing takes longer to be written, ms. */
const LONGEST_WAY_MS = 60_000;

/**
 * Lengths as the books can measure them at best. Stored times are wall times of whichever controller wrote them: a clock that was set
 * while the holder watched is followed (`clock.jumped`); one that was set forward while nobody looked, or a new holder whose clock is
 * ahead, cannot be told from time that passed. True monotonic time plus what nobody could see.
 */
export class BookTime {
  readonly #world: SimWorld;
  readonly #slewMs: number;
  /** Longest ordinary way to the store, ms. */
  readonly #wayMs: number;
  readonly #of = new Map<string, Book>();

  constructor(world: SimWorld) {
    this.#world = world;
    const { faults, skews, latencyMs } = world.scenario;
    this.#wayMs = faults['store-slow'] === undefined ? Math.ceil(latencyMs) : SLOW_MS;
    this.#slewMs = faults['wall-jump'] !== undefined || skews.some((s) => s.rate !== 1) ? SLEW_MS : 0;
  }

  /** A moment from which a length is measured, ms. */
  at(group: string): number {
    return this.#world.now + (this.#of.get(group)?.unseenMs ?? 0);
  }
  /** The moment up to which it is measured: no length is shorter than true time, and none shorter than the books may count it. */
  now(group: string): number {
    return this.at(group) + this.#slewMs;
  }

  /** How often the clock of the books was set back while nobody looked: time in which nothing was known cannot be seen then. */
  setBack(group: string): number {
    return this.#of.get(group)?.setBack ?? 0;
  }

  /**
   * The moment that a commit was made at, which is the one it writes down: it may have been on its way for a while.
   */
  writtenAt({ by, change }: CommitSeen): number {
    const atMs = change.decision?.decision.atMs ?? change.events?.at(-1)?.atMs;
    const lateMs = atMs === undefined ? this.#wayMs : by.clock.wall() - atMs;
    // Set back on the way, the clock cannot tell how long it took.
    const tookMs = lateMs < 0 ? this.#wayMs : Math.min(LONGEST_WAY_MS, lateMs);
    return this.at(change.group) - tookMs;
  }

  committed({ by, change, result, moved }: CommitSeen): void {
    if (!result && moved.length === 0) return;
    let one = this.#of.get(change.group);
    if (!one) {
      one = { by: null, followedMs: 0, aheadMs: Number.POSITIVE_INFINITY, unseenMs: 0, setBack: 0 };
      this.#of.set(change.group, one);
    }
    let followed = false;
    for (const e of change.events ?? []) {
      if (e.type !== 'clock.jumped') continue;
      followed = true;
      one.followedMs += Number(e.data['by_ms']);
    }
    // Nothing new, or set a moment ago and not yet followed: the commit was made before that.
    if (!followed && one.by === by) return;
    one.by = by;
    const aheadMs = by.clock.wall() - this.#world.now - one.followedMs;
    // Set back unseen, time stands still for the books: lengths become longer, never shorter.
    one.unseenMs += Math.max(0, aheadMs - one.aheadMs);
    if (aheadMs < one.aheadMs - SLEW_MS && one.aheadMs !== Number.POSITIVE_INFINITY) one.setBack++;
    one.aheadMs = aheadMs;
  }
}

interface Book {
  by: SimProcess | null;
  /** Sum of what was followed. */
  followedMs: number;
  /** The clock of the books against true time; only differences mean something. */
  aheadMs: number;
  /** Time that the books counted and that never passed. */
  unseenMs: number;
  /** How often it was set back unseen. */
  setBack: number;
}
