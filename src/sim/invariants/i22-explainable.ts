import { decide } from '../../core/decide.ts';
import type { DecisionInputs } from '../../ports/ports.ts';
import type { Invariant } from '../watch.ts';

/** Of each group so many, the newest. */
const REPLAYED = 100;

/** The record of a decision is worth nothing if it cannot be made again. */
export const explainable: Invariant = {
  id: 'I22',
  title: 'Explainable: every stored decision comes out the same when it is made again',
  open: (world, fail) => ({
    ended: () => {
      for (const [group, entries] of world.data.decisionsOf) {
        for (const { row, first, last } of entries.slice(-REPLAYED)) {
          if (!isSame(first, row.decision)) fail(`${group}: decision ${row.decision.id} replays differently`);
          if (row.count > 1 && !isSame(last, row.last)) fail(`${group}: the last of decision ${row.decision.id} replays differently`);
        }
      }
    },
  }),
};

function isSame({ spec, snapshot, memory }: DecisionInputs, stored: unknown): boolean {
  return JSON.stringify(decide(spec, snapshot, memory).decision) === JSON.stringify(stored);
}
