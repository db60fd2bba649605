import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Path of a program of the machine; null: it is not installed. */
export function findProgram(name: string): string | null {
  for (const dir of `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`.split(delimiter)) {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return join(dir, name);
    } catch {
      // not here
    }
  }
  return null;
}
