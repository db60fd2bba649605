/** Several controllers on one store, and a store whose answers are lost: what the simulator found there, each as a small case. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SimGroup, START_MS } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import { createMemoryData, type MemoryData } from '../drivers/stores/memory/data.ts';
import { openMemoryStore } from '../drivers/stores/memory/driver.ts';
import { DriverError, type InboundAlert, type Store, StoreError } from '../ports/ports.ts';

const ops = { name: 'ops', role: 'operator' } as const;
const secrets = { sha256: (t: string) => createHash('sha256').update(t).digest('hex'), randomHex: (n: number) => 'a'.repeat(2 * n) };

function alarm(over: Partial<InboundAlert> = {}): InboundAlert {
  return { status: 'firing', episode: 'high/1', name: 'High', labels: {}, annotations: {}, startsAtMs: START_MS, endsAtMs: null, ...over };
}

const alarmed = groupSpec({
  policies: [
    {
      name: 'alarm',
      type: 'alert',
      options: { alert: 'High', labels: {}, receiver: null, while_firing: { min: 3 }, change: null, every: 60_000, valid_for: 600_000 },
      advisory: false,
    },
  ],
  metrics: {},
});

/** Between the first controller and the store. */
interface Line {
  /** What is asked reaches the store; answers and events do not come back. */
  silent: boolean;
}

function over(store: Store, line: Line, sim: SimGroup): Store {
  const heard = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    if (!line.silent) return value;
    await sim.clock.sleep(5_000);
    throw new StoreError('io', 'no answer');
  };
  return {
    ...store,
    ping: () => heard(store.ping()),
    groups: () => heard(store.groups()),
    group: (name) => heard(store.group(name)),
    instances: (group, withGone) => heard(store.instances(group, withGone)),
    alerts: (withResolved) => heard(store.alerts(withResolved)),
    commit: (change) => heard(store.commit(change)),
    control: (...change) => heard(store.control(...change)),
    renew: (...lease) => heard(store.renew(...lease)),
    onEvents: (listener) => store.onEvents((events) => (line.silent ? undefined : listener(events))),
  };
}

/** Two controllers on one store; the first holds the group. */
async function two(spec = groupSpec(), mayRenew: () => boolean = () => true): Promise<{ sim: SimGroup; other: SimGroup; data: MemoryData; line: Line }> {
  const data = createMemoryData('inst');
  const open = (sim: SimGroup): Store => openMemoryStore({ clock: sim.clock, secrets, profile: 'shared', data });
  const sim = await SimGroup.open(spec);
  const line: Line = { silent: false };
  const store = over(open(sim), line, sim);
  sim.store = { ...store, renew: async (...args) => (mayRenew() ? store.renew(...args) : Promise.reject(new StoreError('io', 'no answer'))) };
  sim.installId = 'inst';
  (sim.cloud as { installId: string }).installId = 'inst';
  await sim.store.control([{ kind: 'put-spec', spec }], []);
  await sim.start('c1');
  const other = sim.beside();
  other.store = open(sim);
  await other.start('c2');
  await sim.seconds(20);
  return { sim, other, data, line };
}

