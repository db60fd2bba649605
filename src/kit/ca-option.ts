import { z } from 'zod';
import type { DriverPorts } from '../ports/driver.ts';
import { DriverError } from '../ports/errors.ts';

/** An option that names the file of the only certificate authority to trust. */
export const caOption = z
  .string()
  .min(1)
  .max(4096)
  .describe('File with the PEM certificate of the only authority to trust for https, relative to the configuration file. Default: the public ones.');

/**
 * Its PEM text, or undefined when the option is not set. Throws DriverError when the file cannot be read; never `not-found`, which would be told of
 * the machine or member that the call was for.
 */
export async function readCa(path: string | undefined, ports: Pick<DriverPorts, 'files' | 'baseDir'>): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return await ports.files.readText(ports.files.resolve(ports.baseDir, path), 1024 * 1024).catch((e: unknown) => {
    if (e instanceof DriverError && e.code === 'not-found') throw new DriverError('bad-request', e.message, { cause: e });
    throw e;
  });
}
