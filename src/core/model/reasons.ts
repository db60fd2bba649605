/** The closed list of reason codes. `drover explain CODE`, the docs and the dashboards come from it. */
export const REASONS = {
  // moves
  ABOVE_TARGET: 'A metric is above what the present machines should carry.',
  BELOW_TARGET: 'Every policy agrees that fewer machines carry the load.',
  STEP_CROSSED: 'A metric stayed beyond a step band for its time.',
  SCHEDULE_FLOOR: 'A schedule asks for at least this many now.',
  FORECAST_FLOOR: 'The forecast asks for at least this many soon.',
  ALERT_FIRING: 'An alert that a policy listens to is firing.',
  QUEUE_BEHIND: 'The queue would not drain in its goal time.',
  MANUAL: 'A person asked for this size.',
  REPLACE_UNHEALTHY: 'A machine stopped being healthy and is replaced.',
  REPLACE_OLD: 'A machine passed its maximum age or has an outdated template and is replaced.',
  DRIFT: 'The number of machines differs from the target although the target stands: some failed, vanished or came from elsewhere; it is repaired.',
  ADOPTED: 'Existing machines were taken over.',
  CONFIG_CHANGED: 'The configuration changed what is allowed or wanted.',
  // holds
  HOLD_TOLERANCE: 'The metric is within tolerance of its target, or nothing asks for a change.',
  HOLD_QUIET: 'It must stay quiet for a while before machines are removed.',
  HOLD_RATE: 'The last step was too recent.',
  HOLD_WARMUP: 'New machines are still warming; removing now would judge half-told load.',
  HOLD_IN_PROGRESS: 'Earlier changes are still being carried out.',
  HOLD_PAUSED: 'A person paused the group.',
  HOLD_OBSERVE: 'The group is in observe mode: it decides and records, and cannot act.',
  HOLD_NOT_LEADER: 'Another controller looks after this group.',
  HOLD_METRIC_MISSING: 'A metric is missing; missing never removes machines.',
  HOLD_METRIC_OLD: 'A metric is too old; old data never removes machines.',
  HOLD_COLLAPSE: 'A metric fell suddenly with nothing to explain it; taken for an outage until it persists.',
  HOLD_BRAKE: 'Too many machines look unhealthy at once; the check itself may be sick.',
  HOLD_FLAP: 'The change would at once call for the opposite change.',
  HOLD_APPROVAL: 'The change is large enough to need a person’s approval.',
  HOLD_FREEZE: 'A freeze or maintenance window is open.',
  HOLD_BACKOFF: 'Launches wait: recent ones failed, or the cloud has not told yet which machines there are.',
  // limits
  LIMIT_MIN: 'Raised to the minimum.',
  LIMIT_MAX: 'Cut to the maximum.',
  LIMIT_STEP: 'Cut to the largest step allowed at once.',
  LIMIT_RATE: 'Cut to the launch rate.',
  LIMIT_BUDGET: 'Cut to the money budget.',
  LIMIT_SPREAD: 'Cut because the zones cannot be kept even.',
  LIMIT_DESTRUCTION: 'Cut to the destruction budget.',
  // blocked
  BLOCKED_QUOTA: 'The cloud refused: an account limit is reached.',
  BLOCKED_NO_STOCK: 'The cloud refused: no capacity of this kind there.',
  BLOCKED_AUTH: 'The cloud refused the credentials.',
  BLOCKED_RATE: 'The cloud refused: too many calls.',
  BLOCKED_PROVIDER: 'The cloud failed or could not be reached.',
  BLOCKED_HOOK: 'A hook failed.',
  BLOCKED_BALANCER: 'The balancer failed or could not be reached.',
  BLOCKED_BOOT: 'A machine did not become healthy in time.',
} as const;
export type ReasonCode = keyof typeof REASONS;
export type HoldCode = Extract<ReasonCode, `HOLD_${string}`>;
export type LimitCode = Extract<ReasonCode, `LIMIT_${string}`>;
export type BlockedCode = Extract<ReasonCode, `BLOCKED_${string}`>;
