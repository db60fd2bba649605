import type { AlertRow, Clock } from '../ports/ports.ts';

/** Episodes that fire at once: more say nothing that a policy could use, ever. */
export const MOST_FIRING = 5_000;
/** The most that `valid_for` of a policy may be, ms. */
const LONGEST_VALID_MS = 30 * 86_400_000;

interface Kept {
  row: AlertRow;
  /** When it was last heard by a clock that nobody sets, for the time of hearing that the row has. */
  heardMono: number;
}

/** The alert episodes that are known, by receiver and episode; those of one alert are found by what their episodes begin with. */
export class AlertBook {
  readonly #clock: Clock;
  readonly #rows = new Map<string, Kept>();
  readonly #byAlert = new Map<string, Set<string>>();
  /** Newest heard first; null: not sorted yet. */
  #firing: readonly Kept[] | null = null;
  #open = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#rows.size;
  }
  /** Episodes that fire. */
  get open(): number {
    return this.#open;
  }

  get(receiver: string, episode: string): AlertRow | undefined {
    return this.#rows.get(keyOf(receiver, episode))?.row;
  }

  set(row: AlertRow): void {
    const key = keyOf(row.receiver, row.episode);
    const before = this.#rows.get(key);
    if (before && before.row.status === row.status && before.row.lastHeardMs === row.lastHeardMs) return; // read again, and nothing new
    if (before?.row.status === 'firing') this.#open--;
    if (row.status === 'firing') this.#open++;
    // Heard by a clock that was ahead of ours: now is the latest that it can have been.
    const heardMono = this.#clock.mono() - Math.max(0, this.#clock.wall() - row.lastHeardMs);
    this.#rows.set(key, { row, heardMono });
    const alert = alertOf(row.receiver, row.episode);
    const episodes = this.#byAlert.get(alert);
    if (episodes) episodes.add(key);
    else this.#byAlert.set(alert, new Set([key]));
    this.#firing = null;
  }

  /** Other episodes of the alert that this episode belongs to, and it itself. */
  *episodesOf(receiver: string, episode: string): Iterable<AlertRow> {
    for (const key of this.#byAlert.get(alertOf(receiver, episode)) ?? []) {
      const kept = this.#rows.get(key);
      if (kept) yield kept.row;
    }
  }

  /** All that fire, newest heard first. The age of each is the time that has passed since, however the wall clock was set meanwhile. */
  firing(): readonly AlertRow[] {
    this.#firing ??= [...this.#rows.values()].filter(({ row }) => row.status === 'firing').sort(newestFirst);
    const offset = this.#clock.wall() - this.#clock.mono();
    return this.#firing.map(({ row, heardMono }) => ({ ...row, lastHeardMs: Math.round(heardMono + offset) }));
  }

  /**
   * Strikes resolved episodes that began before then (what is told of them again is refused as too old anyway), and firing ones that nobody
   * was told of again for longer than any policy believes an alert.
   */
  forget(beforeMs: number): void {
    const unheardMono = this.#clock.mono() - LONGEST_VALID_MS;
    for (const [key, { row, heardMono }] of this.#rows) {
      if (row.status === 'resolved' ? row.startsAtMs >= beforeMs : heardMono >= unheardMono) continue;
      this.#rows.delete(key);
      if (row.status === 'firing') this.#open--;
      this.#firing = null;
      const alert = alertOf(row.receiver, row.episode);
      const episodes = this.#byAlert.get(alert);
      episodes?.delete(key);
      if (episodes?.size === 0) this.#byAlert.delete(alert);
    }
  }
}

function newestFirst(a: Kept, b: Kept): number {
  return b.row.lastHeardMs - a.row.lastHeardMs || (keyOf(a.row.receiver, a.row.episode) < keyOf(b.row.receiver, b.row.episode) ? -1 : 1);
}

export function keyOf(receiver: string, episode: string): string {
  return `${receiver}\0${episode}`;
}

/** An episode is its alert's fingerprint, a slash, and when it began. */
function alertOf(receiver: string, episode: string): string {
  const cut = episode.lastIndexOf('/');
  return keyOf(receiver, cut < 0 ? episode : episode.slice(0, cut));
}
