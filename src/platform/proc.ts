/** Reading /proc. Every file there may vanish between two reads; that always means "the process ended". */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as pause, setImmediate as yieldToLoop } from 'node:timers/promises';
import { DriverError } from '../ports/errors.ts';
import type { ProcessInfo } from '../ports/processes.ts';

/** USER_HZ, the unit of start times in /proc: 100 on every architecture that Node runs on. */
const TICKS_PER_S = 100;
const PF_KTHREAD = 0x0020_0000;
/** Processes looked at before other work gets its turn: about 2 ms. */
const BATCH = 100;
/** A process in the middle of exec shows an empty environment for some microseconds; longer on a host that swaps. */
const EXEC_TRIES = 8;
const EXEC_PAUSE_MS = 5;

export interface ProcessStat {
  readonly startTicks: string;
  readonly groupId: number;
  readonly sessionId: number;
  readonly zombie: boolean;
  /** A thread of the kernel: it has no environment. */
  readonly kernel: boolean;
}

export function needLinux(): void {
  if (process.platform !== 'linux')
    throw new DriverError('bad-request', `processes are followed through /proc, which only Linux has (this is ${process.platform})`, { definite: true });
}

/** Null: there is no such process. */
export function readStat(pid: number): ProcessStat | null {
  const text = read(`/proc/${pid}/stat`)?.toString('latin1');
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const rest = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (rest === undefined || rest.length < 20) return null;
  const state = rest[0] as string;
  return {
    startTicks: rest[19] as string,
    groupId: Number(rest[2]),
    sessionId: Number(rest[3]),
    zombie: state === 'Z' || state === 'X',
    kernel: (Number(rest[6]) & PF_KTHREAD) !== 0,
  };
}

/** Every process of our own user whose environment holds NAME=…. Complete, or an error. */
export async function findByEnv(name: string): Promise<ProcessInfo[]> {
  needLinux();
  const uid = process.geteuid?.();
  const needle = Buffer.from(`${name}=`);
  const found: ProcessInfo[] = [];
  const unsure: number[] = [];
  const bootMs = Date.now() - uptimeMs();
  let looked = 0;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || !isOwn(pid, uid)) continue;
    if (++looked % BATCH === 0) await yieldToLoop();
    const info = look(pid, needle, bootMs);
    if (info === 'unsure') unsure.push(pid);
    else if (info !== null) found.push(info);
  }
  for (let tries = 0; unsure.length > 0 && tries < EXEC_TRIES; tries++) {
    if (tries > 0) await pause(EXEC_PAUSE_MS);
    for (const pid of unsure.splice(0)) {
      const info = look(pid, needle, bootMs);
      if (info === 'unsure') unsure.push(pid);
      else if (info !== null) found.push(info);
    }
  }
  return found;
}

function isOwn(pid: number, uid: number | undefined): boolean {
  try {
    return statSync(`/proc/${pid}`).uid === uid;
  } catch {
    return false;
  }
}

function look(pid: number, needle: Buffer, bootMs: number): ProcessInfo | 'unsure' | null {
  const before = read(`/proc/${pid}/environ`);
  if (before === null) return null;
  if (before.length === 0) {
    const stat = readStat(pid);
    return stat === null || stat.zombie || stat.kernel ? null : 'unsure';
  }
  if (!holds(before, needle)) return null;
  const stat = readStat(pid);
  if (stat === null) return null;
  // Read again: only then do the environment and the start time certainly belong to the same process.
  const after = read(`/proc/${pid}/environ`);
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
