/** Where a secret must not be: files, and what every user of the machine sees of its processes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

function bytesOf(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

/** The value itself and its base64, as far as that does not depend on what stands before it. */
function formsOf(value: string): readonly string[] {
  return [value, Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1)];
}

const holds = (bytes: Buffer | null, values: readonly string[]): boolean => bytes !== null && values.flatMap(formsOf).some((form) => bytes.includes(form));

/** Paths of the files below `dir` that hold one of the values. */
export function traceFiles(dir: string, values: readonly string[]): readonly string[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name));
  return files.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true && holds(bytesOf(file), values));
}

/** Command lines that hold one of the values. */
export function traceProcesses(values: readonly string[]): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => bytesOf(`/proc/${pid}/cmdline`)?.toString().replaceAll('\0', ' ') ?? [])
    .filter((line) => values.some((value) => line.includes(value)));
}
