import type { Crash } from '../../../ports/crash.ts';
import type { Log } from '../../../ports/log.ts';
import { type EventRow, StoreError } from '../../../ports/store.ts';
import type { Statement } from './compile.ts';
import type { Connection } from './connection.ts';
import { asStoreError, isFatal, storeError } from './errors.ts';

/** Writes of one turn beyond this wait for the next turn, so that a burst does not stop everything else. */
const MAX_BATCH = 1024;

const fixed = (sql: string): Statement<Record<never, never>, unknown> => ({ sql, order: [] });
const BEGIN = fixed('BEGIN IMMEDIATE');
const COMMIT = fixed('COMMIT');
const SAVEPOINT = fixed('SAVEPOINT one');
const RELEASE = fixed('RELEASE one');
const ROLLBACK_TO = fixed('ROLLBACK TO one');

interface Job {
  /** Runs inside the transaction; throws to undo itself alone. */
  readonly apply: () => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}
type Outcome = { readonly job: Job; readonly result: unknown; readonly events: readonly EventRow[] } | { readonly job: Job; readonly error: unknown };

/** What has to follow the transaction back when it is undone. */
export interface Rewindable {
  mark(): unknown;
  rewind(mark: unknown): void;
  /** Last write before COMMIT. */
  finish(): void;
  /** Events appended since the last call. */
  takeEvents(): readonly EventRow[];
}

export interface QueueParts {
  readonly connection: Connection;
  readonly state: Rewindable;
  readonly notify: (events: readonly EventRow[]) => void;
  readonly crash: Crash;
  readonly log: Log;
  /** Calls back when everything of the present turn of the event loop has been asked for. */
  readonly endOfTurn: (run: () => void) => void;
}

/**
 * Group commit: writes asked for in one turn of the event loop share one transaction and one flush to the disk, each in a savepoint
 * of its own. They are applied in the order of the calls, and answered after COMMIT. Nothing else runs in between, so reads see
 * committed rows only.
 */
export class WriteQueue {
  readonly #parts: QueueParts;
  #waiting: Job[] = [];
  #scheduled = false;
  /** Done and not yet answered: a listener that has the queue drained does not overtake the events before. */
  readonly #settling: Outcome[] = [];
  #isSettling = false;
  #broken: StoreError | null = null;
  /** The failure last logged: a probe that fails again is no news. */
  #told: string | null = null;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  add<T>(apply: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.#parts.connection.isOpen) return reject(storeError('closed', this.#parts.connection.path));
      if (this.#broken) return reject(this.#broken);
      this.#waiting.push({ apply, resolve: resolve as Job['resolve'], reject });
      this.#schedule();
    });
  }

  /**
   * Like `add`, and the way back from a full disk: SQLite undid the transaction whole, so when a write goes through again all is well.
   * After a failed flush (io) nothing is known of the file any more; only opening it again helps.
   */
  probe<T>(apply: () => T): Promise<T> {
    if (this.#broken?.code === 'disk-full') this.#broken = null;
    return this.add(apply);
  }

  /** Commits all that waits, now. */
  drain(): void {
    while (this.#waiting.length > 0) this.#flush();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.endOfTurn(() => {
      this.#scheduled = false;
      this.#flush();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const jobs = this.#waiting.splice(0, MAX_BATCH);
    if (jobs.length === 0) return;
    this.#settling.push(...this.#transact(jobs));
    if (this.#isSettling) return;
    this.#isSettling = true;
    for (let outcome = this.#settling.shift(); outcome; outcome = this.#settling.shift()) {
      if ('error' in outcome) outcome.job.reject(outcome.error);
      else {
        if (outcome.events.length > 0) this.#parts.notify(outcome.events);
        outcome.job.resolve(outcome.result as never);
      }
    }
    this.#isSettling = false;
  }

  #transact(jobs: readonly Job[]): readonly Outcome[] {
    const { connection, state, crash } = this.#parts;
    if (this.#broken) return jobs.map((job) => ({ job, error: this.#broken }));
    const mark = state.mark();
    let committed = false;
    try {
      connection.run(BEGIN, {});
      const outcomes = jobs.map((job) => this.#one(job));
      state.finish();
      crash('store:before-commit');
      connection.run(COMMIT, {});
      committed = true;
      this.#told = null;
      crash('store:after-commit');
      return outcomes;
    } catch (thrown) {
      const error = asStoreError(thrown, connection.path);
      if (!committed) this.#undo(mark);
      if (isFatal(error)) this.#break(error);
      return jobs.map((job) => ({ job, error }));
    }
  }

  /** One write in its savepoint. A fatal error is thrown on: it ends the whole transaction. */
  #one(job: Job): Outcome {
    const { connection, state } = this.#parts;
    const mark = state.mark();
    connection.run(SAVEPOINT, {});
    try {
      const result = job.apply();
      connection.run(RELEASE, {});
      return { job, result, events: state.takeEvents() };
    } catch (thrown) {
      const error = asStoreError(thrown, connection.path);
      if (isFatal(error)) throw error;
      connection.run(ROLLBACK_TO, {});
      connection.run(RELEASE, {});
      state.rewind(mark);
      // What is not an error of SQLite comes from the change itself (a value that is no JSON, say): this call's fault alone.
      return { job, error: error instanceof StoreError ? error : storeError('conflict', connection.path, String(error), error) };
    }
  }

  #undo(mark: unknown): void {
    this.#parts.state.rewind(mark);
    try {
      this.#parts.connection.rollback();
    } catch (error) {
      this.#parts.log.error({ error: String(error) }, 'store: the failed transaction could not be rolled back');
    }
  }

  #break(error: StoreError): void {
    if (this.#broken) return;
    this.#broken = error;
    if (this.#told !== error.code) this.#parts.log.error({ code: error.code }, error.message);
    this.#told = error.code;
  }
}
