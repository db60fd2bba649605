import type { GroupMemory, GroupSpec, InstanceState, JsonObject, RemovalCause } from '../core/model/model.ts';
import type { CloudAbilities, InstanceRow, Machine, Member, NewEvent, StepKind } from '../ports/ports.ts';
import type { FailureClass } from './failure.ts';

/** What is known of one instance's surroundings now. */
export interface LifeFacts {
  readonly spec: GroupSpec;
  readonly nowMs: number;
  readonly can: CloudAbilities;
  readonly machine: Machine | undefined;
  /** Complete lists without the row's token or machine since its last call, and the time between the first and the newest, ms. */
  readonly absentLists: number;
  readonly absentMs: number;
  /** How long this process has looked after the group, ms. */
  readonly watchedMs: number;
  /** What the last health check of it saw; null: it passed, or none was made. */
  readonly fault: string | null;
  /** The cloud said definitely that the machine does not exist. */
  readonly proofGone: boolean;
  /** Fresh entries of this instance by balancer; null: that balancer could not be read or its answer is older than our last change. */
  readonly members: ReadonlyMap<string, Member | null | undefined>;
  /** Sum of open sessions over its entries; null where unknown. */
  readonly sessions: number | null;
  readonly sessionsKnown: boolean;
}

export type Advance =
  | { readonly kind: 'wait'; readonly untilMs: number | null }
  | { readonly kind: 'call'; readonly step: StepKind }
  | {
      readonly kind: 'become';
      readonly row: InstanceRow;
      readonly event: Omit<NewEvent, 'actor'> | null;
      /** A launch that failed: the group backs off by class. */
      readonly launchFailed?: { cls: FailureClass; code: GroupMemory['backoff'][string]['code']; detail: string };
    };

/** When to look again at what began at `sinceMs`: soon at first, for most ends are quick; what lasts is not worth a look every moment. */
function nextLook(sinceMs: number, nowMs: number): number {
  return nowMs + Math.min(15_000, Math.max(500, (nowMs - sinceMs) / 8));
}

const wait = (untilMs: number | null = null): Advance => ({ kind: 'wait', untilMs });

/** In a step's error while its call is out: after a crash it says that the outcome is unknown. */
export const UNDER_WAY = 'under way';

/** Evidence needed before absence is believed where the cloud's answer is ambiguous (invariant I9). */
export const ABSENT_LISTS = 3;

/** The next thing to do with one instance. Pure; called until it says wait or call. */
export function advance(row: InstanceRow, facts: LifeFacts): Advance {
  switch (row.state) {
    case 'intent':
      return fromIntent(row, facts);
    case 'booting':
      return fromBooting(row, facts);
    case 'warming':
      return fromWarming(row, facts);
    case 'serving':
      return fromServing(row, facts);
    case 'draining':
      return fromDraining(row, facts);
    case 'terminating':
      return fromTerminating(row, facts);
    case 'gone':
      return wait();
  }
}

export function become(
  row: InstanceRow,
  nowMs: number,
  state: InstanceState,
  patch: Partial<InstanceRow>,
  data: JsonObject = {},
): Extract<Advance, { kind: 'become' }> {
  const next = { ...row, state, sinceMs: nowMs, ...patch };
  return {
    kind: 'become',
    row: next,
    event: {
      atMs: nowMs,
      group: row.group,
      type: `instance.${state}`,
      data: { instance: row.id, ...(next.machineId ? { machine: next.machineId } : {}), ...data },
    },
  };
}

export function stepOf(kind: StepKind, nowMs: number): NonNullable<InstanceRow['step']> {
  return { kind, startedMs: nowMs, attempts: 0, nextTryMs: nowMs, error: null };
}

/** Begins the way out. A row whose create was never tried is simply gone; one whose outcome is unknown waits for the truth first. */
export function condemn(row: InstanceRow, nowMs: number, cause: RemovalCause, why: string, by: string | null): Extract<Advance, { kind: 'become' }> {
  const marks = { removalCause: cause, removalWhy: why, removedBy: by };
  const data = { cause, why };
  if (row.state === 'intent') {
    if ((row.step?.attempts ?? 0) === 0) return become(row, nowMs, 'gone', { ...marks, step: null }, data);
    return {
      kind: 'become',
      row: { ...row, ...marks },
      event: { atMs: nowMs, group: row.group, type: 'instance.condemned', data: { instance: row.id, ...data } },
    };
  }
  // Nothing to drain and no farewell where the machine never joined anything or is no longer there.
  const quick = row.state === 'booting' || cause === 'vanished' || cause === 'orphan' || cause === 'duplicate';
  return become(row, nowMs, 'draining', { ...marks, step: stepOf(quick ? 'detach' : 'drain', nowMs) }, data);
}

