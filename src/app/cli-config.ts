/** Configuration files for the command line, without a controller: read, checked, printed, compared. */
import { diffConfigs, type LoadedConfig, printChanges } from '../config/config.ts';
import { everyoneReads } from '../platform/everyone-reads.ts';
import { realFiles } from '../platform/files.ts';
import { createSecrets } from '../platform/secrets.ts';
import { keptNames } from '../platform/secrets-vault.ts';
import { type ReadConfig, readConfig, readConfigText } from './config-file.ts';

export type { Diagnostic, LoadedConfig, Paint } from '../config/config.ts';
export { expandedJson, lspOf, printDiagnostics, printExpanded, tally } from '../config/config.ts';

export interface CheckedFile {
  /** As people call it. */
  readonly shown: string;
  readonly text: string;
  readonly read: ReadConfig;
}

/** Reads and checks one file; `fileExists` gets absolute paths. Throws DriverError when the file itself cannot be read. */
export async function checkConfigFile(path: string, shown: string, fileExists: (path: string) => boolean): Promise<CheckedFile> {
  const text = await readConfigText(realFiles, path);
  return { shown, text, read: await checkConfigText(text, path, shown, fileExists) };
}

/** The same for a text that is, or will be, at `path`. */
export function checkConfigText(text: string, path: string, shown: string, fileExists: (path: string) => boolean): Promise<ReadConfig> {
  const baseDir = realFiles.resolve(path, '..');
  const at = (file: string): string => realFiles.resolve(baseDir, file);
  return readConfig(
    { file: shown, text },
    {
      secrets: createSecrets(baseDir),
      fileExists: (file) => fileExists(at(file)),
      everyoneReads: (file) => everyoneReads(at(file)),
      keptSecrets: (stateDir) => keptNames(at(stateDir)),
    },
  );
}

/** The text alone, at most 256 KiB. Throws DriverError. */
export function readConfigFile(path: string): Promise<string> {
  return readConfigText(realFiles, path);
}

/** What differs from nothing: the first start. */
export function describeFirst(to: LoadedConfig): ReturnType<typeof diffConfigs> {
  return diffConfigs(null, to);
}

type Change = Omit<ReturnType<typeof diffConfigs>[number], 'deletes'>;

/** Changes as the API tells them, folded as everywhere else: the lines, and the tally. */
export function printPlanned(changes: readonly Change[], deletes: number): readonly [lines: readonly string[], tally: string] {
  const [first, ...rest] = changes;
  if (first === undefined) return [[], 'No changes.'];
  // How many are deleted is known for the whole plan only; the tally takes the sum.
  const lines = printChanges([{ ...first, deletes }, ...rest.map((c) => ({ ...c, deletes: 0 }))]).split('\n');
  return [lines.slice(0, -2), lines.at(-1) ?? ''];
}

/** A new id of an installation, as `server.install_id` takes it. */
export function newInstallId(): string {
  return createSecrets('.').randomHex(6);
}
