import { type GroupSpec, isCapacity, type StepLimit } from '../../core/model/model.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { SLACK, specOf } from './ground-truth.ts';

/** Changes of direction that a steady load explains: one, from where the storm left the group. */
const TURNS = 1;

interface Move {
  readonly by: number;
  readonly at: number;
}

/** Removing is slow and steady: a mistake has time to be seen. */
export const boundedDirection: Invariant = {
  id: 'I18',
  title: 'Bounded direction: a step in is small, none follows soon on a step out, and steady load turns once at most',
  open(world, fail) {
    const time = new BookTime(world);
    const moves = new Map<string, Move[]>();
    const turns = new Turns(world);
    return {
      restored: () => moves.clear(),
      acknowledged: (what) => {
        if ('group' in what && what.group !== null) turns.forget(what.group);
      },
      reloaded: (group) => turns.forget(group),
      commit: (seen) => {
        time.committed(seen);
        const { change, before, after } = seen;
        const by = (after?.memory?.target ?? 0) - (before?.memory?.target ?? 0);
        if (by === 0 || !before?.memory) return;
        // Not by a decision: a machine was adopted.
        if (!change.decision) return turns.forget(change.group);
        if (specOf(world, change)?.mode === 'observe') return;
        const list = moves.get(change.group) ?? [];
        if (by < 0) check(world, fail, seen, { moves: list, at: time.now(change.group) });
        list.push({ by, at: time.writtenAt(seen) });
        moves.set(change.group, list.slice(-50));
        const wrong = turns.moved(change.group, by);
        if (wrong) fail(wrong);
      },
    };
  },
};

function check(
  world: SimWorld,
  fail: (text: string) => void,
  { change, before, after, moved }: CommitSeen,
  now: { readonly moves: readonly Move[]; readonly at: number },
): void {
  const spec = specOf(world, change);
  const target = before?.memory?.target ?? 0;
  const to = after?.memory?.target ?? 0;
  const isExact = (manual: readonly { readonly kind: string }[]): boolean => manual.some((m) => m.kind === 'exact');
  // The pace of an order for an exact size is the person's; bounds hold at once.
  if (!spec || isExact(change.decision?.inputs.snapshot.manual ?? []) || isExact(before?.manual ?? [])) return;
  const base = Math.max(Math.min(target, spec.max), spec.min);
  // Wishes that no machine answers to are taken back freely.
  const from = Math.min(base, Math.max(runningBefore(world, { change, moved }), to));
  if (to >= from) return;
  const { scaleIn, scaleOut } = spec.limits;
  const lately = now.moves.filter((m) => m.by < 0 && m.at > now.at - scaleIn.everyMs * SLACK).reduce((sum, m) => sum - m.by, 0);
  const most = stepOf(scaleIn.step, from + lately);
  if (from - to + lately > most && from - to > 1) fail(`${change.group}: ${from} → ${to} and ${lately} before it, a step is ${most}`);
  if (from - to + lately > most && lately > 0)
    fail(`${change.group}: ${from} → ${to} so soon after ${lately} went, a step is ${most} in ${scaleIn.everyMs} ms`);
  const out = now.moves.findLast((m) => m.by > 0);
  if (out && now.at - out.at < scaleOut.everyMs * SLACK) fail(`${change.group}: ${from} → ${to}, ${now.at - out.at} ms after it grew`);
}

/** Machines and wishes as they were when it was decided, not more than the controller knew of. */
function runningBefore(world: SimWorld, { change, moved }: Pick<CommitSeen, 'change' | 'moved'>): number {
  let running = 0;
  for (const r of world.rows(change.group)) if (isCapacity(r.state) && r.removalCause === null && !r.standby && !r.detached) running++;
  for (const { was, row } of moved) {
    if (was === undefined && row.state === 'intent') running--;
    // Condemned by this very decision: what was condemned before and ends now was counted then.
    else if (was && isCapacity(was.state) && was.removalCause === null && row.removalCause === 'scale-in' && !row.standby) running++;
  }
  return running;
}

function stepOf(step: StepLimit, size: number): number {
  return Math.max(1, step.count ?? 0, Math.floor((step.fraction ?? 0) * size + 1e-9));
}

/** Changes of direction of each group since the faults are over. */
class Turns {
  readonly #world: SimWorld;
  readonly #of = new Map<string, { last: number; turns: number; told: string }>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  forget(group: string): void {
    this.#of.delete(group);
  }
  moved(group: string, by: number): string | null {
    const spec = this.#world.group(group)?.spec;
    // An alert that runs out moves a group under steady load, too.
    if (!this.#world.calm || !spec || listens(spec)) return null;
    const known = this.#of.get(group) ?? { last: 0, turns: 0, told: '' };
    const direction = Math.sign(by);
    if (known.last !== 0 && direction !== known.last) known.turns++;
    known.last = direction;
    known.told += ` ${by > 0 ? '+' : ''}${by}`;
    this.#of.set(group, known);
    return known.turns > TURNS ? `${group} turns ${known.turns} times under steady load:${known.told}` : null;
  }
}

function listens(spec: GroupSpec): boolean {
  return spec.policies.some((p) => p.type === 'alert');
}
