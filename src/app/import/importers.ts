/** What the command line needs to import. */
import { realFiles } from '../../platform/files.ts';

export { type ImportedScript, importAmExecutor, scriptPath } from './import-am-executor.ts';
export { linodeCliDefaults } from './linode-cli-file.ts';

const MAX_BYTES = 262_144;

/** One text, at most 256 KiB. Throws DriverError. */
export function readForeignText(path: string): Promise<string> {
  return realFiles.readText(path, MAX_BYTES);
}
