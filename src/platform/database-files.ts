import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseFiles } from '../ports/database-files.ts';

export const databaseFiles: DatabaseFiles = {
  /**
   * `wx` fails on a file that exists, before there is a descriptor of it: closing any descriptor of a database file would drop the locks
   * that a store of this process holds on it (POSIX record locks belong to the process; https://sqlite.org/howtocorrupt.html §2.2).
   */
  createPrivate(path) {
    try {
      closeSync(openSync(path, 'wx', 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  },
  replace(path, write) {
    const temporary = `${path}.partial-${crypto.randomUUID()}`;
    try {
      closeSync(openSync(temporary, 'wx', 0o600));
      write(temporary);
      flush(temporary);
      renameSync(temporary, path);
      flush(dirname(path));
    } catch (error) {
      for (const left of [temporary, `${temporary}-journal`]) rmSync(left, { force: true });
      throw error;
    }
  },
  isSame(a, b) {
    const [left, right] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
    return left !== undefined && right !== undefined && left.ino === right.ino && left.dev === right.dev;
  },
};

function flush(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
