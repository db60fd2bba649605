/** One world after the other crash point: armed, driven until it dies there, started again, and everything compared. */
import { expect } from 'vitest';
import { Audit } from './audit.ts';
import { Dice } from './dice.ts';
import { ahead } from './labels.ts';
import { Ledger } from './ledger.ts';
import { type Settled, settle } from './settle.ts';
import { Storm } from './storm.ts';
import { SIZE, type World } from './world.ts';

export interface Kill {
  readonly seed: number;
  readonly point: string;
  /** Where it died again while it recovered. */
  again: string | null;
  settled: Settled;
  /** How long the start took that recovered, ms. */
  startMs: number;
}

/** Every how many kills the controller is killed again while it recovers. */
const AGAIN_EVERY = 4;

export class Run {
  readonly #dice: Dice;
  readonly #world: World;
  readonly #ledger = new Ledger();
  readonly #storm: Storm;
  readonly #audit = new Audit();
  readonly kills: Kill[] = [];

  constructor(world: World) {
    this.#dice = new Dice(world.seed);
    this.#world = world;
    this.#storm = new Storm(world, this.#ledger, this.#dice);
  }

  get acknowledged(): number {
    return this.#ledger.acknowledged;
  }

  /** Killed at each of these points, in an order drawn from the seed. */
  async all(points: readonly string[]): Promise<void> {
    const world = this.#world;
    const { seed } = world;
    await world.order({ load: SIZE.min * SIZE.per, calm: true });
    await world.start(null);
    await this.#recovered();
    for (const [i, point] of this.#dice.shuffled(points).entries()) {
      const kill: Kill = { seed, point, again: null, settled: { ticks: 0, waited: 0 }, startMs: 0 };
      const again = i % AGAIN_EVERY === seed % AGAIN_EVERY ? this.#dice.pick(ahead(point)) : null;
      try {
        await this.#kill(kill, again);
      } catch (e) {
        const where = `seed ${seed}, killed at ${point}${kill.again === null ? '' : ` and again at ${kill.again}`}`;
        throw new Error(`${where}: ${e instanceof Error ? e.message : String(e)}\n${world.log()}`, { cause: e });
      }
      this.kills.push(kill);
    }
  }

  async #kill(kill: Kill, again: string | null): Promise<void> {
    const world = this.#world;
    await world.order({ calm: false });
    await world.arm(`${kill.point}:${this.#nth(kill.point)}`);
    await this.#storm.until(kill.point);
    expect(await world.died()).toBe(kill.point);
    await world.order({ calm: true });
    if (again !== null) {
      const ready = await world.start(`${again}:${this.#dice.between(1, 2)}`);
      if (!ready || (await settle(world, this.#ledger, this.#storm)) === null) kill.again = await world.died();
      else await world.stop(); // it had nothing to do there
    }
    await world.start(null);
    kill.startMs = world.startMs;
    kill.settled = await this.#recovered();
  }

  /** How long it took until everything was right again. */
  async #recovered(): Promise<Settled> {
    expect(await this.#ledger.broken(this.#world.client)).toEqual([]);
    const settled = await settle(this.#world, this.#ledger, this.#storm);
    if (settled === null) throw new Error('the controller died of something else');
    expect(await this.#audit.findings(this.#world, this.#ledger)).toEqual([]);
    return settled;
  }

  #nth(point: string): number {
    if (point.includes('>')) return 1;
    if (point.startsWith('store:')) return this.#dice.between(1, 12);
    return this.#dice.between(1, point.startsWith('cycle:') ? 6 : 2);
  }
}
