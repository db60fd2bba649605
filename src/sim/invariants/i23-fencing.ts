import type { Invariant } from '../watch.ts';

/** The stale commit itself is looked at, not what comes of it: behind idempotent names a missing fence stays invisible for long. */
export const fencing: Invariant = {
  id: 'I23',
  title: 'Fencing: only the owner of a group, under the number of now, changes it; numbers only grow',
  open(_, fail) {
    const newest = new Map<string, number>();
    return {
      restored: () => newest.clear(),
      commit: ({ by, change, result, before }) => {
        const epoch = before?.epoch ?? 0;
        if (epoch < (newest.get(change.group) ?? 0)) fail(`the number of ${change.group} fell from ${newest.get(change.group)} to ${epoch}`);
        newest.set(change.group, epoch);
        if (!result) return;
        if (change.expect.epoch !== epoch) fail(`${by.name} changed ${change.group} under number ${change.expect.epoch}, it is ${epoch}`);
        if (before?.owner !== by.name) fail(`${by.name} changed ${change.group}, which is ${before?.owner ?? 'nobody'}'s`);
      },
    };
  },
};
