import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';

const BEGINS = new Set(['instance.intent']);
const ENDS = new Set(['instance.gone', 'launch.failed', 'control.forgotten']);

/** Instances do not appear or vanish in the books without an event that says so, and the counts add up to the end. */
export const conservation: Invariant = {
  id: 'I5',
  title: 'Conservation: launched minus gone is what is there, in the books and in the events',
  open(world, fail) {
    const born = new Map<string, number>();
    return {
      restored: () => {
        born.clear();
        for (const { spec } of world.scenario.groups) born.set(spec.name, world.rows(spec.name).length);
      },
      commit: (seen) => {
        if (seen.moved.length > 0 || (seen.result && seen.change.events)) count(fail, seen, born);
      },
      ended: () => {
        for (const { spec } of world.scenario.groups) balance(world, fail, spec.name, born.get(spec.name) ?? 0);
      },
    };
  },
};

function count(fail: (text: string) => void, { change, moved }: CommitSeen, born: Map<string, number>): void {
  let [wishes, began, gone] = [0, 0, 0];
  for (const { was, row } of moved) {
    if (was === undefined) {
      began++;
      if (row.state === 'intent') wishes++;
    }
    if (row.state === 'gone' && was?.state !== 'gone') gone++;
  }
  let [toldWishes, toldGone] = [0, 0];
  for (const e of change.events ?? []) {
    if (BEGINS.has(e.type)) toldWishes++;
    if (ENDS.has(e.type)) toldGone++;
  }
  if (wishes !== toldWishes) fail(`${change.group}: ${wishes} launches were written down and ${toldWishes} told`);
  if (gone !== toldGone) fail(`${change.group}: ${gone} instances were struck and ${toldGone} told`);
  if (began !== gone) born.set(change.group, (born.get(change.group) ?? 0) + began - gone);
}

function balance(world: SimWorld, fail: (text: string) => void, group: string, expected: number): void {
  const living = world.rows(group).length;
  if (living !== expected) fail(`${group}: by what came and went ${expected} instances are there, the books have ${living}`);
}
