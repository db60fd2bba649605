import type { GroupSpec, HookSpec } from '../core/model/model.ts';
import { rememberLaunchFailure, rememberLaunchSuccess } from '../core/remember.ts';
import { asDriverError, DriverError, type InstanceRow, type NewEvent, type StepKind } from '../ports/ports.ts';
import { alertsBehind } from './alerts-behind.ts';
import { assertIntent, InvariantViolated } from './assert.ts';
import { type EngineContext, type Hands, handsOf, memberPort } from './context.ts';
import { withDeadline } from './deadline.ts';
import { launchFailure, stepRetryMs } from './failure.ts';
import { freezeGroup } from './freeze-group.ts';
import type { GroupRunner } from './group-runner.ts';
import type { Change, GroupState } from './group-state.ts';
import { become, condemn, stepOf, UNDER_WAY, unattached, unbound } from './life.ts';
import { preflightGroup } from './preflight.ts';
import { reap } from './reaper.ts';
import { machinePatch } from './rows.ts';

interface Attempt {
  /** Still the right thing to do for this row? */
  wanted(row: InstanceRow): boolean;
  /** The call; its value goes to `done`. */
  run(row: InstanceRow): Promise<Partial<InstanceRow>>;
  /** The row after success, with the events that tell of it. */
  done(state: GroupState, row: InstanceRow, patch: Partial<InstanceRow>): Change;
  failed(state: GroupState, row: InstanceRow, error: DriverError): Change;
}

/** Starts the step of one instance unless one is under way; the group is woken when it ended. */
export function startStep(ctx: EngineContext, runner: GroupRunner, id: string, step: StepKind, hands: Hands): void {
  if (runner.inFlight.has(id)) return;
  const task = perform(ctx, runner, id, step, hands)
    .catch(async (e) => {
      ctx.log.error({ group: runner.name, instance: id, step, err: String(e) }, 'step failed');
      if (e instanceof InvariantViolated) await freezeGroup(ctx.clock, runner, e);
    })
    .catch((e) => ctx.log.error({ group: runner.name, instance: id, step, err: String(e) }, 'step failed'))
    .finally(() => {
      runner.inFlight.delete(id);
      ctx.wake(runner.name);
    });
  runner.inFlight.set(id, task);
}

function perform(ctx: EngineContext, runner: GroupRunner, id: string, step: StepKind, hands: Hands): Promise<void> {
  switch (step) {
    case 'create':
      return hands.cloud.inSlot(() => attempt(ctx, runner, id, 'create', creating(ctx, runner, hands)));
    case 'hook-before-attach':
    case 'hook-before-delete':
      return attempt(ctx, runner, id, step, hooking(ctx, runner, step, hands));
    case 'attach':
      return attempt(ctx, runner, id, 'attach', attaching(ctx, runner, hands));
    case 'drain':
      return attempt(ctx, runner, id, 'drain', leaving(ctx, runner, 'drain', hands));
    case 'detach':
      return attempt(ctx, runner, id, 'detach', leaving(ctx, runner, 'detach', hands));
    case 'delete':
      return hands.cloud.inSlot(() => reap(ctx, runner, id, hands));
    case 'warm':
      return Promise.resolve();
  }
}

/** Durable intent → call → durable result, with a crash point at every seam. */
async function attempt(ctx: EngineContext, runner: GroupRunner, id: string, kind: StepKind, how: Attempt): Promise<void> {
  if (!ctx.mayStart(runner)) return;
  ctx.crash(`${kind}:before-intent`);
  let row: InstanceRow | undefined;
  const asked = await runner.transact((state) => {
    const found = state.rows.get(id);
    if (!found || !how.wanted(found)) return null;
    const step = found.step?.kind === kind ? found.step : stepOf(kind, ctx.clock.wall());
    row = { ...found, step: { ...step, attempts: step.attempts + 1, error: UNDER_WAY } };
    return { mayAct: true, instances: [row] };
  });
  if (!asked.ok || !row) return;
  ctx.crash(`${kind}:before-call`);
  // A commit takes time. Without the lease, or where the instance went another way, the intent stands as one whose outcome is unknown.
  const now = runner.state.rows.get(id);
  if (!now || !how.wanted(now) || !ctx.mayStart(runner)) return;
  assertIntent(now, kind);
  // Lists from before this try say nothing of what it makes.
  runner.absent.delete(id);
  let settle: (state: GroupState, now: InstanceRow) => Change;
  try {
    const patch = await how.run(row);
    settle = (state, now) => how.done(state, now, patch);
  } catch (e) {
    const error = asDriverError(e);
    // The row went another way meanwhile (condemned, standby): the failed step is nobody's any more.
    settle = (state, now) => (now.step?.kind === kind ? how.failed(state, now, error) : {});
  }
  runner.touchedMono.set(id, ctx.clock.mono());
  runner.absent.delete(id);
  ctx.crash(`${kind}:after-call`);
  await runner.transact((state) => {
    const now = state.rows.get(id);
    return now ? settle(state, now) : null;
  });
  ctx.crash(`${kind}:after-result`);
}

