import type { Instrument } from '../src/engine/instrument.ts';
import { noInstrument } from '../src/engine/instrument.ts';

/** What the engine says it did. */
export class Counted {
  cycles = 0;
  readonly outcomes: Record<string, number> = {};
  calls = 0;
  onCycle: (group: string) => void = () => {};

  readonly instrument: Instrument = {
    ...noInstrument,
    cycle: (group) => {
      this.cycles++;
      this.onCycle(group);
    },
    decision: ({ outcome }) => {
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    },
    cloudCall: (_cloud, op) => {
      if (op === 'create' || op === 'delete') this.calls++;
    },
  };

  reset(): void {
    this.cycles = 0;
    this.calls = 0;
    for (const key of Object.keys(this.outcomes)) delete this.outcomes[key];
  }
}
