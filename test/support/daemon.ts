/** Real daemons of the machine for tests: started on a port of their own, ended by their own id. */
import { type ChildProcess, spawn } from 'node:child_process';

export { freePort } from '../../src/platform/free-port.ts';

export interface Daemon {
  readonly pid: number;
  /** Everything it has printed. */
  output(): string;
  /** Ends it and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function startDaemon(argv: readonly string[], cwd: string): Daemon {
  const [program = '', ...rest] = argv;
  const child: ChildProcess = spawn(program, rest, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-100_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const gone = new Promise<void>((done) => {
    child.once('exit', () => done());
    child.once('error', (e) => {
      output += String(e);
      done();
    });
  });
  return {
    pid: child.pid ?? -1,
    output: () => output,
    async stop(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await gone;
    },
  };
}

/** Also while it has ended and nobody has taken note yet. */
export function isAlive(pid: number | null): boolean {
  try {
    return pid !== null && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Asks again until `ask` gives something, and fails with `what` when the time is up. */
export async function until<T>(what: string, ask: () => Promise<T | null | undefined | false>, timeoutMs = 30_000, everyMs = 100): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown = null;
  for (;;) {
    try {
      const got = await ask();
      if (got !== null && got !== undefined && got !== false) return got;
    } catch (e) {
      last = e;
    }
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`, { cause: last });
    await new Promise((done) => setTimeout(done, everyMs));
  }
}
