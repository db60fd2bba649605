import { join } from 'node:path';
import type { Scenario } from '../../src/sim/scenario.ts';

/** A failure that was found, made small and mended: what must happen in which world. */
export interface Regression {
  /** What went wrong, when it did. */
  readonly says: string;
  readonly scenario: Scenario;
  /** The hits that are needed, as `class#number`. */
  readonly only: readonly string[];
}

export const regressionsFolder = join(import.meta.dirname, '..', 'regressions', 'sim');
