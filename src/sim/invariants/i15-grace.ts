import type { InstanceRow } from '../../ports/ports.ts';
import type { SimProcess } from '../process.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { cloudOf, machineOf, SLACK } from './ground-truth.ts';

/** Measured by a clock that never jumps, whatever the clocks of the controllers say. */
export const grace: Invariant = {
  id: 'I15',
  title: 'Grace: a machine has its time to boot, and to settle in, before it is given up',
  open(world, fail) {
    const books = new Books(world);
    return {
      restored: () => books.clear(),
      looks: (by, group) => books.looked(by, group),
      commit: (seen) => {
        books.looked(seen.by, seen.change.group);
        books.time.committed(seen);
        for (const { was, row } of seen.moved) {
          if (was?.state === row.state) continue;
          if (row.state === 'serving') books.servingSince.set(row.id, books.time.writtenAt(seen));
          if (was === undefined && row.replaces !== null) tell(fail, replacedEarly(world, seen, row.replaces, books));
          if (row.state !== 'draining') continue;
          if (row.removalCause === 'boot-failed') tell(fail, bootCutShort(world, seen, row, books));
          if (row.removalCause === 'replace-unhealthy') tell(fail, settledEarly(seen, row, books));
        }
      },
    };
  },
};

function tell(fail: (text: string) => void, wrong: string | null): void {
  if (wrong) fail(wrong);
}

/** When instances began to serve, and controllers to look. */
class Books {
  readonly time: BookTime;
  readonly servingSince = new Map<string, number>();
  readonly #world: SimWorld;
  readonly #looks = new Map<string, { readonly by: SimProcess; readonly sinceMono: number }>();

  constructor(world: SimWorld) {
    this.#world = world;
    this.time = new BookTime(world);
  }

  clear(): void {
    this.servingSince.clear();
  }
  looked(by: SimProcess, group: string): void {
    // Whoever lost it and has not noticed looks, too.
    if (this.#looks.get(group)?.by !== by && this.#world.group(group)?.owner === by.name) this.#looks.set(group, { by, sinceMono: this.#world.now });
  }
  /** How long the present holder has looked after the group at least. */
  lookedMs(group: string): number {
    return this.#world.now - (this.#looks.get(group)?.sinceMono ?? this.#world.now);
  }
  servedMs(row: InstanceRow): number {
    return this.time.now(row.group) - (this.servingSince.get(row.id) ?? Number.NEGATIVE_INFINITY);
  }
}

/** Time in which nobody looked is no time to boot: it may have been healthy for long. */
function bootCutShort(world: SimWorld, { after }: CommitSeen, row: InstanceRow, books: Books): string | null {
  const cloud = cloudOf(world, row.group);
  const machine = machineOf(world, cloud, row.machineId ?? '');
  if (machine?.owner?.token !== row.token || (machine.state !== 'running' && machine.state !== 'pending')) return null;
  // Another controller's clock may differ by up to a second before anybody takes it for a clock that was set.
  const leastMs = (after?.spec.lifecycle.bootTimeoutMs ?? 0) * SLACK - 1_000;
  const ageMs = world.clouds.get(cloud)?.ageMs(machine.id) ?? 0;
  if (ageMs < leastMs) return `${row.id} is given up as not booting after ${ageMs / 1000} s of ${leastMs / 1000} s`;
  const lookedMs = books.lookedMs(row.group) + 2 * world.scenario.tickMs + 1_000;
  return lookedMs < leastMs ? `${row.id} is given up as not booting, and was looked at for ${lookedMs / 1000} s of ${leastMs / 1000} s` : null;
}

function settledEarly({ after }: CommitSeen, row: InstanceRow, books: Books): string | null {
  // What was begun is finished, even if it looks well again: the beginning had to wait.
  if (row.health !== 'unhealthy') return null;
  const leastMs = (after?.spec.health.graceMs ?? 0) * SLACK;
  const servedMs = books.servedMs(row);
  return servedMs < leastMs ? `${row.id} goes for its health ${servedMs / 1000} s after it began to serve, grace is ${leastMs / 1000} s` : null;
}

/** Its replacement is launched long before it goes: that, too, waits for the grace. */
function replacedEarly(world: SimWorld, { after }: CommitSeen, id: string, books: Books): string | null {
  const old = world.data.instances.get(id);
  if (!old || !after || old.replaceRequested || old.health !== 'unhealthy') return null;
  // Too old by its whole life is a reason of its own.
  if (after.spec.lifecycle.maxAgeMs !== null) return null;
  const leastMs = after.spec.health.graceMs * SLACK;
  const servedMs = books.servedMs(old);
  return servedMs < leastMs ? `${id} is to be replaced ${servedMs / 1000} s after it began to serve, grace is ${leastMs / 1000} s` : null;
}
