import { isCapacity } from '../../core/model/model.ts';
import type { Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';

/** Many members sick at once: more likely the check is. */
export const brake: Invariant = {
  id: 'I13',
  title: 'Brake: while too many members look unhealthy at once, none is replaced for its health',
  open: (world, fail) => ({
    commit: ({ change, moved }) => {
      for (const { was, row } of moved) {
        if (row.removalCause !== 'replace-unhealthy' || was?.state === row.state) continue;
        if (row.state !== 'draining' && row.state !== 'terminating') continue;
        const sick = tooMany(world, change.group, row.id);
        if (sick) fail(`${row.id} is ${row.state} for its health while ${sick}`);
      }
    },
  }),
};

/** By the health in the books; a standby that the holder may not know of counts neither as sick nor against the share. */
function tooMany(world: SimWorld, group: string, leaving: string): string | null {
  const limit = world.group(group)?.spec.limits.brake;
  if (!limit) return null;
  let [served, sick] = [0, 0];
  for (const r of world.rows(group)) {
    // The one that leaves just now was counted when it was decided.
    const counts = r.id === leaving ? r.state === 'draining' : isCapacity(r.state);
    if (!counts || r.detached || (r.state !== 'serving' && r.servingSinceMs === null)) continue;
    served++;
    if (r.health === 'unhealthy' && !r.standby) sick++;
  }
  return sick >= Math.max(limit.count, limit.fraction * served) ? `${sick} of ${served} are unhealthy` : null;
}
