import { describe, expect, test } from 'vitest';
import { countInstances } from './counts.ts';
import { group, instance, instances, LIMITS, MINUTE, settled, snapshot, T0 } from './fixtures/group.ts';
import type { PlannedAction } from './model/decision.ts';
import type { GroupSpec } from './model/group.ts';
import type { InstanceView } from './model/instance.ts';
import type { GroupMemory, Snapshot } from './model/snapshot.ts';
import { plan } from './plan.ts';

interface Setting {
  readonly target: number;
  readonly from?: number;
  readonly spec?: Partial<GroupSpec>;
  readonly memory?: Partial<GroupMemory>;
  readonly snap?: Partial<Snapshot>;
}
function make(list: readonly InstanceView[], { target, from = target, spec = {}, memory = {}, snap = {} }: Setting) {
  const g = group(spec);
  return plan({
    spec: g,
    snapshot: snapshot({ instances: list, ...snap }),
    memory: settled(g, target, memory),
    counts: countInstances(list),
    from,
    target,
    byMinimum: false,
  });
}
const words = (actions: readonly PlannedAction[]) =>
  actions.map((a) =>
    a.kind === 'launch' ? `+${a.cause}${a.zone === null ? '' : ` ${a.zone}`}${a.replaces === null ? '' : ` for ${a.replaces}`}` : `-${a.instance} ${a.cause}`,
  );
const sick = (n: number, more: Partial<InstanceView> = {}) => instance(n, { health: 'unhealthy', healthSinceMs: T0 - 42_000, ...more });
const booting = (n: number, more: Partial<InstanceView> = {}) => instance(n, { state: 'booting', servingSinceMs: null, ...more });

describe('launching', () => {
  test('nothing to do', () => expect(make(instances(4), { target: 4 })).toMatchObject({ actions: [], needed: 0, reached: true }));
  test('what the target grew by, and what is gone', () => {
    expect(words(make(instances(4), { target: 6, from: 4 }).actions)).toEqual(['+scale-out', '+scale-out']);
    expect(words(make(instances(3), { target: 6, from: 4 }).actions)).toEqual(['+drift', '+scale-out', '+scale-out']);
    expect(words(make(instances(3), { target: 4 }).actions)).toEqual(['+drift']);
    expect(words(make(instances(3), { target: 4, memory: { reached: false } }).actions)).toEqual(['+scale-out']);
  });
  test('what is on its way counts', () => expect(make([...instances(3), booting(9)], { target: 4 }).actions).toEqual([]));
  test('standby, detached and leaving ones do not', () => {
    const list = [instance(1), instance(2, { standby: true }), instance(3, { detached: true }), instance(4, { state: 'draining' })];
    expect(words(make(list, { target: 2 }).actions)).toEqual(['+drift']);
  });
  test('zones stay even, the first written of equals first', () => {
    const spec = { spread: ['a', 'b', 'c'] };
    expect(words(make([], { target: 4, from: 0, spec }).actions)).toEqual(['+scale-out a', '+scale-out b', '+scale-out c', '+scale-out a']);
    expect(words(make([instance(1, { zone: 'a' }), instance(2, { zone: 'b' })], { target: 4, from: 2, spec }).actions)).toEqual([
      '+scale-out c',
      '+scale-out a',
    ]);
  });
  test('living machines pass max by the surge at most, while others leave slowly', () => {
    const leaving = [11, 12, 13].map((n) => instance(n, { state: 'draining' }));
    const result = make([...instances(7), ...leaving], { target: 10, from: 7, spec: { max: 10 } });
    expect(words(result.actions)).toEqual(['+scale-out']);
    expect(result).toMatchObject({ reached: false, holds: [{ code: 'HOLD_IN_PROGRESS', from: 10, to: 8 }] });
  });
});

