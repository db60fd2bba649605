import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { cloudOf, SLACK } from './ground-truth.ts';

/** A clock that was set, forward or back, is no time that passed. */
export const clockSafe: Invariant = {
  id: 'I21',
  title: 'Clock-safe: no launch is given up and no machine is old before its true time',
  open(world, fail) {
    const time = new BookTime(world);
    const createdAt = new Map<string, number>();
    const calledMono = new Map<string, number>();
    return {
      restored: () => {
        createdAt.clear();
        calledMono.clear();
      },
      cloudCall: ({ op, arg }) => {
        if (op === 'create') calledMono.set(arg, world.now);
      },
      commit: (seen) => {
        time.committed(seen);
        for (const { was, row } of seen.moved) {
          if (was === undefined) createdAt.set(row.id, time.writtenAt(seen));
          if (was?.state === row.state) continue;
          if (row.state === 'gone') {
            if (was?.state === 'intent') launch(world, fail, seen, calledMono.get(row.token));
            createdAt.delete(row.id);
            calledMono.delete(row.token);
          }
          const at = createdAt.get(row.id);
          const oldMs = seen.after?.spec.lifecycle.maxAgeMs ?? null;
          if (row.state !== 'draining' || row.removalCause !== 'replace-old' || at === undefined || oldMs === null) continue;
          const ageMs = time.now(row.group) - at;
          if (ageMs < oldMs * SLACK) fail(`${row.id} is replaced as old after ${ageMs / 1000} s of ${oldMs / 1000} s`);
        }
      },
    };
  },
};

/** Given up without an answer only after the cloud had its time to show the machine. */
function launch(world: SimWorld, fail: (text: string) => void, { change, moved }: CommitSeen, calledMono: number | undefined): void {
  const lost = moved.find(({ was, row }) => was?.state === 'intent' && row.state === 'gone')?.row;
  const answered = change.events?.some((e) => e.type === 'launch.failed' || e.type === 'control.forgotten') ?? false;
  if (!lost || answered || calledMono === undefined) return;
  const leastMs = (world.clouds.get(cloudOf(world, change.group))?.can.consistencyMs ?? 0) * SLACK;
  if (world.now - calledMono < leastMs)
    fail(`launch ${lost.id} is given up ${(world.now - calledMono) / 1000} s after its call, the cloud may take ${leastMs / 1000} s to show it`);
}
