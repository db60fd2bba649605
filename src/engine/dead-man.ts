import type { EngineContext } from './context.ts';
import type { GroupRunner } from './group-runner.ts';

const LOOK_MS = 5_000;
/** A group is late after so many of its intervals, and never sooner than the shortest time, ms. */
const LATE = { intervals: 3, leastMs: 10_000 };

/** Tells, once each time, of a group that was not evaluated for three of its intervals: in the log always, in the book when it can be written. */
export class DeadMan {
  readonly #ctx: EngineContext;
  readonly #runners: ReadonlyMap<string, GroupRunner>;
  readonly #late = new Set<string>();
  #cancel: () => void = () => {};

  constructor(ctx: EngineContext, runners: ReadonlyMap<string, GroupRunner>) {
    this.#ctx = ctx;
    this.#runners = runners;
  }

  watch(): void {
    this.#cancel = this.#ctx.clock.after(LOOK_MS, () => {
      this.#look();
      this.watch();
    });
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const now = this.#ctx.clock.mono();
    for (const runner of this.#runners.values()) {
      const { spec, managed } = runner.state.row;
      const silentMs = now - runner.evaluatedMono;
      const late = managed && silentMs > Math.max(LATE.leastMs, LATE.intervals * spec.evaluateEveryMs);
      if (!late) this.#late.delete(runner.name);
      else if (!this.#late.has(runner.name)) this.#tell(runner.name, silentMs);
    }
  }

  #tell(group: string, silentMs: number): void {
    this.#late.add(group);
    const seconds = Math.round(silentMs / 1000);
    this.#ctx.log.error({ group, seconds }, 'the group is not being evaluated');
    const event = { atMs: this.#ctx.clock.wall(), group, type: 'group.not-evaluated', actor: 'drover', data: { seconds } };
    this.#ctx.store.control([], [event]).catch((e) => this.#ctx.log.error({ group, err: String(e) }, 'that could not be recorded'));
  }
}