function event(ctx: EngineContext, row: InstanceRow, type: string, data: NewEvent['data'] = {}): NewEvent {
  return { atMs: ctx.clock.wall(), group: row.group, type, actor: 'drover', data: { instance: row.id, ...data } };
}

/** The step goes on trying; the first failure and every tenth are events, so that a long outage does not fill the book. */
function tryAgain(ctx: EngineContext, row: InstanceRow, kind: StepKind, error: DriverError): Change {
  const step = row.step?.kind === kind ? row.step : stepOf(kind, ctx.clock.wall());
  const nextTryMs = ctx.clock.wall() + stepRetryMs(Math.max(1, step.attempts), error);
  const tell = step.attempts <= 1 || step.attempts % 10 === 0;
  return {
    instances: [{ ...row, step: { ...step, error: error.message, nextTryMs } }],
    events: tell ? [event(ctx, row, 'step.failed', { step: kind, attempts: step.attempts, code: error.code, error: error.message })] : [],
  };
}

/** What could not be asked when the world was opened is asked at latest here. Nothing was made yet, whatever the answer. */
async function mayCreate(ctx: EngineContext, runner: GroupRunner, spec: GroupSpec): Promise<void> {
  const asking = preflightGroup(ctx.world(), spec);
  if (asking === null) return;
  try {
    await asking;
  } catch (e) {
    const error = asDriverError(e);
    throw new DriverError(error.code, error.message, { definite: true, retryAfterMs: error.retryAfterMs, cause: e });
  }
  // Asking takes time, too.
  if (!ctx.mayStart(runner)) throw new DriverError('conflict', 'the group was lost meanwhile');
}

function creating(ctx: EngineContext, runner: GroupRunner, hands: Hands): Attempt {
  return {
    wanted: (row) => row.state === 'intent' && row.removalCause === null,
    run: async (row) => {
      const { spec } = runner.state.row;
      await mayCreate(ctx, runner, spec);
      const machine = await hands.cloud.create({
        owner: { install: ctx.installId, group: row.group, token: row.token, instance: row.id, templateId: spec.template.id },
        name: row.id,
        template: spec.template.options,
        zone: row.zone,
      });
      // Without a check of its own, running is all there is to know, and the create call said it.
      const healthy = spec.health.check.kind === 'none' && machine.state === 'running';
      return { ...machinePatch(machine), ...(healthy ? { health: 'healthy' as const, healthSinceMs: ctx.clock.wall() } : {}) };
    },
    done: (state, row, patch) => {
      const born = become({ ...row, ...patch }, ctx.clock.wall(), 'booting', { step: null });
      return { instances: [born.row], memory: rememberLaunchSuccess(state.memory), events: born.event ? [{ ...born.event, actor: 'drover' }] : [] };
    },
    failed: (state, row, error) => {
      const now = ctx.clock.wall();
      const why = launchFailure(error);
      if (!error.definite) return tryAgain(ctx, row, 'create', error);
      // A refusal of this try says nothing of an earlier one, whose answer never came: its machine may exist.
      if ((row.step?.attempts ?? 1) > 1) {
        const memory = rememberLaunchFailure(state.memory, why.cls, why.code, why.detail, now, why.retryAfterMs);
        return { ...tryAgain(ctx, row, 'create', error), memory };
      }
      const dead = become(row, now, 'gone', { step: null, removalCause: row.removalCause ?? 'boot-failed', removalWhy: error.message });
      return {
        instances: [dead.row],
        memory: rememberLaunchFailure(state.memory, why.cls, why.code, why.detail, now, why.retryAfterMs),
        events: [event(ctx, row, 'launch.failed', { code: error.code, error: error.message })],
      };
    },
  };
}

