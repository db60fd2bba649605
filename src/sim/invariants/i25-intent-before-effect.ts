import type { SimProcess } from '../process.ts';
import type { BalancerCall, CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { isNewTry } from './ground-truth.ts';

/** Every call that changes something is written down first, one commit for each: what a crash leaves behind can be found. */
export const intentBeforeEffect: Invariant = {
  id: 'I25',
  title: 'Intent before effect: no machine or entry is made, drained or deleted that was not written down first',
  open(world, fail) {
    const leave = new Leave();
    return {
      commit: (seen) => {
        if (seen.moved.length > 0) leave.committed(world, seen);
      },
      cloudCall: ({ by, cloud, op, arg }) => {
        if ((op === 'create' || op === 'delete') && !leave.take(by, `${cloud} ${op} ${arg}`))
          fail(`${by.name} asks ${cloud}: ${op} ${arg} and has not written it down`);
      },
      balancerCall: (call) => {
        if (call.op !== 'members' && !leave.take(call.by, wordsOf(call))) fail(`${call.by.name} asks ${wordsOf(call)} and has not written it down`);
      },
    };
  },
};

function wordsOf({ balancer, op, arg }: BalancerCall): string {
  return `${balancer} ${op} ${arg}`;
}

/** Calls that a process has written down and not made yet. */
class Leave {
  /** A request outlives its process on the way. */
  readonly #of = new WeakMap<SimProcess, Map<string, number>>();

  committed(world: SimWorld, { by, change, moved, after }: CommitSeen): void {
    for (const { was, row } of moved) {
      const { step } = row;
      if (!step || !isNewTry(was, row)) continue;
      const cloud = world.group(change.group)?.spec.cloud ?? '';
      if (step.kind === 'create' && row.state === 'intent') this.#give(by, `${cloud} create ${row.token}`);
      else if (step.kind === 'delete' && row.state === 'terminating') this.#give(by, `${cloud} delete ${row.machineId}`);
      else if (step.kind === 'attach') for (const b of after?.spec.balancers ?? []) this.#give(by, `${b.balancer} attach ${row.id}`);
      else if (step.kind === 'drain' || step.kind === 'detach')
        for (const [name, ref] of Object.entries(row.members)) this.#give(by, `${name} ${step.kind} ${ref}`);
    }
  }

  #give(by: SimProcess, words: string): void {
    let own = this.#of.get(by);
    if (!own) {
      own = new Map();
      this.#of.set(by, own);
    }
    own.set(words, (own.get(words) ?? 0) + 1);
  }
  take(by: SimProcess, words: string): boolean {
    const own = this.#of.get(by);
    const left = own?.get(words) ?? 0;
    if (left === 1) own?.delete(words);
    else own?.set(words, left - 1);
    return left > 0;
  }
}
