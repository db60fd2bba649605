import type { GroupMemory } from '../core/model/model.ts';
import type { InstanceRow, NewEvent, StepKind } from '../ports/ports.ts';
import type { GroupState } from './group-state.ts';

/** What the books say after they met the world. Nothing is committed yet. */
export interface Reconciled {
  readonly rows: Map<string, InstanceRow>;
  readonly changed: Map<string, InstanceRow>;
  readonly calls: { readonly id: string; readonly step: StepKind }[];
  readonly events: NewEvent[];
  memory: GroupMemory;
  nextN: number;
  frozen: string | null;
  /** The cloud's answer may be used to take machines away. */
  cloudTrusted: boolean;
  /** Soonest time at which an instance needs a look, Unix ms; null: none. */
  wakeMs: number | null;
}

export function put(r: Reconciled, row: InstanceRow): void {
  r.changed.set(row.id, row);
  if (row.state === 'gone') r.rows.delete(row.id);
  else r.rows.set(row.id, row);
}

export function tell(r: Reconciled, event: Omit<NewEvent, 'actor'> | null): void {
  if (event) r.events.push({ ...event, actor: 'drover' });
}

/** The books as they stand, before they met anything. */
export function unmet(state: GroupState, cloudTrusted: boolean): Reconciled {
  return {
    rows: new Map(state.rows),
    changed: new Map(),
    calls: [],
    events: [],
    memory: state.memory,
    nextN: state.row.nextN,
    frozen: state.row.frozen,
    cloudTrusted,
    wakeMs: null,
  };
}
