/** Load that rises and falls and people who give orders, in an order drawn from the seed, until the controller dies of it. */
import type { InstanceJson } from '../../src/api/documents.ts';
import type { Dice } from './dice.ts';
import { WAY_IN, WAY_OUT } from './labels.ts';
import { type Ledger, orders } from './ledger.ts';
import { GROUP, SIZE, type World } from './world.ts';

/** A label that was not reached by then is not reached. */
const PATIENCE_MS = 40_000;

/** From the end of its connections to the end of the process; generous, because the machine may be busy. */
const DYING_MS = 10_000;

type Deed = 'grow' | 'shrink' | 'drain' | 'dismiss' | 'pause' | 'floor' | 'protect' | 'token' | 'alert';
const ORDERS: readonly Deed[] = ['pause', 'floor', 'protect'];
const ALL: readonly Deed[] = ['grow', 'grow', 'shrink', 'shrink', 'drain', 'drain', ...ORDERS, 'token', 'alert'];

/** What leads to the label soonest. */
function deedsFor(label: string): readonly Deed[] {
  if (label === 'attach:before-call>control:after') return ['grow', 'dismiss', 'dismiss'];
  const kind = label.slice(0, label.indexOf(':'));
  if ((WAY_IN as readonly string[]).includes(kind)) return ['grow', 'grow', 'grow', 'drain', 'shrink', ...ORDERS];
  if ((WAY_OUT as readonly string[]).includes(kind)) return ['shrink', 'drain', 'drain', 'grow', ...ORDERS];
  return kind === 'control' ? [...ORDERS, 'drain', 'token', 'alert'] : ALL;
}

export class Storm {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #dice: Dice;
  #names = 0;
  /** Machines that the load asks for. */
  size = SIZE.min;

  constructor(world: World, ledger: Ledger, dice: Dice) {
    this.#world = world;
    this.#ledger = ledger;
    this.#dice = dice;
  }

  /** Returns when the controller is dead; throws when it lives on. */
  async until(label: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const deeds = deedsFor(label);
    await this.#give(orders.floor(null));
    await this.#attempt(deeds[0] ?? 'grow');
    while (this.#world.alive) {
      if (performance.now() > end) throw new Error(`the controller did not come by ${label} within ${PATIENCE_MS} ms`);
      await this.#rest(this.#dice.between(20, 250));
      await this.#attempt(this.#dice.pick(deeds));
    }
  }

  /** It may die at any moment of it. */
  async #attempt(deed: Deed): Promise<void> {
    try {
      await this.#do(deed);
    } catch (e) {
      // That the connection broke is often known before the end of the process is.
      await this.#rest(DYING_MS);
      if (this.#world.alive) throw e;
    }
  }

  async #do(deed: Deed): Promise<void> {
    const dice = this.#dice;
    switch (deed) {
      case 'grow':
        return this.#load(this.size === SIZE.max ? dice.between(SIZE.min, SIZE.max - 1) : dice.between(this.size + 1, SIZE.max));
      case 'shrink':
        return this.#load(this.size === SIZE.min ? dice.between(SIZE.min + 1, SIZE.max) : dice.between(SIZE.min, this.size - 1));
      case 'drain':
      case 'dismiss': {
        const instance = deed === 'drain' ? await this.#someone(true) : await this.#joining();
        if (instance === null) return;
        this.#ledger.begin(`leaving ${instance}`, 'false');
        return this.#give(orders.drain(instance));
      }
      case 'pause':
        this.#ledger.begin('paused', 'false');
        await this.#give(orders.pause());
        await this.#rest(dice.between(0, 150));
        return this.#give(orders.resume());
      case 'floor':
        this.#ledger.begin('floor', 'null');
        await this.#give(orders.floor(dice.between(SIZE.min, SIZE.max)));
        return dice.chance(0.5) ? this.#give(orders.floor(null)) : undefined;
      case 'protect': {
        const instance = await this.#someone(false);
        if (instance === null) return;
        this.#ledger.begin(`protected ${instance}`, 'false');
        await this.#give(orders.protect(instance, true));
        return this.#give(orders.protect(instance, false));
      }
      case 'token': {
        const name = `t-${++this.#names}`;
        this.#ledger.begin(`token ${name}`, 'false');
        return this.#give(orders.token(name));
      }
      case 'alert': {
        const name = `a-${++this.#names}`;
        this.#ledger.begin(`alert ${name}`, 'never');
        await this.#give(orders.alert(this.#world.url, name, true));
        return this.#give(orders.alert(this.#world.url, name, false));
      }
    }
  }

  async #load(size: number): Promise<void> {
    this.size = size;
    await this.#world.order({ load: size * SIZE.per });
  }

  /** Instances that nobody sends away yet. */
  async #staying(): Promise<readonly InstanceJson[]> {
    const { instances } = await this.#world.client.instances({ group: GROUP });
    return instances.filter((i) => !i.protected && i.removal_cause === null && !i.remove_requested);
  }

  /** An instance that serves, or sometimes one that does not yet; null when too few do to spare one. */
  async #someone(spare: boolean): Promise<string | null> {
    if (this.#dice.chance(0.3)) return this.#joining();
    const serving = (await this.#staying()).filter((i) => i.state === 'serving');
    return serving.length < (spare ? SIZE.min : 1) ? null : this.#dice.pick(serving).id;
  }

  /** One that is on its way in, the nearer to its place the better. */
  async #joining(): Promise<string | null> {
    const staying = await this.#staying();
    for (const near of [staying.filter((i) => i.step?.kind === 'attach'), staying.filter((i) => i.state === 'warming' || i.state === 'booting')])
      if (near.length > 0) return this.#dice.pick(near).id;
    return null;
  }

  #give(order: Parameters<Ledger['give']>[1]): Promise<void> {
    return this.#world.alive ? this.#ledger.give(this.#world.client, order) : Promise.resolve();
  }

  /** Not longer than the controller lives. */
  #rest(ms: number): Promise<unknown> {
    return Promise.race([new Promise((done) => setTimeout(done, ms)), this.#world.ended]);
  }
}
