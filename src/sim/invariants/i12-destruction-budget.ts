import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { cloudOf, ours, SLACK } from './ground-truth.ts';

/** More deletions than these do not lie in one window. */
const FLEET_KEPT = 500;

interface Deletion {
  readonly id: string;
  readonly cause: string;
  readonly at: number;
}
interface Size {
  readonly size: number;
  readonly at: number;
}

/** The last fence against a mistake anywhere above: over all controllers, from the calls as they were made. */
export const destructionBudget: Invariant = {
  id: 'I12',
  title: 'Destruction budget: in no window are more machines deleted than a share of the group',
  open(world, fail) {
    const time = new BookTime(world);
    const budgets = new Map<string, Budget>();
    let fleet: Fleet = [];
    const of = (group: string): Budget => {
      let budget = budgets.get(group);
      if (!budget) {
        budget = new Budget(world, group, time);
        budgets.set(group, budget);
      }
      return budget;
    };
    return {
      restored: () => {
        budgets.clear();
        fleet = [];
      },
      commit: (seen) => {
        time.committed(seen);
        of(seen.change.group).committed(seen);
        for (const { was, row } of seen.moved) {
          if (row.state !== 'terminating' || was?.state === 'terminating' || row.removalCause === 'forced') continue;
          fleet = [...fleet, { group: row.group, at: time.writtenAt(seen) }].slice(-FLEET_KEPT);
          const wrong = ofFleet(world, seen, fleet, time);
          if (wrong) fail(wrong);
        }
      },
      cloudCall: ({ cloud, op, arg }) => {
        if (op !== 'delete') return;
        const row = world.rowOfMachine(cloud, arg);
        const wrong = row ? of(row.group).deleted(cloud, arg, row.id, row.removalCause ?? 'none') : null;
        if (wrong) fail(wrong);
      },
    };
  },
};

type Fleet = readonly { readonly group: string; readonly at: number }[];

/** Over all groups that one controller looks after, whatever the cause. */
function ofFleet(world: SimWorld, { by, change }: CommitSeen, fleet: Fleet, time: BookTime): string | null {
  const windowMs = (world.group(change.group)?.spec.limits.destruction.windowMs ?? 0) * SLACK;
  let [living, gone] = [0, 0];
  for (const { spec } of world.scenario.groups) {
    if (world.group(spec.name)?.owner !== by.name) continue;
    living += world.rows(spec.name).length;
    const since = time.now(spec.name) - windowMs;
    for (const d of fleet) if (d.group === spec.name && d.at > since) gone++;
  }
  // Each was judged by what lived when it was asked for; some have gone since.
  const limit = Math.max(5, Math.ceil((living + gone) * 0.25));
  return gone > limit ? `${by.name} deletes ${gone} machines of its groups in the window, limit ${limit} of ${living}` : null;
}

class Budget {
  readonly #world: SimWorld;
  readonly #group: string;
  readonly #time: BookTime;
  #deleted: Deletion[] = [];
  #sizes: Size[] = [];
  /** Machines that were deleted once: a repeat destroys nothing more. */
  readonly #asked = new Set<string>();
  readonly #condemnedAt = new Map<string, number>();

  constructor(world: SimWorld, group: string, time: BookTime) {
    this.#world = world;
    this.#group = group;
    this.#time = time;
  }

  /** Machines it should have, or machines and wishes that are there. */
  committed(seen: CommitSeen): void {
    const { after, moved, before } = seen;
    for (const { was, row } of moved)
      if (row.state === 'terminating' && was?.state !== 'terminating') this.#condemnedAt.set(row.id, this.#time.writtenAt(seen));
    if (after?.memory?.target === before?.memory?.target && !moved.some(({ was, row }) => was?.state !== row.state)) return;
    // That a machine died unseen is not known to who counts.
    const booked = this.#world.rows(this.#group).filter((r) => r.state !== 'terminating').length;
    const size = Math.max(after?.memory?.target ?? 0, this.#there(), booked);
    if (this.#sizes.at(-1)?.size !== size) this.#sizes.push({ size, at: this.#time.now(this.#group) });
  }

  #there(): number {
    let there = 0;
    for (const m of ours(this.#world, cloudOf(this.#world, this.#group), this.#group)) if (m.state !== 'deleting' && !this.#asked.has(m.id)) there++;
    for (const r of this.#world.rows(this.#group)) if (r.machineId === null) there++;
    return there;
  }

  deleted(cloud: string, machine: string, id: string, cause: string): string | null {
    const spec = this.#world.group(this.#group)?.spec;
    const state = this.#world.clouds
      .get(cloud)
      ?.alive()
      .find((m) => m.id === machine)?.state;
    if (!spec || state !== 'running' || this.#asked.has(machine)) return null;
    this.#asked.add(machine);
    if (cause === 'forced') return null;
    const now = this.#time.now(this.#group);
    const { windowMs, replace, all } = spec.limits.destruction;
    this.#deleted = [...this.#deleted.filter((d) => d.at > now - windowMs * SLACK), { id, cause, at: Math.min(now, this.#condemnedAt.get(id) ?? now) }];
    const size = this.#largestSince(Math.min(now, this.#condemnedAt.get(id) ?? now) - windowMs);
    const limit = (l: { readonly count: number; readonly fraction: number }): number => Math.max(l.count, Math.floor(l.fraction * size + 1e-9));
    const replaced = this.#deleted.filter((d) => d.cause.startsWith('replace-'));
    const told = this.#deleted.map((d) => `${d.id}/${d.cause}`).join(' ');
    if (this.#deleted.length > limit(all)) return `${this.#group}: ${this.#deleted.length} deletions in the window, limit ${limit(all)} of ${size}: ${told}`;
    if (cause.startsWith('replace-') && replaced.length > limit(replace))
      return `${this.#group}: ${replaced.length} replaced in the window, limit ${limit(replace)} of ${size}: ${told}`;
    return null;
  }

  /** A committed deletion may have to wait for its call: the window of its commit counts as well. */
  #largestSince(at: number): number {
    const first = this.#sizes.findLastIndex((s) => s.at <= at);
    if (first > 50) this.#sizes = this.#sizes.slice(first);
    return this.#sizes.slice(Math.max(0, first > 50 ? 0 : first)).reduce((most, s) => Math.max(most, s.size), 0);
  }
}
