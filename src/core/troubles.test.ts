import { describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import { whyNot } from './explain.ts';
import { group, instance, instances, settled, snapshot, T0, value } from './fixtures/group.ts';
import type { InstanceView } from './model/instance.ts';
import type { Snapshot, Trouble } from './model/snapshot.ts';

const trouble = (instance: string, more: Partial<Trouble> = {}): Trouble => ({
  code: 'BLOCKED_BALANCER',
  instance,
  detail: '/run/gone.sock: no such socket',
  nextTryMs: T0 + 20_000,
  ...more,
});
const warming = (n: number): InstanceView => instance(n, { state: 'warming', servingSinceMs: null });
const ask = (list: readonly InstanceView[], troubles: readonly Trouble[], more: Partial<Snapshot> = {}, target = list.length) => {
  const spec = group();
  const readings = { rps: value(100 * target) };
  return decide(spec, snapshot({ instances: list, readings, troubles, ...more }), settled(spec, target)).decision;
};

describe('steps that fail', () => {
  test('block a group whose members are missing because of them', () => {
    const d = ask([warming(1)], [trouble('web-1')]);
    expect(d).toMatchObject({
      outcome: 'blocked',
      reason: 'BLOCKED_BALANCER',
      sentence: 'Holding at 1, 0 serving: web-1 cannot join the balancer: /run/gone.sock: no such socket; next try at 08:00:20 UTC.',
      blocked: [{ code: 'BLOCKED_BALANCER', detail: 'web-1 cannot join the balancer: /run/gone.sock: no such socket', nextTryMs: T0 + 20_000 }],
    });
    expect(whyNot(d)[0]).toBe('web: 0 of 1 machine serves; it is blocked: web-1 cannot join the balancer: /run/gone.sock: no such socket.');
    expect(whyNot(d).at(-1)).toBe('This needs a look.');
  });
  test('are told, and hold nothing up, while enough serve', () => {
    const leaving = instance(9, { state: 'draining', removalCause: 'scale-in' });
    const d = ask([...instances(2), leaving], [trouble('web-9')], {}, 2);
    expect(d).toMatchObject({ outcome: 'hold', blocked: [{ detail: 'web-9 cannot leave the balancer: /run/gone.sock: no such socket' }] });
  });
  test('do not keep the group from acting', () => {
    const d = ask([warming(1)], [trouble('web-1')], { readings: { rps: value(300) } });
    expect(d).toMatchObject({ outcome: 'scale_out', target: 3 });
    expect(d.actions).toHaveLength(2);
    expect(d.blocked).toHaveLength(1);
  });
  test('a launch that is not held back by a refusal is not blocked by them', () => {
    expect(ask([warming(1)], [trouble('web-1')], {}, 2)).toMatchObject({ outcome: 'replace', actions: [{ kind: 'launch' }] });
  });
  test('equal ones are one, at most three are told, in an order of their own', () => {
    const list = [warming(1), warming(2), warming(3)];
    const some = [
      trouble('web-2', { nextTryMs: T0 + 5_000 }),
      trouble('web-1'),
      trouble('web-3', { code: 'BLOCKED_HOOK', detail: 'register: 500' }),
      trouble('web-3', { code: 'BLOCKED_BOOT', detail: 'connection refused', nextTryMs: null }),
      trouble('web-3', { code: 'BLOCKED_HOOK', detail: 'zzz' }),
    ];
    const d = ask(list, some);
    expect(d.blocked).toEqual([
      { code: 'BLOCKED_BALANCER', detail: 'web-1 and 1 more cannot join the balancer: /run/gone.sock: no such socket', nextTryMs: T0 + 5_000 },
      { code: 'BLOCKED_BOOT', detail: 'web-3 cannot become healthy: connection refused', nextTryMs: null },
      { code: 'BLOCKED_HOOK', detail: 'a hook of web-3 fails: register: 500', nextTryMs: T0 + 20_000 },
    ]);
    expect(JSON.stringify(ask(list, some.toReversed()))).toBe(JSON.stringify(d));
  });
  test('a paused group stays paused, and they are told', () => {
    const d = ask([warming(1)], [trouble('web-1')], { pause: { untilMs: null, by: 'ops', reason: null } });
    expect(d).toMatchObject({ outcome: 'hold', reason: 'HOLD_PAUSED' });
    expect(d.blocked).toHaveLength(1);
    expect(whyNot(d).at(-1)).toBe('This needs a look.');
  });
  test('no word is lost of a long one, but its length', () => {
    expect(ask([warming(1)], [trouble('web-1', { detail: 'x'.repeat(1000) })]).blocked[0]?.detail.length).toBeLessThan(400);
  });
});
