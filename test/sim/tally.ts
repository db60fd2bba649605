import { FAULTS, type Fault, type FaultClass } from '../../src/sim/faults.ts';
import { invariants } from '../../src/sim/invariants/all.ts';
import type { SeedReport } from './worker.ts';

const number = (n: number, digits = 0): string => n.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Adds up what many seeds came to. */
export class Tally {
  readonly failed: SeedReport[] = [];
  readonly marks = new Map<string, number>();
  readonly drawn = new Set<string>();
  readonly #calm: number[] = [];
  seeds = 0;
  groupHours = 0;
  stormGroupHours = 0;
  ticks = 0;
  hits = 0;
  events = 0;
  cpuUs = 0;
  severalControllers = 0;

  add(r: SeedReport): void {
    this.seeds++;
    this.groupHours += r.groupHours;
    this.stormGroupHours += r.stormGroupHours;
    this.ticks += r.ticks;
    this.hits += r.hits;
    this.events += r.events;
    this.cpuUs += r.cpuUs;
    if (r.controllers > 1) this.severalControllers++;
    for (const [mark, n] of Object.entries(r.marks)) this.marks.set(mark, (this.marks.get(mark) ?? 0) + n);
    for (const fault of r.drawn) this.drawn.add(fault);
    if (r.violations.length > 0) this.failed.push(r);
    else this.#calm.push(r.calmTicks);
  }

  /** Rows of the fault catalogue that were hit. */
  get rows(): string[] {
    const rows = new Set<string>();
    for (const fault of Object.keys(FAULTS) as Fault[]) if (this.#happened(fault)) rows.add((FAULTS[fault] as FaultClass).f);
    return [...rows].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  }

  #happened(fault: Fault): boolean {
    return this.marks.has(fault) || this.marks.has(`episode ${fault}`);
  }

  /** Classes of faults that never happened: a generator that is too weak. */
  get unreached(): string[] {
    return Object.keys(FAULTS).filter((fault) => !this.#happened(fault as Fault));
  }

  /** Median and worst time to converge once faults are over, in evaluation intervals. */
  get calm(): { readonly median: number; readonly worst: number } {
    const sorted = [...this.#calm].sort((a, b) => a - b);
    return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, worst: sorted.at(-1) ?? 0 };
  }

  lines(tookMs: number): string[] {
    const crashes = [...this.marks.keys()].filter((m) => m.startsWith('crash ')).length;
    const { median, worst } = this.calm;
    return [
      `seeds            ${number(this.seeds)}, ${number(this.severalControllers)} of them with several controllers on one store`,
      `group-hours      ${number(this.stormGroupHours)} under faults, ${number(this.groupHours)} in all`,
      `evaluations      ${number(this.ticks)}`,
      `faults           ${number(this.hits)} hits of ${number(this.drawn.size - this.unreached.length)} classes, ${this.rows.length} rows of the catalogue (${this.rows.join(' ')})`,
      ...(this.unreached.length > 0 ? [`never happened   ${this.unreached.join(', ')}`] : []),
      `crash points     ${number(crashes)} labels, ${number([...this.marks].reduce((sum, [m, n]) => sum + (m.startsWith('crash ') ? n : 0), 0))} crashes`,
      `converged after  median ${number(median)}, worst ${number(worst)} evaluation intervals without faults`,
      `invariants       ${invariants.length} (${invariants.map((i) => i.id).join(' ')})`,
      `took             ${number(tookMs / 1000, 1)} s; ${number(this.stormGroupHours / (this.cpuUs / 1e6), 1)} group-hours under faults a second of CPU`,
      `an evaluation    ${number(this.cpuUs / this.ticks, 1)} µs of CPU, simulated world and checkers included`,
      `violations       ${number(this.failed.reduce((sum, r) => sum + r.violations.length, 0))} in ${number(this.failed.length)} seeds`,
    ];
  }
}
