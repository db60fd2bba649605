import type { Decision } from '../core/model/decision.ts';
import type { GroupSpec } from '../core/model/group.ts';
import type { Health, InstanceState, RemovalCause } from '../core/model/instance.ts';
import type { Json, JsonObject } from '../core/model/json.ts';
import type { GroupMemory, ManualOverride, Pause, Snapshot } from '../core/model/snapshot.ts';
import type { AlertOrigin } from './alert-format.ts';

/** What stands in the way of, or follows, the present state of an instance; durable so that a restart goes on where we were. */
export interface InstanceRow {
  readonly id: string;
  readonly group: string;
  readonly n: number;
  readonly token: string;
  readonly templateId: string;
  readonly state: InstanceState;
  readonly sinceMs: number;
  readonly createdAtMs: number;
  readonly servingSinceMs: number | null;
  /** The cloud's id, once known. */
  readonly machineId: string | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly zone: string | null;
  readonly pricePerHour: number | null;
  readonly paidUntilMs: number | null;
  readonly health: Health;
  readonly healthSinceMs: number;
  readonly protected: boolean;
  readonly standby: boolean;
  readonly detached: boolean;
  readonly replaceRequested: boolean;
  readonly removeRequested: boolean;
  readonly removalCause: RemovalCause | null;
  readonly removalWhy: string | null;
  /** Instance this one was launched to replace. */
  readonly replaces: string | null;
  /** Entry in each balancer, by balancer name. A binding without an entry is not attached. */
  readonly members: Readonly<Record<string, string>>;
  /** Durable intent of the step under way: written before its external call. */
  readonly step: {
    readonly kind: StepKind;
    readonly startedMs: number;
    readonly attempts: number;
    readonly nextTryMs: number;
    readonly error: string | null;
  } | null;
  /** Decision that asked for the launch, and for the removal. */
  readonly launchedBy: string | null;
  readonly removedBy: string | null;
}
export type StepKind = 'create' | 'hook-before-attach' | 'attach' | 'warm' | 'drain' | 'hook-before-delete' | 'detach' | 'delete';

export interface GroupRow {
  readonly name: string;
  /** Who may act, until when, with which fencing number. */
  readonly owner: string | null;
  readonly epoch: number;
  /** Database time, Unix ms. */
  readonly leaseUntilMs: number;
  /** False: removed from the file; machines are kept, nothing is done. */
  readonly managed: boolean;
  readonly archivedAtMs: number | null;
  readonly spec: GroupSpec;
  readonly memory: GroupMemory | null;
  /** As read: the group's own or the install-wide one, whichever ends last (`pauseInForce`); it may have ended. */
  readonly pause: Pause | null;
  readonly manual: readonly ManualOverride[];
  readonly approved: { readonly size: number; readonly by: string; readonly untilMs: number } | null;
  /** Next running number. */
  readonly nextN: number;
  /** Frozen by a failed assertion; a person must look. */
  readonly frozen: string | null;
  readonly createdAtMs: number;
}

export interface EventRow {
  readonly seq: number;
  readonly atMs: number;
  readonly group: string | null;
  readonly type: string;
  readonly actor: string;
  readonly data: JsonObject;
  /** SHA-256 over the previous hash and this event. */
  readonly hash: string;
}
export type NewEvent = Pick<EventRow, 'atMs' | 'group' | 'type' | 'actor' | 'data'>;

export interface AlertRow {
  readonly receiver: string;
  readonly episode: string;
  readonly status: 'firing' | 'resolved';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAtMs: number;
  readonly lastHeardMs: number;
  readonly resolvedAtMs: number | null;
  /** For hooks and people; absent where the sender gave none. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly origin?: AlertOrigin;
}

/** What a decision was made from: enough to make it again. */
export interface DecisionInputs {
  readonly spec: GroupSpec;
  readonly snapshot: Snapshot;
  readonly memory: GroupMemory;
}
/** A decision, or a run of equal holds: first and last of the run. */
export interface DecisionRow {
  readonly decision: Decision;
  /** Evaluations in the run, at least 1. */
  readonly count: number;
  readonly last: Decision;
}

export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: 'admin' | 'operator' | 'viewer' | 'receiver';
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | null;
}

