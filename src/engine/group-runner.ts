import type { Decision, GroupMemory, GroupSpec, Health, InstanceView } from '../core/model/model.ts';
import {
  type Clock,
  type CommitRefusal,
  type CommitResult,
  type DecisionInputs,
  type GroupCommit,
  type InstanceRow,
  type NewEvent,
  type Store,
  StoreError,
} from '../ports/ports.ts';
import { applied, type Change, type GroupState } from './group-state.ts';
import { Serial } from './serial.ts';
import { shiftTimes, WallWatch } from './steady.ts';

/** Health of one instance as probed; lost at a restart and learnt anew. */
export interface HealthTrack {
  health: Health;
  sinceMs: number;
  passed: number;
  failed: number;
  /** What the last check saw; null: it passed. */
  fault: string | null;
}

/** Evidence that a machine (or a token) is not in the cloud. */
export interface Absence {
  readonly lists: number;
  readonly lastSerial: number;
  /** When the first of these lists was asked for, monotonic ms. */
  readonly sinceMono: number;
}

/** The newest run of equal holds, not yet or only partly written. */
export interface PendingDecision {
  decision: Decision;
  inputs: Omit<DecisionInputs, 'spec'>;
  count: number;
  writtenCount: number;
  writtenMono: number;
}

/**
 * One group that this process looks after: its committed state, what is under way, and the one door through which it changes.
 */
export class GroupRunner {
  readonly name: string;
  readonly #store: Store;
  readonly #serial = new Serial();
  readonly #clock: Clock;
  readonly #wall: WallWatch;
  #state: GroupState;
  /** Instance id → the step under way. */
  readonly inFlight = new Map<string, Promise<void>>();
  readonly health = new Map<string, HealthTrack>();
  readonly absent = new Map<string, Absence>();
  /** A whole list of machines was read since the group was taken. */
  listed = false;
  /** Instance id → when our last call for it ended, monotonic ms; older lists of machines and members say nothing about it. */
  readonly touchedMono = new Map<string, number>();
  /** `INSTANCE BALANCER` of which a leaving instance was taken out when no attach of ours could be under way any more: what stands there later is another's. */
  readonly cleared = new Set<string>();
  /** Instance id → how often in a row the cloud did not say, before a deletion, whether its machine is there. */
  readonly unheard = new Map<string, number>();
  /** Instance id → balancers in which it has no good entry, as last read; instances without such a balancer are not in it. */
  readonly missing = new Map<string, readonly string[]>();
  /** Instance id → what the core was last shown of it, and what that was made from. */
  readonly views = new Map<string, { readonly row: InstanceRow; readonly spec: GroupSpec; readonly view: InstanceView }>();
  pending: PendingDecision | null = null;
  lastDecision: Decision | null = null;
  lastEvaluatedMs: number | null = null;
  /** When an evaluation last ended well (or the group was taken), monotonic ms. */
  evaluatedMono: number;
  /** Money spent this month, as last summed. */
  spending: { readonly readMono: number; readonly value: number | null } | null = null;
  lastReadings: DecisionInputs['snapshot']['readings'] = {};
  /** Machines with our tag that are not in the books and wait for a person. */
  held: readonly string[] = [];
  /** Deletions whose commit is under way: they count for the installation's budget already. */
  condemning = 0;
  /** Fenced: someone else has the group, or it was closed. Nothing may be started. */
  lost = false;
  cycling = false;
  /** Woken while it was evaluated: due again from then on, monotonic ms. */
  againMono = Number.POSITIVE_INFINITY;

  /** Since when this process looks after the group, monotonic ms: what a machine did before, nobody saw. */
  takenMono: number;

  /** `controller`: the name of this process. */
  constructor(store: Store, state: GroupState, clock: Clock, controller: string) {
    this.name = state.row.name;
    this.#store = store;
    this.#state = state;
    this.#clock = clock;
    this.#wall = new WallWatch(clock, controller, state);
    this.takenMono = clock.mono();
    this.evaluatedMono = this.takenMono;
  }

