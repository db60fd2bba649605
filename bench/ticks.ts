/** The engine with its real store and the real clock at 1,000 and at 10,000 groups, each in a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle, measureInChild } from './child.ts';
import { type BenchResult, type Row, round } from './figures.ts';
import { EVERY_MS, MACHINES } from './groups.ts';
import type { TicksFigures } from './ticks-process.ts';

const WARM_UP_S = 12;
const SECONDS = 30;
/** By default V8 lets young objects fill 48 MiB and the heap grow to more than twice what lives in it. */
const LEAN = ['--max-semi-space-size=8', '--heap-growing-percent=60'];
const LEAN_SECONDS = 25;
const CORE_SHARE = 20;
const RSS_MIB = 400;
/** CPU per tick may be so much more with ten times the groups and still count as linear. */
const LINEAR = 1.25;

export async function ticks(): Promise<BenchResult> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-ticks-'));
  try {
    await bundle('ticks-process.ts', join(dir, 'ticks.mjs'));
    const small = await measure(dir, 1_000, SECONDS, []);
    const large = await measure(dir, 10_000, SECONDS, []);
    return report(small, large, await measure(dir, 10_000, LEAN_SECONDS, LEAN));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function report(small: TicksFigures, large: TicksFigures, lean: TicksFigures): BenchResult {
  const perTickUs = (f: TicksFigures): number => f.cpuUs / f.ticks;
  const ops = (f: TicksFigures): number => perTickUs(f) / f.calibrationUsPerOp;
  const share = (f: TicksFigures): number => (100 * f.cpuUs) / (f.seconds * 1e6);
  const linear = ops(large) / ops(small);
  const both = (what: string, unit: string, of: (f: TicksFigures) => number | null, aim?: (n: number) => Row['aim']): Row[] =>
    [small, large].map((f): Row => {
      const value = of(f);
      const met = f === large && aim !== undefined && value !== null ? aim(value) : undefined;
      return {
        what: `${what}, ${f.groups.toLocaleString('en-US')} groups`,
        value: value === null ? null : round(value, 2),
        unit,
        ...(met ? { aim: met } : {}),
      };
    });
  return {
    bench: 'ticks',
    title: `groups with ${MACHINES} machines evaluated every ${EVERY_MS / 1000} s: SQLite on disk, synchronous FULL; ${SECONDS} s after ${WARM_UP_S} s`,
    rows: [
      ...both('group-ticks per second', '/s', (f) => f.ticks / f.seconds),
      ...both('CPU, share of one core', '%', share, (n) => ({ text: `< ${CORE_SHARE} %`, met: n < CORE_SHARE })),
      ...both('CPU per group-tick', 'µs', perTickUs),
      ...both('CPU per group-tick, calibration ops', 'ops', ops),
      { what: 'CPU per tick in ops, 10,000 against 1,000', value: round(linear, 2), unit: '×', aim: { text: `≤ ${LINEAR} (linear)`, met: linear <= LINEAR } },
      ...both(
        'RSS, most',
        'MiB',
        (f) => f.rssMostMiB,
        (n) => ({ text: `< ${RSS_MIB} MiB`, met: n < RSS_MIB }),
      ),
      {
        what: 'RSS, most, 10,000 groups, lean heap',
        value: round(lean.rssMostMiB, 0),
        unit: 'MiB',
        aim: { text: `< ${RSS_MIB} MiB`, met: lean.rssMostMiB < RSS_MIB },
      },
      { what: 'CPU, share of one core, 10,000 groups, lean heap', value: round(share(lean), 2), unit: '%' },
      ...both('lateness of a cycle, p50', 'ms', (f) => f.lateP50Ms),
      ...both('lateness of a cycle, p99', 'ms', (f) => f.lateP99Ms),
      ...both('lateness of a cycle, most', 'ms', (f) => f.lateMostMs),
      ...both('start: all groups taken after', 's', (f) => f.startMs / 1000),
      ...both('commits per second', '/s', (f) => f.commits / f.seconds),
    ],
    notes: [
      `Outcomes at 10,000: ${Object.entries(large.outcomes)
        .map(([outcome, n]) => `${n} ${outcome}`)
        .join(', ')}; ${large.woken} cycles were woken early by a step that ended.`,
      'CPU is user and system time of the whole process, garbage collection and disk writes included, without the calibration loop (2 ms four times a second).',
      'Lateness is from the time the engine had set for the group to its asking for the metric; woken cycles are not counted.',
      'Clouds, balancers (50 groups each) and the source are made of maps in the same process; RSS contains them. Programs run bundled, as published.',
      `Lean heap: the same with node ${LEAN.join(' ')}.`,
    ],
    lacking: [],
    raw: { small, large, lean },
  };
}

async function measure(dir: string, groups: number, seconds: number, nodeArgs: readonly string[]): Promise<TicksFigures> {
  const file = join(dir, 'drover.db');
  for (const name of [file, `${file}-wal`, `${file}-shm`]) rmSync(name, { force: true });
  await measureInChild('ticks-seed-process.ts', [file, String(groups)], { timeoutMs: 60_000 });
  const args = [file, String(groups), String(WARM_UP_S), String(seconds)];
  const figures = await measureInChild<TicksFigures>(join(dir, 'ticks.mjs'), args, { timeoutMs: 150_000, nodeArgs });
  if (figures.storeFailed !== null) throw new Error(figures.storeFailed);
  return figures;
}
