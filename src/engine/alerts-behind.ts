import { type AlertOptions, alertCounts } from '../core/policies/alert.ts';
import type { HookAlert, InstanceRow } from '../ports/ports.ts';
import type { EngineContext } from './context.ts';

/** Alerts told to a hook; more say nothing that a step could use. */
const MOST_ALERTS = 100;

/**
 * The alerts that the launch of this instance answers: those that an alert policy with a say in the decision reacted to. What of an
 * alert is kept beside the decision (annotations, origin) is as last heard. Empty for a launch by other policies, by hand or for a loss.
 */
export async function alertsBehind(ctx: Pick<EngineContext, 'store' | 'alert'>, row: InstanceRow): Promise<readonly HookAlert[]> {
  if (row.launchedBy === null) return [];
  const found = await ctx.store.decision(row.launchedBy);
  if (found === null) return []; // older than history is kept
  const { spec, snapshot } = found.first;
  const speaking = new Set(found.row.decision.proposals.filter((p) => p.reason === 'ALERT_FIRING' && !p.abstains && !p.advisory).map((p) => p.policy));
  const policies = spec.policies.filter((p) => p.type === 'alert' && speaking.has(p.name)).map((p) => p.options as unknown as AlertOptions);
  return snapshot.alerts
    .filter((alert) => policies.some((options) => alertCounts(alert, options, snapshot.atMs)))
    .slice(0, MOST_ALERTS)
    .map(({ receiver, episode, name, labels, startsAtMs }) => {
      const kept = ctx.alert(receiver, episode);
      return { episode, name, labels, startsAtMs, annotations: kept?.annotations ?? {}, origin: kept?.origin ?? null };
    });
}
