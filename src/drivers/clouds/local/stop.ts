/** Ending a machine: all its processes, SIGTERM once, SIGKILL after a while. */
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { ProcessInfo } from '../../../ports/processes.ts';

const FIRST_POLL_MS = 20;
const LONGEST_POLL_MS = 250;
/** What SIGKILL may take until the process table shows it (a process in uninterruptible I/O takes longer). */
const KILL_MS = 3000;
/** How much longer than `stop_timeout` a deletion may take. */
export const STOP_MARGIN_MS = KILL_MS + 2000;

export interface StopRequest {
  /** Living processes of the machine now. */
  readonly processes: () => Promise<readonly ProcessInfo[]>;
  readonly stopTimeoutMs: number;
}

/** Resolves when nothing of the machine lives any more. */
export async function stopMachine(request: StopRequest, ports: Pick<DriverPorts, 'clock' | 'processes'>): Promise<void> {
  const startMs = ports.clock.mono();
  const termed = new Set<number>();
  let pollMs = FIRST_POLL_MS;
  for (;;) {
    const living = await request.processes();
    if (living.length === 0) return;
    const pastMs = ports.clock.mono() - startMs;
    if (pastMs > request.stopTimeoutMs + KILL_MS) {
      throw new DriverError('unknown', `the machine still has ${living.length} processes after SIGKILL (first: ${living[0]?.pid})`);
    }
    const signal = pastMs >= request.stopTimeoutMs ? 'SIGKILL' : 'SIGTERM';
    // Each group once: a program may take a second SIGTERM for "at once, without finishing".
    for (const p of oneOfEachGroup(living)) {
      if (signal === 'SIGTERM' && termed.has(p.groupId)) continue;
      termed.add(p.groupId);
      await ports.processes.kill(p, signal);
    }
    const leftMs = Math.max(1, request.stopTimeoutMs - pastMs);
    await ports.clock.sleep(signal === 'SIGTERM' ? Math.min(pollMs, leftMs) : FIRST_POLL_MS);
    pollMs = Math.min(LONGEST_POLL_MS, pollMs * 2);
  }
}

function oneOfEachGroup(processes: readonly ProcessInfo[]): ProcessInfo[] {
  return [...new Map(processes.map((p) => [p.groupId, p])).values()];
}
