import { z } from 'zod';
import type { Json } from '../model/json.ts';
import type { AlertView } from '../model/snapshot.ts';
import { type Change, change, duration, formatChange, formatDuration, formatSince } from '../units.ts';
import { applyChange, directionOf } from './apply-change.ts';
import { abstain, type PolicyContext, type PolicyDefinition, type PolicyProposal, proposal } from './policy.ts';

export interface AlertOptions {
  readonly alert: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly receiver: string | null;
  readonly while_firing: { readonly min: number } | null;
  readonly change: Change | null;
  readonly every: number;
  readonly valid_for: number;
}

const options = z
  .strictObject({
    alert: z.string().min(1).nullable().prefault(null).describe('Name of the alert (its `alertname`). Write this, `labels` or both.'),
    labels: z.record(z.string(), z.string()).prefault({}).describe('Labels the alert must carry, each with exactly this value.'),
    receiver: z.string().min(1).nullable().prefault(null).describe('Only alerts that came in through this receiver. Default: any.'),
    while_firing: z
      .strictObject({ min: z.number().int().min(1).max(1_000_000).describe('At least this many machines while the alert fires.') })
      .nullable()
      .prefault(null)
      .describe('A size to keep while the alert fires. Write this or `change`.'),
    change: change().nullable().prefault(null).describe('One change per `every` while the alert fires: `+2`, `-1`, `+30%`, `to 5`.'),
    every: duration({ min: '10s', max: '7d' }).prefault('5m').describe('Time between two changes while it goes on firing. 10s to 7d; default 5m.'),
    valid_for: duration({ min: '1m', max: '30d' })
      .prefault('5h')
      .describe('An alert not heard of for this long counts as over, should no resolve come. 1m to 30d; default 5h.'),
  })
  .refine((o) => o.alert !== null || Object.keys(o.labels).length > 0, { message: 'write `alert` (its name), `labels` or both', path: ['alert'] })
  .refine((o) => (o.while_firing === null) !== (o.change === null), { message: 'write `while_firing: { min: 6 }`, or `change` with `every`' });

/** The change under way: it is wanted until `every` has passed, so that limits may take it in pieces. */
interface AlertMemory {
  readonly atMs: number;
  readonly size: number;
}

/** While an alert matches, a floor or one change per `every`. When it is resolved nothing is forced: the other policies lead back. */
export const alertPolicy: PolicyDefinition<AlertOptions> = {
  type: 'alert',
  title: 'React to an alert',
  summary: 'While an alert fires: at least so many machines, or one change per period. It has nothing to say without an alert.',
  options,
  metricsOf: () => [],
  canShrink: (o) => o.change !== null && (o.change.kind === 'to' || (o.change.kind === 'by' ? o.change.count < 0 : o.change.fraction < 0)),
  propose(context, o, memory) {
    const before = memory as unknown as AlertMemory | null;
    const running = before !== null && context.atMs - before.atMs < o.every && context.atMs >= before.atMs ? before : null;
    const alert = firing(context, o);
    if (alert === null) return { proposal: abstain(`${label(o)} is not firing`), memory: keep(running) };
    if (o.change === null) return { proposal: keepFloor(o, alert, context), memory: null };
    const step = running ?? { atMs: context.atMs, size: applyChange(o.change, context.target) };
    const wants = step.size;
    const arithmetic = `${alert.name} is firing: ${formatChange(o.change)} every ${formatDuration(o.every)} → ${wants}`;
    // A step that adds keeps what it added and no more: if others want even more, it does not ask them to come back down.
    const floor = directionOf(o.change, context.target) >= 0 && o.change.kind !== 'to';
    return { proposal: proposal({ wants, floor, exact: wants, reason: 'ALERT_FIRING', arithmetic }), memory: keep(step) };
  },
};

function keepFloor(o: AlertOptions, alert: AlertView, context: PolicyContext): PolicyProposal {
  const min = o.while_firing?.min ?? 0;
  const arithmetic = `${alert.name} is firing ${formatSince(alert.startsAtMs, context.atMs)}: at least ${min}`;
  return proposal({ wants: min, floor: true, exact: min, reason: 'ALERT_FIRING', arithmetic });
}

/** The matching episode heard of last; the snapshot's order decides nothing. */
function firing(context: PolicyContext, o: AlertOptions): AlertView | null {
  let found: AlertView | null = null;
  for (const alert of context.alerts) {
    if (context.atMs - alert.lastHeardMs > o.valid_for || !matches(alert, o)) continue;
    if (found === null || alert.lastHeardMs > found.lastHeardMs || (alert.lastHeardMs === found.lastHeardMs && alert.episode < found.episode)) found = alert;
  }
  return found;
}

function matches(alert: AlertView, o: AlertOptions): boolean {
  if (o.alert !== null && alert.name !== o.alert) return false;
  if (o.receiver !== null && alert.receiver !== o.receiver) return false;
  for (const key in o.labels) if (alert.labels[key] !== o.labels[key]) return false;
  return true;
}

function label(o: AlertOptions): string {
  return o.alert ?? `an alert with ${Object.keys(o.labels).sort().join(', ')}`;
}

function keep(memory: AlertMemory | null): Json {
  return memory as unknown as Json;
}
