import { sql } from 'kysely';
import { type Builder, statement } from './compile.ts';

const NOT_GONE = sql<boolean>`state <> 'gone'`;

/** Every query of the store, compiled once at opening. Only SQL that SQLite, PostgreSQL and CockroachDB share. */
export function storeQueries(db: Builder) {
  return {
    ...keyValueQueries(db),
    ...groupQueries(db),
    ...specQueries(db),
    ...instanceQueries(db),
    ...decisionQueries(db),
    ...inboundQueries(db),
  };
}
export type Queries = ReturnType<typeof storeQueries>;

function keyValueQueries(db: Builder) {
  return {
    internal: statement<{ key: string }>()((p) => db.selectFrom('internals').select('value').where('key', '=', p.key)),
    setInternal: statement<{ key: string; value: string }>()((p) =>
      db
        .insertInto('internals')
        .values({ key: p.key, value: p.value })
        .onConflict((c) => c.column('key').doUpdateSet((e) => ({ value: e.ref('excluded.value') }))),
    ),
    meta: statement<{ key: string }>()((p) => db.selectFrom('meta').select('value').where('key', '=', p.key)),
    setMeta: statement<{ key: string; value: string }>()((p) =>
      db
        .insertInto('meta')
        .values({ key: p.key, value: p.value })
        .onConflict((c) => c.column('key').doUpdateSet((e) => ({ value: e.ref('excluded.value') }))),
    ),
    once: statement<{ key: string }>()((p) => db.selectFrom('once_keys').select('at_ms').where('key', '=', p.key)),
    addOnce: statement<{ key: string; at_ms: number }>()((p) => db.insertInto('once_keys').values({ key: p.key, at_ms: p.at_ms })),
    deleteOnce: statement<{ before_ms: number }>()((p) => db.deleteFrom('once_keys').where('at_ms', '<', p.before_ms)),
  };
}

function groupQueries(db: Builder) {
  const withSpec = db.selectFrom('groups').innerJoin('specs', 'specs.key', 'groups.spec_key').selectAll('groups');
  return {
    groups: statement<Record<never, never>>()(() => withSpec.select('specs.spec').orderBy('name')),
    group: statement<{ name: string }>()((p) => withSpec.select('specs.spec').where('name', '=', p.name)),
    /** What a commit has to know of its group, without the large columns. */
    gate: statement<{ name: string }>()((p) =>
      db.selectFrom('groups').select(['owner', 'epoch', 'managed', 'archived_ms', 'observe', 'pause', 'frozen', 'spec_key']).where('name', '=', p.name),
    ),
    addGroup: statement<{ name: string; observe: number; spec_key: string; created_ms: number }>()((p) =>
      db.insertInto('groups').values({
        name: p.name,
        owner: null,
        epoch: 0,
        lease_until_ms: 0,
        managed: 1,
        archived_ms: null,
        observe: p.observe,
        spec_key: p.spec_key,
        pause: null,
        manual: '[]',
        approved: null,
        next_n: 1,
        frozen: null,
        created_ms: p.created_ms,
        memory: null,
      }),
    ),
    setSpec: statement<{ name: string; observe: number; spec_key: string }>()((p) =>
      db.updateTable('groups').set({ observe: p.observe, spec_key: p.spec_key, managed: 1, archived_ms: null }).where('name', '=', p.name),
    ),
    unmanage: statement<{ name: string }>()((p) => db.updateTable('groups').set({ managed: 0 }).where('name', '=', p.name)),
    archive: statement<{ name: string; at_ms: number }>()((p) => db.updateTable('groups').set({ managed: 0, archived_ms: p.at_ms }).where('name', '=', p.name)),
    setPause: statement<{ name: string; pause: string | null }>()((p) => db.updateTable('groups').set({ pause: p.pause }).where('name', '=', p.name)),
    setManual: statement<{ name: string; manual: string }>()((p) => db.updateTable('groups').set({ manual: p.manual }).where('name', '=', p.name)),
    setApproved: statement<{ name: string; approved: string | null }>()((p) =>
      db.updateTable('groups').set({ approved: p.approved }).where('name', '=', p.name),
    ),
    setFrozen: statement<{ name: string; frozen: string | null }>()((p) => db.updateTable('groups').set({ frozen: p.frozen }).where('name', '=', p.name)),
    /** The fence itself: no row is changed when the number is another one. Null leaves a column as it is. */
    advance: statement<{ name: string; epoch: number; memory: string | null; next_n: number | null }>()((p) =>
      db
        .updateTable('groups')
        .set((e) => ({
          memory: e.fn.coalesce(sql<string | null>`${p.memory}`, 'memory'),
          next_n: e.fn.coalesce(sql<number>`${p.next_n}`, 'next_n'),
        }))
        .where('name', '=', p.name)
        .where('epoch', '=', p.epoch),
    ),
    setLease: statement<{ name: string; owner: string; old_epoch: number; epoch: number; until_ms: number }>()((p) =>
      db.updateTable('groups').set({ owner: p.owner, epoch: p.epoch, lease_until_ms: p.until_ms }).where('name', '=', p.name).where('epoch', '=', p.old_epoch),
    ),
  };
}