  get state(): GroupState {
    return this.#state;
  }

  /** Now as its stored times count it, Unix ms: a clock that was set a moment ago is followed with the next change only. */
  nowMs(): number {
    return this.#clock.wall() - this.#wall.jumpedMs();
  }

  /**
   * Builds a change from the newest state and commits it; nothing else can come between. `build` is pure; null = nothing to do.
   * The state moves only after the store said yes.
   */
  transact(build: (state: GroupState) => Change | null): Promise<{ ok: true } | { ok: false; why: CommitRefusal }> {
    return this.#serial.run(async () => {
      if (this.lost) return { ok: false, why: 'fenced' };
      const jumped = this.#wall.jumpedMs();
      if (jumped !== 0 && !(await this.#followWall(jumped))) return { ok: false, why: 'fenced' };
      const built = build(this.#state);
      if (!built) return { ok: true };
      const change = this.#marked(built);
      const { mayAct, victims, ...parts } = change;
      const result = await this.#commit({
        group: this.name,
        expect: { epoch: this.#state.row.epoch, ...(mayAct ? { mayAct } : {}), ...(victims?.length ? { victims } : {}) },
        ...parts,
      });
      if (result.ok) this.#state = applied(this.#state, change);
      else if (result.why === 'fenced') this.lost = true;
      else await this.#read();
      return result;
    });
  }

  /**
   * A commit that ended nobody knows how, or that contradicts the books, leaves us with a view that may be wrong. The group is given up
   * here and taken again from the store, as after a crash: that way back is the best tried of all.
   */
  async #commit(change: GroupCommit): Promise<CommitResult> {
    try {
      return await this.#store.commit(change);
    } catch (e) {
      if (e instanceof StoreError && (e.code === 'io' || e.code === 'conflict')) this.lost = true;
      throw e;
    }
  }

  /** Every commit of times says by which clock. */
  #marked(change: Change): Change {
    const memory = this.#wall.mark(change.memory ?? this.#state.memory);
    return memory === this.#state.memory ? change : { ...change, memory };
  }

  /** Somebody set the clock: every stored time goes with it, so that no length changes. False: the group is lost. */
  async #followWall(byMs: number): Promise<boolean> {
    const moved = shiftTimes(this.#state, byMs);
    const shifted = { ...moved, memory: this.#wall.mark(moved.memory, byMs) };
    const event: NewEvent = { atMs: this.#clock.wall(), group: this.name, type: 'clock.jumped', actor: 'drover', data: { by_ms: byMs } };
    const expect = { epoch: this.#state.row.epoch };
    const result = await this.#commit({ group: this.name, expect, memory: shifted.memory, instances: [...shifted.rows.values()], events: [event] });
    if (!result.ok) {
      this.lost = true;
      return false;
    }
    this.#state = shifted;
    this.#wall.follow(byMs);
    for (const track of this.health.values()) track.sinceMs += byMs;
    return true;
  }

  /** Moves the windows on without writing: called inside `transact` by an evaluation that only held. */
  remember(memory: GroupMemory): void {
    this.#state = { ...this.#state, memory };
  }

  /** Reads everything again: after a person changed flags, pause, overrides or the configuration. */
  reload(): Promise<void> {
    return this.#serial.run(() => this.#read());
  }

  async #read(): Promise<void> {
    const [row, rows] = await Promise.all([this.#store.group(this.name), this.#store.instances(this.name, false)]);
    if (!row || row.epoch !== this.#state.row.epoch) {
      this.lost = true;
      return;
    }
    // Unwritten holds moved the windows on in memory only; the newer of the two is kept because only this process writes it.
    this.#state = { row, memory: this.#state.memory, rows: new Map(rows.map((r) => [r.id, r])) };
  }
}
