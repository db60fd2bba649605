import { describe, expect, it } from 'vitest';
import { DECISIONS } from '../../../test/support/invariant-cases/decisions.ts';
import { GUARDS } from '../../../test/support/invariant-cases/guards.ts';
import { ORDER } from '../../../test/support/invariant-cases/order.ts';
import { SAFETY } from '../../../test/support/invariant-cases/safety.ts';
import { Stage } from '../../../test/support/invariant-cases/stage.ts';
import type { Invariant } from '../watch.ts';
import { invariants } from './all.ts';

const CASES = [...SAFETY, ...GUARDS, ...DECISIONS, ...ORDER];

function of(id: string): Invariant {
  const found = invariants.find((i) => i.id === id);
  if (!found) throw new Error(`no invariant ${id}`);
  return found;
}
const told = (s: Stage): readonly string[] => [...s.found, ...(s.watcher.unsettled?.() ?? [])];

describe.each(CASES)('$id, $what', ({ id, stage, wrong, right }) => {
  it('is reported', () => {
    const s = new Stage(of(id), stage);
    wrong(s);
    expect(told(s)).not.toEqual([]);
  });

  it('its neighbour is not', () => {
    const s = new Stage(of(id), stage);
    right(s);
    expect(told(s)).toEqual([]);
  });
});

describe('the list of invariants', () => {
  it('is ordered, names none twice, and has a case for each', () => {
    const ids = invariants.map((i) => i.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
    expect([...new Set(CASES.map((c) => c.id))].sort()).toEqual([...ids].sort());
  });
});
