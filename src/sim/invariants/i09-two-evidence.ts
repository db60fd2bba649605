import type { InstanceRow, Machine } from '../../ports/ports.ts';
import type { SimProcess } from '../process.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { cloudOf, machineOf } from './ground-truth.ts';

/** Lists that must have been asked for before a machine counts as an orphan. */
const LISTS = 3;

/** One list, empty, stale or with a hole, is no evidence. */
export const twoEvidence: Invariant = {
  id: 'I9',
  title: 'Two kinds of evidence: no running machine is taken for vanished, and no young one for an orphan',
  open(world, fail) {
    /** When each process asked for a list of each cloud, the last times. */
    const lists = new WeakMap<SimProcess, Map<string, readonly number[]>>();
    return {
      cloudCall: ({ by, cloud, op }) => {
        if (op !== 'list') return;
        let own = lists.get(by);
        if (!own) {
          own = new Map();
          lists.set(by, own);
        }
        own.set(cloud, [...(own.get(cloud) ?? []), world.now].slice(-LISTS));
      },
      commit: (seen) => {
        for (const { was, row } of seen.moved) {
          if (row.removalCause === null || was?.removalCause === row.removalCause || row.machineId === null) continue;
          const cloud = cloudOf(world, row.group);
          const machine = machineOf(world, cloud, row.machineId);
          if (row.removalCause === 'vanished') vanished(fail, row, machine);
          if (row.removalCause !== 'orphan' && row.removalCause !== 'duplicate') continue;
          const madeMono = world.now - (world.clouds.get(cloud)?.ageMs(row.machineId) ?? Number.POSITIVE_INFINITY);
          const seenIn = (lists.get(seen.by)?.get(cloud) ?? []).filter((mono) => mono > madeMono).length;
          stranger(world, fail, seen, { row, cloud, lists: seenIn });
          if (was === undefined && !isRemembered(world, row))
            fail(`${row.machineId} is taken for an ${row.removalCause}, and the books have never held its launch`);
        }
      },
    };
  },
};

/** What the books hold no trace of is for a person to decide. */
function isRemembered(world: SimWorld, row: InstanceRow): boolean {
  for (const r of world.data.instances.values()) if (r.id !== row.id && r.group === row.group && r.token === row.token) return true;
  return false;
}

function vanished(fail: (text: string) => void, row: InstanceRow, machine: Machine | undefined): void {
  if (machine?.owner?.token === row.token && (machine.state === 'running' || machine.state === 'pending'))
    fail(`${row.id} is taken for vanished and ${machine.id} is ${machine.state}`);
}

function stranger(
  world: SimWorld,
  fail: (text: string) => void,
  { by }: CommitSeen,
  found: { readonly row: InstanceRow; readonly cloud: string; readonly lists: number },
): void {
  const { row } = found;
  const cloud = world.clouds.get(found.cloud);
  const ageMs = cloud?.ageMs(row.machineId ?? '') ?? Number.POSITIVE_INFINITY;
  if (ageMs < (cloud?.can.consistencyMs ?? 0)) fail(`${row.machineId} is taken for an ${row.removalCause} ${ageMs / 1000} s after it was made`);
  if (found.lists < LISTS) fail(`${row.machineId} is taken for an ${row.removalCause} after ${found.lists} lists of ${by.name}`);
}