/** One atomic, all-or-nothing change of one group. It never writes pause, manual or approved: those belong to `control`. Applied only if `expect` holds in the same transaction. */
export interface GroupCommit {
  readonly group: string;
  readonly expect: {
    /** The fencing number; a different one refuses the commit. */
    readonly epoch: number;
    /** Refuse while the group is paused, frozen, unmanaged or observing: set for everything that leads to a mutating call. */
    readonly mayAct?: boolean;
    /** Instances this commit condemns: refused when one of them is kept (`isKept`). */
    readonly victims?: readonly string[];
  };
  readonly memory?: GroupMemory;
  readonly nextN?: number;
  readonly frozen?: string | null;
  /** Inserted or replaced whole, except the five operator flags (protected, standby, detached, replaceRequested,
   *  removeRequested) of rows that exist: those belong to `control` alone, so that no stale copy can undo them. */
  readonly instances?: readonly InstanceRow[];
  /** A new decision row, or (repeat) one more equal hold on the newest row of the group (a new row where there is none).
   *  `count`: evaluations this write stands for, at least 1; a repeat adds them to the run's. */
  readonly decision?: { readonly kind: 'new' | 'repeat'; readonly decision: Decision; readonly inputs: Omit<DecisionInputs, 'spec'>; readonly count: number };
  readonly events?: readonly NewEvent[];
}
export type CommitRefusal = 'protected' | 'fenced' | 'paused' | 'frozen' | 'unmanaged' | 'observe' | 'no-such-group';
export type CommitResult = { readonly ok: true } | { readonly ok: false; readonly why: CommitRefusal };

/** Operator and receiver writes: not tied to an epoch; each is one transaction with its events.
 *  `put-spec` creates the group (memory null, epoch 0) or replaces its spec and sets managed; `pause` with group null is the
 *  install-wide big red button and counts as a pause of every group; it is kept as `meta('pause')`. A change of an unknown
 *  group or instance throws `conflict`. A resolved alert episode stays resolved. */
export type ControlChange =
  | { readonly kind: 'put-spec'; readonly spec: GroupSpec }
  | { readonly kind: 'unmanage'; readonly group: string }
  | { readonly kind: 'archive'; readonly group: string }
  | { readonly kind: 'pause'; readonly group: string | null; readonly pause: Pause | null }
  | { readonly kind: 'manual'; readonly group: string; readonly manual: readonly ManualOverride[] }
  | { readonly kind: 'approve'; readonly group: string; readonly approved: GroupRow['approved'] }
  | { readonly kind: 'unfreeze'; readonly group: string }
  | {
      readonly kind: 'flags';
      readonly instance: string;
      readonly set: Partial<Pick<InstanceRow, 'protected' | 'standby' | 'detached' | 'replaceRequested' | 'removeRequested'>>;
    }
  | { readonly kind: 'alert'; readonly alert: AlertRow /** Appended only if the episode is new or its status changes by this. */; readonly event?: NewEvent }
  | { readonly kind: 'token'; readonly token: TokenRow }
  | { readonly kind: 'meta'; readonly key: string; readonly value: Json };

export interface Page {
  /** Rows strictly before this one (newest first): the `decision.id` of a decision row, the `seq` of an event; null = from the newest. */
  readonly before: string | null;
  /** 1..1000. */
  readonly limit: number;
}

/** A lease as somebody saw it. Unchanged for longer than any lease lasts, by the monotonic clock of who looked on, its owner is dead whatever the store's clock says: it may have been set. */
export type SeenLease = Pick<GroupRow, 'epoch' | 'leaseUntilMs'>;