describe('why a machine is missing', () => {
  const after = (more: Partial<GroupMemory>, list: readonly InstanceView[] = instances(3)) => {
    const [action] = make(list, { target: 4, memory: more }).actions;
    return action?.kind === 'launch' ? (action.after ?? 'gone') : null;
  };
  const failed = { boot: { failures: 1, lastMs: T0 - MINUTE, nextTryMs: T0 - 1, code: 'BLOCKED_BOOT' as const, detail: 'late' } };
  test('no trace of ours: it is gone', () => expect(after({})).toBe('gone'));
  test('a failed launch, or a machine given up', () => {
    expect(after({ backoff: failed })).toBe('failure');
    expect(after({ destroyed: [{ atMs: T0 - 1_000, cause: 'boot-failed' }], launched: [T0 - MINUTE] })).toBe('failure');
    expect(after({}, [...instances(3), instance(9, { state: 'draining', sinceMs: T0 - 1_000, removalCause: 'boot-failed' })])).toBe('failure');
  });
  test('a removal a person asked for', () => expect(after({ destroyed: [{ atMs: T0 - 1_000, cause: 'forced' }] })).toBe('removal'));
  test('what was made up for since is no cause', () => {
    const born = instance(4, { createdAtMs: T0 - MINUTE });
    const memory = { destroyed: [{ atMs: T0 - 2 * MINUTE, cause: 'boot-failed' as const }], launched: [T0 - MINUTE] };
    expect(after(memory, [instance(1), instance(2), born])).toBe('gone');
  });
  test('a launch whose machine is not there: unknown', () =>
    expect(after({ launched: [T0 - MINUTE] }, instances(3, { createdAtMs: T0 - 120 * MINUTE }))).toBe('unknown'));
});

describe('removing', () => {
  test('the surplus, with reasons, down to the healthy members wanted', () => {
    const result = make(instances(4), { target: 3, from: 4 });
    expect(result.actions).toEqual([{ kind: 'remove', instance: 'web-1', cause: 'scale-in', why: 'oldest' }]);
    expect(words(make([...instances(3), booting(8), booting(9)], { target: 3 }).actions)).toEqual(['-web-8 scale-in', '-web-9 scale-in']);
  });
  test('never a healthy member while others are only on their way', () => {
    const list = [instance(1), instance(2), booting(8, { protected: true }), booting(9, { protected: true })];
    expect(make(list, { target: 3 }).actions).toEqual([]);
  });
  test('the budget counts what is leaving already', () => {
    const list = [...instances(6), instance(7, { state: 'draining', removalCause: 'scale-in' })];
    const result = make(list, { target: 2, from: 6 });
    expect(words(result.actions)).toEqual(['-web-1 scale-in', '-web-2 scale-in']);
    expect(result.limits).toMatchObject([{ code: 'LIMIT_DESTRUCTION', detail: '3 of 3 deletions in 5 min used', key: 'limits.destruction' }]);
  });
  test('nothing under a brake or without a trusted list', () => {
    for (const snap of [{ cloudTrusted: false }, { balancerTrusted: false }])
      expect(make(instances(4), { target: 3, snap })).toMatchObject({ actions: [], holds: [{ code: 'HOLD_BRAKE' }] });
    expect(make(instances(4), { target: 3, memory: { brake: true } }).actions).toEqual([]);
  });
  test('what a person ordered, at once and beside the rest; not what is protected', () => {
    const list = [instance(1, { removeRequested: true }), instance(2, { removeRequested: true, protected: true }), instance(3)];
    expect(words(make(list, { target: 3, memory: { brake: true } }).actions)).toEqual(['-web-1 forced', '+drift']);
  });
  test('what a person ordered although it is in standby, which nothing has to make up for', () => {
    const list = [instance(1, { standby: true, removeRequested: true }), instance(2, { standby: true }), instance(3)];
    expect(words(make(list, { target: 1 }).actions)).toEqual(['-web-1 forced']);
    const kept = [
      instance(1, { standby: true, removeRequested: true, protected: true }),
      instance(2, { standby: true, removeRequested: true, detached: true }),
      instance(3),
    ];
    expect(make(kept, { target: 1 }).actions).toEqual([]);
  });
});

