import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { SeedReport } from './worker.ts';

export interface Campaign {
  readonly firstSeed: number;
  /** At most this many. */
  readonly seeds: number;
  /** Enough once this many group-hours under faults are done. */
  readonly hours: number;
  readonly jobs: number;
  /** Told of each seed as it ends; false ends the campaign. */
  onSeed(report: SeedReport): boolean;
}

/** Small enough that a process that has bad luck does not hold up the end, large enough to warm up nothing twice. */
const AT_ONCE = 4;

/** Runs seeds in several processes until there are enough. Rejects if one of them dies. */
export function runCampaign(campaign: Campaign): Promise<void> {
  const workers: ChildProcess[] = [];
  let next = campaign.firstSeed;
  let hours = 0;
  let wanted = true;
  return new Promise<void>((resolve, reject) => {
    let busy = campaign.jobs;
    const feed = (worker: ChildProcess): void => {
      const left = campaign.firstSeed + campaign.seeds - next;
      if (!wanted || left <= 0 || hours >= campaign.hours) {
        worker.disconnect();
        if (--busy === 0) resolve();
        return;
      }
      const seeds = Array.from({ length: Math.min(AT_ONCE, left) }, () => next++);
      worker.send(seeds);
    };
    for (let i = 0; i < campaign.jobs; i++) {
      const worker = fork(join(import.meta.dirname, 'worker.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      workers.push(worker);
      worker.on('message', (message: SeedReport | 'idle') => {
        if (message === 'idle') return feed(worker);
        hours += message.stormGroupHours;
        if (!campaign.onSeed(message)) wanted = false;
      });
      worker.on('exit', (code, signal) => {
        if (code !== 0) reject(new Error(`a process of the simulator ended with ${signal ?? `exit code ${code}`}`));
      });
    }
  }).finally(() => {
    for (const worker of workers) if (worker.exitCode === null) worker.kill('SIGKILL');
  });
}
