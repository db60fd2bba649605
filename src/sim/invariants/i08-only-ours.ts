import type { Machine } from '../../ports/ports.ts';
import type { SimProcess } from '../process.ts';
import type { CloudCall, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { machineOf } from './ground-truth.ts';

/** A matching id or name is never enough: the tags count, as the cloud showed them when it was asked just before. */
export const onlyOurs: Invariant = {
  id: 'I8',
  title: 'Only ours: what belongs to others is never touched, in clouds and in balancers',
  open(world, fail) {
    const asked = new Asked(world);
    const foreign = new Map([...world.balancers].map(([name, b]) => [name, JSON.stringify(b.foreign())]));
    const changed = (): string[] => changes(world, foreign);
    return {
      cloudCall: (call) => {
        if (call.op === 'get') asked.get(call);
        if (call.op === 'delete') deleted(world, fail, call, asked);
      },
      balancerCall: ({ by, balancer, op, arg }) => {
        if (
          (op === 'drain' || op === 'detach') &&
          world.balancers
            .get(balancer)
            ?.foreign()
            .some((e) => e.ref === arg)
        )
          fail(`${by.name} asks ${balancer}: ${op} ${arg}, which is not ours`);
      },
      unsettled: changed,
      ended: () => {
        for (const text of changed()) fail(text);
      },
    };
  },
};

/** From the answer about a machine until its deletion arrives: the answer, a slow commit, and the way, ms. */
const KNOWN_MS = 45_000;

/** When the cloud last showed a process, truthfully, that a machine is ours. */
class Asked {
  readonly #world: SimWorld;
  readonly #knownMs: number;
  /** A request outlives its process on the way. */
  readonly #of = new WeakMap<SimProcess, Map<string, number>>();

  constructor(world: SimWorld) {
    this.#world = world;
    const { faults, tickMs } = world.scenario;
    this.#knownMs = KNOWN_MS + (faults.paused === undefined ? 0 : 20 * tickMs);
  }

  get({ by, cloud, arg }: CloudCall): void {
    if (machineOf(this.#world, cloud, arg)?.owner?.install !== this.#world.installId) return;
    let own = this.#of.get(by);
    if (!own) {
      own = new Map();
      this.#of.set(by, own);
    }
    own.set(`${cloud} ${arg}`, this.#world.now);
  }
  wasOurs({ by, cloud, arg }: CloudCall): boolean {
    return this.#world.now - (this.#of.get(by)?.get(`${cloud} ${arg}`) ?? Number.NEGATIVE_INFINITY) <= this.#knownMs;
  }
}

function deleted(world: SimWorld, fail: (text: string) => void, call: CloudCall, asked: Asked): void {
  const machine = machineOf(world, call.cloud, call.arg);
  const row = world.rowOfMachine(call.cloud, call.arg);
  const isOurs = (owner: Machine['owner']): boolean => owner?.install === world.installId && (row === undefined || owner.group === row.group);
  if (!machine || isOurs(machine.owner)) return;
  // Between the answer about a machine and its deletion nobody can know that the id was given to another.
  if (asked.wasOurs(call)) return;
  fail(`${call.by.name} deletes ${call.arg} of ${call.cloud}, which belongs to ${machine.owner?.token ?? 'nobody'}`);
}

function changes(world: SimWorld, foreign: ReadonlyMap<string, string>): string[] {
  const wrong: string[] = [];
  for (const [id, was] of world.planted) {
    const isThere = [...world.clouds.values()].some((c) => c.alive().some((m) => m.id === id && JSON.stringify(m) === JSON.stringify(was)));
    if (!isThere) wrong.push(`foreign machine ${id} was changed`);
  }
  for (const [name, was] of foreign) if (JSON.stringify(world.balancers.get(name)?.foreign()) !== was) wrong.push(`a foreign entry of ${name} was changed`);
  return wrong;
}