function specQueries(db: Builder) {
  return {
    spec: statement<{ key: string }>()((p) => db.selectFrom('specs').select('spec').where('key', '=', p.key)),
    specByHash: statement<{ group: string; hash: string }>()((p) =>
      db
        .selectFrom('specs')
        .select('key')
        .where('group_name', '=', p.group)
        .where('hash', '=', p.hash)
        .orderBy('last_used_ms', 'desc')
        .orderBy('key')
        .limit(sql.lit(1)),
    ),
    putSpec: statement<{ key: string; group: string; hash: string; spec: string; at_ms: number }>()((p) =>
      db
        .insertInto('specs')
        .values({ key: p.key, group_name: p.group, hash: p.hash, spec: p.spec, first_used_ms: p.at_ms, last_used_ms: p.at_ms })
        .onConflict((c) => c.column('key').doUpdateSet((e) => ({ last_used_ms: e.ref('excluded.last_used_ms') }))),
    ),
    /** What a group has, and what a decision that is kept was made with, stays whatever its age. */
    deleteSpecs: statement<{ before_ms: number; limit: number }>()((p) =>
      db.deleteFrom('specs').where('key', 'in', (s) =>
        s
          .selectFrom('specs as s')
          .select('s.key')
          .where('s.last_used_ms', '<', p.before_ms)
          .where((e) => e.not(e.exists(e.selectFrom('groups').select('groups.name').whereRef('groups.spec_key', '=', 's.key'))))
          .where((e) => e.not(e.exists(e.selectFrom('decision_inputs as d').select('d.part').whereRef('d.spec_key', '=', 's.key'))))
          .limit(p.limit),
      ),
    ),
    template: statement<{ group: string; id: string }>()((p) =>
      db.selectFrom('templates').select('options').where('group_name', '=', p.group).where('id', '=', p.id),
    ),
    putTemplate: statement<{ group: string; id: string; options: string; at_ms: number }>()((p) =>
      db
        .insertInto('templates')
        .values({ group_name: p.group, id: p.id, options: p.options, first_used_ms: p.at_ms, archived_ms: null })
        .onConflict((c) => c.columns(['group_name', 'id']).doUpdateSet({ archived_ms: null })),
    ),
    archiveTemplates: statement<{ at_ms: number; group: string; except: string }>()((p) =>
      db.updateTable('templates').set({ archived_ms: p.at_ms }).where('group_name', '=', p.group).where('archived_ms', 'is', null).where('id', '<>', p.except),
    ),
  };
}

