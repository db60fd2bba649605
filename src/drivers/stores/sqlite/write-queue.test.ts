import { expect, test } from 'vitest';
import { silentLog } from '../../../ports/log.ts';
import { StoreError } from '../../../ports/store.ts';
import type { Connection } from './connection.ts';
import { WriteQueue } from './write-queue.ts';

/** A file whose COMMIT fails the way SQLite says it. */
function queueOn(failure: { code: number | null }): { queue: WriteQueue; logged: string[] } {
  const logged: string[] = [];
  const connection = {
    isOpen: true,
    path: 'drover.db',
    run: (statement: { sql: string }) => {
      if (statement.sql === 'COMMIT' && failure.code !== null)
        throw Object.assign(new Error('COMMIT failed'), { code: 'ERR_SQLITE_ERROR', errcode: failure.code });
    },
    rollback: () => {},
  } as unknown as Connection;
  const state = { mark: () => null, rewind: () => {}, finish: () => {}, takeEvents: () => [] };
  const log = { ...silentLog, error: (_: unknown, message: string) => void logged.push(message) };
  const queue = new WriteQueue({ connection, state, notify: () => {}, crash: () => {}, log, endOfTurn: (run) => queueMicrotask(run) });
  return { queue, logged };
}
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (e) => (e instanceof StoreError ? e.code : e),
  );

const SQLITE_FULL = 13;
const SQLITE_IOERR_FSYNC = 1034;

test('a full disk refuses every write until a probe goes through', async () => {
  const failure = { code: SQLITE_FULL as number | null };
  const { queue, logged } = queueOn(failure);
  expect(await codeOf(queue.add(() => 1))).toBe('disk-full');
  expect(await codeOf(queue.probe(() => 1))).toBe('disk-full');
  expect(await codeOf(queue.add(() => 1))).toBe('disk-full');
  expect(logged).toHaveLength(1);
  failure.code = null;
  expect(await codeOf(queue.add(() => 1))).toBe('disk-full');
  expect(await codeOf(queue.probe(() => 1))).toBe('done');
  expect(await codeOf(queue.add(() => 1))).toBe('done');
});

test('a failed flush is never forgiven: what the file holds is not known', async () => {
  const failure = { code: SQLITE_IOERR_FSYNC as number | null };
  const { queue } = queueOn(failure);
  expect(await codeOf(queue.add(() => 1))).toBe('io');
  failure.code = null;
  expect(await codeOf(queue.probe(() => 1))).toBe('io');
});
