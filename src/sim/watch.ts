import type { Watcher } from './watcher.ts';
import type { SimWorld } from './world.ts';

export type * from './watcher.ts';

/** One promise of the program, checked over ground truth: the simulated cloud, the balancers, and the store's rows. */
export interface Invariant {
  /** I1 … I30, as in the table of invariants. */
  readonly id: string;
  readonly title: string;
  open(world: SimWorld, fail: (text: string) => void): Watcher;
}
