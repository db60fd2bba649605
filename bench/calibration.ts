/**
 * A yardstick that is measured in the same process and at the same time as what it is compared with: a fixed piece of plain JavaScript.
 * A machine that is slower today, or busy with something else, slows both; the ratio stays.
 */

const SAMPLE = {
  id: 'd_4k7m2p9xqz',
  group: 'web',
  atMs: 1_790_000_000_000,
  outcome: 'hold',
  target: 3,
  readings: { load: { kind: 'value', value: 271.25, atMs: 1_790_000_000_000, ageMs: 1200, coverage: 1 } },
  instances: [1, 2, 3].map((n) => ({ id: `web-${n}`, n, state: 'serving', health: 'healthy', sessions: 7 * n, zone: null })),
  sentence: 'Kept 3: 271 req/s need 3 at 100 each.',
};
const KEYS = Array.from({ length: 32 }, (_, i) => `key-${i}`);
const table = new Map<string, number>();

/** One operation: the sample to JSON and back, then 32 reads and writes of a Map. */
function operation(): number {
  const back = JSON.parse(JSON.stringify(SAMPLE)) as typeof SAMPLE;
  for (const key of KEYS) table.set(key, (table.get(key) ?? 0) + back.target);
  return table.size;
}

/** CPU time of this thread, µs. */
export function threadCpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

export class Calibration {
  /** CPU time spent here, µs: to be taken off what is measured around it. */
  cpuUs = 0;
  ops = 0;

  /** Runs the loop for `ms` of wall time without giving way. */
  slice(ms: number): void {
    const beforeUs = threadCpuUs();
    const endMs = performance.now() + ms;
    let ops = 0;
    do {
      for (let i = 0; i < 20; i++) operation();
      ops += 20;
    } while (performance.now() < endMs);
    this.cpuUs += threadCpuUs() - beforeUs;
    this.ops += ops;
  }

  /** CPU of one operation, µs. */
  get usPerOp(): number {
    return this.cpuUs / this.ops;
  }
}

/** A calibration whose code is compiled: what was counted meanwhile is forgotten. */
export function warmCalibration(): Calibration {
  new Calibration().slice(300);
  return new Calibration();
}
