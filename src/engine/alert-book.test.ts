import { expect, test } from 'vitest';
import { SimGroup, START_MS } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import type { AlertRow, InboundAlert } from '../ports/ports.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { AlertBook, MOST_FIRING } from './alert-book.ts';

function row(episode: string, over: Partial<AlertRow> = {}): AlertRow {
  return { receiver: 'am', episode, status: 'firing', name: 'High', labels: {}, startsAtMs: START_MS, lastHeardMs: START_MS, resolvedAtMs: null, ...over };
}

test('finds the episodes of one alert, counts what fires, and forgets what is long over', () => {
  const book = new AlertBook(new VirtualClock(START_MS, async () => {}));
  for (let i = 0; i < 1_000; i++) book.set(row(`other${i}/1`));
  book.set(row('a/1', { status: 'resolved', startsAtMs: 1 }));
  book.set(row('a/2', { lastHeardMs: START_MS + 5 }));
  book.set(row('a/2', { lastHeardMs: START_MS + 5 }));
  expect([...book.episodesOf('am', 'a/9')].map((r) => r.episode)).toEqual(['a/1', 'a/2']);
  expect([...book.episodesOf('grafana', 'a/9')]).toEqual([]);
  expect([book.size, book.open]).toEqual([1_002, 1_001]);
  expect(book.firing()[0]?.episode).toBe('a/2');
  book.forget(START_MS);
  expect(book.get('am', 'a/1')).toBeUndefined();
  expect([...book.episodesOf('am', 'a/1')].map((r) => r.episode)).toEqual(['a/2']);
});

test('keeps no more alerts than any policy could use, and says so', async () => {
  const sim = await SimGroup.open(groupSpec());
  await sim.start();
  const many = (from: number, n: number): InboundAlert[] =>
    Array.from({ length: n }, (_, i) => ({
      status: 'firing',
      episode: `f${from + i}/1`,
      name: 'High',
      labels: {},
      annotations: {},
      startsAtMs: sim.clock.wall(),
      endsAtMs: null,
    }));
  expect(await sim.operating.receive('am', many(0, MOST_FIRING - 1), null)).toMatchObject({ fired: MOST_FIRING - 1, ignored: 0 });
  expect(await sim.operating.receive('am', many(MOST_FIRING, 5), null)).toMatchObject({ fired: 1, ignored: 4 });
  expect(sim.engine.alerts.open).toBe(MOST_FIRING);
  const [event] = await sim.store.events({ type: 'alert.ignored' }, { before: null, limit: 1 });
  expect(JSON.stringify(event?.data)).toContain('more are not kept');
});

test('an alert that nobody ends is forgotten once no policy can believe it any more', async () => {
  const clock = new VirtualClock(START_MS, async () => {});
  const book = new AlertBook(clock);
  book.set(row('a/1'));
  await clock.advance(29 * 86_400_000);
  book.set(row('b/1', { lastHeardMs: clock.wall() }));
  book.forget(0);
  expect(book.open).toBe(2);
  await clock.advance(2 * 86_400_000);
  book.forget(0);
  expect([book.open, book.firing().map((r) => r.episode)]).toEqual([1, ['b/1']]);
});
