import type { InstanceRow } from '../../ports/ports.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { specOf } from './ground-truth.ts';

const BY_OUR_HAND = new Set(['scale-in', 'replace-unhealthy', 'replace-old']);

/** What a person takes away, and what stops by itself, is not by our hand. */
export const neverUnderMin: Invariant = {
  id: 'I2',
  title: 'Never under min by our hand: a healthy member leaves only if enough healthy ones stay',
  open: (world, fail) => ({
    commit: (seen) => {
      let leaves = false;
      for (const { was, row } of seen.moved) leaves ||= was?.state === 'serving' && row.state === 'draining' && BY_OUR_HAND.has(row.removalCause ?? '');
      if (leaves) check(world, fail, seen);
    },
  }),
};

function check(world: SimWorld, fail: (text: string) => void, { change, moved, after, before }: CommitSeen): void {
  const spec = specOf(world, change);
  const target = after?.memory?.target;
  if (!spec || target === undefined) return;
  // A standby that the holder may not have heard of yet counts as it did for the holder.
  const left = world.rows(change.group).filter((r) => r.state === 'serving' && r.health !== 'unhealthy' && !r.detached).length;
  const least = Math.max(Math.min(spec.min, before?.spec.min ?? 0), target);
  for (const { was, row } of moved) {
    if (was?.state !== 'serving' || row.state !== 'draining' || !BY_OUR_HAND.has(row.removalCause ?? '')) continue;
    if (row.health === 'unhealthy' || !isMember(world, was)) continue;
    if (left < least) fail(`${row.id} goes (${row.removalCause}) and ${left} healthy members are left, min ${spec.min}, target ${target}`);
    return;
  }
}

/** By ground truth: every balancer of its group sends it traffic. A restored store may not know of an entry: such a machine is none to whoever decides. */
function isMember(world: SimWorld, row: InstanceRow): boolean {
  const { balancers } = world.group(row.group)?.spec ?? { balancers: [] };
  return balancers.every(
    (b) =>
      row.members[b.balancer] !== undefined &&
      world.balancers
        .get(b.balancer)
        ?.entries()
        .some((e) => e.address === row.address && e.state === 'ready'),
  );
}
