import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The first line that a child writes; what comes after it is read and dropped. Throws, and ends the child, when none comes within `limitMs`. */
export async function firstLine(child: ChildProcess, what: string, limitMs: number): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error(`${what} has no output that could be read`);
  const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    for await (const line of createInterface({ input: stdout })) return line;
  } finally {
    clearTimeout(late);
    stdout.resume();
  }
  throw new Error(`${what} did not say that it is ready within ${limitMs / 1000} s, or ended (${child.exitCode ?? child.signalCode})`);
}

/** Asks a child to end, waits until it has, and kills it after `graceMs`. */
export async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exit;
  clearTimeout(late);
}
