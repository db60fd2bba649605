/**
 * node ticks-process.ts FILE GROUPS WARM-UP-SECONDS SECONDS: the engine on the real clock with the SQLite store of that file.
 * Prints one JSON line. A cycle's lateness is the time from when the engine said the group would be due (asked right after the cycle
 * before) to when the cycle asks for its metric; cycles that a finished step or a message woke earlier are counted apart.
 */
import { statSync } from 'node:fs';
import { openSqliteStore } from '../src/drivers/stores/sqlite/driver.ts';
import { Engine } from '../src/engine/engine.ts';
import { realClock, realRandom } from '../src/platform/clock.ts';
import { databaseFiles } from '../src/platform/database-files.ts';
import { createSecrets } from '../src/platform/secrets.ts';
import { silentLog } from '../src/ports/ports.ts';
import { openBenchWorld } from './bench-world.ts';
import { threadCpuUs, warmCalibration } from './calibration.ts';
import { Counted } from './counting-instrument.ts';
import { quantile } from './figures.ts';
import { numberOf } from './groups.ts';

/** The yardstick runs this long this often, ms: short, for it holds up the cycles that are due meanwhile. */
const CALIBRATE_MS = 2;
const CALIBRATE_EVERY_MS = 250;

export interface TicksFigures {
  readonly groups: number;
  readonly seconds: number;
  /** From the call of start to every group taken, ms. */
  readonly startMs: number;
  readonly ticks: number;
  readonly woken: number;
  readonly commits: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly creates: number;
  /** CPU of the whole process without the yardstick, µs. */
  readonly cpuUs: number;
  readonly threadCpuUs: number;
  readonly calibrationUsPerOp: number;
  readonly rssMostMiB: number;
  readonly rssEndMiB: number;
  readonly heapEndMiB: number;
  readonly databaseMiB: number;
  readonly lateP50Ms: number | null;
  readonly lateP99Ms: number | null;
  readonly lateMostMs: number | null;
  readonly storeFailed: string | null;
}

const MIB = 1_048_576;
const [path = '', groupsText = '0', warmUpText = '12', secondsText = '30'] = process.argv.slice(2);
const groups = Number(groupsText);

async function measure(): Promise<TicksFigures> {
  const store = await openSqliteStore({ path, clock: realClock, secrets: createSecrets('.'), log: silentLog, files: databaseFiles });
  let commits = 0;
  const counting: typeof store = {
    ...store,
    commit: (change) => {
      commits++;
      return store.commit(change);
    },
  };
  const counted = new Counted();
  const { instrument } = counted;
  const dueMs = new Float64Array(groups);
  let ended: string[] = [];
  const late: number[] = [];
  let woken = 0;
  const onRead = (group: number): void => {
    const due = dueMs[group] ?? 0;
    if (due === 0) return;
    const ms = realClock.wall() - due;
    if (ms < -1) woken++;
    else late.push(Math.max(0, ms));
  };
  const world = openBenchWorld({ groups, clock: realClock, instrument, installId: store.installId, startMs: realClock.wall() - 3_600_000, onRead });
  const engine = new Engine({
    controllerId: 'bench',
    clock: realClock,
    random: realRandom,
    crash: () => {},
    log: { ...silentLog, error: (fields, message) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`) },
    store: counting,
    instrument,
    http: { request: () => Promise.reject(new Error('there is no network here')) },
    sockets: { exchange: async () => '', canConnect: async () => false },
    calendar: { schedule: () => null, freezeUntil: () => null },
    installId: store.installId,
    world,
  });
  counted.onCycle = (group) => {
    // The next time is set when the cycle has returned: ask a turn later, once for all that ended in this one.
    if (ended.length === 0) {
      setImmediate(() => {
        for (const name of ended) dueMs[numberOf(name)] = engine.nextDueMs(name) ?? 0;
        ended = [];
      });
    }
    ended.push(group);
  };
  const began = performance.now();
  await engine.start();
  const startMs = performance.now() - began;
  await realClock.sleep(Number(warmUpText) * 1000);

  const calibration = warmCalibration();
  await realClock.sleep(1_000);
  counted.reset();
  late.length = 0;
  woken = 0;
  commits = 0;
  let rssMost = 0;
  const timer = setInterval(() => {
    calibration.slice(CALIBRATE_MS);
    rssMost = Math.max(rssMost, process.memoryUsage.rss());
  }, CALIBRATE_EVERY_MS);
  const fromMs = performance.now();
  const whole = process.cpuUsage();
  const thread = threadCpuUs();
  await realClock.sleep(Number(secondsText) * 1000);
  clearInterval(timer);
  const { user, system } = process.cpuUsage(whole);
  const figures: TicksFigures = {
    groups,
    seconds: (performance.now() - fromMs) / 1000,
    startMs,
    ticks: counted.cycles,
    woken,
    commits,
    outcomes: { ...counted.outcomes },
    creates: counted.calls,
    cpuUs: user + system - calibration.cpuUs,
    threadCpuUs: threadCpuUs() - thread - calibration.cpuUs,
    calibrationUsPerOp: calibration.usPerOp,
    rssMostMiB: rssMost / MIB,
    rssEndMiB: process.memoryUsage.rss() / MIB,
    heapEndMiB: process.memoryUsage().heapUsed / MIB,
    databaseMiB: (statSync(path).size + statSync(`${path}-wal`).size) / MIB,
    lateP50Ms: quantile(late, 0.5),
    lateP99Ms: quantile(late, 0.99),
    lateMostMs: quantile(late, 1),
    storeFailed: engine.storeDown,
  };
  await engine.stop();
  await store.close();
  return figures;
}

process.stdout.write(`${JSON.stringify(await measure())}\n`);
