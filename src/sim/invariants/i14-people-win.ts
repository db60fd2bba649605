import type { GroupRow, InstanceRow } from '../../ports/ports.ts';
import { pauseInForce } from '../../ports/ports.ts';
import type { SimProcess } from '../process.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { cloudOf, isNewTry } from './ground-truth.ts';

/** The store gives up after 5 s on either way; what was committed before an order may start until then. */
const ON_ITS_WAY_MS = 12_000;
const BY_PLAN = new Set(['scale-in', 'replace-unhealthy', 'replace-old', 'forced']);

/** What a person was told is done binds from then on, at whichever controller it was asked for. */
export const peopleWin: Invariant = {
  id: 'I14',
  title: 'Protection and pause win: what a person was told is kept, stopped or only watched is not touched',
  open(world, fail) {
    const orders = new Orders(world);
    const intents = new Intents();
    /** Struck from the books on a person's order: left alone until it is adopted. */
    const forgotten = new Set<string>();
    return {
      restored: () => {
        orders.clear();
        forgotten.clear();
      },
      cloudCall: ({ by, cloud, op, arg }) => {
        if (op === 'delete' && forgotten.has(`${cloud} ${arg}`) && !by.dead) fail(`${by.name} deletes ${arg}, which a person told it to forget`);
      },
      processEnded: (process) => intents.forget(process),
      acknowledged: (what) => {
        if (what.kind === 'forget') {
          const { machineId, state } = world.data.instances.get(what.instance) ?? {};
          if (machineId && state === 'gone') forgotten.add(`${cloudOf(world, what.group)} ${machineId}`);
        } else if (what.kind === 'adopt') forgotten.delete(`${cloudOf(world, what.group)} ${what.machine}`);
        else if (what.kind === 'protect' || what.kind === 'standby') orders.flagged(what.instance, what.kind);
        else if (what.kind === 'unprotect' || what.kind === 'back') orders.unflagged(what.instance, what.kind === 'back' ? 'standby' : 'protect');
        else if (what.kind === 'pause' || what.kind === 'reload' || what.kind === 'unmanage') orders.stopped();
      },
      commit: (seen) => {
        intents.committed(world, seen);
        if (seen.after?.frozen && !seen.before?.frozen) orders.stopped();
        for (const { was, row } of seen.moved) {
          if (was && row.state !== was.state) condemned(fail, orders, was, row);
          if (was === undefined && row.removalCause === null) forgotten.delete(`${cloudOf(world, row.group)} ${row.machineId}`);
        }
      },
      starts: (by, what, group) => {
        const since = group === null ? null : orders.stoppedSince(by, group);
        if (since === null || since.atMono >= world.now) return;
        const asked = intents.last(by, group as string, what.slice(what.lastIndexOf(' ') + 1));
        const patienceMs = ON_ITS_WAY_MS + (world.scenario.faults.paused === undefined ? 0 : 20 * world.scenario.tickMs);
        // A clock that is set back brings a pause into force again that was over when the call was decided.
        const before = asked !== undefined && (asked.atMono <= since.atMono || asked.wallMs >= since.untilMs);
        if (before && world.now - asked.atMono <= patienceMs) return;
        fail(`${by.name} starts ${what} of ${group}, which is ${since.why} for ${world.now - since.atMono} ms`);
      },
    };
  },
};

function condemned(fail: (text: string) => void, orders: Orders, was: InstanceRow, row: InstanceRow): void {
  const planned = row.state === 'draining' && was.state === 'serving' && BY_PLAN.has(row.removalCause ?? '');
  if (!planned && row.state !== 'terminating') return;
  if (row.protected && orders.isFlagged(row.id, 'protect')) fail(`${row.id} is protected and goes (${row.state}, ${row.removalCause})`);
  // Unless a person asked for its removal, too.
  if (row.standby && !row.removeRequested && orders.isFlagged(row.id, 'standby')) fail(`${row.id} is in standby and goes (${row.state}, ${row.removalCause})`);
}

interface Stopped {
  readonly why: string;
  readonly atMono: number;
  readonly untilMs: number;
}

