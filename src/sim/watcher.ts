import type { GroupSpec } from '../core/model/model.ts';
import type { CommitResult, GroupCommit, GroupRow, InstanceRow, Machine } from '../ports/ports.ts';
import type { SimProcess } from './process.ts';
import type { BalancerOp } from './sim-balancer.ts';
import type { CloudOp } from './sim-cloud.ts';

/** A call as it reaches the cloud. */
export interface CloudCall {
  readonly by: SimProcess;
  readonly cloud: string;
  readonly op: CloudOp;
  /** The token of a create, the machine id of a get or delete. */
  readonly arg: string;
}
export interface BalancerCall {
  readonly by: SimProcess;
  readonly balancer: string;
  readonly op: BalancerOp;
  /** The instance of an attach, the entry of a drain or detach. */
  readonly arg: string;
}
/** A commit that the store has applied or refused. */
export interface CommitSeen {
  readonly by: SimProcess;
  readonly change: GroupCommit;
  readonly result: CommitResult['ok'];
  readonly before: GroupRow | undefined;
  readonly after: GroupRow | undefined;
  /** Rows of the change as they were before and are now. */
  readonly moved: readonly { readonly was: InstanceRow | undefined; readonly row: InstanceRow }[];
}
/** What a person or a sender was told is done. */
export type Acknowledged =
  | { readonly kind: 'pause' | 'resume'; readonly group: string | null }
  | { readonly kind: 'protect' | 'unprotect' | 'standby' | 'back' | 'drain' | 'replace' | 'forget'; readonly group: string; readonly instance: string }
  | { readonly kind: 'adopt'; readonly group: string; readonly machine: string }
  | { readonly kind: 'scale' | 'reload' | 'unmanage'; readonly group: string }
  | { readonly kind: 'alert'; readonly receiver: string; readonly episode: string; readonly status: 'firing' | 'resolved' };

/** Looks at ground truth when something happens. All of it is optional; a watcher belongs to one run. */
export interface Watcher {
  /** A mutating call of a group leaves the process: cloud create and delete, balancer changes, hooks. */
  starts?(by: SimProcess, what: string, group: string | null): void;
  cloudCall?(call: CloudCall): void;
  balancerCall?(call: BalancerCall): void;
  made?(cloud: string, machine: Machine): void;
  commit?(seen: CommitSeen): void;
  /** An evaluation begins to ask for what it needs, whenever the answer comes. */
  looks?(by: SimProcess, group: string): void;
  /** A metric was asked for by an evaluation, and was given or not. */
  asked?(by: SimProcess, group: string, metric: string, given: boolean): void;
  acknowledged?(what: Acknowledged): void;
  /** The cloud asked a process for quiet, ms. */
  throttled?(by: SimProcess, cloud: string, forMs: number): void;
  processEnded?(process: SimProcess): void;
  wallJumped?(): void;
  /** The store went back to an older copy. */
  restored?(): void;
  /** The configuration of a group changed. */
  reloaded?(group: string, spec: GroupSpec): void;
  /** Faults are over: what is not yet as it must be in the end. Asked again until it is empty. */
  unsettled?(): readonly string[];
  /** At the very end of a run. */
  ended?(): void;
}

/** Tells every watcher that wants to know. */
export class Watch {
  readonly #watchers: readonly Watcher[];
  readonly #of = new Map<keyof Watcher, readonly ((...args: never[]) => unknown)[]>();

  constructor(watchers: readonly Watcher[]) {
    this.#watchers = watchers;
  }

  tell<K extends keyof Watcher>(kind: K, ...args: Parameters<NonNullable<Watcher[K]>>): void {
    for (const run of this.#listeners(kind)) (run as (...a: unknown[]) => unknown)(...args);
  }

  hears(kind: keyof Watcher): boolean {
    return this.#listeners(kind).length > 0;
  }

  unsettled(): string[] {
    return this.#watchers.flatMap((w) => w.unsettled?.() ?? []);
  }

  #listeners(kind: keyof Watcher): readonly ((...args: never[]) => unknown)[] {
    let list = this.#of.get(kind);
    if (!list) {
      list = this.#watchers.flatMap((w) => {
        const run = w[kind] as ((...args: never[]) => unknown) | undefined;
        return run ? [run.bind(w)] : [];
      });
      this.#of.set(kind, list);
    }
    return list;
  }
}
