/** The life of one machine. Nothing ever goes back to an earlier state except standby and detached, which are flags. */
export const INSTANCE_STATES = [
  'intent', // a durable wish to create; the cloud may or may not know it yet
  'booting', // exists in the cloud, not yet answering its health check
  'warming', // healthy; hooks, balancer join and warm-up are under way
  'serving', // in every balancer of the group, counted as capacity
  'draining', // leaving: no new work, waiting for sessions to end
  'terminating', // delete was committed; waiting for the cloud to say it is gone
  'gone', // does not exist any more; kept as history
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

export type Health = 'unknown' | 'healthy' | 'unhealthy';

/** Why a machine was or will be taken away. The destruction budgets count by cause. */
export const REMOVAL_CAUSES = [
  'scale-in',
  'replace-unhealthy',
  'replace-old',
  'boot-failed',
  'hook-failed',
  'vanished',
  'orphan',
  'duplicate',
  'forced',
] as const;
export type RemovalCause = (typeof REMOVAL_CAUSES)[number];

/** What the pure core needs to know of one instance. Machines in state gone are not passed in. */
export interface InstanceView {
  /** Our own name, unique for all time in this install, e.g. `web-7` or `web-9b3e`. */
  readonly id: string;
  /** The group's running number of this launch; never reused. */
  readonly n: number;
  readonly state: InstanceState;
  /** When it entered the state, Unix ms. */
  readonly sinceMs: number;
  /** When its intent was written, Unix ms. */
  readonly createdAtMs: number;
  /** When it first became serving, Unix ms. */
  readonly servingSinceMs: number | null;
  readonly health: Health;
  /** When health last changed, Unix ms. */
  readonly healthSinceMs: number;
  /** Never chosen as a victim, never replaced. */
  readonly protected: boolean;
  /** Out of the balancer by a person's wish, kept, not counted as capacity. */
  readonly standby: boolean;
  /** Handed to a person: not counted, not touched. */
  readonly detached: boolean;
  /** A person asked for its replacement or its drain. */
  readonly replaceRequested: boolean;
  readonly removeRequested: boolean;
  readonly zone: string | null;
  /** Id of the template version it was made from. */
  readonly templateId: string;
  /** Open sessions as the balancer sees them; null where unknown. */
  readonly sessions: number | null;
  /** End of the time already paid for, Unix ms; null where billing is by the second or unknown. */
  readonly paidUntilMs: number | null;
  /** Price per hour in the budget's currency; null where unknown. */
  readonly pricePerHour: number | null;
  /** Instance this one was launched to replace; that one stays until this one serves. */
  readonly replaces: string | null;
  /** Why it is being removed, once draining or terminating. */
  readonly removalCause: RemovalCause | null;
}

/** States in which a machine (or the wish for one) counts against max and is, or may be, billed. */
export function isLiving(state: InstanceState): boolean {
  return state !== 'gone' && state !== 'terminating';
}

/** States in which a machine is capacity now or will be: what `running` and `cur` count. */
export function isCapacity(state: InstanceState): boolean {
  return state === 'intent' || state === 'booting' || state === 'warming' || state === 'serving';
}