function fromIntent(row: InstanceRow, f: LifeFacts): Advance {
  const step = row.step ?? stepOf('create', row.createdAtMs);
  const tried = step.attempts > 0;
  // The end of a call that a dead process made was never heard: it may still be on its way.
  const windowMs = f.can.consistencyMs + (step.error === UNDER_WAY ? f.can.callLimitMs : 0);
  const proven = f.absentLists >= ABSENT_LISTS && f.absentMs > windowMs;
  const hopeless = row.removalCause !== null || f.can.idempotency === 'none' || f.nowMs - row.createdAtMs > f.spec.lifecycle.bootTimeoutMs;
  if (tried && hopeless) {
    if (!proven) return wait();
    const gone = become(row, f.nowMs, 'gone', {
      step: null,
      removalCause: row.removalCause ?? 'vanished',
      removalWhy: row.removalWhy ?? 'the create call got no clear answer and no machine came of it',
    });
    if (row.removalCause !== null) return gone;
    return { ...gone, launchFailed: { cls: 'provider', code: 'BLOCKED_PROVIDER', detail: step.error ?? 'create: outcome unknown' } };
  }
  if (step.nextTryMs > f.nowMs) return wait(step.nextTryMs);
  return { kind: 'call', step: 'create' };
}

function fromBooting(row: InstanceRow, f: LifeFacts): Advance {
  if (row.removalCause !== null) return condemn(row, f.nowMs, row.removalCause, row.removalWhy ?? '', row.removedBy);
  if (f.proofGone) return condemn(row, f.nowMs, 'vanished', 'the cloud says it does not exist', null);
  // Only time in which somebody looked counts: after a long absence of the controller the machine may be healthy for hours.
  const late = Math.min(f.nowMs - row.sinceMs, f.watchedMs) > f.spec.lifecycle.bootTimeoutMs;
  const stopped = f.machine?.state === 'stopped' || f.machine?.state === 'gone';
  if (late || stopped) {
    const saw = f.fault === null ? '' : ` (${f.fault})`;
    const why = stopped ? 'it stopped while booting' : `not healthy within ${f.spec.lifecycle.bootTimeoutMs / 1000} s${saw}`;
    return { ...condemn(row, f.nowMs, 'boot-failed', why, null), launchFailed: { cls: 'boot', code: 'BLOCKED_BOOT', detail: `${row.id}: ${why}` } };
  }
  const running = f.machine ? f.machine.state === 'running' : row.address !== null;
  if (running && row.health === 'healthy' && (row.address !== null || f.spec.health.check.kind === 'none')) {
    const first = f.spec.hooks.some((h) => h.name === 'before_attach') ? 'hook-before-attach' : 'attach';
    return become(row, f.nowMs, 'warming', { step: stepOf(first, f.nowMs) }, { boot_ms: f.nowMs - row.createdAtMs });
  }
  return wait(f.nowMs + f.spec.lifecycle.bootTimeoutMs - Math.min(f.nowMs - row.sinceMs, f.watchedMs) + 1);
}

function fromWarming(row: InstanceRow, f: LifeFacts): Advance {
  if (f.proofGone || f.machine?.state === 'stopped') return condemn(row, f.nowMs, 'vanished', 'it stopped before it served', null);
  const step = row.step ?? stepOf('attach', f.nowMs);
  if (row.health === 'unhealthy') {
    const leftMs = f.spec.lifecycle.bootTimeoutMs - Math.min(f.nowMs - row.sinceMs, f.watchedMs);
    if (leftMs > 0) return wait(f.nowMs + leftMs);
    return {
      ...condemn(row, f.nowMs, 'boot-failed', 'became unhealthy before it served', null),
      launchFailed: { cls: 'boot', code: 'BLOCKED_BOOT', detail: `${row.id}: unhealthy before it served` },
    };
  }
  if (step.kind === 'warm') {
    const done = step.startedMs + f.spec.lifecycle.warmupMs;
    if (f.nowMs < done) return wait(done);
    return become(row, f.nowMs, 'serving', { step: null, servingSinceMs: f.nowMs }, { start_ms: f.nowMs - row.createdAtMs });
  }
  if (step.kind === 'attach' && unattached(row, f.spec).length === 0) {
    return { kind: 'become', row: { ...row, step: stepOf('warm', f.nowMs) }, event: null };
  }
  if (step.nextTryMs > f.nowMs) return wait(step.nextTryMs);
  return { kind: 'call', step: step.kind };
}

/** Balancers of the group in which the instance has no entry. */
export function unattached(row: InstanceRow, spec: GroupSpec): string[] {
  return spec.balancers.map((b) => b.balancer).filter((name) => row.members[name] === undefined);
}