function instanceQueries(db: Builder) {
  const all = db.selectFrom('instances').selectAll().orderBy('group_name').orderBy('n');
  return {
    instance: statement<{ id: string }>()((p) => db.selectFrom('instances').selectAll().where('id', '=', p.id)),
    instanceGate: statement<{ id: string }>()((p) =>
      db.selectFrom('instances').select(['group_name', 'protected', 'standby', 'detached', 'remove_requested']).where('id', '=', p.id),
    ),
    instancesAll: statement<Record<never, never>>()(() => all),
    instancesLiving: statement<Record<never, never>>()(() => all.where(NOT_GONE)),
    instancesOfGroup: statement<{ group: string }>()((p) => all.where('group_name', '=', p.group)),
    instancesLivingOfGroup: statement<{ group: string }>()((p) => all.where('group_name', '=', p.group).where(NOT_GONE)),
    /** Never touches the operator's flags of a row that exists, nor a row of another group. */
    putInstance: statement<{
      id: string;
      group: string;
      n: number;
      state: string;
      since_ms: number;
      protected: number;
      standby: number;
      detached: number;
      replace_requested: number;
      remove_requested: number;
      body: string;
    }>()((p) =>
      db
        .insertInto('instances')
        .values({
          id: p.id,
          group_name: p.group,
          n: p.n,
          state: p.state,
          since_ms: p.since_ms,
          protected: p.protected,
          standby: p.standby,
          detached: p.detached,
          replace_requested: p.replace_requested,
          remove_requested: p.remove_requested,
          body: p.body,
        })
        .onConflict((c) =>
          c
            .column('id')
            .doUpdateSet((e) => ({
              n: e.ref('excluded.n'),
              state: e.ref('excluded.state'),
              since_ms: e.ref('excluded.since_ms'),
              body: e.ref('excluded.body'),
            }))
            .whereRef('instances.group_name', '=', 'excluded.group_name'),
        ),
    ),
    setFlags: statement<{
      id: string;
      protected: number | null;
      standby: number | null;
      detached: number | null;
      replace_requested: number | null;
      remove_requested: number | null;
    }>()((p) =>
      db
        .updateTable('instances')
        .set((e) => ({
          protected: e.fn.coalesce(sql<number>`${p.protected}`, 'protected'),
          standby: e.fn.coalesce(sql<number>`${p.standby}`, 'standby'),
          detached: e.fn.coalesce(sql<number>`${p.detached}`, 'detached'),
          replace_requested: e.fn.coalesce(sql<number>`${p.replace_requested}`, 'replace_requested'),
          remove_requested: e.fn.coalesce(sql<number>`${p.remove_requested}`, 'remove_requested'),
        }))
        .where('id', '=', p.id),
    ),
    deleteGone: statement<{ before_ms: number; limit: number }>()((p) =>
      db
        .deleteFrom('instances')
        .where('id', 'in', (s) =>
          s.selectFrom('instances').select('id').where(sql<boolean>`state = 'gone'`).where('since_ms', '<', p.before_ms).limit(p.limit),
        ),
    ),
  };
}

function decisionQueries(db: Builder) {
  const page = db.selectFrom('decisions').select(['first', 'last', 'count']).orderBy('seq', 'desc');
  const newestOf = (group: string) =>
    db
      .selectFrom('decisions')
      .select((e) => e.fn.max('seq').as('seq'))
      .where('group_name', '=', group);
  return {
    lastDecisionSeq: statement<Record<never, never>>()(() => db.selectFrom('decisions').select((e) => e.fn.max('seq').as('seq'))),
    addDecision: statement<{ seq: number; id: string; group: string; at_ms: number; count: number; first: string }>()((p) =>
      db
        .insertInto('decisions')
        .values({ seq: p.seq, id: p.id, group_name: p.group, at_ms: p.at_ms, last_ms: p.at_ms, count: p.count, first: p.first, last: null }),
    ),
    /** More of the same on the newest run of the group. */
    repeatDecision: statement<{ count: number; last: string; last_ms: number; group: string }>()((p) =>
      db
        .updateTable('decisions')
        .set((e) => ({ count: e('count', '+', p.count), last: p.last, last_ms: p.last_ms }))
        .where('seq', '=', newestOf(p.group))
        .returning('seq'),
    ),
    putInputs: statement<{ seq: number; part: number; spec_key: string; inputs: string }>()((p) =>
      db
        .insertInto('decision_inputs')
        .values({ decision_seq: p.seq, part: p.part, spec_key: p.spec_key, inputs: p.inputs })
        .onConflict((c) =>
          c.columns(['decision_seq', 'part']).doUpdateSet((e) => ({ spec_key: e.ref('excluded.spec_key'), inputs: e.ref('excluded.inputs') })),
        ),
    ),
    decisionSeq: statement<{ id: string }>()((p) => db.selectFrom('decisions').select(['seq']).where('id', '=', p.id)),
    decision: statement<{ id: string }>()((p) => db.selectFrom('decisions').select(['seq', 'first', 'last', 'count']).where('id', '=', p.id)),
    decisionInputs: statement<{ seq: number }>()((p) =>
      db
        .selectFrom('decision_inputs')
        .innerJoin('specs', 'specs.key', 'decision_inputs.spec_key')
        .select(['decision_inputs.spec_key', 'decision_inputs.inputs', 'specs.spec'])
        .where('decision_seq', '=', p.seq)
        .orderBy('part'),
    ),
    decisionsPage: statement<{ before: number; limit: number }>()((p) => page.where('seq', '<', p.before).limit(p.limit)),
    decisionsPageOfGroup: statement<{ before: number; group: string; limit: number }>()((p) =>
      page.where('seq', '<', p.before).where('group_name', '=', p.group).limit(p.limit),
    ),
    /** The newest run of each group stays whatever its age. */
    deleteDecisions: statement<{ before_ms: number; limit: number }>()((p) =>
      db.deleteFrom('decisions').where('seq', 'in', (s) =>
        s
          .selectFrom('decisions as d')
          .select('d.seq')
          .where('d.at_ms', '<', p.before_ms)
          .where('d.last_ms', '<', p.before_ms)
          .where((e) =>
            e.exists(
              e.selectFrom('decisions as newer').select('newer.seq').whereRef('newer.group_name', '=', 'd.group_name').whereRef('newer.seq', '>', 'd.seq'),
            ),
          )
          .limit(p.limit),
      ),
    ),
  };
}

