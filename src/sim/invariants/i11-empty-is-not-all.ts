import type { SimProcess } from '../process.ts';
import type { CommitSeen, Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { cloudOf, ours, SLACK } from './ground-truth.ts';

/** What only a list can have suggested. */
const BY_A_LIST = new Set(['vanished', 'orphan', 'duplicate', 'boot-failed', 'replace-unhealthy']);

/** An empty page, however well-formed, says nothing about machines that run. */
export const emptyIsNotAll: Invariant = {
  id: 'I11',
  title: 'Empty is not all: after a list that lacks everything nothing that runs is given up',
  open(world, fail) {
    const empty = new EmptyLists(world);
    return {
      cloudCall: ({ by, cloud, op }) => {
        empty.look();
        if (op === 'list') empty.asked(by, cloud);
      },
      processEnded: (process) => empty.forget(process),
      restored: () => empty.clear(),
      commit: (seen) => {
        if (seen.moved.length === 0) return;
        empty.look();
        if (empty.isFresh(seen.by, cloudOf(world, seen.change.group))) check(world, fail, seen);
      },
    };
  },
};

/** Which process was told, a moment ago, that a cloud is empty. */
class EmptyLists {
  readonly #world: SimWorld;
  #of = new WeakMap<SimProcess, Map<string, number>>();
  #last: { readonly by: SimProcess; readonly cloud: string; readonly hits: number } | null = null;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** The list asked for last has been answered by now: was it emptied? */
  look(): void {
    const last = this.#last;
    this.#last = null;
    if (!last || last.hits === (this.#world.marks.get('list-empty') ?? 0)) return;
    let own = this.#of.get(last.by);
    if (!own) {
      own = new Map();
      this.#of.set(last.by, own);
    }
    own.set(last.cloud, this.#world.now);
  }
  asked(by: SimProcess, cloud: string): void {
    this.#last = { by, cloud, hits: this.#world.marks.get('list-empty') ?? 0 };
  }
  isFresh(by: SimProcess, cloud: string): boolean {
    const at = this.#of.get(by)?.get(cloud);
    return at !== undefined && this.#world.now - at <= this.#world.scenario.tickMs;
  }
  forget(process: SimProcess): void {
    this.#of.delete(process);
    if (this.#last?.by === process) this.#last = null;
  }
  clear(): void {
    this.#of = new WeakMap();
    this.#last = null;
  }
}

function check(world: SimWorld, fail: (text: string) => void, { change, moved, after }: CommitSeen): void {
  const cloud = cloudOf(world, change.group);
  for (const { was, row } of moved) {
    if (was?.state === row.state || was?.removalCause != null || !BY_A_LIST.has(row.removalCause ?? '')) continue;
    const machine = ours(world, cloud, change.group).find((m) => m.owner?.token === row.token);
    // What was to be replaced before the list came is retired as planned.
    const planned = row.removalCause === 'replace-unhealthy' && world.rows(change.group).some((r) => r.replaces === row.id);
    if (machine?.state === 'running' && machine.id === (row.machineId ?? machine.id) && !planned && !bootIsOver(world, cloud, machine.id, after))
      fail(`${row.id} becomes ${row.state} (${row.removalCause}) after an empty list, and ${machine.id} runs`);
  }
}

/** Never healthy in all its time: that was no list. */
function bootIsOver(world: SimWorld, cloud: string, id: string, after: CommitSeen['after']): boolean {
  return (world.clouds.get(cloud)?.ageMs(id) ?? 0) >= (after?.spec.lifecycle.bootTimeoutMs ?? 0) * SLACK;
}