function fromServing(row: InstanceRow, f: LifeFacts): Advance {
  if (f.proofGone) return condemn(row, f.nowMs, 'vanished', 'the cloud says it does not exist', null);
  // One in standby is kept, and may be stopped by who looks at it.
  if (f.machine?.state === 'stopped' && !row.standby) return condemn(row, f.nowMs, 'vanished', 'the cloud says it is stopped', null);
  if (row.detached) return wait();
  const retryAt = row.step?.nextTryMs ?? 0;
  if (row.standby) {
    if (Object.keys(row.members).length === 0) return row.step ? { kind: 'become', row: { ...row, step: null }, event: null } : wait();
    if (row.step?.kind !== 'drain' && row.step?.kind !== 'detach') return { kind: 'become', row: { ...row, step: stepOf('drain', f.nowMs) }, event: null };
    if (row.step.kind === 'detach') return retryAt > f.nowMs ? wait(retryAt) : { kind: 'call', step: 'detach' };
    return drained(row, f, 'detach');
  }
  if (missingMembers(row, f).length > 0) return retryAt > f.nowMs ? wait(retryAt) : { kind: 'call', step: 'attach' };
  if (unbound(row, f.spec).length > 0) {
    if (row.step?.kind !== 'detach') return { kind: 'become', row: { ...row, step: stepOf('detach', f.nowMs) }, event: null };
    return retryAt > f.nowMs ? wait(retryAt) : { kind: 'call', step: 'detach' };
  }
  return row.step ? { kind: 'become', row: { ...row, step: null }, event: null } : wait();
}

/** Balancers that hold an entry of the instance though the group is no longer bound to them. */
export function unbound(row: InstanceRow, spec: GroupSpec): string[] {
  return Object.keys(row.members).filter((name) => !spec.balancers.some((b) => b.balancer === name));
}

/** Balancers whose fresh list does not hold this serving instance as it should be: after a restart of the balancer, or by hand. */
export function missingMembers(row: InstanceRow, f: Pick<LifeFacts, 'spec' | 'members'>): string[] {
  return f.spec.balancers
    .map((b) => b.balancer)
    .filter((name) => {
      if (row.members[name] === undefined) return true;
      if (!f.members.has(name)) return false; // not readable now: no evidence
      return !isInPlace(row, f.members.get(name));
    });
}

/** Is the entry one that sends this serving instance its traffic? */
export function isInPlace(row: InstanceRow, entry: Member | null | undefined): boolean {
  return entry != null && entry.state !== 'out' && entry.state !== 'draining' && (row.address === null || entry.address === row.address);
}

function drained(row: InstanceRow, f: LifeFacts, next: StepKind): Advance {
  const step = row.step ?? stepOf('drain', f.nowMs);
  const called = step.attempts > 0 && step.error === null;
  if (!called && Object.keys(row.members).length > 0) return step.nextTryMs > f.nowMs ? wait(step.nextTryMs) : { kind: 'call', step: 'drain' };
  const limit = step.startedMs + f.spec.lifecycle.drainTimeoutMs;
  const empty = Object.keys(row.members).length === 0 || (f.sessionsKnown && f.sessions === 0);
  const pointless = row.health === 'unhealthy' || f.machine?.state === 'stopped' || f.proofGone;
  if (!empty && !pointless && f.nowMs < limit) return wait(Math.min(limit, nextLook(step.startedMs, f.nowMs)));
  return { kind: 'become', row: { ...row, step: stepOf(next, f.nowMs) }, event: null };
}

function fromDraining(row: InstanceRow, f: LifeFacts): Advance {
  const step = row.step ?? stepOf('drain', f.nowMs);
  // While a balancer cannot be read, an entry of this machine may stand there: keep the machine (invariant I29).
  if (row.address !== null && f.spec.balancers.some((b) => !f.members.has(b.balancer)) && (step.kind !== 'drain' || step.attempts > 0))
    return wait(nextLook(step.startedMs, f.nowMs));
  if (step.kind === 'drain') {
    const farewell = f.spec.hooks.some((h) => h.name === 'before_delete') ? 'hook-before-delete' : 'detach';
    return drained(row, f, farewell);
  }
  if (step.kind === 'detach' && Object.keys(row.members).length === 0) {
    if (row.machineId === null) return become(row, f.nowMs, 'gone', { step: null });
    // The reaper alone takes it from here to terminating.
    return step.nextTryMs > f.nowMs ? wait(step.nextTryMs) : { kind: 'call', step: 'delete' };
  }
  if (step.nextTryMs > f.nowMs) return wait(step.nextTryMs);
  return { kind: 'call', step: step.kind === 'hook-before-delete' ? 'hook-before-delete' : 'detach' };
}

function fromTerminating(row: InstanceRow, f: LifeFacts): Advance {
  const step = row.step ?? stepOf('delete', f.nowMs);
  if (f.proofGone && step.attempts > 0)
    return become(row, f.nowMs, 'gone', { step: null }, { cause: row.removalCause ?? 'forced', took_ms: f.nowMs - row.sinceMs });
  if (step.nextTryMs <= f.nowMs) return { kind: 'call', step: 'delete' };
  return wait(Math.min(step.nextTryMs, nextLook(row.sinceMs, f.nowMs)));
}
