import type { GroupMemory, Json } from '../core/model/model.ts';
import type { Clock, InstanceRow } from '../ports/ports.ts';
import type { GroupState } from './group-state.ts';

/** A wall clock that differs by more than this from what the monotonic clock says was set, not slewed, ms. */
const JUMP_MS = 1_000;

/**
 * Stored times are wall times, because they outlive the process; the lengths between them must not change when somebody sets the
 * clock (invariant I21). This notices that it was set, so that all stored times can be moved along with it.
 */
export class WallWatch {
  readonly #clock: Clock;
  readonly #by: string;
  /** Wall time minus monotonic time as stored times count it. */
  #offset: number;

  /**
   * `by`: this controller. What it wrote itself says how it counted, whatever was set since. For what another one wrote only this is
   * certain: a time later than now was written by a clock that was ahead, and the difference is a jump to be told.
   */
  constructor(clock: Clock, by: string, state: GroupState) {
    this.#clock = clock;
    this.#by = by;
    const written = state.memory.clock;
    this.#offset = written?.by === by ? written.offsetMs : Math.max(clock.wall(), newestTime(state)) - clock.mono();
  }

  /**
   * The memory with the mark by which this process, should it lose the group and take it again, knows how its times are counted.
   * `byMs`: they are moved by so much, which is not followed yet.
   */
  mark(memory: GroupMemory, byMs = 0): GroupMemory {
    const { clock } = memory;
    const offsetMs = this.#offset + byMs;
    return clock?.by === this.#by && clock.offsetMs === offsetMs ? memory : { ...memory, clock: { by: this.#by, offsetMs } };
  }

  /** How far the wall clock was set forward (negative: back) since the last `follow`; 0: not. */
  jumpedMs(): number {
    const by = this.#clock.wall() - this.#clock.mono() - this.#offset;
    return Math.abs(by) < JUMP_MS ? 0 : Math.round(by);
  }

  follow(byMs: number): void {
    this.#offset += byMs;
  }
}

/** The newest time in the books that cannot lie in the future, Unix ms. */
function newestTime(state: GroupState): number {
  const { memory } = state;
  let newest = Math.max(0, memory.lastOutMs ?? 0, memory.lastInMs ?? 0, memory.lastGapMs ?? 0, memory.wants.at(-1)?.toMs ?? 0);
  for (const row of state.rows.values()) newest = Math.max(newest, row.sinceMs, row.createdAtMs, row.step?.startedMs ?? 0);
  return newest;
}

/** Every time that a length is measured from or to, moved by `byMs`. */
export function shiftTimes(state: GroupState, byMs: number): GroupState {
  return { row: state.row, memory: shiftMemory(state.memory, byMs), rows: new Map([...state.rows].map(([id, row]) => [id, shiftRow(row, byMs)])) };
}

function shiftRow(row: InstanceRow, byMs: number): InstanceRow {
  const { step, servingSinceMs } = row;
  return {
    ...row,
    sinceMs: row.sinceMs + byMs,
    createdAtMs: row.createdAtMs + byMs,
    servingSinceMs: servingSinceMs === null ? null : servingSinceMs + byMs,
    healthSinceMs: row.healthSinceMs + byMs,
    step: step && { ...step, startedMs: step.startedMs + byMs, nextTryMs: step.nextTryMs + byMs },
  };
}

function shiftMemory(m: GroupMemory, byMs: number): GroupMemory {
  const moved = (at: number | null): number | null => (at === null ? null : at + byMs);
  return {
    ...m,
    wants: m.wants.map((w) => ({ ...w, fromMs: w.fromMs + byMs, toMs: w.toMs + byMs })),
    moves: m.moves.map((x) => ({ ...x, atMs: x.atMs + byMs })),
    lastOutMs: moved(m.lastOutMs),
    lastInMs: moved(m.lastInMs),
    policies: shiftJson(m.policies, byMs) as GroupMemory['policies'],
    metrics: mapValues(m.metrics, (x) => ({ ...x, atMs: x.atMs + byMs, changedMs: x.changedMs + byMs, collapsedMs: moved(x.collapsedMs) })),
    lastGapMs: moved(m.lastGapMs),
    backoff: mapValues(m.backoff, (x) => ({ ...x, lastMs: x.lastMs + byMs, nextTryMs: x.nextTryMs + byMs })),
    destroyed: m.destroyed.map((x) => ({ ...x, atMs: x.atMs + byMs })),
    launched: m.launched.map((at) => at + byMs),
  };
}

function mapValues<T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

/** How policies name a moment in their memory; lengths are named after what they last. */
const MOMENT = /^(at|since|seen|until|last|from|to)Ms$/;

function shiftJson(value: Json, byMs: number): Json {
  if (Array.isArray(value)) return value.map((v) => shiftJson(v, byMs));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, typeof v === 'number' && MOMENT.test(key) ? v + byMs : shiftJson(v, byMs)]));
}
