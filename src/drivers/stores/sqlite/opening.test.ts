import { type ChildProcess, spawn } from 'node:child_process';
import { linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeSecrets } from '../../../../test/support/store-secrets.ts';
import { realClock } from '../../../platform/clock.ts';
import { databaseFiles } from '../../../platform/database-files.ts';
import { silentLog } from '../../../ports/log.ts';
import type { Store } from '../../../ports/store.ts';
import { expectStoreError, START_MS } from '../../../testing/store-bench.ts';
import { sampleSpec, setClock } from '../../../testing/store-samples.ts';
import { sqlBuilder } from './compile.ts';
import { connect } from './connection.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite.ts';

const CHILD = resolve(import.meta.dirname, '../../../../test/support/store-child.ts');
let dir: string;
let path: string;
let child: ChildProcess | undefined;
const stores: Store[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'drover-store-'));
  path = join(dir, 'drover.db');
});
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((done) => child?.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }
  child = undefined;
  for (const store of stores.splice(0)) await store.close();
  rmSync(dir, { recursive: true });
});

async function open(over: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const store = await openSqliteStore({ path, clock: setClock(START_MS), secrets: storeSecrets, log: silentLog, files: databaseFiles, ...over });
  stores.push(store);
  return store;
}

/** Changes the file as something that is not the store would. */
function tamper(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe('a second opener', () => {
  it('is refused at once in the same process, and the first goes on', async () => {
    const first = await open();
    await expectStoreError(open(), 'locked');
    await expect(open()).rejects.toThrow(/in use by another process.*Only one controller/);
    await first.control([{ kind: 'put-spec', spec: sampleSpec('web') }], []);
    // Not even the attempts have loosened the lock.
    await expectStoreError(open(), 'locked');
    await first.close();
    expect(await (await open()).groups()).toHaveLength(1);
  });

  it('is refused under another name of the file', async () => {
    await open();
    linkSync(path, join(dir, 'other.db'));
    await expectStoreError(open({ path: join(dir, 'other.db') }), 'locked');
  });

  it('is refused while another process has it, and let in once that one is killed', async () => {
    child = spawn(process.execPath, [CHILD, 'hold', path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((done) => child?.stdout?.once('data', done));
    await expectStoreError(open(), 'locked');
    const ended = new Promise((done) => child?.once('exit', done));
    child.kill('SIGKILL');
    await ended;
    expect(await (await open()).groups()).toEqual([]);
  });

  it('waits as long as it is told for a process that is on its way out', async () => {
    child = spawn(process.execPath, [CHILD, 'hold', path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((done) => child?.stdout?.once('data', done));
    child.stdin?.end();
    expect(await (await open({ busyMs: 10_000, clock: realClock })).groups()).toEqual([]);
  });
});

describe('opening', () => {
  it('makes a file for its owner alone, and one id for ever', async () => {
    const first = await open();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    expect(first.installId).toMatch(/^[0-9a-f]{16}$/);
    await first.close();
    expect((await open()).installId).toBe(first.installId);
  });

  it('takes the install id of the configuration, and refuses another one later', async () => {
    const first = await open({ installId: 'prod-1' });
    expect(first.installId).toBe('prod-1');
    await first.close();
    await expectStoreError(open({ installId: 'prod-2' }), 'conflict');
    expect((await open({ installId: 'prod-1' })).installId).toBe('prod-1');
  });

  it('migrates once, and later migrations after', async () => {
    await (await open()).close();
    const connection = connect({ path, files: databaseFiles, maxBytes: null });
    try {
      const db = sqlBuilder('sqlite');
      expect(migrate(connection, db, MIGRATIONS, 1)).toBe(0);
      const next = { version: MIGRATIONS.length + 1, name: 'next', up: () => [db.schema.createTable('extra').addColumn('id', 'text')] };
      const broken = {
        version: MIGRATIONS.length + 2,
        name: 'broken',
        up: () => [db.schema.createTable('more').addColumn('id', 'text'), db.schema.dropTable('nothing')],
      };
      expect(() => migrate(connection, db, [...MIGRATIONS, next, broken], 2)).toThrow(/nothing/);
      expect(connection.pragma('table_list(extra)')).toBe('main');
      expect(connection.pragma('table_list(more)')).toBeUndefined();
      expect(migrate(connection, db, [...MIGRATIONS, next], 3)).toBe(0);
    } finally {
      connection.close();
    }
  });

  it('refuses a newer schema and leaves it alone', async () => {
    await (await open()).close();
    tamper(`insert into schema_migrations values (${MIGRATIONS.length + 1}, 'future', 1)`);
    await expectStoreError(open(), 'newer-schema');
    await expect(open()).rejects.toThrow(/newer version of Drover/);
  });

  it('refuses what is not its own', async () => {
    writeFileSync(path, 'not a database at all, but long enough to look like one '.repeat(100));
    await expectStoreError(open(), 'corrupt');
    rmSync(path);
    tamper('create table theirs (a); insert into theirs values (1)');
    await expectStoreError(open(), 'corrupt');
    await expect(open()).rejects.toThrow(/another program/);
    const db = new DatabaseSync(path);
    expect(db.prepare('select a from theirs').get()).toEqual({ a: 1 });
    db.close();
  });

  it('refuses a damaged file', async () => {
    const store = await open();
    for (let i = 0; i < 50; i++) await store.control([{ kind: 'put-spec', spec: sampleSpec(`group-${i}`) }], []);
    await store.close();
    const pages = statSync(path).size / 4096;
    const db = new DatabaseSync(path);
    const root = Number(db.prepare("select rootpage from sqlite_schema where name = 'groups'").get()?.['rootpage']);
    db.close();
    expect(root).toBeLessThan(pages);
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, (root - 1) * 4096);
    closeSync(file);
    await expectStoreError(open(), 'corrupt');
  });

  it('says which file it cannot reach', async () => {
    const missing = join(dir, 'no', 'such', 'drover.db');
    await expectStoreError(open({ path: missing }), 'io');
    await expect(open({ path: missing })).rejects.toThrow(missing);
  });
});
