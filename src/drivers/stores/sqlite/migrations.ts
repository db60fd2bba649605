import { sql } from 'kysely';
import type { Builder, Compilable } from './compile.ts';

/** Type of a running number: SQLite keeps a row directly under an `integer` key, elsewhere `integer` is too small. */
export type CounterType = 'integer' | 'bigint';

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Each entry is one statement; CockroachDB wants them run one by one. */
  readonly up: (db: Builder, counter: CounterType) => readonly Compilable<unknown>[];
}

/** Never edit a migration that has been released: add the next number. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'first', up: first },
  { version: 2, name: 'users of specs', up: usersOfSpecs },
  { version: 3, name: 'details of alerts', up: detailsOfAlerts },
];

/** Made before the first migration, so that the numbers have a place. */
export function migrationsTable(db: Builder): Compilable<unknown> {
  return db.schema
    .createTable('schema_migrations')
    .ifNotExists()
    .addColumn('version', 'integer', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('applied_ms', 'bigint', (c) => c.notNull());
}

function first(db: Builder, counter: CounterType): Compilable<unknown>[] {
  return [...keyValueTables(db), ...groupTables(db), ...decisionTables(db, counter), ...eventTables(db, counter), ...inboundTables(db)];
}

function keyValueTables({ schema }: Builder): Compilable<unknown>[] {
  return ['internals', 'meta'].map((table) =>
    schema
      .createTable(table)
      .addColumn('key', 'text', (c) => c.primaryKey())
      .addColumn('value', 'text', (c) => c.notNull()),
  );
}

/** Retention asks of every old specification whether somebody still uses it, and so does each foreign key when one is deleted. */
function usersOfSpecs({ schema }: Builder): Compilable<unknown>[] {
  return [
    schema.createIndex('groups_by_spec').on('groups').column('spec_key'),
    schema.createIndex('decision_inputs_by_spec').on('decision_inputs').column('spec_key'),
  ];
}

/** Annotations and origin, which hooks are told; of alerts heard before they are not known. */
function detailsOfAlerts({ schema }: Builder): Compilable<unknown>[] {
  return [schema.alterTable('alerts').addColumn('detail', 'text')];
}

function groupTables({ schema }: Builder): Compilable<unknown>[] {
  return [
    schema
      .createTable('specs')
      .addColumn('key', 'text', (c) => c.primaryKey())
      .addColumn('group_name', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('spec', 'text', (c) => c.notNull())
      .addColumn('first_used_ms', 'bigint', (c) => c.notNull())
      .addColumn('last_used_ms', 'bigint', (c) => c.notNull()),
    schema.createIndex('specs_by_hash').on('specs').columns(['group_name', 'hash']),
    schema
      .createTable('groups')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('owner', 'text')
      .addColumn('epoch', 'bigint', (c) => c.notNull())
      .addColumn('lease_until_ms', 'bigint', (c) => c.notNull())
      .addColumn('managed', 'integer', (c) => c.notNull())
      .addColumn('archived_ms', 'bigint')
      .addColumn('observe', 'integer', (c) => c.notNull())
      .addColumn('spec_key', 'text', (c) => c.notNull().references('specs.key'))
      .addColumn('pause', 'text')
      .addColumn('manual', 'text', (c) => c.notNull())
      .addColumn('approved', 'text')
      .addColumn('next_n', 'bigint', (c) => c.notNull())
      .addColumn('frozen', 'text')
      .addColumn('created_ms', 'bigint', (c) => c.notNull())
      .addColumn('memory', 'text'),
    schema
      .createTable('templates')
      .addColumn('group_name', 'text', (c) => c.notNull().references('groups.name'))
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('options', 'text', (c) => c.notNull())
      .addColumn('first_used_ms', 'bigint', (c) => c.notNull())
      .addColumn('archived_ms', 'bigint')
      .addPrimaryKeyConstraint('templates_pk', ['group_name', 'id']),
    schema
      .createTable('instances')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('group_name', 'text', (c) => c.notNull().references('groups.name'))
      .addColumn('n', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('since_ms', 'bigint', (c) => c.notNull())
      .addColumn('protected', 'integer', (c) => c.notNull())
      .addColumn('standby', 'integer', (c) => c.notNull())
      .addColumn('detached', 'integer', (c) => c.notNull())
      .addColumn('replace_requested', 'integer', (c) => c.notNull())
      .addColumn('remove_requested', 'integer', (c) => c.notNull())
      .addColumn('body', 'text', (c) => c.notNull()),
    schema.createIndex('instances_by_number').unique().on('instances').columns(['group_name', 'n']),
    schema.createIndex('instances_living').on('instances').columns(['group_name', 'n']).where(sql<boolean>`state <> 'gone'`),
    schema.createIndex('instances_gone').on('instances').column('since_ms').where(sql<boolean>`state = 'gone'`),
  ];
}

function decisionTables({ schema }: Builder, counter: CounterType): Compilable<unknown>[] {
  return [
    schema
      .createTable('decisions')
      .addColumn('seq', counter, (c) => c.primaryKey())
      .addColumn('id', 'text', (c) => c.notNull().unique())
      .addColumn('group_name', 'text', (c) => c.notNull().references('groups.name'))
      .addColumn('at_ms', 'bigint', (c) => c.notNull())
      .addColumn('last_ms', 'bigint', (c) => c.notNull())
      .addColumn('count', 'bigint', (c) => c.notNull())
      .addColumn('first', 'text', (c) => c.notNull())
      .addColumn('last', 'text'),
    schema.createIndex('decisions_by_group').on('decisions').columns(['group_name', 'seq']),
    // By the time of the run's start, which never changes: an index on its end would be rewritten by every hold.
    schema.createIndex('decisions_by_age').on('decisions').column('at_ms'),
    schema
      .createTable('decision_inputs')
      .addColumn('decision_seq', counter, (c) => c.notNull().references('decisions.seq').onDelete('cascade'))
      .addColumn('part', 'integer', (c) => c.notNull())
      .addColumn('spec_key', 'text', (c) => c.notNull().references('specs.key'))
      .addColumn('inputs', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('decision_inputs_pk', ['decision_seq', 'part']),
  ];
}

function eventTables({ schema }: Builder, counter: CounterType): Compilable<unknown>[] {
  return [
    schema
      .createTable('events')
      .addColumn('seq', counter, (c) => c.primaryKey())
      .addColumn('at_ms', 'bigint', (c) => c.notNull())
      .addColumn('group_name', 'text')
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('data', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull()),
    schema.createIndex('events_by_group').on('events').columns(['group_name', 'seq']),
    schema.createIndex('events_by_type').on('events').columns(['type', 'seq']),
    schema
      .createTable('event_head')
      .addColumn('id', 'integer', (c) => c.primaryKey())
      .addColumn('seq', 'bigint', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull()),
    schema
      .createTable('checkpoints')
      .addColumn('seq', counter, (c) => c.primaryKey())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('at_ms', 'bigint', (c) => c.notNull())
      .addColumn('mac', 'text', (c) => c.notNull()),
  ];
}

function inboundTables({ schema }: Builder): Compilable<unknown>[] {
  return [
    schema
      .createTable('alerts')
      .addColumn('receiver', 'text', (c) => c.notNull())
      .addColumn('episode', 'text', (c) => c.notNull())
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('labels', 'text', (c) => c.notNull())
      .addColumn('starts_ms', 'bigint', (c) => c.notNull())
      .addColumn('last_heard_ms', 'bigint', (c) => c.notNull())
      .addColumn('resolved_ms', 'bigint')
      .addPrimaryKeyConstraint('alerts_pk', ['receiver', 'episode']),
    schema
      .createTable('once_keys')
      .addColumn('key', 'text', (c) => c.primaryKey())
      .addColumn('at_ms', 'bigint', (c) => c.notNull()),
    schema
      .createTable('tokens')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('role', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('created_ms', 'bigint', (c) => c.notNull())
      .addColumn('revoked_ms', 'bigint'),
  ];
}