describe('replacing', () => {
  test('launch first, wait, then remove', () => {
    const list = [...instances(3), sick(4)];
    expect(words(make(list, { target: 4 }).actions)).toEqual(['+replace for web-4']);
    expect(make([...list, booting(5, { replaces: 'web-4' })], { target: 4 }).actions).toEqual([]);
    const result = make([...list, instance(5, { replaces: 'web-4' })], { target: 4 });
    expect(result.actions).toEqual([{ kind: 'remove', instance: 'web-4', cause: 'replace-unhealthy', why: 'unhealthy for 42 s; web-5 serves in its place' }]);
    expect(result.needed).toBe(0);
  });
  test('the replacement counts alone once the old one is gone, or when more must go', () => {
    expect(make([...instances(3), instance(5, { replaces: 'web-4' })], { target: 4 }).actions).toEqual([]);
    expect(words(make([...instances(3), sick(4), booting(5, { replaces: 'web-4' })], { target: 3, from: 4 }).actions)).toEqual([]);
  });
  test('a tenth of the group at a time', () => {
    const spec = { max: 40 };
    const most = (target: number, bad: number) => {
      const list = instances(target).map((i, k) => (k < bad ? { ...i, health: 'unhealthy' as const } : i));
      return make(list, { target, spec }).actions.length;
    };
    expect([most(4, 1), most(10, 2), most(19, 3), most(20, 3), most(30, 5)]).toEqual([1, 1, 1, 2, 3]);
  });
  test('not within the grace time, not when switched off, not what is protected, not under a brake', () => {
    const at = (spec: Partial<GroupSpec>, more: Partial<InstanceView> = {}, memory: Partial<GroupMemory> = {}) =>
      make([...instances(3), sick(4, more)], { target: 4, spec, memory }).actions;
    const health = group().health;
    expect(at({ health: { ...health, graceMs: 60 * MINUTE } })).toEqual([]);
    expect(at({ health: { ...health, graceMs: 59 * MINUTE } })).toHaveLength(1);
    expect(at({ health: { ...health, replaceUnhealthy: false } })).toEqual([]);
    expect(at({}, { protected: true })).toEqual([]);
    expect(at({}, {}, { brake: true })).toEqual([]);
  });
  test('what was begun is finished, even if the machine looks well again', () => {
    expect(words(make([...instances(4), instance(5, { replaces: 'web-4' })], { target: 4 }).actions)).toEqual(['-web-4 replace-unhealthy']);
  });
  test('the old, one after the other, never below the target', () => {
    const spec = { lifecycle: { ...group().lifecycle, maxAgeMs: 30 * MINUTE } };
    expect(words(make(instances(4), { target: 4, spec }).actions)).toEqual(['+replace for web-1']);
    const born = { createdAtMs: T0 - MINUTE, replaces: 'web-1' };
    expect(words(make([...instances(4), instance(5, born)], { target: 4, spec }).actions)).toEqual(['-web-1 replace-old', '+replace for web-2']);
    const short = [...instances(3), sick(4, { createdAtMs: T0 - MINUTE }), instance(5, born)];
    expect(words(make(short, { target: 4, spec }).actions)).not.toContain('-web-1 replace-old');
  });
  test('a person’s order comes first and is not budgeted', () => {
    const list = [instance(1, { replaceRequested: true }), sick(2), instance(3), instance(4), instance(9, { replaces: 'web-1' })];
    const destroyed = [1, 2, 3, 4].map((n) => ({ atMs: T0 - n, cause: 'scale-in' as const }));
    expect(words(make(list, { target: 3, memory: { destroyed } }).actions)).toEqual(['-web-1 forced', '+replace for web-2']);
  });
  test('the replacement budget holds the removal, not the launch', () => {
    const list = [...instances(3), sick(4), instance(5, { replaces: 'web-4' })];
    const result = make(list, { target: 4, memory: { destroyed: [{ atMs: T0 - MINUTE, cause: 'replace-unhealthy' }] } });
    expect(result).toMatchObject({ actions: [], limits: [{ code: 'LIMIT_DESTRUCTION' }] });
  });
  test('at max it needs the surge, and launches of an hour count', () => {
    const list = [...instances(3), sick(4)];
    expect(make(list, { target: 4, spec: { max: 4 } }).actions).toHaveLength(1);
    expect(make([...list, instance(8, { standby: true })], { target: 4, spec: { max: 4 } }).actions).toEqual([]);
    expect(make(list, { target: 4, spec: { limits: { ...LIMITS, launchesPerHour: 0 } } }).actions).toEqual([]);
  });
});
