import type { Store } from '../../../ports/store.ts';
import type { SqliteStoreOptions } from './sqlite.ts';

export type { SqliteStoreOptions };

/** Loads SQLite and the query builder when a store is opened, and not before: see `openSqliteStore` in sqlite.ts. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const sqlite = await import('./sqlite.ts');
  return sqlite.openSqliteStore(options);
}
