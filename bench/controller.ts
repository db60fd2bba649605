/** The controller as a process of its own, and the end of everything it started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { realProcesses } from '../src/platform/processes.ts';

export interface SeenEvent {
  readonly atMs: number;
  readonly group: string | null;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface RunningController {
  readonly url: string;
  readonly tokenFile: string;
  readonly events: readonly SeenEvent[];
  /** The first event that fits, seen already or to come. Throws when there is none in time. */
  event(what: string, fits: (event: SeenEvent) => boolean, timeoutMs: number): Promise<SeenEvent>;
  /** Ends it, and then its machines. */
  stop(): Promise<void>;
}

export async function startControllerProcess(configFile: string): Promise<RunningController> {
  const program = fileURLToPath(new URL('controller-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-20_000);
  });
  const events: SeenEvent[] = [];
  let look = (): void => {};
  let ready: { url: string; tokenFile: string; installId: string } | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = JSON.parse(line) as { ready: typeof ready } | SeenEvent;
    if ('ready' in value) ready = value.ready;
    else events.push(value);
    look();
  });
  child.once('exit', () => look());
  const wait = async <T>(what: string, ask: () => T | null | undefined, timeoutMs: number): Promise<T> => {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const got = ask();
      if (got !== null && got !== undefined) return got;
      if (child.exitCode !== null) throw new Error(`the controller ended while waiting for ${what}\n${said}`);
      const left = endMs - performance.now();
      if (left <= 0) throw new Error(`waited ${timeoutMs} ms for ${what}\n${said}`);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left);
        look = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  };
  try {
    const { url, tokenFile, installId } = await wait('the controller to start', () => ready, 20_000);
    return {
      url,
      tokenFile,
      events,
      event: (what, fits, timeoutMs) => wait(what, () => events.find(fits), timeoutMs),
      stop: async () => {
        await endProcess(child, 'SIGTERM');
        await endMachines(installId);
      },
    };
  } catch (e) {
    await endProcess(child, 'SIGKILL');
    throw e;
  }
}

export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill(signal);
  await gone;
}

/** SIGKILL for the machines of one installation; anyone else's stay. */
export async function endMachines(installId: string): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const mine = (await realProcesses.findByEnv('DROVER_INSTALL')).filter((p) => p.env['DROVER_INSTALL'] === installId && !p.zombie);
    if (mine.length === 0) return;
    await Promise.all(mine.map((p) => realProcesses.kill(p, 'SIGKILL')));
    await new Promise((done) => setTimeout(done, 50));
  }
}