function hooking(ctx: EngineContext, runner: GroupRunner, kind: 'hook-before-attach' | 'hook-before-delete', hands: Hands): Attempt {
  const name = kind === 'hook-before-attach' ? 'before_attach' : 'before_delete';
  const next: StepKind = kind === 'hook-before-attach' ? 'attach' : 'detach';
  /** The hook that runs, and what those said whose failure does not matter. */
  let culprit: HookSpec | null = null as HookSpec | null;
  const passed: NewEvent[] = [];
  const moveOn = (row: InstanceRow, events: NewEvent[]): Change => ({ instances: [{ ...row, step: stepOf(next, ctx.clock.wall()) }], events });
  return {
    wanted: (row) => (kind === 'hook-before-attach' ? row.state === 'warming' : row.state === 'draining') && row.step?.kind === kind,
    run: async (row) => {
      const { hooks, balancers } = runner.state.row.spec;
      // Where the cloud knows no ports, members are reached on the one the group says.
      const port = row.port ?? balancers.find((b) => b.port !== null)?.port ?? null;
      if (row.machineId === null || row.address === null) return {};
      const alerts = hooks.some((h) => h.name === name) ? await alertsBehind(ctx, row) : [];
      for (const [i, spec] of hooks.entries()) {
        if (spec.name !== name) continue;
        culprit = spec;
        const hook = await hands.openHook(spec);
        if (handsOf(ctx, runner) === null || !ctx.mayStart(runner)) {
          culprit = null; // it did not run
          throw new DriverError('conflict', 'the group was stopped or lost meanwhile');
        }
        const { group, id: instance, machineId, address, zone } = row;
        const context = { group, instance, machineId, address, port, zone, step: name, token: `${row.token}.${name}.${i}`, alerts } as const;
        try {
          await withDeadline(ctx.clock, spec.timeoutMs, `hook ${name}`, (signal) => hook.run(context, signal));
        } catch (e) {
          if (spec.onFailure !== 'continue') throw e;
          passed.push(event(ctx, row, 'hook.failed', { hook: name, driver: spec.driver, error: asDriverError(e).message, on_failure: 'continue' }));
        }
      }
      return {};
    },
    done: (_, row) => (row.step?.kind === kind ? moveOn(row, passed.length > 0 ? passed : [event(ctx, row, 'hook.done', { hook: name })]) : {}),
    failed: (state, row, error) => {
      const spec = culprit;
      if (!spec) return tryAgain(ctx, row, kind, error);
      const failed = event(ctx, row, 'hook.failed', { hook: name, driver: spec.driver, error: error.message, on_failure: spec.onFailure });
      // Opening it failed: that says nothing of the machine either.
      if (spec.onFailure === 'continue') return moveOn(row, [...passed, failed]);
      const patience = row.sinceMs + Math.max(state.row.spec.lifecycle.bootTimeoutMs, 2 * spec.timeoutMs);
      const now = ctx.clock.wall();
      if (spec.onFailure === 'retry' && now < patience) return tryAgain(ctx, row, kind, error);
      if (kind === 'hook-before-delete') return moveOn(row, [failed]); // no wait is for ever: the machine was condemned already
      const out = condemn(row, now, 'hook-failed', `hook ${name}: ${error.message}`, null);
      const memory = rememberLaunchFailure(state.memory, 'hook', 'BLOCKED_HOOK', `${name}: ${error.message}`, now, null);
      return { instances: [out.row], memory, events: [failed, ...(out.event ? [{ ...out.event, actor: 'drover' }] : [])] };
    },
  };
}

function afterAttach(row: InstanceRow): InstanceRow['step'] {
  if (row.step?.kind !== 'attach') return row.step; // condemned meanwhile: its way out goes on, with the new entries
  return row.state === 'warming' ? { ...row.step, error: null } : null;
}