describe('several controllers on one store', () => {
  test('one of them acts, and a pause or a resume through the other counts', async () => {
    const { sim, other } = await two();
    expect([sim.engine.runners.has('web'), other.engine.runners.has('web')]).toEqual([true, false]);
    expect(sim.alive()).toBe(1);
    await other.operating.pause(ops, 'web', null, null);
    sim.load = 300;
    await sim.seconds(30);
    expect(sim.alive()).toBe(1);
    await other.operating.resume(ops, 'web');
    await sim.seconds(30);
    expect(sim.alive()).toBe(3);
  });

  test('an alert that the other one heard counts, and so does its end', async () => {
    const { sim, other } = await two(alarmed);
    await other.operating.receive('am', [alarm()], null);
    await sim.seconds(10);
    expect(sim.alive()).toBe(3);
    await other.operating.receive('am', [alarm({ status: 'resolved', endsAtMs: START_MS + 30_000 })], null);
    await sim.seconds(1);
    expect(sim.engine.ctx.firing()).toEqual([]);
  });

  test('what people told the other one while the store gave no answers counts in the first decision after', async () => {
    const { sim, other, line } = await two(groupSpec({ max: 10, evaluateEveryMs: 60_000 }));
    sim.load = 500;
    await sim.seconds(200);
    expect(sim.alive()).toBe(5);
    line.silent = true;
    await sim.seconds(30);
    await other.operating.scale(ops, 'web', 'floor', 5, null, null);
    sim.load = 10;
    await sim.seconds(600);
    const last = (await other.store.decisions('web', { before: null, limit: 1 }))[0]?.decision.id;
    line.silent = false;
    await sim.seconds(60);
    const after = await other.store.decisions('web', { before: null, limit: 50 });
    const since = after.slice(
      0,
      after.findIndex((row) => row.decision.id === last),
    );
    expect(since.length).toBeGreaterThan(0);
    for (const { decision } of since) expect(decision.wanted, decision.sentence).toBeGreaterThanOrEqual(5);
    expect(sim.alive()).toBe(5);
  });

  test('what the store refused is not acknowledged', async () => {
    const { sim, other } = await two();
    const [row] = await sim.store.instances('web', false);
    const runner = sim.engine.runners.get('web');
    if (!row || !runner) throw new Error('nothing runs');
    sim.onCommit = async () => ({ ok: false, why: 'fenced' });
    await expect(sim.operating.forget(ops, row.id)).rejects.toMatchObject({ code: 'conflict' });
    expect((await other.store.instance(row.id))?.state).toBe('serving');
    expect(runner.lost).toBe(true);
  });

  test('both hear one alert: it fires once', async () => {
    const { sim, other } = await two(alarmed);
    await Promise.all([sim.operating.receive('am', [alarm()], 'd1'), other.operating.receive('am', [alarm()], 'd2')]);
    const fired = await sim.store.events({ type: 'alert.fired' }, { before: null, limit: 10 });
    expect(fired).toHaveLength(1);
  });

  test('a dead one is succeeded within a lease, also when the clock of the store was set back', async () => {
    const { sim, other } = await two();
    sim.clock.jumpWall(36_000_000);
    await sim.seconds(10);
    sim.kill();
    sim.clock.jumpWall(-36_000_000);
    await sim.seconds(30);
    expect((await sim.store.group('web'))?.owner).toBe('c2');
    expect(other.engine.runners.has('web')).toBe(true);
  });

  test('who lost the lease while a commit was under way does not make the call', async () => {
    let reachable = true;
    const { sim, other } = await two(groupSpec(), () => reachable);
    // The answer of every commit comes after the lease has run out and the other has taken over.
    reachable = false;
    sim.onCommit = async (commit) => {
      const result = await commit();
      await sim.clock.sleep(40_000);
      return result;
    };
    const before = sim.acted.length;
    sim.load = 300;
    other.load = 300;
    await sim.seconds(200);
    expect((await sim.store.group('web'))?.owner).toBe('c2');
    expect(new Set(sim.acted.slice(before))).toEqual(new Set(['c2']));
    expect(sim.alive()).toBe(3);
  });
});

describe('a commit whose end nobody knows', () => {
  test.each(['applied', 'not applied'] as const)('%s: the group is read again and goes on', async (what) => {
    const sim = await SimGroup.open(groupSpec());
    await sim.start();
    await sim.seconds(20);
    let left = 3;
    sim.onCommit = async (commit) => {
      if (left-- <= 0) return commit();
      if (what === 'applied') await commit();
      throw new StoreError('io', 'connection lost at COMMIT');
    };
    sim.load = 400;
    await sim.seconds(90);
    expect(left).toBeLessThan(0);
    const living = await sim.store.instances('web', false);
    expect(living.map((r) => r.state)).toEqual(['serving', 'serving', 'serving', 'serving']);
    expect(new Set(sim.cloud.alive('web').map((m) => m.id))).toEqual(new Set(living.map((r) => r.machineId)));
  });
});

describe('the clock is set forward while the store does not answer', () => {
  test.each(['applied', 'not applied'] as const)('and commits are %s: the launches of the last hour still count', async (what) => {
    const base = groupSpec();
    const sim = await SimGroup.open(groupSpec({ limits: { ...base.limits, launchesPerHour: 2 } }));
    sim.load = 190;
    await sim.start();
    await sim.seconds(60);
    expect(sim.alive()).toBe(2);
    sim.onCommit = async (commit) => {
      if (what === 'applied') await commit();
      throw new StoreError('io', 'no answer');
    };
    sim.load = 180; // something to write
    await sim.seconds(5);
    sim.clock.jumpWall(36_000_000);
    await sim.seconds(30);
    sim.onCommit = (commit) => commit();
    sim.load = 390;
    await sim.seconds(600);
    expect(sim.alive()).toBe(2);
    await sim.seconds(3_600);
    expect(sim.alive()).toBe(4);
  });
});

