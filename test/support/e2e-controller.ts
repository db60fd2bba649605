/** The controller as a process of its own, so that it can be killed without a last word and started again. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { createHttp } from '../../src/platform/http.ts';
import { until } from './daemon.ts';

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const START_MS = 30_000;

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ControllerProcess {
  readonly configFile: string;
  readonly url: string;
  readonly #dir: string;
  readonly #http = createHttp();
  #child: ChildProcess | null = null;
  #client: Client | null = null;
  /** Starts so far. */
  starts = 0;

  /** `dir` holds drover.yaml, whose `server` is `{ listen: <the address of url>, state: ./state }`. */
  constructor(dir: string, url: string) {
    this.#dir = dir;
    this.configFile = join(dir, 'drover.yaml');
    this.url = url;
  }

  get client(): Client {
    if (this.#client === null) throw new Error('the controller was never started');
    return this.#client;
  }

  /** Resolves when it is ready to work. */
  async start(): Promise<void> {
    if (this.#child !== null) throw new Error('the controller runs already');
    this.starts++;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(process.execPath, [MAIN, 'serve', this.configFile], { cwd: this.#dir, env: this.#env(), stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    await until(
      'the controller to be ready',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) return true;
        return (await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
      },
      START_MS,
      50,
    ).catch((e) => {
      throw new Error(`${String(e)}\n${this.log()}`);
    });
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the controller ended with ${child.exitCode ?? child.signalCode}\n${this.log()}`);
    this.#client = createClient({ url: this.url, token: readFileSync(join(this.#dir, 'state', 'admin-token'), 'utf8').trim(), http: this.#http });
  }

  /** SIGKILL, without a last word. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, as a supervisor does; the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill(signal);
      await gone;
    }
    return child.exitCode;
  }

  /** `drover ARGS`, as typed beside the configuration file. */
  cli(...args: string[]): Promise<CliResult> {
    return this.cliGiven(null, ...args);
  }

  /** The same with `given` on its standard input. */
  cliGiven(given: string | null, ...args: string[]): Promise<CliResult> {
    return new Promise((resolve) => {
      const options = { cwd: this.#dir, env: this.#env(), timeout: 30_000, maxBuffer: 32 * 1_048_576 };
      const child = execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
      });
      if (given !== null) child.stdin?.end(given);
    });
  }

  /** The last lines of its log. */
  log(lines = 80): string {
    try {
      return readFileSync(this.#logFile, 'utf8').trim().split('\n').slice(-lines).join('\n');
    } catch {
      return '(no log)';
    }
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#http.close();
  }

  /** Nothing of the tester's own contexts or servers. */
  #env(): Record<string, string> {
    return { PATH: process.env['PATH'] ?? '', HOME: this.#dir };
  }

  get #logFile(): string {
    return join(this.#dir, 'controller.log');
  }
}
