/** node engine-tick-process.ts SECONDS: group-ticks on virtual time with the memory store, as fast as they go. Prints one JSON line. */
import { hash } from 'node:crypto';
import { openMemoryStore } from '../src/drivers/stores/memory/driver.ts';
import { Engine } from '../src/engine/engine.ts';
import { silentLog } from '../src/ports/ports.ts';
import { VirtualClock } from '../src/sim/virtual-clock.ts';
import { openBenchWorld } from './bench-world.ts';
import { threadCpuUs, warmCalibration } from './calibration.ts';
import { Counted } from './counting-instrument.ts';
import { EVERY_MS } from './groups.ts';
import { seedGroups } from './seed-groups.ts';

const GROUPS = 100;
const START_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const WARM_UP_ROUNDS = 60;

export interface EngineTickFigures {
  readonly ticks: number;
  readonly threadUsPerTick: number;
  readonly processUsPerTick: number;
  readonly calibrationUsPerOp: number;
  readonly outcomes: Readonly<Record<string, number>>;
}

const turn = (): Promise<void> => new Promise((go) => setImmediate(go));
const drain = async (): Promise<void> => {
  await turn();
  await turn();
};

/** Multiples of 1,000: the engine spreads first evaluations by `u32 % 1000`, and here all groups are to be due together. */
function random(): { u32(): number } {
  let state = 7;
  return {
    u32: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state - (state % 1000);
    },
  };
}

async function measure(seconds: number): Promise<EngineTickFigures> {
  const clock = new VirtualClock(START_MS, drain);
  let made = 0;
  const secrets = { sha256: (text: string) => hash('sha256', text), randomHex: (n: number) => String(++made).padStart(2 * n, '0') };
  const store = openMemoryStore({ clock, secrets });
  await seedGroups(store, GROUPS, START_MS);
  const counted = new Counted();
  const { instrument } = counted;
  const { installId } = store;
  const engine = new Engine({
    controllerId: 'bench',
    clock,
    random: random(),
    crash: () => {},
    log: silentLog,
    store,
    instrument,
    http: { request: () => Promise.reject(new Error('there is no network here')) },
    sockets: { exchange: async () => '', canConnect: async () => false },
    calendar: { schedule: () => null, freezeUntil: () => null },
    installId,
    world: openBenchWorld({ groups: GROUPS, clock, instrument, installId, startMs: START_MS - 3_600_000, onRead: () => {} }),
  });
  await engine.start();
  for (let i = 0; i < WARM_UP_ROUNDS; i++) await clock.advance(EVERY_MS);
  const calibration = warmCalibration();
  counted.reset();
  const thread = threadCpuUs();
  const whole = process.cpuUsage();
  const endMs = performance.now() + seconds * 1000;
  for (let i = 0; performance.now() < endMs; i++) {
    await clock.advance(EVERY_MS);
    if (i % 10 === 0) calibration.slice(3);
  }
  const { user, system } = process.cpuUsage(whole);
  const figures = {
    ticks: counted.cycles,
    threadUsPerTick: (threadCpuUs() - thread - calibration.cpuUs) / counted.cycles,
    processUsPerTick: (user + system - calibration.cpuUs) / counted.cycles,
    calibrationUsPerOp: calibration.usPerOp,
    outcomes: { ...counted.outcomes },
  };
  await engine.stop();
  return figures;
}

process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[2] ?? 5)))}\n`);
