import type { GroupSpec } from '../../core/model/model.ts';
import type { Machine } from '../../ports/ports.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { isForgotten, ours, surgeOf } from './ground-truth.ts';

/** Rows are reserved before the call, so both are counted: wishes when they are written, machines when they are made. */
export const neverOverMax: Invariant = {
  id: 'I1',
  title: 'Never over max: a group never has more machines, or wishes for them, than max and its surge allow',
  open(world, fail) {
    const bounds = new Bounds(world);
    /** Machines that nobody could prevent: their launch was over, they were forgotten, or a restored store does not know them. */
    const excused = new Set<string>();
    return {
      reloaded: (group, spec) => bounds.put(group, spec),
      restored: () => {
        for (const { name, spec } of world.data.groups.values()) bounds.put(name, spec);
        for (const cloud of world.clouds.values()) for (const m of cloud.alive()) excused.add(m.id);
      },
      commit: (seen) => {
        for (const { row } of seen.moved) if (row.machineId !== null && isForgotten(row)) excused.add(row.machineId);
        if (!seen.moved.some(({ was, row }) => was === undefined && row.state === 'intent')) return;
        rows(world, fail, seen, bounds);
        // A flag that a person set elsewhere a moment ago changes what counts, and the holder cannot know yet.
      },
      made: (cloud, machine) => {
        const group = machine.owner?.group;
        if (group !== undefined) machines(world, fail, { cloud, machine, group, excused, max: bounds.max(group) });
      },
    };
  },
};

/** The largest max that is, or a moment ago was, in force. */
class Bounds {
  readonly #world: SimWorld;
  readonly #puts = new Map<string, { max: number; untilMono: number }[]>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  put(group: string, spec: GroupSpec): void {
    const { now, scenario } = this.#world;
    const list = this.#puts.get(group)?.filter((p) => p.untilMono > now) ?? [];
    const last = list.at(-1);
    // The holder may be in the middle of a decision by the old one; what was wished for by it may be made for as long as a call lasts.
    if (last?.untilMono === Number.POSITIVE_INFINITY) last.untilMono = now + 120_000 + 3 * scenario.tickMs;
    list.push({ max: spec.max, untilMono: Number.POSITIVE_INFINITY });
    this.#puts.set(group, list);
  }

  max(group: string): number {
    // Put by a process that died before it could say so.
    let max = this.#world.group(group)?.spec.max ?? 0;
    for (const p of this.#puts.get(group) ?? []) if (p.untilMono > this.#world.now) max = Math.max(max, p.max);
    return max;
  }
}

function rows(world: SimWorld, fail: (text: string) => void, { change }: CommitSeen, bounds: Bounds): void {
  const max = bounds.max(change.group);
  let living = 0;
  for (const r of world.rows(change.group)) {
    if (r.state !== 'terminating' && !r.detached && r.removalCause !== 'orphan' && r.removalCause !== 'duplicate') living++;
  }
  if (living > max + surgeOf(max)) fail(`${change.group}: a launch is wished for and ${living} rows live, max is ${max}`);
}

interface Made {
  readonly cloud: string;
  readonly machine: Machine;
  readonly group: string;
  readonly excused: Set<string>;
  readonly max: number;
}

function machines(world: SimWorld, fail: (text: string) => void, { cloud, machine, group, excused, max }: Made): void {
  const rows = world.rows(group);
  // A request that was on its way when its launch was given up: nobody could stop it.
  if (!rows.some((r) => r.token === machine.owner?.token)) {
    excused.add(machine.id);
    return;
  }
  const leaving = new Set(rows.filter((r) => r.state === 'terminating').map((r) => r.machineId));
  const alive = ours(world, cloud, group).filter((m) => m.state !== 'deleting' && !excused.has(m.id) && !leaving.has(m.id));
  if (alive.length > max + surgeOf(max)) fail(`${group}: ${alive.length} machines live, max is ${max}: ${alive.map((m) => m.id).join(' ')}`);
}