/** The clock by which pauses end. */
function pauseClock(world: SimWorld, by: SimProcess): number {
  return world.scenario.profile === 'shared' ? world.clock.wall() : by.clock.wall();
}

/** What stands in the store and was acknowledged. */
class Orders {
  readonly #world: SimWorld;
  readonly #flags = new Set<string>();
  /** Since when this very pause, or this very way of not acting, is known to be done. */
  #known = new Map<unknown, number>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  clear(): void {
    this.#flags.clear();
    this.#known.clear();
  }
  flagged(instance: string, kind: 'protect' | 'standby'): void {
    if (this.#world.data.instances.get(instance)?.[kind === 'protect' ? 'protected' : 'standby']) this.#flags.add(`${kind} ${instance}`);
  }
  unflagged(instance: string, kind: 'protect' | 'standby'): void {
    this.#flags.delete(`${kind} ${instance}`);
  }
  isFlagged(instance: string, kind: 'protect' | 'standby'): boolean {
    return this.#flags.has(`${kind} ${instance}`);
  }

  /** Something was acknowledged: what stands in the store now is known from now on. */
  stopped(): void {
    const known = new Map<unknown, number>();
    for (const { spec } of this.#world.scenario.groups) {
      const row = this.#world.group(spec.name);
      for (const { mark } of row ? this.#reasons(row) : []) known.set(mark, this.#known.get(mark) ?? this.#world.now);
    }
    this.#known = known;
  }

  stoppedSince(by: SimProcess, group: string): Stopped | null {
    const row = this.#world.group(group);
    if (!row) return null;
    for (const { mark, why, untilMs } of this.#reasons(row)) {
      const atMono = this.#known.get(mark);
      if (atMono !== undefined && untilMs > pauseClock(this.#world, by)) return { why, atMono, untilMs };
    }
    return null;
  }

  #reasons(row: GroupRow): { readonly mark: unknown; readonly why: string; readonly untilMs: number }[] {
    const reasons: { mark: unknown; why: string; untilMs: number }[] = [];
    const add = (mark: unknown, why: string, untilMs: number | null = null): void =>
      void reasons.push({ mark, why, untilMs: untilMs ?? Number.POSITIVE_INFINITY });
    const pause = pauseInForce(row.pause, (this.#world.data.meta.get('pause') ?? null) as unknown as GroupRow['pause']);
    if (pause) add(pause, 'paused', pause.untilMs);
    if (row.frozen !== null) add(`frozen ${row.name} ${row.frozen}`, 'frozen');
    if (!row.managed) add(`unmanaged ${row.name} ${row.spec.hash}`, 'unmanaged');
    if (row.spec.mode === 'observe') add(row.spec, 'only observed');
    return reasons;
  }
}

interface Intent {
  readonly atMono: number;
  readonly wallMs: number;
}

/** The newest commit of each process and group that leads to a call of a kind: pauses are checked in it. */
class Intents {
  readonly #of = new Map<SimProcess, Map<string, Intent>>();

  committed(world: SimWorld, { by, change, moved }: CommitSeen): void {
    if (moved.length === 0 && (!change.expect.mayAct || change.instances)) return;
    let own = this.#of.get(by);
    if (!own) {
      own = new Map();
      this.#of.set(by, own);
    }
    const intent: Intent = { atMono: world.now, wallMs: pauseClock(world, by) };
    for (const { was, row } of moved) {
      if (row.step && isNewTry(was, row)) own.set(`${change.group} ${row.step.kind.startsWith('hook') ? 'hook' : row.step.kind}`, intent);
    }
    // Between two balancers of one step only the leave to go on is asked for.
    if (moved.length === 0) for (const kind of ['attach', 'drain', 'detach']) own.set(`${change.group} ${kind}`, intent);
  }
  last(by: SimProcess, group: string, kind: string): Intent | undefined {
    return this.#of.get(by)?.get(`${group} ${kind}`);
  }
  forget(process: SimProcess): void {
    this.#of.delete(process);
  }
}
