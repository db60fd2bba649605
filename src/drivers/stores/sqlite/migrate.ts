import type { Builder } from './compile.ts';
import { statement } from './compile.ts';
import type { Connection } from './connection.ts';
import { storeError } from './errors.ts';
import { type Migration, migrationsTable } from './migrations.ts';

/** Brings the schema to the newest number, each step in its own transaction. Refuses a schema it does not know. */
export function migrate(connection: Connection, db: Builder, migrations: readonly Migration[], nowMs: number): number {
  connection.exec(migrationsTable(db).compile().sql);
  const versions = statement<Record<never, never>>()(() => db.selectFrom('schema_migrations').select('version').orderBy('version'));
  const record = statement<{ version: number; name: string; applied_ms: number }>()((p) =>
    db.insertInto('schema_migrations').values({ version: p.version, name: p.name, applied_ms: p.applied_ms }),
  );
  const present = connection.all(versions, {}).map((row) => row.version);
  const newest = migrations.at(-1)?.version ?? 0;
  const found = present.at(-1) ?? 0;
  if (found > newest) throw storeError('newer-schema', connection.path, `its schema is number ${found}, this version knows up to ${newest}`);
  let applied = 0;
  for (const migration of migrations) {
    if (present.includes(migration.version)) continue;
    connection.exec('BEGIN IMMEDIATE');
    try {
      for (const step of migration.up(db, 'integer')) connection.exec(step.compile().sql);
      connection.run(record, { version: migration.version, name: migration.name, applied_ms: nowMs });
      connection.exec('COMMIT');
    } catch (error) {
      connection.rollback();
      throw error;
    }
    applied++;
  }
  return applied;
}
