/** What the whole history must say, once everything has settled. */
import type { EventJson, InstanceJson } from '../../src/api/documents.ts';
import type { Entry } from './judge-cloud.ts';
import type { Ledger } from './ledger.ts';
import { GROUP, SIZE, type World } from './world.ts';

/** Machines above max while one replaces another. */
const SURGE = 1;
/** In this world no machine ever fails by itself: any other cause is a machine that was wrongly killed. */
const RIGHT_CAUSES: readonly (string | null)[] = ['scale-in', 'forced'];

export class Audit {
  readonly #events: EventJson[] = [];
  #readEntries = 0;
  readonly #diary: Entry[] = [];

  /** Everything that is wrong. */
  async findings(world: World, ledger: Ledger): Promise<string[]> {
    const { client } = world;
    const wrong = await ledger.broken(client);
    const fresh = await world.witness.compare(client);
    wrong.push(...ledger.untold(fresh));
    this.#events.push(...fresh);
    const chain = await client.verifyAudit();
    if (!chain.ok || chain.checked < this.#events.length) wrong.push(`the chain of events: ${JSON.stringify(chain)}, ${this.#events.length} were seen`);
    const { diary } = await world.truth(this.#readEntries);
    this.#readEntries += diary.length;
    this.#diary.push(...diary);
    const { instances } = await client.instances({ group: GROUP, gone: 'true' });
    wrong.push(...this.#machines(instances), ...this.#intents(instances), ...this.#causes(instances), ...this.#sizes());
    return wrong;
  }

  /** One machine for one launch, and each of them in the books or deleted. */
  #machines(rows: readonly InstanceJson[]): string[] {
    const wrong: string[] = [];
    const made = this.#diary.filter((e) => e.op === 'created');
    const tokens = new Set(made.map((e) => e.what));
    if (tokens.size < made.length) wrong.push(`${made.length} machines for ${tokens.size} tokens`);
    const deleted = new Set(this.#diary.flatMap((e) => (e.op === 'deleting' ? [e.machine] : [])));
    for (const { machine } of made) {
      const owners = rows.filter((r) => r.machine === machine);
      if (owners.length !== 1) wrong.push(`machine ${machine} is in ${owners.length} rows`);
      if ((owners[0]?.state === 'gone') !== deleted.has(machine)) wrong.push(`machine ${machine}: ${owners[0]?.state} in the books`);
    }
    return wrong;
  }

  /** Nothing was asked of the cloud before the books said so. */
  #intents(rows: readonly InstanceJson[]): string[] {
    const wrong: string[] = [];
    const meant = this.#meant();
    for (const { op, what, atMs } of this.#diary) {
      if (op === 'delete' && (meant.get(what) ?? Number.POSITIVE_INFINITY) > atMs) wrong.push(`the delete of ${what} was in no book before`);
      if (op !== 'create') continue;
      const row = rows.find((r) => what.endsWith(`.${GROUP}.${r.n}`));
      if (!row || Date.parse(row.created) > atMs) wrong.push(`the create of ${what} was in no book before`);
    }
    return wrong;
  }

  /** When the books first said that a machine is to be deleted, by machine. */
  #meant(): Map<unknown, number> {
    const meant = new Map<unknown, number>();
    for (const e of this.#events) if (e.type === 'instance.terminating' && !meant.has(e.data['machine'])) meant.set(e.data['machine'], Date.parse(e.at));
    return meant;
  }

  /** Machines that nobody means to delete pass max by one at most, while one takes the place of another. */
  #sizes(): string[] {
    const meant = this.#meant();
    return this.#diary.flatMap(({ op, what, atMs, standing }) => {
      const living = standing.filter((id) => (meant.get(id) ?? Number.POSITIVE_INFINITY) > atMs).length;
      return op === 'created' && living > SIZE.max + SURGE ? [`${living} machines after the create of ${what}, at most ${SIZE.max + SURGE} may be`] : [];
    });
  }

  #causes(rows: readonly InstanceJson[]): string[] {
    const wrong: string[] = [];
    for (const row of rows)
      if (row.state === 'gone' && row.machine !== null && !RIGHT_CAUSES.includes(row.removal_cause))
        wrong.push(`${row.id} went for ${row.removal_cause}: ${row.removal_why}`);
    for (const e of this.#diary) {
      if (e.op !== 'deleting' || e.standing.length >= SIZE.min) continue;
      const row = rows.find((r) => r.machine === e.machine);
      if (row?.removal_cause === 'scale-in') wrong.push(`${row.id} was taken away with ${e.standing.length} left, below min`);
    }
    return wrong;
  }
}
