/** Which of several backends is next. Every function takes the backends that may be chosen, and gives null for none. */
import { createHash } from 'node:crypto';

export interface Weighed {
  readonly id: string;
  /** 1 to 256. */
  readonly weight: number;
  readonly sessions: number;
}

/** The fewest sessions for its weight, in turns among equals. */
export class LeastConnections {
  #turn: number;

  /** `start`: where the rotation among equals begins. */
  constructor(start = 0) {
    this.#turn = start;
  }

  choose<T extends Omit<Weighed, 'id'>>(among: readonly T[]): T | null {
    if (among.length === 0) return null;
    const load = (each: T) => each.sessions / each.weight;
    const from = this.#turn++ % among.length;
    let best = among[from] as T;
    for (let i = 1; i < among.length; i++) {
      const next = among[(from + i) % among.length] as T;
      if (load(next) < load(best)) best = next;
    }
    return best;
  }
}

/** Smooth weighted round robin, as nginx does it: weights 5, 1, 1 give a a b a c a a, not five in a row. */
export class RoundRobin {
  readonly #credit = new Map<string, number>();

  choose<T extends Weighed>(among: readonly T[]): T | null {
    let best: T | null = null;
    let total = 0;
    for (const each of among) {
      total += each.weight;
      const credit = (this.#credit.get(each.id) ?? 0) + each.weight;
      this.#credit.set(each.id, credit);
      if (best === null || credit > (this.#credit.get(best.id) ?? 0)) best = each;
    }
    if (best !== null) this.#credit.set(best.id, (this.#credit.get(best.id) ?? 0) - total);
    return best;
  }

  forget(id: string): void {
    this.#credit.delete(id);
  }
}

/** The same client gets the same backend; when one comes or goes, only the clients it takes or leaves move (rendezvous hashing). */
export function chooseBySource<T extends Weighed>(among: readonly T[], client: string): T | null {
  let best: T | null = null;
  let most = -1;
  for (const each of among) {
    const share = (createHash('sha256').update(`${client} ${each.id}`).digest().readUInt32BE(0) + 1) / (2 ** 32 + 1);
    const score = -each.weight / Math.log(share);
    if (score > most) {
      best = each;
      most = score;
    }
  }
  return best;
}
