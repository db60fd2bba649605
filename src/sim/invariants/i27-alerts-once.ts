import type { EventRow } from '../../ports/ports.ts';
import type { Invariant } from '../watch.ts';
import type { SimWorld } from '../world.ts';
import { textOf } from './ground-truth.ts';

/** An episode first heard later than this after it began is a replay, ms. */
const REPLAY_MS = 24 * 3_600_000;
/** Clocks of controllers differ by so much, ms. */
const SKEW_MS = 60_000;

/** Senders repeat, reorder and replay; the effect is one. */
export const alertsOnce: Invariant = {
  id: 'I27',
  title: 'Alerts count once: an episode fires once, never after it was resolved, and never out of its time',
  open(world, fail) {
    const fired = new Set<string>();
    const resolved = new Set<string>();
    let seq = 0;
    const look = (): void => {
      if (world.data.head.seq === seq) return;
      for (const event of eventsAfter(world, seq)) {
        const wrong = event.type === 'alert.fired' ? firedWrongly(event, fired, resolved) : null;
        if (wrong) fail(wrong);
      }
      seq = world.data.head.seq;
    };
    return {
      restored: () => {
        fired.clear();
        resolved.clear();
        seq = world.data.head.seq;
      },
      commit: look,
      acknowledged: (what) => {
        look();
        if (what.kind === 'alert' && what.status === 'resolved') resolved.add(`${what.receiver} ${what.episode}`);
      },
      ended: look,
    };
  },
};

function firedWrongly(event: EventRow, fired: Set<string>, resolved: ReadonlySet<string>): string | null {
  const episode = textOf(event, 'episode');
  const key = `${textOf(event, 'receiver')} ${episode}`;
  if (resolved.has(key)) return `${episode} fires after it was resolved`;
  if (fired.has(key)) return `${episode} fires a second time`;
  fired.add(key);
  const startsAtMs = Number(episode.slice(episode.lastIndexOf('/') + 1));
  return event.atMs - startsAtMs > REPLAY_MS + SKEW_MS ? `${episode} fires ${(event.atMs - startsAtMs) / 3_600_000} h after it began` : null;
}

/** Newest last. */
function eventsAfter({ data }: SimWorld, seq: number): readonly EventRow[] {
  const { events } = data;
  let first = events.length;
  while (first > 0 && (events[first - 1]?.seq ?? 0) > seq) first--;
  return events.slice(first);
}