describe('a store restored from an old copy', () => {
  test('launches nothing under a number that a machine it does not know carries', async () => {
    const sim = await SimGroup.open(groupSpec());
    await sim.start();
    await sim.seconds(20);
    sim.kill();
    // Made after the copy: the books say that number 2 is free.
    sim.cloud.plant({ id: 'later', owner: { install: sim.installId, group: 'web', token: `${sim.installId}.web.2`, instance: 'web-2', templateId: 't1' } });
    sim.load = 200;
    sim.cloud.fault = (op) => (op === 'list' ? { before: new DriverError('unreachable', 'no') } : undefined);
    await sim.start('c2');
    await sim.seconds(30);
    expect(sim.cloud.calls.filter((c) => c.op === 'create').map((c) => c.arg)).toEqual([`${sim.installId}.web.1`]);
    sim.cloud.fault = () => undefined;
    await sim.seconds(60);
    expect(sim.cloud.alive().map((m) => m.id)).toContain('later');
    expect(sim.cloud.calls.filter((c) => c.op === 'create').map((c) => c.arg)).toContain(`${sim.installId}.web.3`);
  });
});

describe('alerts', () => {
  test('grow old by the time that passes, not by a clock that is set', async () => {
    const sim = await SimGroup.open(alarmed);
    await sim.start();
    sim.clock.jumpWall(36_000_000);
    await sim.operating.receive('am', [alarm({ startsAtMs: sim.clock.wall() })], null);
    await sim.seconds(60);
    expect(sim.alive()).toBe(3);
    sim.clock.jumpWall(-36_000_000);
    await sim.seconds(700);
    const [decision] = await sim.store.decisions('web', { before: null, limit: 1 });
    expect(decision?.last.proposals[0]?.abstains).toBe(true);
  });

  test('a resolve that overtakes its slow alert stays the last word', async () => {
    const sim = await SimGroup.open(alarmed);
    await sim.start();
    const control = sim.store.control.bind(sim.store);
    let first = true;
    (sim.store as { control: Store['control'] }).control = async (...args) => {
      if (first) {
        first = false;
        await sim.clock.sleep(5_000);
      }
      return control(...args);
    };
    const slow = sim.operating.receive('am', [alarm()], null);
    const quick = sim.operating.receive('am', [alarm({ status: 'resolved', endsAtMs: START_MS + 1 })], null);
    await sim.seconds(10);
    await Promise.all([slow, quick]);
    expect(sim.engine.ctx.firing()).toEqual([]);
    expect((await sim.store.alerts(true))[0]?.status).toBe('resolved');
  });
});

test('machines that are to go are asked about less and less often while the cloud does not say whether they are there', async () => {
  const spec = groupSpec();
  const sim = await SimGroup.open({ ...spec, evaluateEveryMs: 30_000, health: { ...spec.health, everyMs: 30_000 } });
  sim.load = 300;
  await sim.start();
  await sim.seconds(120);
  sim.cloud.fault = (op) => (op === 'get' ? { before: new DriverError('unauthorized', '401') } : undefined);
  sim.load = 100;
  await sim.seconds(300);
  const leaving = (await sim.store.instances('web', false)).filter((r) => r.state === 'draining').length;
  expect(leaving).toBeGreaterThan(0);
  const asked = (): number => sim.cloud.calls.filter((c) => c.op === 'get').length;
  const before = asked();
  await sim.seconds(1_200);
  expect(asked() - before).toBeGreaterThan(0);
  expect((asked() - before) / leaving).toBeLessThan(40);
  sim.cloud.fault = () => undefined;
  await sim.seconds(120);
  expect(sim.alive()).toBe(1);
});

test('a deletion that takes an hour is not asked about every second', async () => {
  const spec = groupSpec();
  const sim = await SimGroup.open({ ...spec, evaluateEveryMs: 30_000, health: { ...spec.health, everyMs: 30_000 } });
  sim.load = 300;
  await sim.start();
  await sim.seconds(120);
  sim.cloud.fault = (op) => (op === 'delete' ? { slowMs: 3_600_000 } : undefined);
  sim.load = 100;
  await sim.seconds(120);
  const asked = (): number => sim.cloud.calls.filter((c) => c.op === 'get').length;
  const before = asked();
  await sim.seconds(3_000);
  const deleting = sim.cloud.alive().filter((m) => m.state === 'deleting').length;
  expect(deleting).toBeGreaterThan(0);
  expect((asked() - before) / deleting).toBeLessThan(500);
});
