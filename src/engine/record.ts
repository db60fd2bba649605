import { type Decision, type GroupMemory, type PlannedAction, REASONS, type Snapshot } from '../core/model/model.ts';
import { rememberLaunch } from '../core/remember.ts';
import { type InstanceRow, type NewEvent, randomId } from '../ports/ports.ts';
import { type EngineContext, handsOf } from './context.ts';
import type { GroupRunner } from './group-runner.ts';
import type { Change, GroupState } from './group-state.ts';
import { condemn, stepOf } from './life.ts';
import type { Reconciled } from './reconciled.ts';
import { newRow, tokenOf } from './rows.ts';

/** Equal holds are written at the latest after this time, ms: a crash forgets at most so much counting and no decision. */
const FLUSH_MS = 30_000;

/** The one commit of an evaluation, or null when nothing moved and nothing is due to be written. */
export function changeOf(
  ctx: EngineContext,
  runner: GroupRunner,
  state: GroupState,
  met: Reconciled,
  made: { decision: Decision; memory: GroupMemory },
  inputs: { snapshot: Snapshot; memory: GroupMemory },
): Change | typeof OWED | null {
  const { decision } = made;
  const acts = decision.actions.length > 0 && met.frozen === null && handsOf(ctx, runner) !== null;
  const pending = runner.pending;
  const repeat = pending !== null && !acts && sameAgain(pending.decision, decision);
  if (!repeat && pending !== null && pending.count > pending.writtenCount) return OWED;
  let { memory } = made;
  const victims: string[] = [];
  if (acts) memory = planned(ctx, state, met, decision, memory, victims);
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

/** The run before has evaluations that are not written: they come first, then the new decision is made. */
export const OWED = Symbol('owed');

/** The unwritten rest of the newest run; null: nothing is owed. */
export function owedChange(runner: GroupRunner): Change | null {
  const { pending } = runner;
  if (pending === null || pending.count === pending.writtenCount) return null;
  const count = pending.count - pending.writtenCount;
  pending.writtenCount = pending.count;
  return { memory: runner.state.memory, decision: { kind: 'repeat', decision: pending.decision, inputs: pending.inputs, count } };
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
  return sentence.replace(/(^|[\s(])-?\d[\d.,:]*/g, '$1#');
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
