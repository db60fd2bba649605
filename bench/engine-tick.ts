/** CPU of one evaluation of one group by engine and core alone. `--profile` also prints where it goes. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureInChild } from './child.ts';
import type { EngineTickFigures } from './engine-tick-process.ts';
import { type BenchResult, round } from './figures.ts';
import { hotSpots } from './profile.ts';

const SECONDS = 6;
const AIM_US = 60;

export async function engineTick(options: { readonly profile: boolean }): Promise<BenchResult> {
  const f = await measureInChild<EngineTickFigures>('engine-tick-process.ts', [String(SECONDS)], { timeoutMs: 60_000 });
  const spots = options.profile ? await profile() : [];
  return {
    bench: 'engine-tick',
    title: 'one group-tick of engine and core: memory store, virtual time, 3 machines in 1 balancer, 1 target policy',
    rows: [
      { what: 'CPU of the main thread', value: round(f.threadUsPerTick), unit: 'µs', aim: { text: `≤ ${AIM_US} µs`, met: f.threadUsPerTick <= AIM_US } },
      { what: 'CPU of the process (with garbage collection)', value: round(f.processUsPerTick), unit: 'µs' },
      { what: 'in operations of the calibration loop', value: round(f.threadUsPerTick / f.calibrationUsPerOp), unit: 'ops' },
      { what: 'one operation of the calibration loop', value: round(f.calibrationUsPerOp, 2), unit: 'µs' },
      { what: 'ticks measured', value: f.ticks, unit: '' },
    ],
    notes: [
      `Of these ${Object.entries(f.outcomes)
        .map(([outcome, n]) => `${n} ${outcome}`)
        .join(', ')}. Counted are cycles; steps of machines and balancer reads are in the CPU.`,
      ...spots.map((s) => `${s.selfPercent.toFixed(1).padStart(5)} % self ${s.totalPercent.toFixed(1).padStart(5)} % total  ${s.where}`),
    ],
    lacking: [],
    raw: { ...f, spots },
  };
}

async function profile(): Promise<ReturnType<typeof hotSpots>> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-profile-'));
  try {
    await measureInChild('engine-tick-process.ts', [String(SECONDS)], { timeoutMs: 60_000, nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${dir}`] });
    const file = readdirSync(dir).find((name) => name.endsWith('.cpuprofile'));
    if (file === undefined) throw new Error('Node wrote no profile');
    return hotSpots(join(dir, file), 25);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
