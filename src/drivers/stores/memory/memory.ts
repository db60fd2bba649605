import type { Clock } from '../../../ports/clock.ts';
import { type Crash, noCrash } from '../../../ports/crash.ts';
import { canonicalJson, chainText } from '../../../ports/event-chain.ts';
import { type Log, silentLog } from '../../../ports/log.ts';
import type { Secrets } from '../../../ports/secrets.ts';
import { type EventRow, type GroupRow, type SeenLease, type Store, StoreError } from '../../../ports/store.ts';
import { Change, contradiction } from './change.ts';
import { applyCommit } from './commit.ts';
import { applyControl } from './control.ts';
import { copyMemoryData, createMemoryData, type MemoryData } from './data.ts';
import { readAlerts, readDecision, readDecisions, readEvents, readGroup, readGroups, readInstances, readTokens } from './reads.ts';
import { retainRows } from './retain.ts';

export interface MemoryStoreOptions {
  /** `exclusive` as SQLite: acquiring takes over at once. `shared` as PostgreSQL: another's lease is respected until it ends. Default exclusive. */
  readonly profile?: Store['profile'];
  readonly clock: Pick<Clock, 'wall'>;
  /** `sha256` may be a cheaper function where nobody checks the chain from outside. */
  readonly secrets: Pick<Secrets, 'sha256' | 'randomHex'>;
  readonly log?: Log;
  readonly crash?: Crash;
  readonly installId?: string;
  /** What an earlier handle left: opening it again is a restart; two handles at once are two controllers on one database. */
  readonly data?: MemoryData;
}

export interface MemoryStore extends Store {
  /** For the next handle. */
  readonly data: MemoryData;
}

/**
 * The store on plain maps, for tests and the simulator. Writes take effect during the call and are told to listeners just before the
 * promise resolves. What is handed in is frozen and kept, and handed out as it is: it belongs to the store from then on.
 */
export function openMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const { clock, secrets, profile = 'exclusive', crash = noCrash, log = silentLog } = options;
  const data = options.data ?? createMemoryData(options.installId ?? secrets.randomHex(8));
  if (options.installId !== undefined && options.installId !== data.installId) {
    throw new StoreError('conflict', `The store belongs to install ${data.installId}, the configuration says ${options.installId}.`);
  }
  let isOpen = true;
  const own = new Set<(events: readonly EventRow[]) => void>();
  const checkOpen = () => {
    if (!isOpen) throw new StoreError('closed', 'The store is closed.');
  };
  const read = async <T>(run: () => T): Promise<T> => {
    checkOpen();
    return run();
  };
  const write = async <T>(run: (change: Change) => T): Promise<T> => {
    checkOpen();
    const change = new Change(data, secrets.sha256);
    const result = atomically(change, run, crash);
    if (change.events.length > 0) data.outbox.push(change.events);
    crash('store:after-commit');
    await Promise.resolve();
    deliver(data, log);
    return result;
  };
  return {
    data,
    profile,
    installId: data.installId,
    meta: (key) => read(() => data.meta.get(key) ?? null),
    acquire: (group, owner, ttlMs, dead) => write((change) => acquire(change, { profile, group, owner, nowMs: clock.wall(), ttlMs, dead })),
    renew: (group, owner, epoch, ttlMs) =>
      write((change) => {
        const row = data.groups.get(group);
        if (row?.owner !== owner || row.epoch !== epoch) return false;
        change.setGroup(row, { leaseUntilMs: clock.wall() + ttlMs });
        return true;
      }),
    groups: () => read(() => readGroups(data)),
    group: (name) => read(() => readGroup(data, name)),
    instances: (group, withGone) => read(() => readInstances(data, group, withGone)),
    instance: (id) => read(() => data.instances.get(id) ?? null),
    alerts: (withResolved) => read(() => readAlerts(data, withResolved)),
    commit: (commit) => write((change) => applyCommit(change, commit, clock.wall())),
    control: (changes, events, once) => write((change) => applyControl(change, changes, events, once, clock.wall())),
    decisions: (group, page) => read(() => readDecisions(data, group, page)),
    decision: (id) => read(() => readDecision(data, id)),
    events: (filter, page) => read(() => readEvents(data, filter, page)),
    onEvents: (listener) => {
      const added = (events: readonly EventRow[]) => listener(events);
      own.add(added);
      data.listeners.add(added);
      return () => {
        own.delete(added);
        data.listeners.delete(added);
      };
    },
    verifyEvents: () => read(() => verify(data, secrets.sha256)),
    tokens: () => read(() => readTokens(data)),
    retain: (olderThan) => read(() => retainRows(data, olderThan, clock.wall())),
    backup: (path) => read(() => void data.backups.set(path, copyMemoryData(data))),
    ping: () => read(() => {}),
    close: async () => {
      isOpen = false;
      for (const listener of own) data.listeners.delete(listener);
      own.clear();
    },
  };
}

function atomically<T>(change: Change, run: (change: Change) => T, crash: Crash): T {
  try {
    const result = settled(change, run);
    crash('store:before-commit');
    return result;
  } catch (error) {
    change.undo();
    throw error;
  }
}

/** Whatever is wrong with the values handed in is the fault of this call alone. */
function settled<T>(change: Change, run: (change: Change) => T): T {
  try {
    return run(change);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    return contradiction(String(error));
  }
}

interface Wanted {
  readonly profile: Store['profile'];
  readonly group: string;
  readonly owner: string;
  readonly nowMs: number;
  readonly ttlMs: number;
  readonly dead: SeenLease | undefined;
}

function acquire(change: Change, want: Wanted): GroupRow | null {
  const row = change.data.groups.get(want.group);
  if (!row) return null;
  const isOurs = row.owner === want.owner;
  const isDead = want.dead?.epoch === row.epoch && want.dead.leaseUntilMs === row.leaseUntilMs;
  if (want.profile === 'shared' && !isOurs && row.owner !== null && row.leaseUntilMs > want.nowMs && !isDead) return null;
  change.setGroup(row, { owner: want.owner, epoch: isOurs ? row.epoch : row.epoch + 1, leaseUntilMs: want.nowMs + want.ttlMs });
  return readGroup(change.data, want.group);
}

/** In the order of the numbers, whoever gets here first: a listener that writes does not overtake. */
function deliver(data: MemoryData, log: Log): void {
  const batches = data.outbox;
  data.outbox = [];
  for (const events of batches) {
    for (const listener of [...data.listeners]) {
      try {
        listener(events);
      } catch (error) {
        log.error({ error: String(error) }, 'store: a listener of events failed');
      }
    }
  }
}

function verify(data: MemoryData, sha256: (text: string) => string): { firstBad: number | null; checked: number } {
  let { seq, hash } = data.checkpoint;
  let checked = 0;
  for (const event of data.events) {
    if (event.seq !== seq + 1) return { firstBad: seq + 1, checked };
    if (sha256(chainText(hash, event, canonicalJson(event.data))) !== event.hash) return { firstBad: event.seq, checked };
    seq = event.seq;
    hash = event.hash;
    checked += 1;
  }
  if (seq !== data.head.seq || hash !== data.head.hash) return { firstBad: seq + 1, checked };
  return { firstBad: null, checked };
}
