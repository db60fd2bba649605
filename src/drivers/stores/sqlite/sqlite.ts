import type { Clock } from '../../../ports/clock.ts';
import { type Crash, noCrash } from '../../../ports/crash.ts';
import type { DatabaseFiles } from '../../../ports/database-files.ts';
import type { Log } from '../../../ports/log.ts';
import type { Secrets } from '../../../ports/secrets.ts';
import { type EventRow, type Store, StoreError } from '../../../ports/store.ts';
import { applyCommit } from './commit.ts';
import { sqlBuilder } from './compile.ts';
import { type Connection, connect } from './connection.ts';
import type { StoreContext } from './context.ts';
import { applyControl } from './control.ts';
import { asStoreError, storeError } from './errors.ts';
import { EventChain } from './event-chain.ts';
import { eventQueries } from './event-queries.ts';
import { type ChainParts, verifyChain } from './events.ts';
import { acquireGroup, renewGroup } from './lease.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { type Queries, storeQueries } from './queries.ts';
import { readAlerts, readDecision, readDecisions, readEvents, readGroup, readGroups, readInstance, readInstances, readMeta, readTokens } from './reads.ts';
import { retainRows } from './retain.ts';
import { SpecCache } from './spec-cache.ts';
import { WriteQueue } from './write-queue.ts';

/** Specs kept parsed. */
const SPECS_KEPT = 20_000;

/** Between two tries at a locked file, ms. */
const BUSY_STEP_MS = 50;

/** Every place where the store calls `crash`. */
export const STORE_CRASH_LABELS = ['store:before-commit', 'store:after-commit'] as const;

export interface SqliteStoreOptions {
  /** File, made with mode 0600 when missing; its directory must exist. `:memory:` keeps nothing. */
  readonly path: string;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'sha256' | 'randomHex'>;
  readonly log: Log;
  /** `databaseFiles` of platform. */
  readonly files: DatabaseFiles;
  readonly crash?: Crash;
  /** How long to wait for a file that another process is just letting go, ms. Default 0: refuse at once. */
  readonly busyMs?: number;
  /** The file may not grow beyond this many bytes (at least 64 KiB); reaching it is `disk-full`. Default: as large as the disk. */
  readonly maxBytes?: number | null;
  /** Install id to take at the first start; a store that has another one is refused. Default: a random one. */
  readonly installId?: string;
  /** When the writes asked for so far are committed together. Default: `clock.after(0)`, on Node's own timers 1 ms later. */
  readonly endOfTurn?: (run: () => void) => void;
}

/** Opens the store for this process alone. Throws StoreError: locked, corrupt, newer-schema, io, disk-full, conflict (another install id). */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, clock, secrets } = options;
  const connection = await connectInTime(options);
  try {
    const db = sqlBuilder('sqlite');
    const applied = migrate(connection, db, MIGRATIONS, clock.wall());
    if (applied > 0) options.log.info({ path, applied }, 'store: schema brought up to date');
    const queries = storeQueries(db);
    const installId = firstStart(connection, queries, 'install_id', options.installId ?? secrets.randomHex(8));
    if (options.installId !== undefined && options.installId !== installId) {
      throw storeError('conflict', path, `it belongs to install ${installId}, the configuration says ${options.installId}`);
    }
    const checkpointKey = firstStart(connection, queries, 'checkpoint_key', secrets.randomHex(32));
    const parts: ChainParts = { connection, queries: eventQueries(db), sha256: secrets.sha256, checkpointKey };
    const decisionSeq = connection.get(queries.lastDecisionSeq, {})?.seq ?? 0;
    const chain = new EventChain(connection, parts.queries, secrets.sha256, decisionSeq);
    const context = { connection, queries, chain, specs: new SpecCache(SPECS_KEPT), clock, sha256: secrets.sha256 };
    return makeStore(context, parts, installId, options);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Tries again while another process holds the file, without stopping this one. */
async function connectInTime({ path, files, clock, busyMs = 0, maxBytes = null }: SqliteStoreOptions): Promise<Connection> {
  const untilMono = clock.mono() + busyMs;
  for (;;) {
    try {
      return connect({ path, files, maxBytes });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'locked' || clock.mono() >= untilMono) throw error;
      await clock.sleep(BUSY_STEP_MS);
    }
  }
}

