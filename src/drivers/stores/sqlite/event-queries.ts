import { type Builder, type SqlValue, type Statement, statement } from './compile.ts';
import type { Schema } from './schema.ts';

export type StoredEvent = Schema['events'];

/** Queries of the event chain; see events.ts. */
export function eventQueries(db: Builder) {
  const all = db.selectFrom('events').selectAll();
  return {
    head: statement<Record<never, never>>()(() => db.selectFrom('event_head').select(['seq', 'hash'])),
    setHead: statement<{ seq: number; hash: string }>()((p) =>
      db
        .insertInto('event_head')
        .values({ id: 1, seq: p.seq, hash: p.hash })
        .onConflict((c) => c.column('id').doUpdateSet((e) => ({ seq: e.ref('excluded.seq'), hash: e.ref('excluded.hash') }))),
    ),
    addEvent: statement<{ seq: number; at_ms: number; group: string | null; type: string; actor: string; data: string; hash: string }>()((p) =>
      db.insertInto('events').values({ seq: p.seq, at_ms: p.at_ms, group_name: p.group, type: p.type, actor: p.actor, data: p.data, hash: p.hash }),
    ),
    /** Oldest first, for the walk along the chain. */
    eventsAfter: statement<{ seq: number; limit: number }>()((p) => all.where('seq', '>', p.seq).orderBy('seq').limit(p.limit)),
    lastEventSeq: statement<Record<never, never>>()(() => db.selectFrom('events').select((e) => e.fn.max('seq').as('seq'))),
    firstEventSeq: statement<Record<never, never>>()(() => db.selectFrom('events').select((e) => e.fn.min('seq').as('seq'))),
    firstEventFrom: statement<{ at_ms: number; limit: number }>()((p) =>
      db.selectFrom('events').select('seq').where('at_ms', '>=', p.at_ms).orderBy('seq').limit(p.limit),
    ),
    eventHash: statement<{ seq: number }>()((p) => db.selectFrom('events').select('hash').where('seq', '=', p.seq)),
    deleteEvents: statement<{ seq: number }>()((p) => db.deleteFrom('events').where('seq', '<=', p.seq)),
    checkpoints: statement<Record<never, never>>()(() => db.selectFrom('checkpoints').selectAll().orderBy('seq', 'desc')),
    addCheckpoint: statement<{ seq: number; hash: string; at_ms: number; mac: string }>()((p) =>
      db.insertInto('checkpoints').values({ seq: p.seq, hash: p.hash, at_ms: p.at_ms, mac: p.mac }),
    ),
    deleteCheckpoints: statement<{ seq: number }>()((p) => db.deleteFrom('checkpoints').where('seq', '<', p.seq)),
    page: eventPages(db),
  };
}
export type EventQueries = ReturnType<typeof eventQueries>;

export interface EventPageArgs extends Readonly<Record<string, SqlValue>> {
  readonly before: number;
  readonly after: number;
  readonly group: string;
  readonly type: string;
  readonly limit: number;
}
/** The four shapes of the filter, so that each uses its index. */
function eventPages(db: Builder): (byGroup: boolean, byType: boolean) => Statement<EventPageArgs, StoredEvent> {
  const shape = (byGroup: boolean, byType: boolean) =>
    statement<EventPageArgs>()((p) => {
      let query = db.selectFrom('events').selectAll().where('seq', '<', p.before).where('seq', '>', p.after);
      if (byGroup) query = query.where('group_name', '=', p.group);
      if (byType) query = query.where('type', '=', p.type);
      return query.orderBy('seq', 'desc').limit(p.limit);
    });
  const shapes = [shape(false, false), shape(false, true), shape(true, false), shape(true, true)] as const;
  return (byGroup, byType) => shapes[byGroup ? (byType ? 3 : 2) : byType ? 1 : 0];
}
