import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Schema } from './schema.ts';

export type SqlValue = string | number | null;
export type SqlDialect = 'sqlite' | 'postgres';
export type Builder = Kysely<Schema>;

/** Kysely as a typed writer of SQL: it never runs anything itself, so the hot path is a prepared statement and nothing else. */
export function sqlBuilder(dialect: SqlDialect): Builder {
  if (dialect === 'postgres') {
    return new Kysely<Schema>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    });
  }
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Stands for a value in a query until it is run. */
class Param {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export interface Compilable<Row> {
  compile(): CompiledQuery<Row>;
}

/** One query, compiled once. `order` names the arguments in the order of the placeholders; a fixed value has no name. */
export interface Statement<Args, Row> {
  readonly sql: string;
  readonly order: readonly ({ readonly name: keyof Args & string } | { readonly fixed: SqlValue })[];
  /** Type only. */
  readonly row?: Row;
}

/** `statement<{ name: string }>()((p) => db.selectFrom('groups').where('name', '=', p.name))` */
export function statement<Args extends Readonly<Record<string, SqlValue>>>() {
  return <Row>(build: (param: Args) => Compilable<Row>): Statement<Args, Row> => {
    const params = new Proxy({}, { get: (_, name) => new Param(String(name)) }) as Args;
    const compiled = build(params).compile();
    const order = compiled.parameters.map((p) => (p instanceof Param ? { name: p.name } : { fixed: p as SqlValue }));
    return { sql: compiled.sql, order };
  };
}
