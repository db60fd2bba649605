import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { DatabaseFiles } from '../../../ports/database-files.ts';
import type { SqlValue, Statement } from './compile.ts';
import { asStoreError, storeError } from './errors.ts';

/** `Drov` in ASCII: marks the file as ours, so that another program's database is never written to. */
const APPLICATION_ID = 0x44726f76;

/** The one place that touches node:sqlite (it is still renaming things): one connection and its prepared statements. */
export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<object, StatementSync>();
  #open = true;

  constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  all<Args, Row>(statement: Statement<Args, Row>, args: NoInfer<Args>): Row[] {
    try {
      return this.#prepare(statement).all(...bind(statement, args)) as Row[];
    } catch (error) {
      throw asStoreError(error, this.path);
    }
  }

  get<Args, Row>(statement: Statement<Args, Row>, args: NoInfer<Args>): Row | undefined {
    try {
      return this.#prepare(statement).get(...bind(statement, args)) as Row | undefined;
    } catch (error) {
      throw asStoreError(error, this.path);
    }
  }

  /** Rows changed. */
  run<Args, Row>(statement: Statement<Args, Row>, args: NoInfer<Args>): number {
    try {
      return Number(this.#prepare(statement).run(...bind(statement, args)).changes);
    } catch (error) {
      throw asStoreError(error, this.path);
    }
  }

  exec(sql: string): void {
    try {
      this.#db.exec(sql);
    } catch (error) {
      throw asStoreError(error, this.path);
    }
  }

  /** First column of the first row of a pragma. */
  pragma(text: string): unknown {
    try {
      const row = this.#db.prepare(`PRAGMA ${text}`).get();
      return row === undefined ? undefined : Object.values(row)[0];
    } catch (error) {
      throw asStoreError(error, this.path);
    }
  }

  /** SQLite itself ends a transaction on some failures (disk full among them), so this asks it. */
  rollback(): void {
    if (this.#open && this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#prepared.clear();
    this.#db.close();
  }

  #prepare(statement: { readonly sql: string }): StatementSync {
    const known = this.#prepared.get(statement);
    if (known) return known;
    if (!this.#open) throw storeError('closed', this.path);
    const made = this.#db.prepare(statement.sql);
    this.#prepared.set(statement, made);
    return made;
  }
}

function bind<Args>(statement: Statement<Args, unknown>, args: Args): SqlValue[] {
  return statement.order.map((slot) => ('name' in slot ? (args[slot.name] as SqlValue) : slot.fixed));
}

export interface ConnectOptions {
  readonly path: string;
  readonly files: DatabaseFiles;
  readonly maxBytes: number | null;
}

/** Opens the file for this process alone, durable to the last commit, and looks whether it is sound. */
export function connect(options: ConnectOptions): Connection {
  const { path } = options;
  let db: DatabaseSync;
  try {
    if (path !== ':memory:') options.files.createPrivate(path);
    db = new DatabaseSync(path, { timeout: 0, enableForeignKeyConstraints: true });
  } catch (error) {
    throw asStoreError(error, path);
  }
  const connection = new Connection(path, db);
  try {
    // Before the first read: then the lock is taken at once, kept until close, and no shared-memory file is used.
    connection.pragma('locking_mode=EXCLUSIVE');
    connection.pragma('journal_mode=WAL');
    connection.exec('BEGIN EXCLUSIVE; COMMIT');
    settle(connection, options.maxBytes);
    checkSound(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function settle(connection: Connection, maxBytes: number | null): void {
  // FULL: a commit is acknowledged only after the log has been flushed to the disk.
  connection.exec(
    'PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32768; PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=4000',
  );
  if (maxBytes !== null) {
    const pageBytes = Number(connection.pragma('page_size'));
    connection.pragma(`max_page_count=${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
  }
}

function checkSound(connection: Connection): void {
  const found = connection.pragma('quick_check(1)');
  if (found !== 'ok') throw storeError('corrupt', connection.path, String(found));
  const owner = Number(connection.pragma('application_id'));
  if (owner === APPLICATION_ID) return;
  if (owner !== 0 || Number(connection.pragma('schema_version')) !== 0) {
    throw storeError('corrupt', connection.path, 'a SQLite database of another program');
  }
  connection.exec(`PRAGMA application_id=${APPLICATION_ID}`);
}
