/** Reading /proc. Every file there may vanish between two reads; that always means "the process ended". */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as pause, setImmediate as yieldToLoop } from 'node:timers/promises';
import { DriverError } from '../ports/errors.ts';
import type { ProcessInfo } from '../ports/processes.ts';

/** USER_HZ, the unit of start times in /proc: 100 on every architecture that Node runs on. */
const TICKS_PER_S = 100;
const PF_EXITING = 0x0000_0004;
const PF_KTHREAD = 0x0020_0000;
/** Processes looked at before other work gets its turn: about 2 ms. */
const BATCH = 100;
/** A process in the middle of exec shows an empty environment: for some microseconds, longer where it has to wait for a processor. */
const EXEC_LIMIT_MS = 2000;
const EXEC_PAUSE_MS = 5;

export interface ProcessStat {
  readonly startTicks: string;
  readonly groupId: number;
  readonly sessionId: number;
  readonly zombie: boolean;
  /** A thread of the kernel: it has no environment. */
  readonly kernel: boolean;
  /** Has given its memory back, its environment with it; a zombie in a moment. */
  readonly exiting: boolean;
  /** In the middle of exec: the kernel has not put the program and its environment in their places yet. */
  readonly inExec: boolean;
  /** The environment has no length; says something only when not in exec. */
  readonly noEnv: boolean;
}

/** What is read of /proc; a test shows what a machine shows too rarely. */
export interface ProcTable {
  pids(): number[];
  /** Of our own user. */
  isOwn(pid: number): boolean;
  /** Null: there is no such process, or it hides. */
  environ(pid: number): Buffer | null;
  stat(pid: number): ProcessStat | null;
}

const realTable: ProcTable = { pids: allPids, isOwn, environ: (pid) => read(`/proc/${pid}/environ`), stat: readStat };

export function needLinux(): void {
  if (process.platform !== 'linux')
    throw new DriverError('bad-request', `processes are followed through /proc, which only Linux has (this is ${process.platform})`, { definite: true });
}

/** Null: there is no such process. */
export function readStat(pid: number): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`)?.toString('latin1');
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const rest = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (rest === undefined || rest.length < 49) return null;
  const state = rest[0] as string;
  const flags = Number(rest[6]);
  // Exec sets the end of the code last, after the bounds of the environment.
  const [endOfCode, envFrom, envTo] = [rest[24], rest[47], rest[48]];
  return {
    startTicks: rest[19] as string,
    groupId: Number(rest[2]),
    sessionId: Number(rest[3]),
    zombie: state === 'Z' || state === 'X',
    kernel: (flags & PF_KTHREAD) !== 0,
    exiting: (flags & PF_EXITING) !== 0,
    inExec: endOfCode === '0',
    noEnv: envFrom === envTo,
  };
}

/** Every process of our own user whose environment holds NAME=…. Complete, or an error. */
export async function findByEnv(name: string, table: ProcTable = realTable, execLimitMs: number = EXEC_LIMIT_MS): Promise<ProcessInfo[]> {
  needLinux();
  const needle = Buffer.from(`${name}=`);
  const found: ProcessInfo[] = [];
  let unsure: number[] = [];
  const bootMs = Date.now() - uptimeMs();
  let looked = 0;
  const lookAt = (pid: number): void => {
    const info = look(pid, table, needle, bootMs);
    if (info === 'unsure') unsure.push(pid);
    else if (info !== null) found.push(info);
  };
  for (const pid of table.pids()) {
    if (!table.isOwn(pid)) continue;
    if (++looked % BATCH === 0) await yieldToLoop();
    lookAt(pid);
  }
  const endMs = performance.now() + execLimitMs;
  for (let again = false; unsure.length > 0; again = true) {
    if (again && performance.now() >= endMs) {
      refuseInExec(unsure, table);
      break;
    }
    if (again) await pause(EXEC_PAUSE_MS);
    const pids = unsure;
    unsure = [];
    for (const pid of pids) lookAt(pid);
  }
  return found;
}

/** Whoever is in the middle of exec for so long may be one that is looked for. Others that could not be read have nothing to be read. */
function refuseInExec(unsure: readonly number[], table: ProcTable): void {
  for (const pid of unsure) {
    const stat = table.stat(pid);
    if (stat !== null && !stat.zombie && !stat.exiting && stat.inExec)
      throw new DriverError('unknown', `process ${pid} does not show its environment: it is in the middle of starting a program; try again`, {
        definite: true,
      });
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid));
}

function isOwn(pid: number): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === process.geteuid?.();
  } catch {
    return false;
  }
}

function look(pid: number, table: ProcTable, needle: Buffer, bootMs: number): ProcessInfo | 'unsure' | null {
  const before = table.environ(pid);
  if (before === null) return null;
  if (before.length === 0) return isBare(table.stat(pid)) ? null : 'unsure';
  if (!holds(before, needle)) return null;
  const stat = table.stat(pid);
  if (stat === null) return null;
  // Read again: only then do the environment and the start time certainly belong to the same process.
  const after = table.environ(pid);
  if (after === null || (after.length > 0 && !holds(after, needle))) return null;
  return {
    pid,
    startTicks: stat.startTicks,
    env: parseEnv(before),
    startedAtMs: Math.round(bootMs + (Number(stat.startTicks) * 1000) / TICKS_PER_S),
    zombie: stat.zombie,
    sessionId: stat.sessionId,
    groupId: stat.groupId,
  };
}

/** Whether the empty environment that was read is all there is: not one that exec took away, or was still bringing. */
function isBare(stat: ProcessStat | null): boolean {
  return stat === null || stat.zombie || stat.exiting || stat.kernel || (stat.noEnv && !stat.inExec);
}

function holds(environ: Buffer, needle: Buffer): boolean {
  for (let at = environ.indexOf(needle); at >= 0; at = environ.indexOf(needle, at + 1)) {
    if (at === 0 || environ[at - 1] === 0) return true;
  }
  return false;
}

function parseEnv(environ: Buffer): Record<string, string> {
  // No prototype: an environment may hold a variable called __proto__.
  const env: Record<string, string> = Object.create(null);
  for (const line of environ.toString('utf8').split('\0')) {
    const at = line.indexOf('=');
    // As getenv does: the first of two equal names counts.
    if (at > 0 && env[line.slice(0, at)] === undefined) env[line.slice(0, at)] = line.slice(at + 1);
  }
  return env;
}

function uptimeMs(): number {
  const text = read('/proc/uptime')?.toString('latin1') ?? '';
  return Number.parseFloat(text) * 1000;
}

function read(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    // EACCES: it changed its user or hides itself; then it is not one of ours to follow.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw new DriverError('unknown', `cannot read ${path}: ${code}`, { definite: true, cause: e });
  }
}
