import type { AlertRow, ControlChange, InboundAlert, NewEvent } from '../ports/ports.ts';
import { keyOf, MOST_FIRING } from './alert-book.ts';
import { alertDetail } from './alert-detail.ts';
import type { Engine } from './engine.ts';
import type { ReceiveResult } from './operations.ts';

/** An episode first heard later than this after it began is a replay, not news, ms. */
const REPLAY_MS = 24 * 3_600_000;
/** The first alert is acted on at once; a storm of them is one look now and then, ms. */
const ALERT_GAP_MS = 1_000;

/**
 * Alerts by episode: repeats refresh, a resolve ends it for good, and what comes late or out of order changes nothing.
 * Effect, events and the delivery's key are one transaction.
 */
export function receiveAlerts(engine: Engine, receiver: string, alerts: readonly InboundAlert[], deliveryId: string | null): Promise<ReceiveResult> {
  // One after the other: what a delivery means depends on what the ones before it have written.
  return engine.receiving.run(() => receiveNow(engine, receiver, alerts, deliveryId));
}

async function receiveNow(engine: Engine, receiver: string, alerts: readonly InboundAlert[], deliveryId: string | null): Promise<ReceiveResult> {
  const { ctx } = engine;
  const now = ctx.clock.wall();
  const count = { fired: 0, refreshed: 0, resolved: 0, ignored: 0 };
  const changes: ControlChange[] = [];
  const events: NewEvent[] = [];
  const next = new Map<string, AlertRow>();
  engine.alerts.forget(now - REPLAY_MS);
  for (const told of alerts) {
    const a = told.startUnknown ? placed(engine, receiver, told, next) : told;
    const key = keyOf(receiver, a.episode);
    const known = next.get(key) ?? engine.alerts.get(receiver, a.episode);
    const effect = effectOf(a, known, engine, receiver, now, count.fired);
    count[effect.kind]++;
    const event: NewEvent = {
      atMs: now,
      group: null,
      type: `alert.${effect.kind}`,
      actor: `receiver:${receiver}`,
      data: { receiver, name: a.name, episode: a.episode, ...(effect.why ? { why: effect.why } : {}) },
    };
    if (!effect.row) {
      events.push(event);
      continue;
    }
    next.set(key, effect.row);
    // Another controller of the store may have heard it, too: the event belongs to the change, not to the delivery.
    changes.push({ kind: 'alert', alert: effect.row, ...(effect.kind === 'refreshed' ? {} : { event }) });
  }
  const once = deliveryId === null ? undefined : { key: `delivery:${receiver}:${deliveryId}`, atMs: now };
  const fresh = await ctx.store.control(changes, events, once);
  if (!fresh) return { fired: 0, refreshed: 0, resolved: 0, ignored: 0, duplicate: true, groups: [] };
  // What another controller resolved meanwhile stays so.
  for (const row of next.values()) if (engine.alerts.get(receiver, row.episode)?.status !== 'resolved') engine.alerts.set(row);
  const groups = listening(engine, receiver);
  if (count.fired + count.resolved > 0) for (const g of groups) engine.wake(g, ALERT_GAP_MS);
  return { ...count, duplicate: false, groups };
}

/** Senders that name no start: an open episode of the alert goes on, else a firing one begins now. */
function placed(engine: Engine, receiver: string, a: InboundAlert, next: ReadonlyMap<string, AlertRow>): InboundAlert {
  const isOpen = (row: AlertRow): boolean => row.status === 'firing' && row.episode.startsWith(`${a.episode}/`);
  const known = engine.alerts.episodesOf(receiver, `${a.episode}/`);
  const open = [...next.values()].find(isOpen) ?? [...known].find((row) => isOpen(next.get(keyOf(receiver, row.episode)) ?? row));
  if (open) return { ...a, episode: open.episode, startsAtMs: open.startsAtMs };
  return { ...a, episode: `${a.episode}/${a.startsAtMs}` };
}

type Effect = { kind: 'fired' | 'refreshed' | 'resolved' | 'ignored'; row: AlertRow | null; why?: string };

function effectOf(a: InboundAlert, known: AlertRow | undefined, engine: Engine, receiver: string, now: number, opening: number): Effect {
  const row: AlertRow = {
    receiver,
    episode: a.episode,
    status: a.status,
    name: a.name,
    labels: a.labels,
    startsAtMs: a.startsAtMs,
    lastHeardMs: now,
    resolvedAtMs: a.status === 'resolved' ? (a.endsAtMs ?? now) : null,
    ...alertDetail(a),
  };
  if (a.status === 'resolved') {
    if (known?.status === 'resolved') return { kind: 'ignored', row: null, why: 'resolved already' };
    // A resolve that overtook its alert is kept, so that the alert finds it.
    return known ? { kind: 'resolved', row } : { kind: 'ignored', row, why: 'resolved before it was heard firing' };
  }
  if (known?.status === 'resolved') return { kind: 'ignored', row: null, why: 'this episode was resolved' };
  if (known) return { kind: 'refreshed', row };
  if (now - a.startsAtMs > REPLAY_MS) return { kind: 'ignored', row: null, why: 'it began more than 24 h ago and was never heard of' };
  const newer = newestStart(engine, receiver, a.episode);
  if (newer !== null && newer > a.startsAtMs) return { kind: 'ignored', row: null, why: 'a later episode of this alert is known' };
  if (engine.alerts.open + opening >= MOST_FIRING) return { kind: 'ignored', row: null, why: `${MOST_FIRING} alerts fire already: more are not kept` };
  return { kind: 'fired', row };
}

/** Start of the newest known episode of the same alert, Unix ms. */
function newestStart(engine: Engine, receiver: string, episode: string): number | null {
  if (!episode.includes('/')) return null;
  let newest: number | null = null;
  for (const row of engine.alerts.episodesOf(receiver, episode)) if (newest === null || row.startsAtMs > newest) newest = row.startsAtMs;
  return newest;
}

/** Groups with a policy that may listen to this receiver. */
function listening(engine: Engine, receiver: string): string[] {
  const groups: string[] = [];
  for (const runner of engine.runners.values()) {
    const hears = runner.state.row.spec.policies.some((p) => {
      if (p.type !== 'alert') return false;
      const wanted = (p.options as { receiver?: string | null }).receiver;
      return wanted === undefined || wanted === null || wanted === receiver;
    });
    if (hears) groups.push(runner.name);
  }
  return groups;
}
