import { decide } from '../core/decide.ts';
import {
  type Decision,
  type GroupMemory,
  type GroupSpec,
  type InstanceView,
  type PlannedAction,
  REASONS,
  type ScheduleWindow,
  type Snapshot,
} from '../core/model/model.ts';
import { rememberLaunch } from '../core/remember.ts';
import { type InstanceRow, type NewEvent, randomId, StoreError } from '../ports/ports.ts';
import { assertDecision } from './assert.ts';
import { type EngineContext, handsOf } from './context.ts';
import type { Change, GroupRunner, GroupState } from './group-runner.ts';
import { condemn, isInPlace, stepOf } from './life.ts';
import { type Observation, observe } from './observe.ts';
import { newRow, type Reconciled, reconcile, tokenOf } from './reconcile.ts';
import { startStep } from './steps.ts';

/** Equal holds are written at the latest after this time, ms: a crash forgets at most so much counting and no decision. */
const FLUSH_MS = 30_000;

/** One evaluation of one group: observe → reconcile → decide → record (with the intents of what follows) → start. */
export async function cycle(ctx: EngineContext, runner: GroupRunner, cause: string): Promise<{ nextMs: number }> {
  const started = ctx.clock.mono();
  const spec = runner.state.row.spec;
  const idle = { nextMs: spec.evaluateEveryMs };
  try {
    if (!runner.state.row.managed) {
      runner.evaluatedMono = started;
      return idle;
    }
    const obs = await observe(ctx, runner);
    ctx.crash('cycle:observed');
    for (let tries = 0; tries < 3; tries++) {
      const done = await evaluate(ctx, runner, obs, cause);
      if (done.ok) {
        ended(ctx, runner, started);
        start(ctx, runner, done.met);
        const wake = done.met.wakeMs === null ? Number.POSITIVE_INFINITY : Math.max(50, done.met.wakeMs - ctx.clock.wall());
        return { nextMs: Math.min(runner.state.row.spec.evaluateEveryMs, wake) };
      }
      if (runner.lost) return idle;
      // paused, protected or changed between reading and writing: the runner has read again, so decide again.
    }
    return idle;
  } catch (e) {
    if (!(e instanceof StoreError)) ctx.log.error({ group: runner.name, err: e instanceof Error ? (e.stack ?? e.message) : String(e) }, 'cycle failed');
    throw e;
  }
}

/** Only what ended well counts as evaluated: metrics and the dead man's handle must show a failing store. */
function ended(ctx: EngineContext, runner: GroupRunner, startedMono: number): void {
  runner.lastEvaluatedMs = ctx.clock.wall();
  runner.evaluatedMono = ctx.clock.mono();
  ctx.instrument.cycle(runner.name, runner.evaluatedMono - startedMono);
}

/** What a pass over the group came to. */
type Pass = { readonly ok: true; readonly met: Reconciled } | { readonly ok: false };

async function evaluate(ctx: EngineContext, runner: GroupRunner, observed: Observation, cause: string): Promise<Pass> {
  let met: Reconciled | null = null;
  let decision: Decision | null = null;
  let before: GroupState['rows'] = new Map();
  const result = await runner.transact((state) => {
    before = state.rows;
    // The same moment by the wall clock of now: it may have been set since, and the books with it.
    const obs = { ...observed, atMs: Math.round(ctx.clock.wall() - (ctx.clock.mono() - observed.atMono)) };
    const can = ctx.world().clouds.get(state.row.spec.cloud)?.view.can;
    met = can ? reconcile(runner, state, obs, can, new Set(runner.inFlight.keys())) : unmet(state);
    const snapshot = snapshotOf(ctx, runner, state, obs, met, cause);
    const memory = met.memory;
    const made = decide(state.row.spec, snapshot, memory);
    assertDecision(state.row.spec, made.decision, met.rows);
    decision = made.decision;
    return changeOf(ctx, runner, state, met, made, { snapshot, memory });
  });
  if (!result.ok || met === null || decision === null) return { ok: false };
  const made: Decision = decision;
  runner.lastDecision = runner.pending?.decision ?? made;
  runner.lastReadings = observed.readings;
  runner.blocked = made.blocked;
  ctx.instrument.decision(made);
  measure(ctx, before, met);
  return { ok: true, met };
}