function inboundQueries(db: Builder) {
  const alerts = db.selectFrom('alerts').selectAll().orderBy('last_heard_ms', 'desc').orderBy('receiver').orderBy('episode');
  return {
    alertsAll: statement<Record<never, never>>()(() => alerts),
    alertsFiring: statement<Record<never, never>>()(() => alerts.where('status', '=', sql.lit('firing'))),
    alertStatus: statement<{ receiver: string; episode: string }>()((p) =>
      db.selectFrom('alerts').select('status').where('receiver', '=', p.receiver).where('episode', '=', p.episode),
    ),
    /** A resolved episode stays resolved, and what was heard later is not unheard: deliveries come twice and out of order. */
    putAlert: statement<{
      receiver: string;
      episode: string;
      status: string;
      name: string;
      labels: string;
      starts_ms: number;
      last_heard_ms: number;
      resolved_ms: number | null;
      detail: string | null;
    }>()((p) =>
      db
        .insertInto('alerts')
        .values({
          receiver: p.receiver,
          episode: p.episode,
          status: p.status,
          name: p.name,
          labels: p.labels,
          starts_ms: p.starts_ms,
          last_heard_ms: p.last_heard_ms,
          resolved_ms: p.resolved_ms,
          detail: p.detail,
        })
        .onConflict((c) =>
          c.columns(['receiver', 'episode']).doUpdateSet((e) => ({
            status: sql<string>`case when alerts.status = 'resolved' then alerts.status else excluded.status end`,
            resolved_ms: sql<number | null>`case when alerts.status = 'resolved' then alerts.resolved_ms else excluded.resolved_ms end`,
            last_heard_ms: sql<number>`case when alerts.last_heard_ms > excluded.last_heard_ms then alerts.last_heard_ms else excluded.last_heard_ms end`,
            name: e.ref('excluded.name'),
            labels: e.ref('excluded.labels'),
            starts_ms: e.ref('excluded.starts_ms'),
            detail: e.ref('excluded.detail'),
          })),
        ),
    ),
    deleteAlerts: statement<{ before_ms: number }>()((p) => db.deleteFrom('alerts').where('last_heard_ms', '<', p.before_ms)),
    tokens: statement<Record<never, never>>()(() => db.selectFrom('tokens').selectAll().orderBy('created_ms').orderBy('id')),
    putToken: statement<{ id: string; name: string; role: string; hash: string; created_ms: number; revoked_ms: number | null }>()((p) =>
      db
        .insertInto('tokens')
        .values({ id: p.id, name: p.name, role: p.role, hash: p.hash, created_ms: p.created_ms, revoked_ms: p.revoked_ms })
        .onConflict((c) =>
          c.column('id').doUpdateSet((e) => ({
            name: e.ref('excluded.name'),
            role: e.ref('excluded.role'),
            hash: e.ref('excluded.hash'),
            revoked_ms: e.ref('excluded.revoked_ms'),
          })),
        ),
    ),
  };
}
