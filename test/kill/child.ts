/** A Node process of ours that says when it is ready, and can be waited for and ended by its own id. */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface ChildOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its output goes to the end of this file. */
  readonly log: string;
}

const living = new Set<ChildProcess>();

export class Child<Message> {
  readonly #child: ChildProcess;
  readonly #log: string;
  /** Resolves when it ended, with the signal that ended it. */
  readonly ended: Promise<NodeJS.Signals | null>;

  constructor(options: ChildOptions) {
    const { file, args, cwd, env, log } = options;
    const output = openSync(log, 'a');
    this.#log = log;
    // Nothing of the tester's own contexts or servers; compiled code is kept, so that a start costs half.
    const whole = { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env };
    this.#child = fork(file, args, { cwd, env: whole, execArgv: [], stdio: ['ignore', output, output, 'ipc'] });
    closeSync(output);
    living.add(this.#child);
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (_, signal) => {
        living.delete(this.#child);
        resolve(signal);
      });
    });
    this.#child.on('error', () => {}); // a message to one that just died
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The next message; null: it ended before. */
  message(): Promise<Message | null> {
    return new Promise((resolve) => {
      this.#child.once('message', (message) => resolve(message as Message));
      void this.ended.then(() => resolve(null));
    });
  }

  tell(message: object): void {
    if (this.alive) this.#child.send(message);
  }

  async kill(): Promise<void> {
    if (this.alive) this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** The last lines of its output. */
  output(lines = 40): string {
    return readFileSync(this.#log, 'utf8').trim().split('\n').slice(-lines).join('\n');
  }
}

/** Every one that still lives, whatever became of the test that started it. */
export function killChildren(): void {
  for (const child of living) child.kill('SIGKILL');
}