function measure(ctx: EngineContext, before: GroupState['rows'], met: Reconciled): void {
  for (const row of met.changed.values()) {
    const was = before.get(row.id);
    if (!was || was.state === row.state) continue;
    if (row.state === 'warming') ctx.instrument.started(row.group, 'boot', row.sinceMs - row.createdAtMs);
    if (row.state === 'serving') {
      ctx.instrument.started(row.group, 'join', row.sinceMs - was.sinceMs);
      ctx.instrument.started(row.group, 'total', row.sinceMs - row.createdAtMs);
    }
  }
}

/** The cloud is not configured (any more): the books stay as they are. */
function unmet(state: GroupState): Reconciled {
  return {
    rows: new Map(state.rows),
    changed: new Map(),
    calls: [],
    events: [],
    memory: state.memory,
    nextN: state.row.nextN,
    frozen: state.row.frozen,
    cloudTrusted: false,
    wakeMs: null,
  };
}

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
    alerts: ctx
      .firing()
      .map((a) => ({ episode: a.episode, name: a.name, labels: a.labels, startsAtMs: a.startsAtMs, lastHeardMs: a.lastHeardMs, receiver: a.receiver })),
    schedules,
    pause: row.pause && (row.pause.untilMs === null || row.pause.untilMs > now) ? row.pause : null,
    manual: row.manual.filter((m) => m.untilMs === null || m.untilMs > now),
    freezeUntilMs: spec.freezes.length === 0 ? null : ctx.calendar.freezeUntil(spec.freezes, now),
    approved: row.approved && row.approved.untilMs > now ? row.approved.size : null,
    cloudTrusted: met.cloudTrusted,
    balancerTrusted,
    spentThisMonth: obs.spentThisMonth,
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
      if (row.members[balancer] === undefined || (readable && !isInPlace(row, entry))) missing.push(balancer);
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

/** The one commit of an evaluation, or null when nothing moved and nothing is due to be written. */
function changeOf(
  ctx: EngineContext,
  runner: GroupRunner,
  state: GroupState,
  met: Reconciled,
  made: { decision: Decision; memory: GroupMemory },
  inputs: { snapshot: Snapshot; memory: GroupMemory },
): Change | null {
  const { decision } = made;
  const acts = decision.actions.length > 0 && met.frozen === null && handsOf(ctx, runner) !== null;
  let { memory } = made;
  const victims: string[] = [];
  if (acts) {
    memory = planned(ctx, state, met, decision, memory, victims);
  }
  const pending = runner.pending;
  const repeat = pending !== null && !acts && sameAgain(pending.decision, decision);
  const mono = ctx.clock.mono();
  const moved = met.changed.size > 0 || met.events.length > 0 || met.nextN !== state.row.nextN || met.frozen !== state.row.frozen;
  if (repeat) {
    pending.count++;
    // The run goes by the id of its first decision; its inputs say so, that it replays.
    const { id } = pending.decision;
    pending.inputs = { snapshot: { ...inputs.snapshot, decisionId: id }, memory: inputs.memory };
    pending.decision = { ...decision, id };
    if (!moved && mono - pending.writtenMono < FLUSH_MS) {
      runner.remember(memory); // not written yet, and still moves the windows of the next evaluation
      return null;
    }
  } else {
    runner.pending = { decision, inputs, count: 1, writtenCount: 0, writtenMono: mono };
  }
  const now = runner.pending as NonNullable<GroupRunner['pending']>;
  const row = {
    kind: repeat ? ('repeat' as const) : ('new' as const),
    decision: now.decision,
    inputs: now.inputs,
    count: repeat ? now.count - now.writtenCount : 1,
  };
  now.writtenCount = now.count;
  now.writtenMono = mono;
  const events = repeat ? met.events : [...met.events, decisionEvent(decision)];
  return {
    ...(acts ? { mayAct: true, victims } : {}),
    memory,
    nextN: met.nextN,
    ...(met.frozen === state.row.frozen ? {} : { frozen: met.frozen }),
    instances: [...met.changed.values()],
    decision: row,
    events,
  };
}

