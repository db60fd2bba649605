import type { Decision, GroupSpec, JsonObject, ManualOverride, Pause, Reading } from '../core/model/model.ts';
import type { AlertRow, DecisionInputs, DecisionRow, DiscoveryTarget, EventRow, InboundAlert, InstanceRow, Machine, Page } from '../ports/ports.ts';

/** Who asks; recorded in every event. */
export interface Actor {
  readonly name: string;
  readonly role: 'admin' | 'operator' | 'viewer' | 'receiver' | 'system';
}

/** What a group is doing, for one row of `status`. */
export interface GroupStatus {
  readonly group: string;
  readonly cloud: string;
  readonly mode: 'act' | 'observe';
  readonly managed: boolean;
  readonly state: 'holding' | 'out' | 'in' | 'blocked' | 'paused' | 'observing' | 'blind' | 'frozen' | 'unmanaged' | 'starting';
  readonly wanted: number;
  readonly target: number;
  readonly running: number;
  readonly serving: number;
  readonly min: number;
  readonly max: number;
  /** Largest proposal before rounding; null where no policy has arithmetic. */
  readonly demand: number | null;
  /** What it is doing, in one sentence: the newest decision's, or what stands in the way. */
  readonly sentence: string;
  readonly pause: Pause | null;
  readonly manual: readonly ManualOverride[];
  readonly decisionId: string | null;
  readonly lastEvaluatedMs: number | null;
  readonly nextDueMs: number | null;
  /** Instances by state. */
  readonly states: Readonly<Record<string, number>>;
  /** Metric name → newest reading. */
  readonly readings: Readonly<Record<string, Reading>>;
  /** Something needs a person. */
  readonly problem: string | null;
}

export interface VictimView {
  readonly instance: string;
  readonly rank: number;
  readonly why: string;
}

/** Every machine of a cloud, for service discovery. */
export interface CloudListing {
  readonly targets: readonly DiscoveryTarget[];
  /** Since the cloud was asked, ms. */
  readonly ageMs: number;
}

/** Thrown by operations; the API maps the code to a status, the CLI to an exit code. */
export class OperationError extends Error {
  readonly code: 'no-such-group' | 'no-such-instance' | 'no-such-decision' | 'refused' | 'conflict' | 'invalid' | 'unavailable';
  /** For `invalid`: the offending field; for people otherwise. */
  readonly field: string | null;
  constructor(code: OperationError['code'], message: string, field: string | null = null) {
    super(message);
    this.name = 'OperationError';
    this.code = code;
    this.field = field;
  }
}

export interface ReceiveResult {
  /** Episodes newly firing, refreshed, resolved, or ignored because they were known to be resolved or are too old. */
  readonly fired: number;
  readonly refreshed: number;
  readonly resolved: number;
  readonly ignored: number;
  /** The whole delivery was seen before (same id): nothing was done. */
  readonly duplicate: boolean;
  readonly groups: readonly string[];
}

/** Everything a person, a token or a receiver can ask of a running controller. Implemented by the engine; reads come from the store. */
export interface Operations {
  fleet(): Promise<readonly GroupStatus[]>;
  group(name: string): Promise<GroupStatus>;
  spec(name: string): Promise<GroupSpec>;
  instances(group: string | null, withGone: boolean): Promise<readonly InstanceRow[]>;
  instance(id: string): Promise<InstanceRow>;
  /** Machines in the group's cloud that are not managed by us, or that carry our tag and are not in the books. */
  unmanaged(group: string): Promise<readonly Machine[]>;
  /** Every machine that the credentials of a cloud see; null: this cloud has no discovery of its own. */
  targets(cloud: string): Promise<CloudListing | null>;
  decisions(group: string | null, page: Page): Promise<readonly DecisionRow[]>;
  decision(id: string): Promise<{ readonly row: DecisionRow; readonly first: DecisionInputs; readonly last: DecisionInputs }>;
  /** Makes the stored decision again from its inputs: first and last of its run. */
  replay(id: string): Promise<{ readonly same: boolean; readonly stored: Decision; readonly again: Decision }>;
  events(filter: { readonly group?: string | null; readonly afterSeq?: number; readonly type?: string }, page: Page): Promise<readonly EventRow[]>;
  onEvents(listener: (events: readonly EventRow[]) => void): () => void;
  alerts(withResolved: boolean): Promise<readonly AlertRow[]>;

  /** Evaluates once now, with readings replaced by `set`; acts never, stores nothing. */
  evaluate(group: string, set: Readonly<Record<string, number>>): Promise<Decision>;
  /** Who would go, in order, if `count` machines were removed now. */
  victims(group: string, count: number): Promise<readonly VictimView[]>;
  /** Reads a configured metric now, or a query against a configured source. */
  readMetric(group: string, metric: string): Promise<Reading>;

  /** group null: every group (the big red button). forMs null: until resumed. */
  pause(actor: Actor, group: string | null, forMs: number | null, reason: string | null): Promise<Pause>;
  resume(actor: Actor, group: string | null): Promise<void>;
  /** Temporary override; forMs null: until removed. size null removes the kind. */
  scale(
    actor: Actor,
    group: string,
    kind: ManualOverride['kind'],
    size: number | null,
    forMs: number | null,
    reason: string | null,
  ): Promise<readonly ManualOverride[]>;
  approve(actor: Actor, group: string, size: number, forMs: number): Promise<void>;
  unfreeze(actor: Actor, group: string): Promise<void>;
  drain(actor: Actor, instance: string, reason: string | null): Promise<void>;
  protect(actor: Actor, instance: string, on: boolean): Promise<void>;
  standby(actor: Actor, instance: string, on: boolean): Promise<void>;
  replace(actor: Actor, instance: string, reason: string | null): Promise<void>;
  /** Takes an existing machine into the books of the group: it is ours from then on. */
  adopt(actor: Actor, group: string, machineId: string): Promise<InstanceRow>;
  /** Strikes an instance from the books; the machine itself is left alone. */
  forget(actor: Actor, instance: string): Promise<void>;
  /** Removes an unmanaged group; drain: delete its machines first (needs `confirm` = the group's name). */
  removeGroup(actor: Actor, group: string, drain: boolean): Promise<void>;
  /** Alerts of one authenticated delivery. Idempotent by `deliveryId` where the sender has one. */
  receive(receiver: string, alerts: readonly InboundAlert[], deliveryId: string | null): Promise<ReceiveResult>;
  /** A delivery that had no effect, for the record: forged, malformed, replayed, too large. */
  rejectDelivery(receiver: string, why: string, details: JsonObject): Promise<void>;

  backup(path: string): Promise<void>;
  verifyEvents(): Promise<{ readonly firstBad: number | null; readonly checked: number }>;
  /** Names what is not ready: empty = ready. */
  notReady(): Promise<readonly string[]>;
}
