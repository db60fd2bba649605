/** A terminal in a fresh directory with `drover` on its PATH, in which the commands of one page run in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Command, compareOutput } from './blocks.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LIMIT_MS = 60_000;

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export class Session {
  readonly dir: string;
  private readonly hidden: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly background: ChildProcess[] = [];
  private count = 0;

  constructor() {
    const base = mkdtempSync(join(tmpdir(), 'drover-docs-'));
    this.dir = join(base, 'here');
    this.hidden = join(base, 'session');
    const bin = join(this.hidden, 'bin');
    const home = join(this.hidden, 'home');
    for (const folder of [this.dir, bin, home]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(bin, 'drover'), `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin', 'drover.mjs')}' "$@"\n`);
    chmodSync(join(bin, 'drover'), 0o755);
    writeFileSync(join(this.hidden, 'cwd'), this.dir);
    const inherited = Object.entries(process.env).filter(([name]) => !/^(DROVER_|XDG_|npm_|VITEST|NODE_ENV|FORCE_COLOR|INIT_CWD)/.test(name));
    const path = [bin, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
    this.env = { ...Object.fromEntries(inherited), PATH: path, HOME: home, NO_COLOR: '1', COLUMNS: '120', TERM: 'dumb' };
  }

  write(name: string, text: string): void {
    const path = join(this.dir, name);
    if (relative(this.dir, path).startsWith('..')) throw new Error(`${name} is outside the page's directory`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (text.startsWith('#!')) chmodSync(path, 0o755);
  }

  /** Directory, exported variables and exit code carry over from command to command. */
  private start(text: string): { child: ChildProcess; path: string } {
    const [cwd, state, code] = ['cwd', 'state', 'code'].map((name) => join(this.hidden, name)) as [string, string, string];
    const last = existsSync(code) ? readFileSync(code, 'utf8').trim() : '0';
    const keep = `trap 'rc=$?; export -p > "${state}"; pwd > "${cwd}"; echo $rc > "${code}"' EXIT`;
    // The mode that files get in a shell of most machines: what a page makes has to be right with it.
    const script = `umask 022\n[ -f "${state}" ] && . "${state}"\ncd "$(cat "${cwd}")"\n${keep}\n(exit ${last})\n${text}\n`;
    const path = join(this.hidden, `output-${this.count++}`);
    const out = openSync(path, 'w');
    const child = spawn('bash', ['-c', script], { cwd: this.dir, env: this.env, stdio: ['ignore', out, out], detached: true });
    closeSync(out);
    return { child, path };
  }

  async run(text: string, limitMs = LIMIT_MS): Promise<Outcome> {
    const { child, path } = this.start(text);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop(child);
        reject(new Error(`$ ${text}\nhas not ended after ${limitMs / 1000} s. It printed:\n${readFileSync(path, 'utf8')}`));
      }, limitMs);
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        clearTimeout(timer);
        resolve({ code: code ?? (signal === null ? 0 : 128), output: readFileSync(path, 'utf8') });
      });
    });
  }

  /** Starts a command that stays; resolves when it has printed what the page shows. */
  private async runBehind(command: Command, limitMs: number): Promise<string | null> {
    const { child, path } = this.start(`exec ${command.text}`);
    this.background.push(child);
    const deadline = performance.now() + limitMs;
    for (;;) {
      const problem = command.expected.length === 0 ? null : compareOutput([...command.expected, '…'], readFileSync(path, 'utf8'));
      if (problem === null) return null;
      if (child.exitCode !== null) return `$ ${command.text} &\nended with ${child.exitCode}: ${readFileSync(path, 'utf8')}`;
      if (performance.now() > deadline) return `$ ${command.text} &\n${problem}`;
      await sleep(50);
    }
  }

  /** Null when the command does what the page says. With `withinMs` it is repeated until it does: for what takes a moment to come true. */
  async check(command: Command, { exit, withinMs }: { exit: number | null; withinMs: number }): Promise<string | null> {
    if (command.background) return this.runBehind(command, Math.max(withinMs, 20_000));
    const deadline = performance.now() + withinMs;
    for (;;) {
      const { code, output } = await this.run(command.text, Math.max(withinMs, LIMIT_MS));
      const wrongCode = exit !== null && code !== exit ? `ends with ${code} instead of ${exit}:\n${output}` : null;
      const problem = wrongCode ?? (command.expected.length === 0 ? null : compareOutput(command.expected, output));
      if (problem === null) return null;
      if (performance.now() >= deadline) return `$ ${command.text}\n${problem}${wrongCode === null ? `\nall of it:\n${output}` : ''}`;
      await sleep(200);
    }
  }

  /** Processes that left every group we know but still have this page's home: machines of the cloud `local` outlive their controller. */
  private left(): number[] {
    if (!existsSync('/proc/self/environ')) return [];
    const mark = `HOME=${this.env['HOME']}`;
    return readdirSync('/proc').flatMap((name) => {
      try {
        return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(mark) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  }

  async dispose(): Promise<void> {
    for (const child of this.background) stop(child);
    for (const child of this.background) if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
    for (const pid of this.left()) endProcess(pid);
    rmSync(dirname(this.dir), { recursive: true, force: true });
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {}
}

/** The whole group it leads, so that nothing it started stays. */
function stop(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {}
}
