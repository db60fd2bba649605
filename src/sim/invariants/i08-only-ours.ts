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
    /** Machines of others that were deleted as ours, which nobody could know. */
    const excused = new Set<string>();
    const changed = (): string[] => changes(world, foreign, excused);
    return {
      cloudCall: (call) => {
        if (call.op === 'get') asked.get(call);
        if (call.op === 'delete' && isForeign(world, call)) {
          // Between the answer about a machine and its deletion nobody can know that the id was given to another.
          if (asked.wasOurs(call)) excused.add(`${call.cloud} ${call.arg}`);
          else
            fail(`${call.by.name} deletes ${call.arg} of ${call.cloud}, which belongs to ${machineOf(world, call.cloud, call.arg)?.owner?.token ?? 'nobody'}`);
        }
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

function isForeign(world: SimWorld, { cloud, arg }: CloudCall): boolean {
  const machine = machineOf(world, cloud, arg);
  if (!machine) return false;
  const row = world.rowOfMachine(cloud, arg);
  return machine.owner?.install !== world.installId || (row !== undefined && machine.owner.group !== row.group);
}

function changes(world: SimWorld, foreign: ReadonlyMap<string, string>, excused: ReadonlySet<string>): string[] {
  const wrong: string[] = [];
  for (const [key, was] of world.planted) {
    if (excused.has(key)) continue;
    const [cloud = '', id = ''] = key.split(' ');
    if (JSON.stringify(machineOf(world, cloud, id)) !== JSON.stringify(was)) wrong.push(`foreign machine ${id} of ${cloud} was changed`);
  }
  for (const [name, was] of foreign) if (JSON.stringify(world.balancers.get(name)?.foreign()) !== was) wrong.push(`a foreign entry of ${name} was changed`);
  return wrong;
}
