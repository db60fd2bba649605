import { destructionSize } from '../core/destruction.ts';
import type { RemovalCause } from '../core/model/model.ts';
import { allowDestruction, forgetDestruction, machinesThere, rememberDestruction, rememberDestructionAgain } from '../core/remember.ts';
import { formatDuration } from '../core/units.ts';
import { asDriverError, type InstanceRow, type Machine, type NewEvent } from '../ports/ports.ts';
import { assertBudget, assertIntent } from './assert.ts';
import type { EngineContext, Hands } from './context.ts';
import { stepRetryMs } from './failure.ts';
import type { GroupRunner } from './group-runner.ts';
import type { Change, GroupState } from './group-state.ts';
import { become, stepOf, UNDER_WAY } from './life.ts';
import { isOther } from './rows.ts';

/** Time after an accepted delete before it is asked for again, ms. */
const REDELETE_MS = 30_000;
/** Wait after a refusal that only a person or time can lift, ms. */
const REFUSED_MS = 60_000;

/**
 * The only way a machine is deleted. In this order: it still exists (asked now), it is ours (owner tags, not its name),
 * it is not protected, the budgets and the brake allow it, the fence holds; then the intent is committed, then the call is made.
 */
export async function reap(ctx: EngineContext, runner: GroupRunner, id: string, hands: Hands): Promise<void> {
  const row = runner.state.rows.get(id);
  const cloud = ctx.world().clouds.get(runner.state.row.spec.cloud);
  if (!row || row.machineId === null || !cloud || (row.state !== 'draining' && row.state !== 'terminating')) return;
  const { machineId } = row;

  const { consistencyMs } = cloud.view.can;
  let machine: Machine | null;
  /** When it was asked, however long the answer took. */
  let ageMs: number;
  try {
    ageMs = Math.min(ctx.clock.wall() - row.sinceMs, ctx.clock.mono() - runner.takenMono);
    machine = await cloud.view.get(machineId);
  } catch (e) {
    const times = (runner.unheard.get(id) ?? 0) + 1;
    runner.unheard.set(id, times);
    await postpone(ctx, runner, id, asDriverError(e).message, stepRetryMs(Math.max(times, row.step?.attempts ?? 1), asDriverError(e)));
    return;
  }
  runner.unheard.delete(id);
  if (machine === null && row.state === 'draining' && row.removalCause !== 'vanished' && ageMs <= consistencyMs) {
    // Made a moment ago it may not be shown yet: believing that now would leave it running with nobody to look after it.
    await postpone(ctx, runner, id, `machine ${machineId} is not shown yet`, Math.max(1_000, consistencyMs - ageMs + 1));
    return;
  }
  if (machine === null || machine.state === 'gone' || isOther(row, machine)) {
    await runner.transact((state) => settleGone(ctx, state, id));
    return;
  }
  const owner = machine.owner;
  if (!owner || owner.install !== ctx.installId || owner.group !== row.group || owner.token !== row.token) {
    await postpone(ctx, runner, id, `machine ${machineId} does not carry our tags; it is left alone (drover instances forget ${id})`, REFUSED_MS * 5);
    return;
  }
  if (!ctx.mayStart(runner)) return;

  ctx.crash('delete:before-intent');
  let refused: { detail: string; waitMs: number } | null = null;
  let counts = 0;
  const asked = await runner
    .transact((state) => {
      const now = state.rows.get(id);
      refused = now ? refusal(ctx, state, now) : null;
      if (!now || refused) return null;
      if (now.state !== 'terminating' && now.removalCause !== 'forced') counts = 1;
      runner.condemning += counts;
      return condemned(ctx, state, now);
    })
    .finally(() => {
      runner.condemning -= counts;
    });
  const because = refused as { detail: string; waitMs: number } | null;
  if (because) {
    await postpone(ctx, runner, id, because.detail, because.waitMs);
    return;
  }
  if (!asked.ok) {
    if (asked.why === 'protected') await postpone(ctx, runner, id, 'it is protected', REFUSED_MS);
    return;
  }
  ctx.crash('delete:before-call');
  // A commit takes time: meanwhile the machine may have been seen to be gone, and its id be another's.
  const now = runner.state.rows.get(id);
  if (now?.step?.kind !== 'delete' || !ctx.mayStart(runner)) return;
  assertIntent(now, 'delete');
  try {
    await hands.cloud.delete(machineId);
    ctx.crash('delete:after-call');
    await settleCall(ctx, runner, id, null, REDELETE_MS);
  } catch (e) {
    const error = asDriverError(e);
    ctx.crash('delete:after-call');
    await settleCall(ctx, runner, id, error.message, stepRetryMs(Math.max(1, runner.state.rows.get(id)?.step?.attempts ?? 1), error));
  }
  ctx.crash('delete:after-result');
}

