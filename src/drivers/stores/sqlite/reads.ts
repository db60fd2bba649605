import type { Json } from '../../../core/model/json.ts';
import type { Pause } from '../../../core/model/snapshot.ts';
import type { AlertRow, DecisionInputs, DecisionRow, EventRow, GroupRow, InstanceRow, Page, TokenRow } from '../../../ports/store.ts';
import { contradiction, PAUSE_ALL, type StoreContext } from './context.ts';
import { eventFromRow } from './event-chain.ts';
import type { EventQueries } from './event-queries.ts';
import { alertFromRow, decisionFromRow, groupFromRow, instanceFromRow, tokenFromRow } from './rows.ts';

export function readMeta({ connection, queries }: StoreContext, key: string): Json | null {
  const row = connection.get(queries.meta, { key });
  return row ? JSON.parse(row.value) : null;
}

/** The big red button; null when it is not pressed. It may have run out. */
export function readPauseAll({ connection, queries }: StoreContext): Pause | null {
  const row = connection.get(queries.meta, { key: PAUSE_ALL });
  return row ? JSON.parse(row.value) : null;
}

export function readGroups(store: StoreContext): GroupRow[] {
  const all = readPauseAll(store);
  return store.connection.all(store.queries.groups, {}).map((row) => groupFromRow(row, all, store.specs));
}

export function readGroup(store: StoreContext, name: string): GroupRow | null {
  const row = store.connection.get(store.queries.group, { name });
  return row ? groupFromRow(row, readPauseAll(store), store.specs) : null;
}

export function readInstances({ connection, queries }: StoreContext, group: string | null, withGone: boolean): InstanceRow[] {
  const rows =
    group === null
      ? connection.all(withGone ? queries.instancesAll : queries.instancesLiving, {})
      : connection.all(withGone ? queries.instancesOfGroup : queries.instancesLivingOfGroup, { group });
  return rows.map(instanceFromRow);
}

export function readInstance({ connection, queries }: StoreContext, id: string): InstanceRow | null {
  const row = connection.get(queries.instance, { id });
  return row ? instanceFromRow(row) : null;
}

export function readAlerts({ connection, queries }: StoreContext, withResolved: boolean): AlertRow[] {
  return connection.all(withResolved ? queries.alertsAll : queries.alertsFiring, {}).map(alertFromRow);
}

export function readTokens({ connection, queries }: StoreContext): TokenRow[] {
  return connection.all(queries.tokens, {}).map(tokenFromRow);
}

export function readDecisions(store: StoreContext, group: string | null, page: Page): DecisionRow[] {
  const { connection, queries } = store;
  const limit = limitOf(store, page);
  const before = page.before === null ? Number.MAX_SAFE_INTEGER : connection.get(queries.decisionSeq, { id: page.before })?.seq;
  if (before === undefined) contradiction(store, `there is no decision ${page.before} to go on from; begin at the newest`);
  const rows =
    group === null ? connection.all(queries.decisionsPage, { before, limit }) : connection.all(queries.decisionsPageOfGroup, { before, group, limit });
  return rows.map(decisionFromRow);
}

export function readDecision(
  { connection, queries, specs }: StoreContext,
  id: string,
): { row: DecisionRow; first: DecisionInputs; last: DecisionInputs } | null {
  const found = connection.get(queries.decision, { id });
  if (!found) return null;
  const inputs = connection.all(queries.decisionInputs, { seq: found.seq }).map((part): DecisionInputs => {
    const { snapshot, memory } = JSON.parse(part.inputs) as Omit<DecisionInputs, 'spec'>;
    return { spec: specs.get(part.spec_key, part.spec), snapshot, memory };
  });
  const first = inputs[0];
  const last = inputs.at(-1);
  return first && last ? { row: decisionFromRow(found), first, last } : null;
}

export function readEvents(
  store: StoreContext,
  queries: EventQueries,
  filter: { readonly group?: string | null; readonly afterSeq?: number; readonly type?: string },
  page: Page,
): EventRow[] {
  const limit = limitOf(store, page);
  const before = page.before === null ? Number.MAX_SAFE_INTEGER : Number(page.before);
  if (!Number.isSafeInteger(before)) contradiction(store, `events are paged by number, not by "${page.before}"`);
  const { group = null, type = null } = filter;
  const statement = queries.page(group !== null, type !== null);
  return store.connection.all(statement, { before, after: filter.afterSeq ?? 0, group: group ?? '', type: type ?? '', limit }).map(eventFromRow);
}

function limitOf(store: StoreContext, page: Page): number {
  if (Number.isInteger(page.limit) && page.limit >= 1 && page.limit <= 1000) return page.limit;
  return contradiction(store, `a page has 1 to 1000 rows, not ${page.limit}`);
}