/**
 * Durable memory. Two profiles pass one suite: exclusive (SQLite, one process) and shared (PostgreSQL).
 * Every method is one transaction. Throws StoreError only; after `disk-full` or `io` nothing may be acknowledged or mutated.
 */
export interface Store {
  readonly profile: 'exclusive' | 'shared';
  /** Random, made at first start; in every owner tag. */
  readonly installId: string;
  meta(key: string): Promise<Json | null>;

  /** Takes the group if it is free, expired, ours, or still under the lease that the caller knows to be `dead`: epoch + 1 on a change of owner. Null: someone else has it. */
  acquire(group: string, owner: string, ttlMs: number, dead?: SeenLease): Promise<GroupRow | null>;
  /** Extends our lease; false: lost. */
  renew(group: string, owner: string, epoch: number, ttlMs: number): Promise<boolean>;
  groups(): Promise<readonly GroupRow[]>;
  group(name: string): Promise<GroupRow | null>;
  /** Living and leaving instances (state not gone), or with history. */
  instances(group: string | null, withGone: boolean): Promise<readonly InstanceRow[]>;
  instance(id: string): Promise<InstanceRow | null>;
  /** Episodes still firing, newest heard first; `group` filters nothing: receivers serve several groups. */
  alerts(withResolved: boolean): Promise<readonly AlertRow[]>;

  commit(change: GroupCommit): Promise<CommitResult>;
  /** All changes and events in one transaction. `once`: an idempotency key; a repeat applies nothing and returns false. */
  control(changes: readonly ControlChange[], events: readonly NewEvent[], once?: { readonly key: string; readonly atMs: number }): Promise<boolean>;

  decisions(group: string | null, page: Page): Promise<readonly DecisionRow[]>;
  decision(id: string): Promise<{ readonly row: DecisionRow; readonly first: DecisionInputs; readonly last: DecisionInputs } | null>;
  events(filter: { readonly group?: string | null; readonly afterSeq?: number; readonly type?: string }, page: Page): Promise<readonly EventRow[]>;
  /** Called after each commit or control with the events it appended, in order, without gaps. Returns unsubscribe. */
  onEvents(listener: (events: readonly EventRow[]) => void): () => void;
  /** Walks the hash chain; first bad sequence number or null. */
  verifyEvents(): Promise<{ readonly firstBad: number | null; readonly checked: number }>;
  tokens(): Promise<readonly TokenRow[]>;

  /** Deletes what is older than these ages (ms, by the wall clock): decisions and inputs (the newest run of each group stays), with
   *  them specifications that nobody has and no decision was made with; gone instances, events up to a signed checkpoint; alerts last heard and once keys as old as the events. */
  retain(olderThan: { readonly decisionsMs: number; readonly eventsMs: number; readonly instancesMs: number }): Promise<void>;
  /** A consistent copy while running. */
  backup(path: string): Promise<void>;
  /** Can it write now? For /readyz. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** `conflict`: this one call contradicts what is stored (unknown group or instance, a number used twice, a bad page) and changed nothing; the store goes on. */
export type StoreErrorCode = 'locked' | 'corrupt' | 'disk-full' | 'io' | 'newer-schema' | 'closed' | 'conflict';
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.code = code;
  }
}

/** Of a group's own pause and the install-wide one, the one that ends last. */
export function pauseInForce(own: Pause | null, all: Pause | null): Pause | null {
  if (own === null || all === null) return own ?? all;
  const endOf = (pause: Pause) => pause.untilMs ?? Number.POSITIVE_INFINITY;
  return endOf(all) > endOf(own) ? all : own;
}

/** A person keeps the instance: it is protected or detached, or in standby without an order for its removal. */
export function isKept(row: Pick<InstanceRow, 'protected' | 'detached' | 'standby' | 'removeRequested'>): boolean {
  return row.protected || row.detached || (row.standby && !row.removeRequested);
}
