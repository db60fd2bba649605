import type { Random } from '../ports/ports.ts';

/** One stream of chances. Streams are forked by name, so that a new draw in one place does not reshuffle the others. */
export interface Dice extends Random {
  /** 0 ≤ x < 1. */
  unit(): number;
  chance(p: number): boolean;
  /** lo … hi, both included. */
  int(lo: number, hi: number): number;
  pick<T>(list: readonly T[]): T;
  /** Small values as likely as large ones, in orders of magnitude. */
  logUniform(lo: number, hi: number): number;
  fork(name: string): Dice;
}

export function dice(seed: number): Dice {
  let s = seed >>> 0;
  const u32 = (): number => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const unit = (): number => u32() / 2 ** 32;
  const int = (lo: number, hi: number): number => lo + Math.floor(unit() * (hi - lo + 1));
  return {
    u32,
    unit,
    int,
    chance: (p) => unit() < p,
    pick: (list) => list[int(0, list.length - 1)] as never,
    logUniform: (lo, hi) => Math.exp(Math.log(lo) + unit() * (Math.log(hi) - Math.log(lo))),
    fork: (name) => {
      let h = seed ^ 0x9e3779b9;
      for (const c of name) h = Math.imul(h ^ c.charCodeAt(0), 0x01000193);
      return dice(h);
    },
  };
}
