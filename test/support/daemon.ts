/** Real daemons of the machine for tests: started on a port of their own, ended by their own id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type ListenOptions, type Server } from 'node:net';

/** Below those that the kernel gives to whoever asks for any port: nobody else gets one of these while its daemon is not up yet, or is restarted. */
const FIRST_PORT = 10_000;
const LAST_PORT = 19_999;

/**
 * A port that no one else has or gets until this process ends. Two tests at once must never be given the same one: HAProxy shares
 * a port with another HAProxy (and with a second frontend of its own) without a word, and each gets some of the requests.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    // The kernel's own register of who took which: a name that only one socket can have, given back when the process ends.
    const claim = await listen({ path: `\0drover-test-port-${port}` });
    if (claim === null) continue;
    claim.unref();
    const probe = await listen({ port, host: '127.0.0.1' });
    if (probe === null) continue;
    await new Promise((done) => probe.close(done));
    return port;
  }
  throw new Error(`found no free port from ${FIRST_PORT} to ${LAST_PORT}`);
}

/** Null: somebody has it. */
async function listen(at: ListenOptions): Promise<Server | null> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (e: NodeJS.ErrnoException) => (e.code === 'EADDRINUSE' ? resolve(null) : reject(e)));
    server.listen(at, () => resolve(server));
  });
}

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
