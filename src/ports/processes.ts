export interface RunRequest {
  /** Literal arguments, no shell; argv[0] is a path or a name on PATH. */
  readonly argv: readonly string[];
  /** The whole environment (nothing is inherited except PATH, HOME, LANG, TZ). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly timeoutMs: number;
  /** Per stream; more kills the process group and fails with bad-reply. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}
export interface RunResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One process as the operating system shows it. */
export interface ProcessInfo {
  readonly pid: number;
  /** Ticks since boot at start: with the pid it names a process for all time (pids are reused). */
  readonly startTicks: string;
  readonly env: Readonly<Record<string, string>>;
  /** Start, Unix ms (to about 10 ms). */
  readonly startedAtMs: number;
  /** Dead, waiting for its parent. */
  readonly zombie: boolean;
  /** Pid of its session's leader: equal to `pid` for a process started by `spawnDetached`, the starter's pid for what it forked. */
  readonly sessionId: number;
  /** Its process group: what `kill` signals. */
  readonly groupId: number;
}

export interface Processes {
  /** Runs to the end in its own process group. On time-out the whole group is killed and DriverError `unreachable` thrown. */
  run(request: RunRequest): Promise<RunResult>;
  /** Starts a process that outlives us: own session, no inherited descriptors; output appended to `logFile`. Resolves once it is running. */
  spawnDetached(request: {
    argv: readonly string[];
    env: Readonly<Record<string, string>>;
    cwd?: string;
    logFile?: string;
  }): Promise<{ pid: number; startTicks: string }>;
  /** Own-user processes whose environment holds NAME=…; the answer is complete. */
  findByEnv(name: string): Promise<ProcessInfo[]>;
  /** Signals the whole process group that `pid` is in, if it still is the same process; false when it is not there (a zombie is not). */
  kill(process: { pid: number; startTicks: string }, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean>;
}

export interface Files {
  /** Throws DriverError not-found / unauthorized / bad-reply (larger than maxBytes). */
  readText(path: string, maxBytes: number): Promise<string>;
  /** Temporary file in the same directory, fsync, rename. */
  writeAtomic(path: string, text: string, mode?: number): Promise<void>;
  ensureDir(path: string, mode?: number): Promise<void>;
  /** Takes a file away; one that is not there is none to take away. Never a directory. */
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  resolve(...parts: string[]): string;
}
