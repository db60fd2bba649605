/** One alert, answered by the document's chain and by Drover side by side: time to serving, machines made, machines leaked. */
import { findProgram } from '../../src/platform/find-program.ts';
import { type BenchResult, median, type Row, round } from '../figures.ts';
import type { Tally as Machines, Marks, Side } from './side.ts';
import { Stage, type Timing } from './stage.ts';
import { until } from './until.ts';

const NEEDS = ['prometheus-alertmanager', 'bash', 'curl', 'jq'] as const;
const LIMIT_MS = 90_000;
const SIDES = ['chain', 'drover'] as const;
type Name = (typeof SIDES)[number];
type Both<T> = Readonly<Record<Name, T>>;

const MINUTE_MS = 60_000;
/** The times of the document's alertManager.yml, divided. */
const document = (factor: number): Omit<Timing, 'alertmanagers'> => ({
  timeFactor: factor,
  groupWaitMs: 30_000 / factor,
  groupIntervalMs: (5 * MINUTE_MS) / factor,
  repeatMs: (60 * MINUTE_MS) / factor,
  everyMs: (60 * MINUTE_MS) / factor,
});
/** As set by whoever wants a quick answer; nothing is divided but the boot. Alertmanager gives a receiver `group_interval`, and 10 s at least. */
const QUICK: Timing = { timeFactor: 10, alertmanagers: 1, groupWaitMs: 0, groupIntervalMs: 10_000, repeatMs: 60 * MINUTE_MS, everyMs: 60 * MINUTE_MS };
/** Repeats that come at the second tick of `group_interval`, as a cool-down. */
const REPEATING: Timing = { ...QUICK, repeatMs: 15_000, everyMs: 20_000 };
/** Longer than that: the script is still at it when Alertmanager comes again. */
const LOOK_UP_MS = 14_000;
const MARGIN_MS = 2_000;
const SLOW_HOLD_MS = 35_000;
const ONCE_FACTOR = 10;
const PAIR_FACTOR = 120;
const PAIR_HOURS = 1.5;
const ROUNDS = { once: 5, counted: 3 } as const;

/** Times from the alert, ms. */
interface Answer {
  readonly madeMs: number;
  readonly joinedMs: number;
  readonly servingMs: number;
}

interface Tally extends Machines {
  /** Scripts that a resolve has killed. */
  readonly killed: number;
}

interface Raw {
  readonly once: Both<Answer>[];
  readonly pair: Both<Tally>[];
  readonly slow: Both<Tally>[];
  readonly resolved: Both<Tally>[];
}

export async function incident(): Promise<BenchResult> {
  const title = 'one alert, the document’s chain (Alertmanager → executor → script with curl) and Drover side by side';
  const base = { bench: 'incident', title };
  const found = findProgram('prometheus-alertmanager');
  const lacking = NEEDS.filter((name) => findProgram(name) === null);
  if (lacking.length > 0 || found === null) return { ...base, rows: [], notes: [], lacking, raw: null };
  const raw: Raw = { once: [], pair: [], slow: [], resolved: [] };
  for (let i = 0; i < ROUNDS.once; i++) raw.once.push(await once(found));
  // What is counted and not timed runs side by side.
  for (let i = 0; i < ROUNDS.counted; i++) {
    const rounds = await Promise.allSettled([pair(found), slow(found), resolved(found)]);
    for (const [at, rows] of [raw.pair, raw.slow, raw.resolved].entries()) {
      const each = rounds[at];
      if (each?.status === 'rejected') throw each.reason;
      if (each !== undefined) rows.push(each.value);
    }
  }
  return { ...base, rows: rowsOf(raw), notes: NOTES, lacking: [], raw };
}

/** Nothing goes wrong: how long until the new machine answers. */
function once(alertmanager: string): Promise<Both<Answer>> {
  return onStage({ ...document(ONCE_FACTOR), alertmanagers: 1 }, alertmanager, async (stage) => {
    const startMs = Date.now();
    await stage.post(startMs, null);
    const ready = async (side: Side): Promise<boolean> => (await side.marks()).servingAtMs !== null;
    await until('both to serve', async () => (await ready(stage.chain)) && (await ready(stage.drover)), LIMIT_MS);
    const answer = ({ madeAtMs, joinedAtMs, servingAtMs }: Marks): Answer => ({
      madeMs: (madeAtMs ?? Number.NaN) - startMs,
      joinedMs: (joinedAtMs ?? Number.NaN) - startMs,
      servingMs: (servingAtMs ?? Number.NaN) - startMs,
    });
    return { chain: answer(await stage.chain.marks()), drover: answer(await stage.drover.marks()) };
  });
}

/** A pair of Alertmanagers that lost sight of each other, and an incident longer than `repeat_interval`. */
function pair(alertmanager: string): Promise<Both<Tally>> {
  const timing: Timing = { ...document(PAIR_FACTOR), alertmanagers: 2 };
  return onStage(timing, alertmanager, (stage) => lasting(stage, (PAIR_HOURS * 60 * MINUTE_MS) / PAIR_FACTOR, timing));
}

/** Look-ups take longer than `group_interval`: a notification without an answer is sent again. */
function slow(alertmanager: string): Promise<Both<Tally>> {
  return onStage(QUICK, alertmanager, async (stage) => {
    for (const name of SIDES) await stage[name].slowLookUps(LOOK_UP_MS);
    return lasting(stage, SLOW_HOLD_MS, QUICK);
  });
}

