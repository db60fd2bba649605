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
  /** Of a trigger: the episode it began with. */
  readonly episode?: string;
  /** Episodes of triggers that had their change, as long as they are told of. */
  readonly used?: readonly string[];
}

/** Label of a trigger: an alert that means one change and not a state that lasts. Its value is when it is over, Unix ms. */
export const ONCE_UNTIL = '__drover_once_until';

/** While an alert matches, a floor or one change per `every` (of a trigger: one). When it is resolved nothing is forced: the other policies lead back. */
export const alertPolicy: PolicyDefinition<AlertOptions> = {
  type: 'alert',
  title: 'React to an alert',
  summary: 'While an alert fires: at least so many machines, or one change per period. It has nothing to say without an alert.',
  options,
  metricsOf: () => [],
  canShrink: (o) => o.change !== null && (o.change.kind === 'to' || (o.change.kind === 'by' ? o.change.count < 0 : o.change.fraction < 0)),
  propose(context, o, memory) {
    const before = memory as unknown as AlertMemory | null;
    const running = underWay(o, context.alerts, context.atMs, before);
    const used = before?.used?.filter((episode) => context.alerts.some((alert) => alert.episode === episode)) ?? [];
    const chosen = alertChosen(o, context.alerts, context.atMs, memory);
    if (chosen === null) return { proposal: abstain(`${label(o)} is not firing`), memory: keep(running, before, used) };
    const { alert, fresh } = chosen;
    if (o.change === null) return { proposal: keepFloor(o, alert, context), memory: null };
    const next: AlertMemory = { atMs: context.atMs, size: applyChange(o.change, baseOf(o.change, context.target, running)) };
    const step = fresh ? { ...next, episode: alert.episode } : (running ?? next);
    const wants = step.size;
    const pace = isTrigger(alert) ? 'once' : `every ${formatDuration(o.every)}`;
    const arithmetic = `${alert.name} is firing: ${formatChange(o.change)} ${pace} → ${wants}`;
    // A step that adds keeps what it added and no more: if others want even more, it does not ask them to come back down.
    const floor = directionOf(o.change, context.target) >= 0 && o.change.kind !== 'to';
    return {
      proposal: proposal({ wants, floor, exact: wants, reason: 'ALERT_FIRING', arithmetic }),
      memory: keep(step, before, fresh ? [...used, alert.episode] : used),
    };
  },
};

/** The change that is still wanted: that of a trigger until the trigger is over, else for `every`. */
function underWay(o: AlertOptions, alerts: readonly AlertView[], atMs: number, before: AlertMemory | null): AlertMemory | null {
  if (before === null) return null;
  if (before.episode === undefined) return atMs - before.atMs < o.every && atMs >= before.atMs ? before : null;
  return alerts.some((alert) => alert.episode === before.episode && alertCounts(alert, o, atMs)) ? before : null;
}

/** A trigger that comes while the change of another is still under way adds to that one: each is worth its change. */
function baseOf(change: Change, target: number, running: AlertMemory | null): number {
  if (running?.episode === undefined) return target;
  return directionOf(change, target) < 0 ? Math.min(target, running.size) : Math.max(target, running.size);
}

function keepFloor(o: AlertOptions, alert: AlertView, context: PolicyContext): PolicyProposal {
  const min = o.while_firing?.min ?? 0;
  const arithmetic = `${alert.name} is firing ${formatSince(alert.startsAtMs, context.atMs)}: at least ${min}`;
  return proposal({ wants: min, floor: true, exact: min, reason: 'ALERT_FIRING', arithmetic });
}

/**
 * The alert that the policy answers: the oldest trigger that had no change yet (`fresh`), else the matching episode heard of last.
 * Of the triggers that had their change the newest counts on, so that limits may take it in pieces. The snapshot's order decides nothing.
 */
export function alertChosen(
  o: AlertOptions,
  alerts: readonly AlertView[],
  atMs: number,
  memory: Json,
): { readonly alert: AlertView; readonly fresh: boolean } | null {
  const before = memory as unknown as AlertMemory | null;
  let last: AlertView | null = null;
  let fresh: AlertView | null = null;
  for (const alert of alerts) {
    if (!alertCounts(alert, o, atMs)) continue;
    if (o.change !== null && isTrigger(alert)) {
      if (!before?.used?.includes(alert.episode)) {
        if (fresh === null || alert.startsAtMs < fresh.startsAtMs || (alert.startsAtMs === fresh.startsAtMs && alert.episode < fresh.episode)) fresh = alert;
        continue;
      }
      if (before.episode !== alert.episode) continue;
    }
    if (last === null || alert.lastHeardMs > last.lastHeardMs || (alert.lastHeardMs === last.lastHeardMs && alert.episode < last.episode)) last = alert;
  }
  if (fresh !== null) return { alert: fresh, fresh: true };
  return last === null ? null : { alert: last, fresh: false };
}

/** Does the policy react to this alert at that time (Unix ms)? */
export function alertCounts(alert: AlertView, o: AlertOptions, atMs: number): boolean {
  if (isTrigger(alert) && !(atMs < Number(alert.labels[ONCE_UNTIL]))) return false;
  return atMs - alert.lastHeardMs <= o.valid_for && matches(alert, o);
}

function isTrigger(alert: AlertView): boolean {
  return Object.hasOwn(alert.labels, ONCE_UNTIL);
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

/** The same object where nothing changed. */
function keep(step: AlertMemory | null, before: AlertMemory | null, used: readonly string[]): Json {
  const same = used.length === (before?.used?.length ?? 0);
  if (step !== null && step === before && same) return step as unknown as Json;
  if (used.length === 0) return (step === null ? null : withoutUsed(step)) as unknown as Json;
  const basis = step ?? before;
  if (basis === before && same) return before as unknown as Json;
  return { ...basis, used } as unknown as Json;
}

function withoutUsed({ atMs, size, episode }: AlertMemory): AlertMemory {
  return { atMs, size, ...(episode === undefined ? {} : { episode }) };
}
