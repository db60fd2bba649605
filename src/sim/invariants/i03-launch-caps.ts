import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { SLACK, specOf } from './ground-truth.ts';

const HOUR_MS = 3_600_000;

/** A group that fails over and over, or flutters, must not buy machines without end. */
export const launchCaps: Invariant = {
  id: 'I3',
  title: 'Launch caps: no more launches in any hour than the configuration allows',
  open(world, fail) {
    const time = new BookTime(world);
    const launches = new Map<string, number[]>();
    return {
      restored: () => launches.clear(),
      commit: (seen) => {
        time.committed(seen);
        const started = seen.moved.filter(({ was, row }) => was === undefined && row.state === 'intent').length;
        if (started > 0) check(world, fail, seen, { started, at: time.now(seen.change.group), written: time.writtenAt(seen), launches });
      },
    };
  },
};

function check(
  world: SimWorld,
  fail: (text: string) => void,
  { change }: CommitSeen,
  now: { readonly started: number; readonly at: number; readonly written: number; readonly launches: Map<string, number[]> },
): void {
  const { started, at, written, launches } = now;
  const list = (launches.get(change.group) ?? []).filter((t) => t > at - HOUR_MS * SLACK);
  for (let i = 0; i < started; i++) list.push(written);
  launches.set(change.group, list);
  const most = specOf(world, change)?.limits.launchesPerHour ?? null;
  if (most !== null && list.length > most) fail(`${change.group}: ${list.length} launches within an hour, ${most} are allowed`);
}
