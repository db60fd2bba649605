import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { specOf } from './ground-truth.ts';

/** Whatever was measured, ordered or configured. */
export const boundedTarget: Invariant = {
  id: 'I19',
  title: 'Bounded: the target is a whole number, never raised above max nor lowered below min',
  open: (world, fail) => ({
    commit: (seen) => {
      if (seen.result && seen.after?.memory && seen.after.memory !== seen.before?.memory) check(world, fail, seen);
      if (seen.after?.frozen && !seen.before?.frozen && !world.data.groups.get(seen.change.group)?.frozen?.startsWith('the books are empty'))
        fail(`${seen.change.group} froze itself: ${seen.after.frozen}`);
    },
  }),
};

function check(world: SimWorld, fail: (text: string) => void, { change, before, after }: CommitSeen): void {
  const target = after?.memory?.target ?? 0;
  const from = before?.memory?.target ?? 0;
  const spec = specOf(world, change);
  if (!Number.isSafeInteger(target) || target < 0) fail(`${change.group}: target ${target}`);
  // Observing, it follows what runs; nothing acts on it.
  if (!spec || spec.mode === 'observe' || target === from || before?.memory == null) return;
  if (target > from && target > spec.max) fail(`${change.group}: target ${from} → ${target}, max is ${spec.max}`);
  if (target < from && target < spec.min) fail(`${change.group}: target ${from} → ${target}, min is ${spec.min}`);
}
