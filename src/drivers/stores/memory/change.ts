import { canonicalJson, chainText, wellFormed } from '../../../ports/event-chain.ts';
import { type DecisionInputs, type EventRow, type GroupRow, type InstanceRow, type NewEvent, StoreError } from '../../../ports/store.ts';
import { type DecisionEntry, entriesOf, instancesOf, type MemoryData } from './data.ts';
import { freezeDeep } from './freeze.ts';

/** Refuses this one call; what it did so far is undone. */
export function contradiction(sentence: string): never {
  throw new StoreError('conflict', `The store refused a change that contradicts it. (${sentence})`);
}

/** One all-or-nothing change: every step notes how to take it back. */
export class Change {
  readonly data: MemoryData;
  readonly #sha256: (text: string) => string;
  readonly #undo: (() => void)[] = [];
  readonly events: EventRow[] = [];

  constructor(data: MemoryData, sha256: (text: string) => string) {
    this.data = data;
    this.#sha256 = sha256;
  }

  /** Of a value that nobody else can change. */
  set<K, V>(map: Map<K, V>, key: K, value: V): void {
    const had = map.has(key);
    const old = map.get(key) as V;
    map.set(key, value);
    this.#undo.push(() => (had ? map.set(key, old) : map.delete(key)));
  }

  delete<K, V>(map: Map<K, V>, key: K): void {
    if (!map.has(key)) return;
    const old = map.get(key) as V;
    map.delete(key);
    this.#undo.push(() => map.set(key, old));
  }

  group(name: string): GroupRow {
    return this.data.groups.get(name) ?? contradiction(`there is no group ${name}`);
  }

  /** The spec must be frozen already: it is large and mostly the same. */
  setGroup(row: GroupRow, to: Partial<GroupRow>): void {
    for (const part of Object.values(to)) if (part !== to.spec) freezeDeep(part);
    this.set(this.data.groups, row.name, Object.freeze({ ...row, ...to }));
  }

  setInstance(row: InstanceRow): void {
    const { instances } = this.data;
    const old = instances.get(row.id);
    const rows = instancesOf(this.data, row.group);
    const holder = rows.byN.get(row.n);
    if (holder !== undefined && holder !== row.id) contradiction(`number ${row.n} of group ${row.group} is taken by ${holder}`);
    if (old && old.n !== row.n) this.delete(rows.byN, old.n);
    if (holder === undefined) this.set(rows.byN, row.n, row.id);
    this.set(instances, row.id, freezeDeep(row));
    this.forgetLists(row.group);
  }

  /** Also on the way back: a list made in between would show what never was. */
  forgetLists(group: string): void {
    const rows = instancesOf(this.data, group);
    rows.living = null;
    rows.all = null;
    this.#undo.push(() => {
      rows.living = null;
      rows.all = null;
    });
  }

  /** `first` and `last` are the same object. */
  addDecision(entry: Omit<DecisionEntry, 'seq'>): void {
    const { data } = this;
    const { decision } = entry.row;
    if (data.decisionById.has(decision.id)) contradiction(`decision ${decision.id} exists`);
    data.decisionSeq += 1;
    const made = { seq: data.decisionSeq, row: freezeDeep(entry.row), first: frozenInputs(entry.first), last: entry.last };
    const own = entriesOf(data, decision.group);
    data.decisions.push(made);
    own.push(made);
    data.decisionById.set(decision.id, made);
    this.#undo.push(() => {
      data.decisionById.delete(decision.id);
      own.pop();
      data.decisions.pop();
      data.decisionSeq -= 1;
    });
  }

  repeatDecision(entry: DecisionEntry, to: Pick<DecisionEntry, 'row' | 'last'>): void {
    const { row, last } = entry;
    entry.row = freezeDeep(to.row);
    entry.last = frozenInputs(to.last);
    this.#undo.push(() => {
      entry.row = row;
      entry.last = last;
    });
  }

  append(event: NewEvent): void {
    const { data } = this;
    const { atMs, group, type, actor } = wellFormed(event);
    const old = data.head;
    const seq = old.seq + 1;
    const hash = this.#sha256(chainText(old.hash, { seq, atMs, group, type, actor }, canonicalJson(event.data)));
    const row = freezeDeep({ seq, atMs, group, type, actor, data: event.data, hash });
    data.head = { seq, hash };
    data.events.push(row);
    this.events.push(row);
    this.#undo.push(() => {
      data.head = old;
      data.events.pop();
    });
  }

  undo(): void {
    for (let step = this.#undo.pop(); step; step = this.#undo.pop()) step();
  }
}

/** Its spec is one that the store holds, frozen. */
function frozenInputs(inputs: DecisionInputs): DecisionInputs {
  freezeDeep(inputs.snapshot);
  freezeDeep(inputs.memory);
  return Object.freeze(inputs);
}
