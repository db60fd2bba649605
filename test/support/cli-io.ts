/** A terminal in memory for tests of the command line. */
import { PassThrough, Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.ts';

export interface TestIo {
  readonly io: Io;
  out(): string;
  err(): string;
  /** Types a line. */
  type(line: string): void;
  /** Sends a signal; false: nobody listens. */
  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): boolean;
}

export interface TestIoOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** All three streams are a terminal. */
  readonly tty?: boolean;
  readonly columns?: number;
}

export function createCliIo(options: TestIoOptions): TestIo {
  const tty = options.tty === true;
  const listeners = new Map<string, Set<() => void>>();
  const collect = (): { stream: Io['stdout']; text: () => string } => {
    let text = '';
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        text += chunk.toString();
        done();
      },
    });
    return { stream: Object.assign(stream, { isTTY: tty, columns: options.columns ?? 100 }), text: () => text };
  };
  const [out, err] = [collect(), collect()];
  const stdin = Object.assign(new PassThrough(), { isTTY: tty });
  if (!tty) stdin.end();
  return {
    io: {
      stdin: stdin as unknown as Io['stdin'],
      stdout: out.stream,
      stderr: err.stream,
      env: { HOME: options.cwd, ...options.env },
      cwd: options.cwd,
      onSignal: (name, listener) => {
        const set = listeners.get(name) ?? new Set();
        listeners.set(name, set.add(listener));
        return () => void set.delete(listener);
      },
    },
    out: out.text,
    err: err.text,
    type: (line) => void stdin.write(`${line}\n`),
    signal: (name) => {
      const set = [...(listeners.get(name) ?? [])];
      for (const listener of set) listener();
      return set.length > 0;
    },
  };
}
