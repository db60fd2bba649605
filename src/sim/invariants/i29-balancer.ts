import type { InstanceRow } from '../../ports/ports.ts';
import type { BalancerCall, CloudCall, CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { cloudOf, machineOf, SLACK } from './ground-truth.ts';

/** Causes for which nothing is left to wait for. */
const NOTHING_TO_DRAIN = new Set(['vanished', 'duplicate', 'orphan']);

/** Traffic goes only to what is ready, and what leaves is out of it first. */
export const balancerOrder: Invariant = {
  id: 'I29',
  title: 'Balancer: in when ready, out before the end, sessions waited for, and never emptied because all look sick',
  open(world, fail) {
    const time = new BookTime(world);
    /** Those that served and go: when they began to drain, by book time, and where they were in. */
    const drains = new Map<string, Drain>();
    return {
      restored: () => drains.clear(),
      commit: (seen) => {
        time.committed(seen);
        for (const { was, row } of seen.moved) {
          if (row.step?.kind === 'attach' && row.step.error === 'under way' && row.state !== 'warming' && row.state !== 'serving')
            fail(`${row.id} is to be attached and is ${row.state}`);
          if (was?.state === row.state) continue;
          if (row.state === 'gone') drains.delete(row.id);
          if (row.state !== 'draining') continue;
          if (was?.state === 'serving' && !was.standby) drains.set(row.id, { at: time.writtenAt(seen), members: row.members });
          const wrong = emptied(world, seen, row);
          if (wrong) fail(wrong);
        }
      },
      cloudCall: (call) => {
        const wrong = call.op === 'delete' ? stillIn(world, call) : null;
        if (wrong) fail(wrong);
      },
      balancerCall: (call) => {
        const wrong =
          call.op === 'attach' ? notReady(world, call) : call.op === 'detach' ? (cutOff(world, call, time, drains) ?? undrained(world, call, drains)) : null;
        if (wrong) fail(wrong);
      },
      unsettled: () => world.scenario.groups.flatMap((g) => missing(world, g.spec.name)),
    };
  },
};

interface Drain {
  readonly at: number;
  readonly members: InstanceRow['members'];
}

/** Whatever looks sick, another member serves before one goes for it. */
function emptied(world: SimWorld, { change }: CommitSeen, row: InstanceRow): string | null {
  if (row.removalCause !== 'replace-unhealthy' && row.removalCause !== 'replace-old') return null;
  if (world.group(change.group)?.memory?.target === 0) return null; // nobody is wanted at all
  return world.rows(change.group).some((r) => r.id !== row.id && r.state === 'serving')
    ? null
    : `${row.id} is replaced (${row.removalCause}) and nothing else serves`;
}

/** Attached only if it is an instance whose machine has come up. */
function notReady(world: SimWorld, { by, balancer, arg }: BalancerCall): string | null {
  const row = world.data.instances.get(arg);
  // Asked by one that ended with a store of which this is an older copy.
  if (!row && !world.running().includes(by)) return null;
  if (!row) return `${balancer}: attach of ${arg}, which nobody knows`;
  if (row.state === 'intent' || row.state === 'booting') return `${balancer}: attach of ${arg}, which is ${row.state}`;
  return machineOf(world, cloudOf(world, row.group), row.machineId ?? '')?.state === 'pending'
    ? `${balancer}: attach of ${arg}, whose machine has not come up`
    : null;
}

/** Out of every balancer before it is deleted, unless another living machine has its place. */
function stillIn(world: SimWorld, { cloud, arg }: CloudCall): string | null {
  const row = world.rowOfMachine(cloud, arg);
  if (!row || row.address === null) return null;
  const taken =
    [...world.clouds.values()].some((c) => c.alive().some((m) => m.address === row.address && m.id !== arg)) ||
    world.scenario.groups.some((g) => world.rows(g.spec.name).some((r) => r.id !== row.id && r.address === row.address && r.state !== 'terminating'));
  if (taken) return null;
  for (const { balancer } of world.group(row.group)?.spec.balancers ?? []) {
    if (
      world.balancers
        .get(balancer)
        ?.entries()
        .some((e) => e.address === row.address)
    )
      return `${row.id} is deleted while it is in ${balancer}`;
  }
  return null;
}

/** Sessions end before the entry goes, or the drain time is over. */
function cutOff(world: SimWorld, { by, balancer, arg }: BalancerCall, time: BookTime, drains: ReadonlyMap<string, Drain>): string | null {
  const entry = world.balancers
    .get(balancer)
    ?.entries()
    .find((e) => e.ref === arg);
  if (!entry || (entry.sessions ?? 0) === 0) return null;
  const row = world.rowOfMember(by, balancer, arg);
  const since = row?.state === 'draining' ? drains.get(row.id)?.at : undefined;
  if (!row || since === undefined || row.health === 'unhealthy' || NOTHING_TO_DRAIN.has(row.removalCause ?? '')) return null;
  const machine = machineOf(world, cloudOf(world, row.group), row.machineId ?? '');
  if (machine?.state !== 'running' || machine.owner?.token !== row.token || machine.address !== entry.address) return null;
  const leastMs = (world.group(row.group)?.spec.lifecycle.drainTimeoutMs ?? 0) * SLACK - 1;
  const drainedMs = time.now(row.group) - since;
  return drainedMs < leastMs ? `${row.id} is detached from ${balancer} with ${entry.sessions} sessions after ${drainedMs} of ${leastMs} ms` : null;
}

/** New sessions are kept away before the entry goes: one that still gets them was never drained. */
function undrained(world: SimWorld, { by, balancer, arg }: BalancerCall, drains: ReadonlyMap<string, Drain>): string | null {
  const entry = world.balancers
    .get(balancer)
    ?.entries()
    .find((e) => e.ref === arg);
  const row = world.rowOfMember(by, balancer, arg);
  if (entry?.state !== 'ready' || row?.state !== 'draining' || NOTHING_TO_DRAIN.has(row.removalCause ?? '')) return null;
  if (drains.get(row.id)?.members[balancer] !== arg) return null;
  const taken = world.scenario.groups.some((g) => world.rows(g.spec.name).some((r) => r.id !== row.id && r.address === row.address));
  return taken ? null : `${row.id} is detached from ${balancer}, where it was never drained`;
}

function missing(world: SimWorld, group: string): string[] {
  const wrong: string[] = [];
  for (const { balancer } of world.group(group)?.spec.balancers ?? []) {
    const ready = new Set((world.balancers.get(balancer)?.entries() ?? []).filter((e) => e.state === 'ready').map((e) => e.address));
    for (const r of world.rows(group))
      if (r.state === 'serving' && r.address !== null && !ready.has(r.address)) wrong.push(`${r.id} is not ready in ${balancer}`);
  }
  return wrong;
}