/** What stands against deleting this machine now; null: nothing. */
function refusal(ctx: EngineContext, state: GroupState, row: InstanceRow): { detail: string; waitMs: number } | null {
  if (row.protected || row.detached) return { detail: row.protected ? 'it is protected' : 'it is detached', waitMs: REFUSED_MS };
  const now = ctx.clock.wall();
  const cause: RemovalCause = row.removalCause ?? 'scale-in';
  if (row.state === 'terminating') return refusalAgain(state, row, cause, now);
  if (state.memory.brake && cause === 'replace-unhealthy') return { detail: 'too many machines look unhealthy at once', waitMs: 5_000 };
  if (cause === 'forced') return null;
  const allowed = allowDestruction(state.row.spec, state.memory, machinesThere(state.rows.values(), state.memory.target), cause, now);
  if (!allowed.ok) return { detail: allowed.detail, waitMs: Math.max(1_000, allowed.retryAtMs - now) };
  const window = state.row.spec.limits.destruction.windowMs;
  const fleet = ctx.fleet(window);
  if (fleet === null) return { detail: 'the other groups of the installation are being read', waitMs: 1_000 };
  const limit = Math.max(5, Math.ceil(fleet.living * 0.25));
  if (fleet.destroyed >= limit)
    return { detail: `${fleet.destroyed} machines of the installation were deleted in the last ${formatDuration(window)}`, waitMs: 15_000 };
  return null;
}

/** A call that was accepted counted then. Any other destroys only when it is made again: it needs room in the window of now. */
function refusalAgain(state: GroupState, row: InstanceRow, cause: RemovalCause, now: number): { detail: string; waitMs: number } | null {
  if (row.step === null || row.step.error === null) return null;
  const memory = forgetDestruction(state.memory, cause, row.step.startedMs);
  const there = machinesThere(state.rows.values(), state.memory.target) + (cause === 'scale-in' ? 1 : 0);
  const allowed = allowDestruction(state.row.spec, memory, there, cause, now);
  // Never sooner than a call that failed is tried again.
  return allowed.ok ? null : { detail: allowed.detail, waitMs: Math.max(REFUSED_MS, allowed.retryAtMs - now) };
}

function condemned(ctx: EngineContext, state: GroupState, row: InstanceRow): Change {
  const now = ctx.clock.wall();
  const step = row.step?.kind === 'delete' ? row.step : stepOf('delete', now);
  const next = { ...step, startedMs: now, attempts: step.attempts + 1, error: UNDER_WAY, nextTryMs: now };
  if (row.state === 'terminating') {
    // The last call was refused, or its end never heard, and the machine still exists: what this call destroys counts from now.
    const again = step.error === null ? null : rememberDestructionAgain(state.memory, row.removalCause ?? 'scale-in', step.startedMs, now);
    const instances = [{ ...row, step: again ? next : { ...next, startedMs: step.startedMs } }];
    return { mayAct: true, victims: [row.id], instances, ...(again ? { memory: again } : {}) };
  }
  const end = become(
    row,
    now,
    'terminating',
    { step: next },
    { cause: row.removalCause ?? 'scale-in', why: row.removalWhy ?? '', drain_ms: now - row.sinceMs },
  );
  ctx.instrument.drained(row.group, now - row.sinceMs);
  return {
    mayAct: true,
    victims: [row.id],
    instances: [end.row],
    memory: counted(state, row, now),
    events: end.event ? [{ ...end.event, actor: 'drover' }] : [],
  };
}

/** The deletions with this one, which must be within the budget however it came here. */
function counted(state: GroupState, row: InstanceRow, nowMs: number): GroupState['memory'] {
  const { spec } = state.row;
  const cause = row.removalCause ?? 'scale-in';
  const memory = rememberDestruction(state.memory, cause, nowMs);
  const there = machinesThere(state.rows.values(), state.memory.target);
  assertBudget(spec, memory, cause, destructionSize(spec, state.memory, there, nowMs), nowMs);
  return memory;
}

function settleGone(ctx: EngineContext, state: GroupState, id: string): Change | null {
  const row = state.rows.get(id);
  if (!row) return null;
  const end = become(row, ctx.clock.wall(), 'gone', { step: null }, { cause: row.removalCause ?? 'vanished' });
  return { instances: [end.row], events: end.event ? [{ ...end.event, actor: 'drover' }] : [] };
}

async function settleCall(ctx: EngineContext, runner: GroupRunner, id: string, error: string | null, waitMs: number): Promise<void> {
  await runner.transact((state) => {
    const row = state.rows.get(id);
    if (!row?.step) return null;
    return {
      instances: [{ ...row, step: { ...row.step, error, nextTryMs: ctx.clock.wall() + waitMs } }],
      events: error && row.step.attempts <= 1 ? [told(ctx, row, error)] : [],
    };
  });
}

async function postpone(ctx: EngineContext, runner: GroupRunner, id: string, why: string, waitMs: number): Promise<void> {
  await runner.transact((state) => {
    const row = state.rows.get(id);
    if (!row) return null;
    const step = row.step ?? stepOf('delete', ctx.clock.wall());
    return {
      instances: [{ ...row, step: { ...step, error: why, nextTryMs: ctx.clock.wall() + waitMs } }],
      events: step.error === why ? [] : [told(ctx, row, why)],
    };
  });
}

function told(ctx: EngineContext, row: InstanceRow, error: string): NewEvent {
  return { atMs: ctx.clock.wall(), group: row.group, type: 'delete.postponed', actor: 'drover', data: { instance: row.id, why: error } };
}
