import type { AlertView, BlockedCode, GroupSpec, InstanceView, ScheduleWindow, Snapshot } from '../core/model/model.ts';
import { type AlertRow, type InstanceRow, randomId, type StepKind } from '../ports/ports.ts';
import type { EngineContext } from './context.ts';
import type { GroupRunner } from './group-runner.ts';
import type { GroupState } from './group-state.ts';
import { isInPlace, UNDER_WAY } from './life.ts';
import type { Observation } from './observe.ts';
import type { Reconciled } from './reconciled.ts';

/** Everything the pure core may look at, as plain data. */
export function snapshotOf(ctx: EngineContext, runner: GroupRunner, state: GroupState, obs: Observation, met: Reconciled, cause: string): Snapshot {
  const { row } = state;
  const { spec } = row;
  const now = obs.atMs;
  const schedules: Record<string, ScheduleWindow> = {};
  for (const policy of spec.policies) {
    if (policy.type !== 'schedule') continue;
    const window = ctx.calendar.schedule(policy.options, now);
    if (window) schedules[policy.name] = window;
  }
  const balancerTrusted = spec.balancers.every((b) => obs.balancers.get(b.balancer)?.complete === true);
  runner.missing.clear();
  if (runner.views.size > met.rows.size) runner.views.clear();
  return {
    atMs: now,
    decisionId: `d_${randomId(ctx.random, 10)}`,
    instances: [...met.rows.values()].map((r) => viewOf(runner, spec, r, obs)),
    readings: obs.readings,
    alerts: spec.policies.some((p) => p.type === 'alert') ? ctx.firing().map(alertView) : NO_ALERTS,
    schedules,
    pause: row.pause && (row.pause.untilMs === null || row.pause.untilMs > now) ? row.pause : null,
    manual: row.manual.filter((m) => m.untilMs === null || m.untilMs > now),
    freezeUntilMs: spec.freezes.length === 0 ? null : ctx.calendar.freezeUntil(spec.freezes, now),
    approved: row.approved && row.approved.untilMs > now ? row.approved.size : null,
    cloudTrusted: met.cloudTrusted,
    ...(runner.listed ? {} : { cloudListed: false }),
    balancerTrusted,
    spentThisMonth: obs.spentThisMonth,
    troubles: troublesOf(met.rows),
    cause,
  };
}

/** The core's view: a machine that lost its place in a balancer is not capacity now, it is on its way back. */
function viewOf(runner: GroupRunner, spec: GroupSpec, row: InstanceRow, obs: Observation): InstanceView {
  let { state } = row;
  if (state === 'intent' && row.removalCause !== null) state = 'draining';
  let sessions: number | null = null;
  if (spec.balancers.length > 0) {
    const touched = runner.touchedMono.get(row.id) ?? Number.NEGATIVE_INFINITY;
    const missing: string[] = [];
    for (const { balancer } of spec.balancers) {
      const facts = obs.balancers.get(balancer);
      const readable = facts != null && facts.asOfMono > touched;
      const entry = readable ? facts.byRef.get(row.members[balancer] ?? '') : undefined;
      if (entry?.sessions != null) sessions = (sessions ?? 0) + entry.sessions;
      // An entry that an incomplete list lacks may stand there all the same.
      const evident = readable && (entry !== undefined || facts.complete);
      if (row.members[balancer] === undefined || (evident && !isInPlace(row, entry))) missing.push(balancer);
    }
    if (missing.length > 0) runner.missing.set(row.id, missing);
    if (state === 'serving' && !row.standby && missing.length > 0) state = 'warming';
  }
  // Most machines look as they did: the same view again costs no memory that lives until the next evaluation.
  const known = runner.views.get(row.id);
  if (known?.row === row && known.spec === spec && known.view.state === state && known.view.sessions === sessions) return known.view;
  const view = newView(spec, row, state, sessions);
  runner.views.set(row.id, { row, spec, view });
  return view;
}

function newView(spec: GroupSpec, row: InstanceRow, state: InstanceView['state'], sessions: number | null): InstanceView {
  return {
    id: row.id,
    n: row.n,
    state,
    sinceMs: row.sinceMs,
    createdAtMs: row.createdAtMs,
    servingSinceMs: row.servingSinceMs,
    health: row.health,
    healthSinceMs: row.healthSinceMs,
    protected: row.protected,
    standby: row.standby,
    detached: row.detached,
    replaceRequested: row.replaceRequested,
    removeRequested: row.removeRequested,
    zone: row.zone,
    templateId: row.templateId,
    sessions,
    paidUntilMs: row.paidUntilMs,
    pricePerHour: row.pricePerHour ?? spec.pricePerHour,
    removalCause: row.removalCause,
    replaces: row.replaces,
  };
}

const BLOCKED: Readonly<Record<StepKind, BlockedCode>> = {
  create: 'BLOCKED_PROVIDER',
  'hook-before-attach': 'BLOCKED_HOOK',
  attach: 'BLOCKED_BALANCER',
  warm: 'BLOCKED_BALANCER',
  drain: 'BLOCKED_BALANCER',
  'hook-before-delete': 'BLOCKED_HOOK',
  detach: 'BLOCKED_BALANCER',
  delete: 'BLOCKED_PROVIDER',
};
const NO_TROUBLES: NonNullable<Snapshot['troubles']> = [];

/** Steps that failed and wait for their next try. */
function troublesOf(rows: ReadonlyMap<string, InstanceRow>): NonNullable<Snapshot['troubles']> {
  let troubles: NonNullable<Snapshot['troubles']>[number][] | null = null;
  for (const { id, step, state, members } of rows.values()) {
    if (step === null || step.error === null || step.error === UNDER_WAY) continue;
    // Drained and out of every balancer: it waits for the reaper's leave (budget, protection), nothing failed.
    if (state === 'draining' && Object.keys(members).length === 0) continue;
    troubles ??= [];
    troubles.push({ code: BLOCKED[step.kind], instance: id, detail: step.error, nextTryMs: step.nextTryMs });
  }
  return troubles ?? NO_TROUBLES;
}

const NO_ALERTS: readonly AlertView[] = [];

function alertView({ episode, name, labels, startsAtMs, lastHeardMs, receiver }: AlertRow): AlertView {
  return { episode, name, labels, startsAtMs, lastHeardMs, receiver };
}
