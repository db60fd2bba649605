import type { ReasonCode } from './model/reasons.ts';

/** What an operator should know of a guard: `drover explain CODE` and the reference are made from this. */
export interface GuardNote {
  /** Keys in the configuration, below the group; empty where nothing is configured. */
  readonly keys: readonly string[];
  /** Default as it would be written. */
  readonly default: string | null;
  /** What it does and what to do about it. */
  readonly meaning: string;
}

const note = (keys: readonly string[], preset: string | null, meaning: string): GuardNote => ({ keys, default: preset, meaning });

export const GUARD_NOTES: Readonly<Partial<Record<ReasonCode, GuardNote>>> = {
  LIMIT_MIN: note(['min'], null, 'The group never has fewer than min. Being at min is not an alarm.'),
  LIMIT_MAX: note(['max'], null, 'The target never passes max. Wanting more than max for minutes means the group is too small for its load.'),
  LIMIT_STEP: note(
    ['limits.scale_out.step', 'limits.scale_in.step'],
    'max(4, 100%) out, max(1, 20%) in',
    'The largest change in one period; shares round away from nothing and are at least one machine. What moved in the period counts.',
  ),
  HOLD_RATE: note(
    ['limits.scale_out.every', 'limits.scale_in.every'],
    '30s out, 60s in',
    'The step of this period is used up, or the group grew so recently that shrinking waits (scale_out.every).',
  ),
  HOLD_QUIET: note(
    ['limits.scale_in.after_quiet'],
    '5m',
    'It shrinks only to the highest size wanted in this window, and only when at least 80 % of the window is known and no metric was missing in it.',
  ),
  HOLD_WARMUP: note(['lifecycle.warmup'], null, 'While machines start, the load of each is not yet what it will be, so nothing is removed.'),
  HOLD_FLAP: note(
    ['limits.flap_check'],
    'true',
    'At the new size the same load would at once call for the opposite change; the nearest size that would not is taken, or none.',
  ),
  LIMIT_BUDGET: note(['limits.budget'], null, 'Money stops growth. It removes nothing and never keeps the group from refilling to min.'),
  LIMIT_RATE: note(['limits.launches_per_hour'], null, 'At most this many launches in a sliding hour, replacements included.'),
  HOLD_BACKOFF: note(
    [],
    '15 s doubled per failure, at most 30 min',
    'Launches failed. Each class of failure (capacity, quota, credentials, boot, …) waits on its own; success ends it; then one machine is tried first. A controller that takes a group over launches nothing before it has read one whole list of machines: after a restore from a backup there may be machines that the books do not know.',
  ),
  HOLD_BRAKE: note(
    ['limits.brake'],
    '30% and 3',
    'So many members are unhealthy, or a list is so incomplete, that the check is doubted: nothing is replaced and nothing shrinks. Off again below half.',
  ),
  LIMIT_DESTRUCTION: note(
    ['limits.destruction'],
    'in 5m: max(1, 10%) replacements, max(2, 50%) of all causes',
    'The most that is deleted in a window, sizes a person asks for (`drover scale`) included. The share is of the machines there are, or were when the window began if that was more. Machines a person names (drain, replace, delete) are counted apart.',
  ),
  HOLD_APPROVAL: note(
    ['limits.approve.scale_in', 'limits.approve.scale_out'],
    'never',
    'The whole intended change is larger than may happen without a person.',
  ),
  HOLD_FREEZE: note(['freezes'], 'none', 'A freeze or maintenance window is open; wishes are recorded, nothing is changed.'),
  HOLD_OBSERVE: note(['mode'], 'act', 'The group decides and records and has no way to act. Write `mode: act` to let it.'),
  HOLD_PAUSED: note([], null, 'A person paused the group. `drover resume` ends it; a pause ends by itself at its time.'),
  HOLD_METRIC_MISSING: note(['metrics.*.if_missing'], 'hold', 'Missing is never zero: other metrics may still grow the group, nothing may shrink it.'),
  HOLD_METRIC_OLD: note(
    ['metrics.*.max_age', 'metrics.*.stuck_after'],
    '3 × evaluate_every, at least 60s',
    'The newest sample is too old, or the value has not moved for too long.',
  ),
  HOLD_COLLAPSE: note(
    ['limits.collapse_guard'],
    '50%',
    'The metric fell by more than this at once while the machines stayed; believed once it has lasted for after_quiet.',
  ),
  HOLD_TOLERANCE: note(['policies.*.tolerance'], '10%', 'Nothing to change: the load is what the machines should carry, or no policy asks for a change.'),
  HOLD_IN_PROGRESS: note([], null, 'Machines of earlier decisions are starting or leaving.'),
  HOLD_NOT_LEADER: note([], null, 'Another controller holds the lease of this group and acts for it.'),
  LIMIT_SPREAD: note(['spread'], 'none', 'The zones cannot be kept even.'),
};
