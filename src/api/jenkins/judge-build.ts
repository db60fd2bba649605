import type { AlertView, Decision, GroupSpec } from '../../core/model/model.ts';
import { type AlertOptions, alertChosen, alertCounts } from '../../core/policies/alert.ts';
import type { Operations } from '../../engine/operations.ts';
import type { DecisionInputs } from '../../ports/ports.ts';
import { alertOfBuild, type BuildResult, type JobBuild } from './job-build.ts';

/** Decisions looked at per group, newest first: runs of equal holds are one. */
const MOST_DECISIONS = 100;
const MAX_CHARS = 2000;

export interface Judgement {
  /** Null: some group may still act. */
  readonly result: BuildResult | null;
  readonly description: string | null;
  readonly endedMs: number;
}

type Said = { readonly kind: 'acted' | 'held'; readonly sentence: string; readonly atMs: number } | { readonly kind: 'undecided' };

/** What the groups made of a trigger, by their stored decisions: nothing is guessed. */
export async function judgeBuild(
  operations: Pick<Operations, 'fleet' | 'spec' | 'decisions' | 'decision'>,
  build: JobBuild,
  nowMs: number,
): Promise<Judgement> {
  const said: Said[] = [];
  for (const { group, managed } of await operations.fleet()) {
    if (managed && concerns(await operations.spec(group), build)) said.push(await saidBy(operations, group, build));
  }
  if (said.length === 0) return { result: 'NOT_BUILT', description: 'No group has a policy for this job.', endedMs: nowMs };
  const acted = said.filter((one) => one.kind === 'acted');
  const description = said
    .flatMap((one) => (one.kind === 'undecided' ? [] : [one.sentence]))
    .join(' ')
    .slice(0, MAX_CHARS);
  const endedMs = Math.max(build.receivedMs, ...said.map((one) => (one.kind === 'undecided' ? 0 : one.atMs)));
  if (acted.length === said.length) return { result: 'SUCCESS', description, endedMs };
  if (nowMs < build.untilMs) return { result: null, description: null, endedMs };
  if (description === '') return { result: 'NOT_BUILT', description: 'No group decided on it in time.', endedMs: build.untilMs };
  return { result: acted.length === 0 ? 'NOT_BUILT' : 'UNSTABLE', description, endedMs: build.untilMs };
}

function viewOf(build: JobBuild): AlertView {
  const { episode, name, labels, startsAtMs } = alertOfBuild(build, false);
  return { episode, name, labels, startsAtMs, lastHeardMs: build.receivedMs, receiver: build.receiver };
}

function policiesFor(spec: GroupSpec, view: AlertView): GroupSpec['policies'] {
  return spec.policies.filter((p) => p.type === 'alert' && !p.advisory && alertCounts(view, p.options as unknown as AlertOptions, view.startsAtMs));
}

function concerns(spec: GroupSpec, build: JobBuild): boolean {
  return policiesFor(spec, viewOf(build)).length > 0;
}

/** The first decision that gave the trigger what it asks for, else what the newest one said that was about it. */
async function saidBy(operations: Pick<Operations, 'decisions' | 'decision'>, group: string, build: JobBuild): Promise<Said> {
  const rows = (await operations.decisions(group, { before: null, limit: MOST_DECISIONS })).filter((row) => row.last.atMs >= build.receivedMs);
  let said: Said = { kind: 'undecided' };
  for (const { decision } of rows.reverse()) {
    const { row, first, last } = await operations.decision(decision.id);
    for (const [made, inputs] of [
      [row.decision, first],
      [row.last, last],
    ] as const) {
      const one = readDecision(made, inputs, build);
      if (one === null) continue;
      said = one;
      if (one.kind === 'acted') return one;
    }
  }
  return said;
}

/** Null: the decision was not about this trigger. */
function readDecision(made: Decision, { spec, snapshot, memory }: DecisionInputs, build: JobBuild): Exclude<Said, { kind: 'undecided' }> | null {
  const seen = snapshot.alerts.find((alert) => alert.episode === build.episode && alert.receiver === build.receiver);
  if (seen === undefined) return null;
  const sentence = `${made.group}: ${made.sentence}`;
  let asked = false;
  let got = false;
  for (const policy of policiesFor(spec, seen)) {
    const chosen = alertChosen(policy.options as unknown as AlertOptions, snapshot.alerts, snapshot.atMs, memory.policies[policy.name] ?? null);
    const wants = made.proposals.find((p) => p.policy === policy.name)?.wants ?? null;
    if (chosen?.alert.episode !== build.episode || wants === null) continue;
    asked = true;
    // As many as asked for, or as few: whether it came to that by this trigger alone does not matter to who sent it.
    if (wants >= made.from ? made.target >= wants : made.target <= wants) got = true;
  }
  if (!asked) return null;
  if (got && spec.mode === 'observe') return { kind: 'held', sentence: `${sentence} Nothing was done: the group only observes.`, atMs: made.atMs };
  return { kind: got ? 'acted' : 'held', sentence, atMs: made.atMs };
}
