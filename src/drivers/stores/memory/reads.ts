import type { Pause } from '../../../core/model/snapshot.ts';
import {
  type AlertRow,
  type DecisionInputs,
  type DecisionRow,
  type EventRow,
  type GroupRow,
  type InstanceRow,
  type Page,
  pauseInForce,
  type TokenRow,
} from '../../../ports/store.ts';
import { contradiction } from './change.ts';
import { type DecisionEntry, instancesOf, type MemoryData, PAUSE_ALL } from './data.ts';

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The big red button; null when it is not pressed. It may have run out. */
export function readPauseAll(data: MemoryData): Pause | null {
  return (data.meta.get(PAUSE_ALL) ?? null) as unknown as Pause | null;
}

export function readGroups(data: MemoryData): GroupRow[] {
  const all = readPauseAll(data);
  return [...data.groups.values()].sort((a, b) => byText(a.name, b.name)).map((row) => shown(row, all));
}

export function readGroup(data: MemoryData, name: string): GroupRow | null {
  const row = data.groups.get(name);
  return row ? shown(row, readPauseAll(data)) : null;
}

function shown(row: GroupRow, all: Pause | null): GroupRow {
  return all === null ? row : Object.freeze({ ...row, pause: pauseInForce(row.pause, all) });
}

export function readInstances(data: MemoryData, group: string | null, withGone: boolean): readonly InstanceRow[] {
  if (group !== null) return data.byGroup.has(group) ? listOf(data, group, withGone) : [];
  return [...data.byGroup.keys()].sort(byText).flatMap((name) => listOf(data, name, withGone));
}

/** The same frozen list as long as nothing changes. */
function listOf(data: MemoryData, group: string, withGone: boolean): readonly InstanceRow[] {
  const rows = instancesOf(data, group);
  if (!rows.all) {
    const all: InstanceRow[] = [];
    for (const id of rows.byN.values()) {
      const row = data.instances.get(id);
      if (row) all.push(row);
    }
    rows.all = Object.freeze(all.sort((a, b) => a.n - b.n));
  }
  rows.living ??= Object.freeze(rows.all.filter((row) => row.state !== 'gone'));
  return withGone ? rows.all : rows.living;
}

export function readAlerts(data: MemoryData, withResolved: boolean): AlertRow[] {
  return [...data.alerts.values()]
    .filter((alert) => withResolved || alert.status === 'firing')
    .sort((a, b) => b.lastHeardMs - a.lastHeardMs || byText(a.receiver, b.receiver) || byText(a.episode, b.episode));
}

export function readTokens(data: MemoryData): TokenRow[] {
  return [...data.tokens.values()].sort((a, b) => a.createdAtMs - b.createdAtMs || byText(a.id, b.id));
}

export function readDecisions(data: MemoryData, group: string | null, page: Page): DecisionRow[] {
  const limit = limitOf(page);
  const from = page.before === null ? null : data.decisionById.get(page.before);
  if (from === undefined) contradiction(`there is no decision ${page.before} to go on from; begin at the newest`);
  const entries = group === null ? data.decisions : (data.decisionsOf.get(group) ?? []);
  const end = from === null ? entries.length : firstFrom(entries, from.seq);
  return entries
    .slice(Math.max(0, end - limit), end)
    .reverse()
    .map((entry) => entry.row);
}

export function readDecision(data: MemoryData, id: string): { row: DecisionRow; first: DecisionInputs; last: DecisionInputs } | null {
  const entry = data.decisionById.get(id);
  return entry ? { row: entry.row, first: entry.first, last: entry.last } : null;
}

export function readEvents(
  data: MemoryData,
  filter: { readonly group?: string | null; readonly afterSeq?: number; readonly type?: string },
  page: Page,
): EventRow[] {
  const limit = limitOf(page);
  const before = page.before === null ? Number.MAX_SAFE_INTEGER : Number(page.before);
  if (!Number.isSafeInteger(before)) contradiction(`events are paged by number, not by "${page.before}"`);
  const { group = null, type = null, afterSeq = 0 } = filter;
  const found: EventRow[] = [];
  for (let i = firstFrom(data.events, before) - 1; i >= 0 && found.length < limit; i--) {
    const event = data.events[i];
    if (!event || event.seq <= afterSeq) break;
    if ((group === null || event.group === group) && (type === null || event.type === type)) found.push(event);
  }
  return found;
}

/** Index of the first entry whose number is at least `seq`; the length if there is none. */
export function firstFrom(entries: readonly Pick<DecisionEntry, 'seq'>[], seq: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.seq ?? seq) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function limitOf(page: Page): number {
  if (Number.isInteger(page.limit) && page.limit >= 1 && page.limit <= 1000) return page.limit;
  return contradiction(`a page has 1 to 1000 rows, not ${page.limit}`);
}