/** Nothing moves and the same is said of it, whatever the numbers: one more of the run. */
function sameAgain(a: Decision, b: Decision): boolean {
  return (
    (b.outcome === 'hold' || b.outcome === 'blocked') &&
    a.outcome === b.outcome &&
    a.actions.length === 0 &&
    b.actions.length === 0 &&
    a.reason === b.reason &&
    a.wanted === b.wanted &&
    a.target === b.target &&
    a.running === b.running &&
    a.serving === b.serving &&
    a.config === b.config &&
    a.blind === b.blind &&
    same(a.holds, b.holds, (x, y) => x.code === y.code) &&
    same(a.limits, b.limits, (x, y) => x.code === y.code) &&
    same(a.blocked, b.blocked, (x, y) => x.code === y.code) &&
    same(a.proposals, b.proposals, (x, y) => x.wants === y.wants && x.abstains === y.abstains && x.blocksShrink === y.blocksShrink) &&
    (a.sentence === b.sentence || withoutNumbers(a.sentence) === withoutNumbers(b.sentence))
  );
}

function same<T>(a: readonly T[], b: readonly T[], equal: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x, i) => equal(x, b[i] as T));
}

/** Names stay: another alert, policy or machine is another reason. */
function withoutNumbers(sentence: string): string {
  return sentence.replace(/(^|[\s(])-?\d[\d.,]*/g, '$1#');
}

function decisionEvent(d: Decision): NewEvent {
  return {
    atMs: d.atMs,
    group: d.group,
    type: 'decision',
    actor: d.actor,
    data: {
      id: d.id,
      outcome: d.outcome,
      reason: d.reason,
      meaning: REASONS[d.reason],
      from: d.from,
      wanted: d.wanted,
      target: d.target,
      running: d.running,
      serving: d.serving,
      sentence: d.sentence,
    },
  };
}

/** Turns the plan into rows: an intent per launch, the way out for each victim. In the same commit as the decision. */
function planned(ctx: EngineContext, state: GroupState, met: Reconciled, decision: Decision, memory: GroupMemory, victims: string[]): GroupMemory {
  const now = decision.atMs;
  let next = memory;
  for (const action of decision.actions as readonly PlannedAction[]) {
    if (action.kind === 'launch') {
      const n = met.nextN++;
      const { prefix, style } = state.row.spec.naming;
      const id = style === 'increasing' ? `${prefix}${n}` : `${prefix}-${randomId(ctx.random, 3)}${n.toString(36)}`;
      const row: InstanceRow = {
        ...newRow(state, n, id, now),
        token: tokenOf(ctx.installId, state.row.name, n),
        zone: action.zone,
        replaces: action.replaces,
        step: stepOf('create', now),
        launchedBy: decision.id,
      };
      met.rows.set(id, row);
      met.changed.set(id, row);
      met.calls.push({ id, step: 'create' });
      met.events.push({
        atMs: now,
        group: row.group,
        type: 'instance.intent',
        actor: decision.actor,
        data: { instance: id, decision: decision.id, cause: action.cause },
      });
      next = rememberLaunch(next, now);
    } else {
      const row = met.rows.get(action.instance);
      if (!row || row.state === 'draining' || row.state === 'terminating') continue;
      const out = condemn(row, now, action.cause, action.why, decision.id);
      victims.push(row.id);
      met.changed.set(row.id, out.row);
      if (out.row.state === 'gone') met.rows.delete(row.id);
      else met.rows.set(row.id, out.row);
      if (out.event) met.events.push({ ...out.event, actor: decision.actor, data: { ...out.event.data, decision: decision.id } });
      met.wakeMs = now;
    }
  }
  return next;
}

/** After the commit: start what it said, if the group may act. */
function start(ctx: EngineContext, runner: GroupRunner, met: Reconciled): void {
  if (met.calls.length === 0) return;
  const hands = handsOf(ctx, runner);
  if (!hands) return;
  for (const { id, step } of met.calls) startStep(ctx, runner, id, step, hands);
}
