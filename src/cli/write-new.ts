import { link, open, rm } from 'node:fs/promises';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

/** Whole or not at all, and never over a file that came meanwhile. */
export async function writeNew(path: string, text: string, shown: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await link(temporary, path);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'EEXIST') throw new CliError(EXIT.refused, 'exists', `${shown} is there already; it is not overwritten`);
    throw e;
  } finally {
    await rm(temporary, { force: true });
  }
}
