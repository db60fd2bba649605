import type { Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { isForgotten, ours } from './ground-truth.ts';

/** What nobody looks after costs money for ever and no signal tells of it. */
export const noOrphan: Invariant = {
  id: 'I6',
  title: 'No orphan: in the end every machine and every balancer entry of ours belongs to an instance',
  open(world) {
    /** Left alone on a person's order: machines, and the addresses of their entries. */
    const left = new Set<string>();
    return {
      commit: ({ moved }) => {
        for (const { row } of moved) {
          if (!isForgotten(row)) continue;
          if (row.machineId !== null) left.add(row.machineId);
          if (row.address !== null) left.add(row.address);
        }
      },
      // Entries of machines that a restored store has never heard of carry no tag that would tell whose they are.
      restored: () => {
        for (const [name, b] of world.balancers) for (const e of b.entries()) if (!isKnown(world, name, e.address)) left.add(e.address);
      },
      unsettled: () => [...machines(world, left), ...entries(world, left)],
    };
  },
};

/** An instance behind the balancer has the address, and no later machine that nobody remembers has taken its place. */
function isKnown(world: SimWorld, balancer: string, address: string): boolean {
  const isBehind = (group: string): boolean => world.group(group)?.spec.balancers.some((b) => b.balancer === balancer) === true;
  const there = [...world.clouds.values()].map((c) => c.at(address)).find((m) => m !== undefined);
  for (const r of world.data.instances.values())
    if (r.state !== 'gone' && r.address === address && isBehind(r.group)) return !there || there.id === r.machineId;
  return false;
}

function machines(world: SimWorld, left: ReadonlySet<string>): string[] {
  const wrong: string[] = [];
  for (const name of world.clouds.keys()) {
    const known = new Set<string | null>();
    for (const { spec } of world.scenario.groups) if (spec.cloud === name) for (const r of world.rows(spec.name)) known.add(r.machineId);
    for (const m of ours(world, name)) if (!known.has(m.id) && !left.has(m.id)) wrong.push(`${m.id} of ${m.owner?.token} in ${name} belongs to no instance`);
  }
  return wrong;
}

function entries(world: SimWorld, left: ReadonlySet<string>): string[] {
  const wrong: string[] = [];
  for (const [name, balancer] of world.balancers) {
    const known = new Set<string | null>();
    for (const { spec } of world.scenario.groups) {
      if (world.group(spec.name)?.spec.balancers.some((b) => b.balancer === name)) for (const r of world.rows(spec.name)) known.add(r.address);
    }
    for (const e of balancer.entries()) if (!known.has(e.address) && !left.has(e.address)) wrong.push(`entry ${e.ref} of ${name} belongs to no instance`);
  }
  return wrong;
}
