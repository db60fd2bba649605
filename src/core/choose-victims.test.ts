import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseVictims } from './choose-victims.ts';
import { group, instance, instances, MINUTE, T0 } from './fixtures/group.ts';
import type { InstanceView } from './model/instance.ts';

const spec = group();
const pick = (list: InstanceView[], count = 1, g = spec) => chooseVictims(g, list, count, T0).map((v) => `${v.instance.id}: ${v.why}`);

describe('order', () => {
  test.each<[string, InstanceView[], string]>([
    [
      'unhealthy before all',
      [instance(1, { state: 'booting' }), instance(2, { health: 'unhealthy', healthSinceMs: T0 - 42_000 }), instance(3)],
      'web-2: unhealthy for 42 s',
    ],
    ['then an outdated template', [instance(1, { state: 'booting' }), instance(2), instance(3, { templateId: 't0' })], 'web-3: outdated template'],
    ['then what does not serve yet', [instance(1), instance(2, { state: 'warming' }), instance(3)], 'web-2: not yet serving (warming)'],
    [
      'then the most crowded zone, there the least busy',
      [instance(1, { zone: 'a', sessions: 0 }), instance(2, { zone: 'b', sessions: 9 }), instance(3, { zone: 'b', sessions: 3 })],
      'web-3: most crowded zone b, 3 sessions',
    ],
    ['then the least busy', [instance(1, { sessions: 4 }), instance(2, { sessions: 1 }), instance(3, { sessions: null })], 'web-2: least busy, 1 session'],
    [
      'then the nearest to the end of its paid time',
      [instance(1, { paidUntilMs: T0 + 40 * MINUTE }), instance(2, { paidUntilMs: T0 + 4 * MINUTE })],
      'web-2: paid for another 4 min only',
    ],
    ['then the oldest', [instance(2), instance(1), instance(3)], 'web-1: oldest'],
    ['the only one', [instance(1)], 'web-1: the only one that may go'],
  ])('%s', (_, list, expected) => expect(pick(list)).toEqual([expected]));
  test('newest, and templates left alone, when asked', () => {
    const g = group({ lifecycle: { ...spec.lifecycle, removeFirst: 'newest', removeOutdatedFirst: false } });
    expect(pick([instance(1, { templateId: 't0' }), instance(2), instance(3)], 1, g)).toEqual(['web-3: newest']);
  });
  test('zones stay even over several choices', () => {
    const list = [...[1, 2, 3, 4].map((n) => instance(n, { zone: 'a' })), ...[5, 6].map((n) => instance(n, { zone: 'b' }))];
    expect(chooseVictims(spec, list, 4, T0).map((v) => v.instance.zone)).toEqual(['a', 'a', 'a', 'b']);
  });
});

test('protected, standby, detached and leaving ones are never chosen', () => {
  const list = [
    instance(1, { protected: true, health: 'unhealthy' }),
    instance(2, { standby: true }),
    instance(3, { detached: true }),
    instance(4, { state: 'draining' }),
    instance(5),
  ];
  expect(pick(list, 5)).toEqual(['web-5: the only one that may go']);
  expect(pick([], 3)).toEqual([]);
});

test('the order of the list decides nothing, each machine is chosen once, and asking for fewer gives the first of them', () => {
  const view = fc.record({
    n: fc.integer({ min: 1, max: 1_000 }),
    state: fc.constantFrom('booting' as const, 'serving' as const, 'warming' as const),
    health: fc.constantFrom('healthy' as const, 'unhealthy' as const),
    zone: fc.constantFrom(null, 'a', 'b'),
    sessions: fc.option(fc.integer({ min: 0, max: 3 })),
    paidUntilMs: fc.option(fc.integer({ min: T0, max: T0 + 3 })),
    createdAtMs: fc.integer({ min: T0 - 3, max: T0 }),
  });
  const list = fc.uniqueArray(view, { selector: (v) => v.n, maxLength: 12 });
  fc.assert(
    fc.property(list, fc.nat(), fc.nat(12), (views, seed, count) => {
      const all = views.map((v) => instance(v.n, v));
      const shuffled = [...all].sort((a, b) => ((a.n * 7919 + seed) % 101) - ((b.n * 7919 + seed) % 101));
      const ids = chooseVictims(spec, all, 12, T0).map((v) => v.instance.id);
      expect(chooseVictims(spec, shuffled, 12, T0).map((v) => v.instance.id)).toEqual(ids);
      expect(new Set(ids).size).toBe(all.length);
      expect(chooseVictims(spec, all, count, T0).map((v) => v.instance.id)).toEqual(ids.slice(0, count));
      for (const v of chooseVictims(spec, all, 12, T0)) expect(v.why).not.toBe('');
    }),
  );
});

test('a thousand machines are ranked in reasonable work', () => {
  expect(chooseVictims(spec, instances(1_000, { zone: 'a' }), 100, T0)).toHaveLength(100);
});