/** A value made once, at the first start. */
function firstStart(connection: Connection, queries: Queries, key: string, made: string): string {
  const known = connection.get(queries.internal, { key });
  if (known) return known.value;
  connection.run(queries.setInternal, { key, value: made });
  return made;
}

function makeStore(context: StoreContext, parts: ChainParts, installId: string, options: SqliteStoreOptions): Store {
  const { connection, queries, chain } = context;
  const { log, crash = noCrash, endOfTurn = (run) => void options.clock.after(0, run) } = options;
  const listeners = new Set<(events: readonly EventRow[]) => void>();
  const notify = (events: readonly EventRow[]) => {
    for (const listener of [...listeners]) {
      try {
        listener(events);
      } catch (error) {
        log.error({ error: String(error) }, 'store: a listener of events failed');
      }
    }
  };
  const queue = new WriteQueue({ connection, state: chain, notify, crash, log, endOfTurn });
  /** The connection itself throws `closed` once it is. */
  const read = async <T>(run: () => T): Promise<T> => {
    if (!connection.isOpen) throw storeError('closed', connection.path);
    return run();
  };
  return {
    profile: 'exclusive',
    installId,
    meta: (key) => read(() => readMeta(context, key)),
    acquire: (group, owner, ttlMs) => queue.add(() => acquireGroup(context, group, owner, ttlMs)),
    renew: (group, owner, epoch, ttlMs) => queue.add(() => renewGroup(context, group, owner, epoch, ttlMs)),
    groups: () => read(() => readGroups(context)),
    group: (name) => read(() => readGroup(context, name)),
    instances: (group, withGone) => read(() => readInstances(context, group, withGone)),
    instance: (id) => read(() => readInstance(context, id)),
    alerts: (withResolved) => read(() => readAlerts(context, withResolved)),
    commit: (change) => queue.add(() => applyCommit(context, change)),
    control: (changes, events, once) => queue.add(() => applyControl(context, changes, events, once)),
    decisions: (group, page) => read(() => readDecisions(context, group, page)),
    decision: (id) => read(() => readDecision(context, id)),
    events: (filter, page) => read(() => readEvents(context, parts.queries, filter, page)),
    onEvents: (listener) => {
      const own = (events: readonly EventRow[]) => listener(events);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    verifyEvents: async () => {
      await read(() => queue.drain());
      return verifyChain(parts, () => new Promise((resolve) => endOfTurn(resolve)));
    },
    tokens: () => read(() => readTokens(context)),
    retain: (olderThan) => retainRows(context, parts, queue, olderThan),
    backup: (path) => read(() => backupTo(context, queue, path, options.files)),
    ping: () => queue.probe(() => void connection.run(queries.setInternal, { key: 'ping', value: String(context.clock.wall()) })),
    close: async () => {
      if (!connection.isOpen) return;
      queue.drain();
      connection.close();
      listeners.clear();
    },
  };
}

/** A compact copy of everything committed, complete or not there at all. Takes its time in one go: about 3 s for 1 GB. */
function backupTo(context: StoreContext, queue: WriteQueue, path: string, files: DatabaseFiles): void {
  const { connection } = context;
  queue.drain();
  for (const own of [connection.path, `${connection.path}-wal`]) {
    if (files.isSame(own, path)) throw storeError('conflict', connection.path, 'a backup cannot replace the store it is made from');
  }
  try {
    files.replace(path, (temporary) => connection.exec(`VACUUM INTO '${temporary.replaceAll("'", "''")}'`));
  } catch (thrown) {
    const error = asStoreError(thrown, path);
    if (!(error instanceof StoreError)) throw error;
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    throw new StoreError(error.code, `The backup ${path} could not be written; the store itself goes on. (${why})`, error);
  }
}
