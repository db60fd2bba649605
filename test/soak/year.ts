/** The simulated year in a process of its own, and what its weeks must look like. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { atMost, growthOf, median, type Row, type Sample, told } from './figures.ts';
import type { YearEnd, YearSample } from './year-process.ts';
import { RETAIN } from './year-scenario.ts';

export interface YearSeen {
  readonly weeks: readonly YearSample[];
  readonly end: YearEnd;
}

/** Every table is full after this; the compiler, too, has seen everything often enough. */
const WARM_UP_WEEKS = 5;
const MIB = 1_048_576;
const HOUR = 3_600_000;
/** Growth over the weeks that count. Rows of a full table swing with what happened lately; one that nobody cuts grows by nearly twice its median. */
const MOST = { heap: 0.01, rows: 0.5 };
/** Too few for a share. */
const FEW = 50;
/** What one group may remember of machines that are no more: see `forgetGone` in src/engine/reconcile.ts. */
const REMEMBERED = 150;

export async function soakYear(days: number, say: (text: string) => void): Promise<YearSeen> {
  const child = spawn(process.execPath, ['--expose-gc', join(import.meta.dirname, 'year-process.ts'), String(days)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const weeks: YearSample[] = [];
  let end: YearEnd | null = null;
  const lines = createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line) as YearSample | YearEnd;
    if (!('week' in told)) end = told;
    else {
      weeks.push(told);
      if (told.week % 4 === 0)
        say(`week ${told.week} of ${Math.floor(days / 7)}: heap ${(told.heap / MIB).toFixed(1)} MiB, own ${(told.bare / MIB).toFixed(2)} MiB`);
    }
  });
  const read = new Promise((done) => lines.once('close', done));
  const code = await new Promise((done) => child.once('close', done));
  await read;
  if (code !== 0 || end === null) throw new Error(`the simulated year ended with exit code ${String(code)}`);
  return { weeks, end };
}

export function yearRows({ weeks, end }: YearSeen): readonly Row[] {
  const counted = weeks.filter((w) => w.week > WARM_UP_WEEKS);
  const of = (pick: (w: YearSample) => number): Sample[] => counted.map((w) => [w.week, pick(w)]);
  const span = (counted.at(-1)?.week ?? 0) - (counted[0]?.week ?? 0);
  const grown = (pick: (w: YearSample) => number): number => growthOf(of(pick), span);
  const most = (pick: (w: YearSample) => number): number => Math.max(0, ...counted.map(pick));
  const aged = (what: keyof YearSample['tables'], keptMs: number): Row =>
    // An hour until retention runs again, and one for what it had to leave.
    atMost(`oldest of ${what}`, most((w) => w.tables[what].oldestMs) / HOUR, keptMs / HOUR + 2, 'h');
  const rows = (what: keyof YearSample['tables']): Row[] => {
    const level = median(counted.map((w) => w.tables[what].rows));
    return [
      told(`rows of ${what}`, level, '', 0),
      level < FEW
        ? atMost(
            `rows of ${what}, most`,
            most((w) => w.tables[what].rows),
            4 * FEW,
            '',
          )
        : atMost(`rows of ${what}, growth over ${span} weeks`, 100 * grown((w) => w.tables[what].rows), 100 * MOST.rows, '%'),
    ];
  };
  return [
    told('simulated days', end.days, ''),
    told('evaluations', end.ticks, '', 0),
    told('faults', end.faults, '', 0),
    told('machines launched', end.launches, '', 0),
    atMost('errors logged and invariants broken', end.violations.length, 0, ''),
    ...end.violations.map((text): Row => ({ what: 'violation', value: text, must: null, ok: false })),
    told('heap with all history', median(counted.map((w) => w.heap)) / MIB, 'MiB'),
    told('own objects beside decisions and events', median(counted.map((w) => w.bare)) / MIB, 'MiB', 2),
    atMost(`own objects, growth over ${span} weeks`, 100 * grown((w) => w.bare), 100 * MOST.heap, '%', 2),
    aged('decisions', RETAIN.decisionsMs),
    aged('gone', RETAIN.instancesMs),
    aged('events', RETAIN.eventsMs),
    aged('alerts', RETAIN.eventsMs),
    aged('once', RETAIN.eventsMs),
    ...(['decisions', 'gone', 'events', 'alerts', 'once', 'specs', 'living'] as const).flatMap(rows),
    atMost(
      'groups held',
      most((w) => w.maps.runners),
      3,
      '',
    ),
    atMost(
      'alerts in memory against rows',
      most((w) => w.maps.alerts / Math.max(1, w.tables.alerts.rows)),
      1.5,
      '',
      2,
    ),
    atMost(
      'remembered of machines absent, most',
      most((w) => w.maps.absent),
      REMEMBERED,
      '',
    ),
    atMost(
      'remembered of calls, most',
      most((w) => w.maps.touched),
      REMEMBERED,
      '',
    ),
    ...(['inFlight', 'health', 'missing', 'views'] as const).map((map) =>
      atMost(
        `${map} of a group beyond its machines`,
        most((w) => w.maps[map] - w.tables.living.rows),
        2,
        '',
      ),
    ),
  ];
}
