import type { GroupMemory } from '../core/model/model.ts';
import type { GroupCommit, GroupRow, InstanceRow, NewEvent } from '../ports/ports.ts';

/** The group as committed. Replaced, never edited. */
export interface GroupState {
  readonly row: GroupRow;
  readonly memory: GroupMemory;
  /** Every instance that is not gone, by id. */
  readonly rows: ReadonlyMap<string, InstanceRow>;
}

/** One commit as its builder sees it. */
export interface Change {
  readonly mayAct?: boolean;
  readonly victims?: readonly string[];
  readonly memory?: GroupMemory;
  readonly nextN?: number;
  readonly frozen?: string | null;
  readonly instances?: readonly InstanceRow[];
  readonly decision?: NonNullable<GroupCommit['decision']>;
  readonly events?: readonly NewEvent[];
}

/** The state after a change was committed. */
export function applied(state: GroupState, change: Change): GroupState {
  let rows = state.rows;
  if (change.instances?.length) {
    const next = new Map(rows);
    for (const row of change.instances) {
      if (row.state === 'gone') next.delete(row.id);
      else next.set(row.id, row);
    }
    rows = next;
  }
  const row =
    change.nextN === undefined && change.frozen === undefined
      ? state.row
      : { ...state.row, nextN: change.nextN ?? state.row.nextN, frozen: change.frozen === undefined ? state.row.frozen : change.frozen };
  return { row, rows, memory: change.memory ?? state.memory };
}
