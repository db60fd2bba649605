import { alertPolicy } from './alert.ts';
import { formulaPolicy } from './formula.ts';
import type { PolicyDefinition } from './policy.ts';
import { schedulePolicy } from './schedule.ts';
import { stepPolicy } from './step.ts';
import { targetPolicy } from './target.ts';

/** By type. Policies of the user's own are added to a copy by whoever wires the program. */
export type PolicyTable = Readonly<Record<string, PolicyDefinition>>;

/** Every built-in kind a user can write; `manual` is not written but asked for by a person. */
export const POLICIES: PolicyTable = {
  target: targetPolicy as PolicyDefinition,
  step: stepPolicy as PolicyDefinition,
  schedule: schedulePolicy as PolicyDefinition,
  alert: alertPolicy as PolicyDefinition,
  formula: formulaPolicy as PolicyDefinition,
};
