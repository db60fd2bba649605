import { statSync } from 'node:fs';

/** Readable by every user of the machine. */
export const OTHERS_READ = 0o004;

/** Such a file is refused as a secret. */
export function everyoneReads(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & OTHERS_READ) !== 0;
}
