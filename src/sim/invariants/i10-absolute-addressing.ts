import type { CloudCall, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { BookTime } from './book-time.ts';
import { SLACK, takesAnew } from './ground-truth.ts';

/** Waits between two deletes of one machine: after the first that failed, doubled each time, and after one that was accepted, ms. */
const FIRST_MS = 1_000;
const ACCEPTED_MS = 30_000;

interface Repeats {
  readonly by: string;
  /** Whose books measure the time: the row may be gone before the last repeat arrives. */
  readonly group: string;
  readonly times: number;
  readonly lastAt: number;
}

/** "One fewer" hits the wrong machine when it is repeated; an id never does. */
export const absoluteAddressing: Invariant = {
  id: 'I10',
  title: 'Absolute addressing: a delete names one machine of an instance, and repeats wait longer and longer',
  open(world, fail) {
    const time = new BookTime(world);
    const asked = new Map<string, Repeats>();
    return {
      commit: (seen) => time.committed(seen),
      restored: () => asked.clear(),
      cloudCall: (call) => {
        if (call.op !== 'delete') return;
        const group = world.rowOfMachine(call.cloud, call.arg)?.group ?? asked.get(`${call.cloud} ${call.arg}`)?.group ?? '';
        check(world, fail, call, { asked, group, at: time.now(group), lastAt: time.at(group) });
      },
    };
  },
};

function check(
  world: SimWorld,
  fail: (text: string) => void,
  { by, cloud, arg }: CloudCall,
  now: { readonly asked: Map<string, Repeats>; readonly group: string; readonly at: number; readonly lastAt: number },
): void {
  const { asked, group, at, lastAt } = now;
  if (arg === '') {
    fail(`${by.name} deletes without an id`);
    return;
  }
  const known = asked.get(`${cloud} ${arg}`);
  const same = known?.by === by.name && !takesAnew(world);
  if (known && same) {
    // On the way there a call may lose the time that the one before it took.
    const least = Math.min(ACCEPTED_MS, FIRST_MS * 2 ** Math.min(6, known.times - 1)) * SLACK - Math.ceil(world.scenario.latencyMs);
    if (at - known.lastAt < least) fail(`${by.name} deletes ${arg} again after ${at - known.lastAt} ms, try ${known.times + 1}`);
  }
  asked.set(`${cloud} ${arg}`, { by: by.name, group, times: known && same ? known.times + 1 : 1, lastAt });
}
