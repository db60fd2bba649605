import { describe, expect, it } from 'vitest';
import { type SqlDialect, type Statement, sqlBuilder } from './compile.ts';
import { eventQueries } from './event-queries.ts';
import { MIGRATIONS } from './migrations.ts';
import { storeQueries } from './queries.ts';

function all(dialect: SqlDialect): [string, Statement<never, unknown>][] {
  const db = sqlBuilder(dialect);
  const { page, ...events } = eventQueries(db);
  const pages = { page00: page(false, false), page01: page(false, true), page10: page(true, false), page11: page(true, true) };
  return Object.entries({ ...storeQueries(db), ...events, ...pages }) as unknown as [string, Statement<never, unknown>][];
}

describe('queries', () => {
  it('are the same for PostgreSQL but for the names of the placeholders', () => {
    const sqlite = all('sqlite');
    const postgres = all('postgres');
    expect(sqlite.length).toBeGreaterThan(60);
    sqlite.forEach(([name, query], i) => {
      const other = postgres[i]?.[1];
      expect(other?.order, name).toEqual(query.order);
      expect(other?.sql.replace(/\$\d+/g, '?'), name).toBe(query.sql);
      expect(query.sql.split('?').length - 1, name).toBe(query.order.length);
    });
  });

  it('use nothing that PostgreSQL or CockroachDB lacks', () => {
    for (const [name, { sql }] of all('sqlite')) expect(sql, name).not.toMatch(/rowid|autoincrement|insert or |glob |json_|datetime|strftime|pragma/i);
    for (const migration of MIGRATIONS) {
      for (const step of migration.up(sqlBuilder('postgres'), 'bigint')) {
        const { sql, parameters } = step.compile();
        expect(sql).not.toMatch(/autoincrement|serial|rowid/i);
        expect(parameters).toEqual([]);
      }
    }
  });

  it('number their migrations without gaps', () => {
    expect(MIGRATIONS.map((m) => m.version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  });
});
