/**
 * node --expose-gc year-process.ts DAYS: so many simulated days of one controller that never restarts. Prints one JSON line a simulated week
 * (a YearSample), then a YearEnd. The world around the engine forgets what it would keep for a reader: what grows is the product's.
 */
import { writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { entriesOf, type MemoryData } from '../../src/drivers/stores/memory/data.ts';
import { clearUp, runSeed } from '../../src/sim/run-seed.ts';
import type { SimWorld } from '../../src/sim/world.ts';
import { collect } from './collect.ts';
import { ownBytes } from './own-bytes.ts';
import { RETAIN, soakScenario } from './year-scenario.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

/** Rows of each table, and the age of the oldest that retention should have an eye on, ms. */
export interface Table {
  readonly rows: number;
  readonly oldestMs: number;
}
export interface YearSample {
  readonly week: number;
  /** After a collection, bytes: all of it, and what the program itself holds beside decisions and events, whose number swings with what happened lately. */
  readonly heap: number;
  readonly bare: number;
  readonly tables: Readonly<Record<'decisions' | 'events' | 'gone' | 'alerts' | 'once' | 'specs' | 'living', Table>>;
  /** Entries of what one engine remembers beside the store: the most of any group where it is the group's. */
  readonly maps: Readonly<Record<'runners' | 'alerts' | 'inFlight' | 'health' | 'absent' | 'touched' | 'missing' | 'views', number>>;
}
export interface YearEnd {
  readonly days: number;
  readonly ticks: number;
  readonly faults: number;
  /** Machines launched. */
  readonly launches: number;
  readonly violations: readonly string[];
}

const days = Number(process.argv[2] ?? 365);
const say = (value: YearSample | YearEnd): void => void writeSync(1, `${JSON.stringify(value)}\n`);

/** Every hour, as `app` looks after retention. */
let hits = 0;
let hours = 0;
let launches = 0;
function hour(world: SimWorld): void {
  hits += world.hitList.length;
  world.hitList.length = 0;
  for (const one of [...world.clouds.values(), ...world.balancers.values()]) one.calls.length = 0;
  hours++;
  launches = [...world.data.groups.values()].reduce((sum, row) => sum + row.nextN - 1, 0);
  if (hours % 24 === 0) day(world);
  if (hours % (WEEK / HOUR) === 0) say(sampleOf(world));
}

/** A person withdraws wishes, looks after what waits for one, and deletes by hand what was taken out of the books by hand. */
function day(world: SimWorld): void {
  clearUp(world);
  const booked = new Set(world.scenario.groups.flatMap((g) => world.rows(g.spec.name).map((row) => `${g.spec.cloud} ${row.machineId}`)));
  for (const [name, cloud] of world.clouds) {
    for (const m of cloud.alive()) if (!booked.has(`${name} ${m.id}`) && (cloud.ageMs(m.id) ?? 0) > DAY) cloud.kill(m.id, 'gone');
  }
}

function sampleOf(world: SimWorld): YearSample {
  const { data } = world;
  const now = world.clock.wall();
  const table = <T>(rows: Iterable<T>, atMs: (row: T) => number): Table => {
    let [n, oldest] = [0, now];
    for (const row of rows) {
      n++;
      oldest = Math.min(oldest, atMs(row));
    }
    return { rows: n, oldestMs: now - oldest };
  };
  const newest = new Set([...data.decisionsOf.values()].map((runs) => runs.at(-1)?.row.decision.id));
  const instances = [...data.instances.values()];
  const [engine] = world.processes.map((p) => p.engine);
  const runners = [...(engine?.runners.values() ?? [])];
  const most = (of: (runner: (typeof runners)[number]) => { readonly size: number }): number => Math.max(0, ...runners.map((r) => of(r).size));
  return {
    week: Math.round(hours / (WEEK / HOUR)),
    tables: {
      decisions: table(
        data.decisions.filter((d) => !newest.has(d.row.decision.id)),
        (d) => Math.max(d.row.decision.atMs, d.row.last.atMs),
      ),
      events: table(data.events, (e) => e.atMs),
      gone: table(
        instances.filter((i) => i.state === 'gone'),
        (i) => i.sinceMs,
      ),
      alerts: table(data.alerts.values(), (a) => a.lastHeardMs),
      once: table(data.once.values(), (atMs) => atMs),
      specs: table(
        [...data.specs.values()].flatMap((specs) => [...specs.keys()]),
        () => now,
      ),
      living: table(
        instances.filter((i) => i.state !== 'gone'),
        () => now,
      ),
    },
    maps: {
      runners: runners.length,
      alerts: engine?.alerts.size ?? 0,
      inFlight: most((r) => r.inFlight),
      health: most((r) => r.health),
      absent: most((r) => r.absent),
      touched: most((r) => r.touchedMono),
      missing: most((r) => r.missing),
      views: most((r) => r.views),
    },
    heap: collect(),
    bare: besideHistory(data),
  };
}

/** Decisions and events leave the heap for the time of a look. */
function besideHistory(data: MemoryData): number {
  const packed = serialize({ decisions: data.decisions, events: data.events });
  data.decisions = [];
  data.events = [];
  data.decisionsOf.clear();
  data.decisionById.clear();
  collect();
  const bare = ownBytes(join(tmpdir(), `drover-soak-${process.pid}.heapsnapshot`));
  const { decisions, events } = deserialize(packed) as Pick<MemoryData, 'decisions' | 'events'>;
  data.decisions = decisions;
  data.events = events;
  for (const entry of decisions) {
    entriesOf(data, entry.row.decision.group).push(entry);
    data.decisionById.set(entry.row.decision.id, entry);
  }
  return bare;
}

function year(): void {
  const scenario = soakScenario(days * DAY);
  const result = runSeed(scenario.seed, { scenario, invariants: [], retain: RETAIN, every: { ms: HOUR, look: hour } });
  const violations = result.violations.map((v) => `${v.id} at ${(v.atMs / DAY).toFixed(1)} d: ${v.text}`);
  const faults = hits + result.hits.length;
  say({ days: result.groupHours / 24 / scenario.groups.length, ticks: result.ticks, faults, launches, violations });
}

// A turn of the loop of its own: promises are drained by hand, which works from a macrotask only.
setImmediate(year);