/**
 * The alert goes on, so both make a second machine; it resolves while the script looks that one up. (Alertmanager sends a resolve only after a
 * notification that was answered in time: with the first machine of an incident this does not happen.)
 */
function resolved(alertmanager: string): Promise<Both<Tally>> {
  return onStage(REPEATING, alertmanager, async (stage) => {
    const startMs = Date.now();
    await stage.post(startMs, null);
    const all = async (fits: (side: Side) => Promise<boolean>): Promise<boolean> => (await fits(stage.chain)) && (await fits(stage.drover));
    await until('both to have their first machine', () => all(async (side) => (await side.marks()).servingAtMs !== null), LIMIT_MS);
    for (const name of SIDES) await stage[name].slowLookUps(LOOK_UP_MS);
    await until('both to make a second machine', () => all(async (side) => (await side.made()) >= 2), LIMIT_MS);
    return settled(stage, startMs, REPEATING);
  });
}

async function lasting(stage: Stage, holdMs: number, timing: Pick<Timing, 'groupIntervalMs'>): Promise<Both<Tally>> {
  const startMs = Date.now();
  await stage.post(startMs, null);
  await new Promise((done) => setTimeout(done, holdMs));
  return settled(stage, startMs, timing);
}

/** Resolves the alert and waits until everybody is done with it. */
async function settled(stage: Stage, startMs: number, { groupIntervalMs }: Pick<Timing, 'groupIntervalMs'>): Promise<Both<Tally>> {
  await stage.post(startMs, Date.now());
  // Alertmanager's next look at the group is its last one.
  await new Promise((done) => setTimeout(done, groupIntervalMs + MARGIN_MS));
  const count = (event: string): number => stage.executor.filter((line) => line.event === event).length;
  await until('the scripts to end', () => count('end') === count('firing'), LIMIT_MS);
  const of = (type: string): number => stage.controller.events.filter((e) => e.type === type).length;
  await until('Drover to be done', () => of('instance.intent') > 0 && of('instance.serving') + of('instance.gone') >= of('instance.intent'), LIMIT_MS);
  const killed = stage.executor.filter((line) => line.event === 'end' && line.signal === 'SIGUSR1').length;
  return { chain: { ...(await stage.chain.tally()), killed }, drover: { ...(await stage.drover.tally()), killed: 0 } };
}

async function onStage<T>(timing: Timing, alertmanager: string, run: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.open(timing, alertmanager);
  try {
    return await run(stage);
  } finally {
    await stage.close();
  }
}

function rowsOf(raw: Raw): Row[] {
  const seconds = (name: Name, what: keyof Answer): number => (median(raw.once.map((r) => r[name][what])) ?? Number.NaN) / 1000;
  const rows: Row[] = [];
  for (const name of SIDES) {
    const who = name === 'chain' ? 'chain' : 'Drover';
    rows.push(
      { what: `${who}: alert → serving`, value: round(seconds(name, 'servingMs'), 2), unit: 's' },
      { what: '  alert → machine asked for', value: round(seconds(name, 'madeMs'), 2), unit: 's' },
      { what: '  alert → node in the NodeBalancer', value: round(seconds(name, 'joinedMs'), 2), unit: 's' },
      { what: '  all rounds', value: raw.once.map((r) => round(r[name].servingMs / 1000, 2)).join(', '), unit: 's' },
    );
  }
  rows.push({ what: 'ratio, alert → serving', value: round(seconds('drover', 'servingMs') / seconds('chain', 'servingMs'), 2), unit: '×' });
  const told = (what: string, rounds: readonly Both<Tally>[]): void => {
    for (const key of ['made', 'leaked'] as const) {
      const values = (name: Name): number[] => rounds.map((r) => r[name][key]);
      const shown = SIDES.map((name) => `${median(values(name))} (${values(name).join(', ')})`).join(' : ');
      rows.push({ what: `${what}: machines ${key}, chain : Drover`, value: shown, unit: '' });
    }
  };
  told('two Alertmanagers, repeated once', raw.pair);
  told('look-ups slower than group_interval', raw.slow);
  told('resolved in the middle of the script', raw.resolved);
  rows.push({ what: '  scripts killed by it', value: raw.resolved.map((r) => r.chain.killed).join(', '), unit: '' });
  return rows;
}

const NOTES = [
  'Both sides: the same Alertmanager with a route each, an emulated account each with the same settings, one Linode of before, requests all the time.',
  `alert → serving: the document's times divided by ${ONCE_FACTOR} (group_wait 3 s), a boot of 3.6 s, NodeBalancer checks every 1 s. Serving is the first answer of the new machine.`,
  `two Alertmanagers: the document's times divided by ${PAIR_FACTOR}; an incident of ${PAIR_HOURS} h, so one repeat; the pair does not know of each other.`,
  `slow look-ups: group_wait 0 s, group_interval ${QUICK.groupIntervalMs / 1000} s, the API takes ${LOOK_UP_MS / 1000} s for a list, the alert fires for ${SLOW_HOLD_MS / 1000} s. Resolved: repeat_interval ${REPEATING.repeatMs / 1000} s, look-ups slow from the second machine on.`,
  'Drover is told to add one for each repeat_interval that the alert goes on, as the chain does. These three run side by side.',
  'Leaked: there when all is quiet, paid for, and in no balancer.',
];
