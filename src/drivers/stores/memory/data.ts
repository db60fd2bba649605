import type { GroupSpec } from '../../../core/model/group.ts';
import type { Json } from '../../../core/model/json.ts';
import { GENESIS_HASH } from '../../../ports/event-chain.ts';
import type { AlertRow, DecisionInputs, DecisionRow, EventRow, GroupRow, InstanceRow, TokenRow } from '../../../ports/store.ts';

/** Meta key of the install-wide pause. */
export const PAUSE_ALL = 'pause';

export interface DecisionEntry {
  readonly seq: number;
  row: DecisionRow;
  readonly first: DecisionInputs;
  last: DecisionInputs;
}
export interface GroupInstances {
  /** Instance id by running number. */
  readonly byN: Map<number, string>;
  /** Sorted lists, made when first asked for and dropped at a change. */
  living: readonly InstanceRow[] | null;
  all: readonly InstanceRow[] | null;
}

/** Everything that outlives a controller. Rows are frozen, so a copy of the maps is a copy of the store. */
export interface MemoryData {
  readonly installId: string;
  readonly meta: Map<string, Json>;
  readonly groups: Map<string, GroupRow>;
  /** By group, then by hash: the spec last put under that hash. */
  readonly specs: Map<string, Map<string, GroupSpec>>;
  /** When each was last put, by `specKey`. */
  readonly specPutMs: Map<string, number>;
  /** Canonical options by group and id; templates never change and never go. */
  readonly templates: Map<string, string>;
  readonly instances: Map<string, InstanceRow>;
  readonly byGroup: Map<string, GroupInstances>;
  decisions: DecisionEntry[];
  readonly decisionsOf: Map<string, DecisionEntry[]>;
  readonly decisionById: Map<string, DecisionEntry>;
  decisionSeq: number;
  events: EventRow[];
  head: { readonly seq: number; readonly hash: string };
  /** Event that retention cut at. */
  checkpoint: { readonly seq: number; readonly hash: string };
  readonly alerts: Map<string, AlertRow>;
  readonly once: Map<string, number>;
  readonly tokens: Map<string, TokenRow>;
  /** Copies made by `backup`, by path. */
  readonly backups: Map<string, MemoryData>;
  /** Of every open handle. */
  readonly listeners: Set<(events: readonly EventRow[]) => void>;
  /** Committed, not yet told to the listeners. */
  outbox: (readonly EventRow[])[];
}

export function createMemoryData(installId: string): MemoryData {
  return {
    installId,
    meta: new Map(),
    groups: new Map(),
    specs: new Map(),
    specPutMs: new Map(),
    templates: new Map(),
    instances: new Map(),
    byGroup: new Map(),
    decisions: [],
    decisionsOf: new Map(),
    decisionById: new Map(),
    decisionSeq: 0,
    events: [],
    head: { seq: 0, hash: GENESIS_HASH },
    checkpoint: { seq: 0, hash: GENESIS_HASH },
    alerts: new Map(),
    once: new Map(),
    tokens: new Map(),
    backups: new Map(),
    listeners: new Set(),
    outbox: [],
  };
}

/** A copy as `backup` makes it: the rows are shared, being frozen; listeners and earlier backups do not belong to it. */
export function copyMemoryData(data: MemoryData): MemoryData {
  const decisions = data.decisions.map((entry) => ({ ...entry }));
  const copy: MemoryData = {
    ...createMemoryData(data.installId),
    meta: new Map(data.meta),
    groups: new Map(data.groups),
    specs: new Map([...data.specs].map(([group, specs]) => [group, new Map(specs)])),
    specPutMs: new Map(data.specPutMs),
    templates: new Map(data.templates),
    instances: new Map(data.instances),
    byGroup: new Map([...data.byGroup].map(([group, rows]) => [group, { ...rows, byN: new Map(rows.byN) }])),
    decisions,
    decisionById: new Map(decisions.map((entry) => [entry.row.decision.id, entry])),
    decisionSeq: data.decisionSeq,
    events: [...data.events],
    head: data.head,
    checkpoint: data.checkpoint,
    alerts: new Map(data.alerts),
    once: new Map(data.once),
    tokens: new Map(data.tokens),
  };
  for (const entry of decisions) entriesOf(copy, entry.row.decision.group).push(entry);
  return copy;
}

export const specKey = (group: string, hash: string): string => JSON.stringify([group, hash]);

export function entriesOf(data: MemoryData, group: string): DecisionEntry[] {
  let entries = data.decisionsOf.get(group);
  if (!entries) {
    entries = [];
    data.decisionsOf.set(group, entries);
  }
  return entries;
}

export function instancesOf(data: MemoryData, group: string): GroupInstances {
  let rows = data.byGroup.get(group);
  if (!rows) {
    rows = { byN: new Map(), living: null, all: null };
    data.byGroup.set(group, rows);
  }
  return rows;
}
