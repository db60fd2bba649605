import type { Invariant } from '../watch.ts';

/** Longest time for which a lease that was counted by another clock may still be believed, ms. */
const TTL_MS = 15_100;

/** A cloud cannot check a fencing number: whoever may have lost the group must not start a call. */
export const selfFencing: Invariant = {
  id: 'I24',
  title: 'Self-fencing: without a lease that the store still honours nothing that changes anything is started',
  open(world, fail) {
    let jumpedMono = Number.NEGATIVE_INFINITY;
    return {
      // The store counts leases by its wall clock: that it was set can be known at the next renewal only.
      wallJumped: () => {
        jumpedMono = world.now;
      },
      starts: (by, what, group) => {
        if (world.scenario.profile !== 'shared' || group === null || world.now - jumpedMono < TTL_MS) return;
        const row = world.group(group);
        if (!row) return;
        if (row.owner !== by.name) fail(`${by.name} starts ${what} of ${group}, which is ${row.owner ?? 'nobody'}'s`);
        else if (row.leaseUntilMs <= world.clock.wall())
          fail(`${by.name} starts ${what} of ${group} ${world.clock.wall() - row.leaseUntilMs} ms after its lease ended`);
      },
    };
  },
};
