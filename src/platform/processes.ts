/**
 * Processes of a Linux host, read from /proc.
 * A process is named by pid and start time together: pids are reused, the pair is not.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DriverError } from '../ports/errors.ts';
import type { Processes, RunRequest, RunResult } from '../ports/processes.ts';
import { realFiles } from './files.ts';
import { findByEnv, needLinux, type ProcessStat, readStat } from './proc.ts';

export const realProcesses: Processes = { run, spawnDetached, findByEnv, kill };

const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ'] as const;
/** After the command itself ended: how long its output may still be held open by something it left in the background. */
const LINGER_MS = 250;

function wholeEnv(declared: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...declared };
}

/** spawn() that reports a failed start as a DriverError: nothing was started, so all of them are definite. */
function start(argv: readonly string[], options: SpawnOptions): Promise<ChildProcess> {
  const [program, ...args] = argv;
  if (program === undefined || program === '') throw new DriverError('bad-request', 'the command is empty');
  if (argv.some((a) => a.includes('\0'))) throw new DriverError('bad-request', `an argument of ${program} contains a NUL character`);
  let child: ChildProcess;
  try {
    child = spawn(program, args, { ...options, shell: false, detached: true });
  } catch (e) {
    throw startError(e, program, options.cwd);
  }
  return new Promise((resolve, reject) => {
    child.on('error', () => {}); // A later one (none is expected) must not end the controller.
    child.once('spawn', () => resolve(child));
    child.once('error', (e) => reject(startError(e, program, options.cwd)));
  });
}

function startError(e: unknown, program: string, cwd: SpawnOptions['cwd']): DriverError {
  const code = (e as NodeJS.ErrnoException).code ?? 'unknown error';
  const fail = (kind: DriverError['code'], why: string) => new DriverError(kind, `cannot start ${program}: ${why}`, { definite: true, cause: e });
  switch (code) {
    case 'ENOENT':
      return fail('bad-request', cwd === undefined ? 'no such program' : `no such program, or no such directory ${String(cwd)}`);
    case 'EACCES':
    case 'ENOEXEC':
      return fail('bad-request', 'it is not executable');
    case 'E2BIG':
      return fail('bad-request', 'its arguments and environment are too large');
    case 'EAGAIN':
      return fail('quota', 'the limit of processes is reached');
    case 'ENOMEM':
      return fail('no-capacity', 'not enough memory');
    default:
      return fail('unknown', code);
  }
}

async function run(request: RunRequest): Promise<RunResult> {
  const program = request.argv[0] ?? '';
  if (request.signal?.aborted) throw new DriverError('unreachable', `${program} was not started: the call was aborted`, { definite: true });
  const child = await start(request.argv, {
    env: wholeEnv(request.env),
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    stdio: [request.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  return await new Promise<RunResult>((resolve, reject) => {
    let ended = false;
    let linger: NodeJS.Timeout | undefined;
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const finish = (outcome: DriverError | null) => {
      if (ended) return;
      ended = true;
      clearTimeout(wall);
      clearTimeout(linger);
      request.signal?.removeEventListener('abort', onAbort);
      // Only while the leader is not reaped is its number certainly still the number of its group.
      if (outcome !== null && child.exitCode === null && child.signalCode === null) signalGroup(child.pid, 'SIGKILL');
      child.stdin?.destroy();
      child.stdout?.destroy();
      child.stderr?.destroy();
      if (outcome !== null) return reject(outcome);
      resolve({ exitCode: child.exitCode, signal: child.signalCode, stdout: text(stdout), stderr: text(stderr) });
    };
    const wall = setTimeout(() => finish(new DriverError('unreachable', `${program} did not end within ${request.timeoutMs} ms`)), request.timeoutMs);
    const onAbort = () => finish(new DriverError('unreachable', `${program} was aborted`));
    request.signal?.addEventListener('abort', onAbort, { once: true });
    if (request.signal?.aborted) onAbort();
    const collect = (into: Buffer[], stream: 'stdout' | 'stderr') => {
      let size = 0;
      child[stream]?.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > request.maxBytes) finish(new DriverError('bad-reply', `${program} wrote more than ${request.maxBytes} bytes to ${stream}`));
        else into.push(chunk);
      });
      child[stream]?.on('error', () => {});
    };
    collect(stdout, 'stdout');
    collect(stderr, 'stderr');
    child.stdin?.on('error', () => {}); // It need not read what we send.
    child.stdin?.end(request.stdin);
    child.once('close', () => finish(null));
    child.once('exit', () => {
      // A command may leave a process behind that holds its output open; what the command itself wrote is in the pipe already.
      linger = setTimeout(() => setImmediate(() => setImmediate(() => finish(null))), LINGER_MS);
    });
  });
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

async function spawnDetached(request: Parameters<Processes['spawnDetached']>[0]): Promise<{ pid: number; startTicks: string }> {
  needLinux();
  const output = request.logFile === undefined ? 'ignore' : await openLog(request.logFile);
  try {
    const starting = start(request.argv, {
      env: wholeEnv(request.env),
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      stdio: ['ignore', output, output],
    });
    const child = await starting;
    // Node goes on reaping an unreferenced child for as long as we live, so it never stays a zombie of ours.
    child.unref();
    const stat = child.pid === undefined ? null : readStat(child.pid);
    if (child.pid === undefined || stat === null) throw new DriverError('unknown', `${request.argv[0]} ended as soon as it was started`, { definite: true });
    return { pid: child.pid, startTicks: stat.startTicks };
  } finally {
    if (output !== 'ignore') closeSync(output);
  }
}

async function openLog(path: string): Promise<number> {
  await realFiles.ensureDir(dirname(path));
  try {
    return openSync(path, 'a', 0o640);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new DriverError(code === 'ENOSPC' ? 'quota' : 'bad-request', `cannot open the log file ${path}: ${code}`, { definite: true, cause: e });
  }
}

async function kill(target: { pid: number; startTicks: string }, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  needLinux();
  const stat = readStat(target.pid);
  if (stat === null || stat.startTicks !== target.startTicks) return false;
  const sent = signalGroupOf(target.pid, stat, signal);
  return sent && !stat.zombie;
}

function signalGroupOf(pid: number, stat: ProcessStat, signal: NodeJS.Signals): boolean {
  const own = readStat(process.pid);
  // Never our own group (nor init's): then only the one process is meant.
  if (stat.groupId <= 1 || stat.groupId === own?.groupId) return signalOne(pid, signal);
  return signalGroup(stat.groupId, signal);
}

function signalGroup(groupId: number | undefined, signal: NodeJS.Signals): boolean {
  return groupId !== undefined && groupId > 1 && signalOne(-groupId, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ESRCH') return false;
    throw new DriverError('unauthorized', `may not signal process ${Math.abs(pid)}: ${code}`, { cause: e });
  }
}
