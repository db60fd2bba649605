import { decide } from '../core/decide.ts';
import type { Decision } from '../core/model/model.ts';
import { StoreError } from '../ports/ports.ts';
import { assertDecision } from './assert.ts';
import { type EngineContext, handsOf } from './context.ts';
import type { GroupRunner } from './group-runner.ts';
import type { GroupState } from './group-state.ts';
import { type Observation, observe } from './observe.ts';
import { reconcile } from './reconcile.ts';
import { type Reconciled, unmet } from './reconciled.ts';
import { changeOf, OWED, owedChange } from './record.ts';
import { snapshotOf } from './snapshot.ts';
import { startStep } from './steps.ts';

/** One evaluation of one group: observe → reconcile → decide → record (with the intents of what follows) → start. */
export async function cycle(ctx: EngineContext, runner: GroupRunner, cause: string): Promise<{ nextMs: number }> {
  const started = ctx.clock.mono();
  const spec = runner.state.row.spec;
  const idle = { nextMs: spec.evaluateEveryMs };
  try {
    if (!runner.state.row.managed) {
      runner.evaluatedMono = started;
      runner.takenMono = started; // nobody looks after it: this is no time in which a machine failed to boot
      return idle;
    }
    const obs = await observe(ctx, runner);
    ctx.crash('cycle:observed');
    for (let tries = 0; tries < 4; tries++) {
      const done = await evaluate(ctx, runner, obs, cause);
      if (done.ok) {
        ended(ctx, runner, started);
        start(ctx, runner, done.met);
        const wake = done.met.wakeMs === null ? Number.POSITIVE_INFINITY : Math.max(50, done.met.wakeMs - ctx.clock.wall());
        return { nextMs: Math.min(runner.state.row.spec.evaluateEveryMs, wake) };
      }
      if (runner.lost) return idle;
      // The run before was written first, or the group was paused, protected or changed meanwhile: decide again.
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
  let owed = false;
  let before: GroupState['rows'] = new Map();
  const result = await runner.transact((state) => {
    before = state.rows;
    // The same moment by the wall clock of now: it may have been set since, and the books with it.
    const obs = { ...observed, atMs: Math.round(ctx.clock.wall() - (ctx.clock.mono() - observed.atMono)) };
    const can = ctx.world().clouds.get(state.row.spec.cloud)?.view.can;
    met = can ? reconcile(runner, state, obs, can, new Set(runner.inFlight.keys())) : unmet(state, false); // not configured any more: the books stay as they are
    const snapshot = snapshotOf(ctx, runner, state, obs, met, cause);
    const memory = met.memory;
    const made = decide(state.row.spec, snapshot, memory);
    assertDecision(state.row.spec, made.decision, met.rows, memory);
    decision = made.decision;
    const change = changeOf(ctx, runner, state, met, made, { snapshot, memory });
    owed = change === OWED;
    return change === OWED ? owedChange(runner) : change;
  });
  // What was not stored is no run to go on with.
  if (!result.ok) runner.pending = null;
  if (!result.ok || owed || met === null || decision === null) return { ok: false };
  const made: Decision = decision;
  runner.lastDecision = runner.pending?.decision ?? made;
  runner.lastReadings = observed.readings;
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

/** After the commit: start what it said, if the group may act. */
function start(ctx: EngineContext, runner: GroupRunner, met: Reconciled): void {
  if (met.calls.length === 0) return;
  const hands = handsOf(ctx, runner);
  if (!hands) return;
  for (const { id, step } of met.calls) startStep(ctx, runner, id, step, hands);
}
