import { Session } from 'node:inspector';
import { warmCalibration } from '../../bench/calibration.ts';
import { runSeed } from '../../src/sim/run-seed.ts';

/** Seeds whose cost is looked at: enough evaluations that one seed does not decide. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly url: string; readonly functionName: string };
}
interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

export interface TickCost {
  readonly ticks: number;
  /** CPU of engine and core per evaluation, µs, with their share of collector and runtime. */
  readonly engineUs: number;
  /** The same of everything: store, simulated world. */
  readonly wholeUs: number;
  /** CPU of one operation of the calibration loop, run in between, µs: a slower machine slows both. */
  readonly calibrationUs: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** What an evaluation costs, by folder, from V8's own sampling profiler: no checkers, faults on. */
export function measureTick(): TickCost {
  for (const seed of SEEDS.slice(0, 3)) runSeed(seed, { invariants: [] }); // compiled code is what counts
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 200 });
  session.post('Profiler.start');
  const calibration = warmCalibration();
  let cpuUs = 0;
  let ticks = 0;
  for (const seed of SEEDS) {
    const before = process.cpuUsage();
    ticks += runSeed(seed, { invariants: [] }).ticks;
    const { user, system } = process.cpuUsage(before);
    cpuUs += user + system;
    calibration.slice(20);
  }
  let profile: Profile | null = null;
  session.post('Profiler.stop', (error, result) => {
    if (!error) profile = result.profile as Profile;
  });
  session.disconnect();
  if (profile === null) throw new Error('the profiler gave no answer');
  const shares = sharesOf(profile);
  const wholeUs = cpuUs / ticks;
  const parts = Object.fromEntries(Object.entries(shares).map(([part, share]) => [part, share * wholeUs]));
  return { ticks, wholeUs, engineUs: (parts['engine'] ?? 0) + (parts['core'] ?? 0), calibrationUs: calibration.usPerOp, parts };
}

/** Share of each part of the program in the time; what belongs to none (collector, runtime) is spread over them. */
function sharesOf(profile: Profile): Record<string, number> {
  const partOf = new Map(profile.nodes.map((n) => [n.id, part(n.callFrame)]));
  const us: Record<string, number> = {};
  let known = 0;
  profile.samples?.forEach((id, i) => {
    const name = partOf.get(id);
    if (name === undefined || name === null) return;
    const delta = profile.timeDeltas?.[i] ?? 0;
    us[name] = (us[name] ?? 0) + delta;
    known += delta;
  });
  return Object.fromEntries(Object.entries(us).map(([name, t]) => [name, t / known]));
}

function part({ url }: ProfileNode['callFrame']): string | null {
  const found = /\/src\/(core|engine|ports\/event-chain|ports|kit|sim|drivers\/stores)[/.]/.exec(url)?.[1];
  if (found === undefined) return null;
  // The chain of events is the store's work, wherever its text is written.
  if (found === 'drivers/stores' || found === 'ports/event-chain') return 'store';
  return found === 'ports' || found === 'kit' ? 'engine' : found;
}

/** Most that engine and core may cost for one evaluation, µs of CPU. */
const LIMIT_US = 60;
/** The same in operations of the calibration loop (3 µs where the limit was set), which a slow or busy machine slows as well, and a fifth for the noise: this is what is gated. */
const LIMIT_OPS = 24;

export interface Cost {
  readonly lines: readonly string[];
  readonly ok: boolean;
}

export async function costOfTick(): Promise<Cost> {
  const cost = await new Promise<TickCost>((done) => setImmediate(() => done(measureTick())));
  const parts = Object.entries(cost.parts)
    .sort((a, b) => b[1] - a[1])
    .map(([name, us]) => `${name} ${us.toFixed(1)}`);
  const ops = cost.engineUs / cost.calibrationUs;
  return {
    ok: ops <= LIMIT_OPS,
    lines: [
      `engine and core  ${cost.engineUs.toFixed(1)} µs of CPU an evaluation (aim ${LIMIT_US}), of ${cost.wholeUs.toFixed(1)} µs without checkers (${parts.join(', ')})`,
      `calibrated       ${ops.toFixed(1)} operations of the calibration loop of ${cost.calibrationUs.toFixed(2)} µs (at most ${LIMIT_OPS})`,
    ],
  };
}