function attachable(row: InstanceRow): boolean {
  return row.state === 'warming' || (row.state === 'serving' && !row.standby && !row.detached);
}

/** Between two calls of one step: the group may have been paused, or the instance have gone another way. Throws then. */
async function goOn(ctx: EngineContext, runner: GroupRunner, id: string, wanted: (row: InstanceRow) => boolean): Promise<void> {
  let still = true;
  const asked = await runner.transact((state) => {
    const now = state.rows.get(id);
    still &&= now !== undefined && wanted(now);
    return still ? { mayAct: true } : null;
  });
  if (!asked.ok || !still || !ctx.mayStart(runner)) throw new DriverError('conflict', 'it went another way meanwhile');
}

function attaching(ctx: EngineContext, runner: GroupRunner, hands: Hands): Attempt {
  return {
    wanted: attachable,
    run: async (row) => {
      const { spec } = runner.state.row;
      const entries: Record<string, string> = { ...row.members };
      const missing = row.state === 'warming' ? unattached(row, spec) : (runner.missing.get(row.id) ?? unattached(row, spec));
      for (const [i, name] of missing.entries()) {
        if (i > 0) await goOn(ctx, runner, row.id, (now) => attachable(now));
        const balancer = hands.balancers.get(name);
        const port = memberPort(spec, name, row.port);
        if (!balancer) throw new DriverError('bad-request', `no balancer named ${name} is configured`);
        if (row.address === null || port === null)
          throw new DriverError('bad-request', `${row.id} has no ${row.address === null ? 'address' : 'port'} to attach; set balancer.port`);
        // An entry that this group puts there is no other's, whoever of it had the address before.
        for (const other of runner.state.rows.values()) if (other.address === row.address) runner.cleared.delete(`${other.id} ${name}`);
        const weight = spec.balancers.find((b) => b.balancer === name)?.weight ?? null;
        entries[name] = await balancer.attach({ instance: row.id, address: row.address, port, weight });
      }
      return { members: entries };
    },
    done: (_, row, patch) => ({
      instances: [{ ...row, members: { ...row.members, ...patch.members }, step: afterAttach(row) }],
      events: [event(ctx, row, row.state === 'warming' ? 'instance.attached' : 'instance.reattached', { members: patch.members ?? {} })],
    }),
    failed: (_, row, error) => tryAgain(ctx, row, 'attach', error),
  };
}

function leaving(ctx: EngineContext, runner: GroupRunner, kind: 'drain' | 'detach', hands: Hands): Attempt {
  return {
    wanted: (row) => row.step?.kind === kind && (row.state === 'draining' || row.state === 'serving'),
    run: async (row) => {
      const { spec } = runner.state.row;
      const names = row.state === 'serving' && !row.standby ? unbound(row, spec) : Object.keys(row.members);
      const members = { ...row.members };
      for (const [i, name] of names.entries()) {
        if (i > 0) await goOn(ctx, runner, row.id, (now) => now.step?.kind === kind);
        const ref = row.members[name] as string;
        const balancer = hands.balancers.get(name);
        if (kind === 'detach') delete members[name];
        if (!balancer) continue; // it left the configuration: nothing of ours can be reached there
        if (kind === 'drain') await balancer.drain(ref);
        else {
          const startedMs = ctx.clock.wall();
          await balancer.detach(ref);
          if (startedMs - row.sinceMs > (ctx.world().balancers.get(name)?.view.can.callLimitMs ?? 0)) runner.cleared.add(`${row.id} ${name}`);
        }
      }
      return kind === 'detach' ? { members } : {};
    },
    done: (_, row, patch) => {
      const now = ctx.clock.wall();
      let { step } = row;
      if (step?.kind === kind) step = kind === 'drain' ? { ...step, error: null } : row.state === 'serving' ? null : stepOf('detach', now);
      return { instances: [{ ...row, ...patch, step }], events: [event(ctx, row, kind === 'drain' ? 'instance.drain-accepted' : 'instance.detached')] };
    },
    failed: (_, row, error) => tryAgain(ctx, row, kind, error),
  };
}
