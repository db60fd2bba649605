/** One small case for each way in which seeded chaos once broke an invariant of the engine. */
import { describe, expect, test } from 'vitest';
import { Crashed, SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import { countInstances } from '../core/counts.ts';
import { instance } from '../core/fixtures/group.ts';
import { brakeState } from '../core/guard-safety.ts';
import type { GroupSpec } from '../core/model/model.ts';
import { DriverError, type InstanceRow, type Machine } from '../ports/ports.ts';
import { SimCloud } from '../sim/sim-cloud.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { openCloud } from './cloud-access.ts';
import { noInstrument } from './instrument.ts';

const ops = { name: 'ops', role: 'operator' } as const;
const rows = (sim: SimGroup): Promise<readonly InstanceRow[]> => sim.store.instances('web', false);
const deletes = (sim: SimGroup): string[] => sim.cloud.calls.filter((c) => c.op === 'delete').map((c) => c.arg);

interface Watched {
  readonly sim: SimGroup;
  readonly made: Machine[];
}

async function watched(load: number, over: { spec?: GroupSpec; can?: Partial<SimCloud['can']>; before?: (sim: SimGroup) => void } = {}): Promise<Watched> {
  const sim = await SimGroup.open(over.spec ?? groupSpec(), over.can ? { can: over.can } : {});
  const made: Machine[] = [];
  sim.cloud.onMade = (m) => made.push(m);
  over.before?.(sim);
  sim.load = load;
  await sim.start();
  return { sim, made };
}

function oneDeletionAMinute(): GroupSpec {
  const one = { count: 1, fraction: 0 };
  return groupSpec({ limits: { ...groupSpec().limits, destruction: { windowMs: 60_000, replace: one, all: one } } });
}

/** Books, cloud and balancer agree on `size` serving machines. */
async function settled(sim: SimGroup, size: number): Promise<void> {
  const living = await rows(sim);
  expect(living.map((r) => r.state)).toEqual(Array.from({ length: size }, () => 'serving'));
  const ours = sim.cloud.alive('web').filter((m) => m.owner?.install === sim.installId);
  expect(new Set(ours.map((m) => m.id))).toEqual(new Set(living.map((r) => r.machineId)));
  const members = sim.balancer.entries().filter((e) => e.state === 'ready');
  expect(new Set(members.map((e) => e.address))).toEqual(new Set(living.map((r) => r.address)));
  expect(members).toHaveLength(living.length);
}

describe('a machine that may exist is not given up', () => {
  test('a refusal of the second try says nothing of the first, whose answer never came', async () => {
    let tries = 0;
    const { sim, made } = await watched(50, {
      can: { consistencyMs: 20_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 15_000;
        s.cloud.fault = (op) => {
          if (op !== 'create' || tries++ >= 2) return undefined;
          return tries === 1 ? { after: new DriverError('unknown', '500') } : { before: new DriverError('quota', 'account limit') };
        };
      },
    });
    await sim.seconds(120);
    await settled(sim, 1);
    expect(made).toHaveLength(1);
    expect(deletes(sim)).toEqual([]);
  });

  test('lists from before the end of a create call are no evidence that nothing came of it', async () => {
    let first = true;
    const { sim, made } = await watched(50, {
      can: { idempotency: 'none', consistencyMs: 2_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 1_500;
        s.cloud.fault = (op) => {
          if (op !== 'create' || !first) return undefined;
          first = false;
          return { lateMs: 15_000, after: new DriverError('unreachable', 'time-out') };
        };
      },
    });
    await sim.seconds(90);
    await settled(sim, 1);
    expect(made).toHaveLength(1);
    expect(deletes(sim)).toEqual([]);
  });

  test('the window of that evidence lies between lists, not to the end of a slow look', async () => {
    let first = true;
    const { sim, made } = await watched(50, {
      can: { idempotency: 'none', consistencyMs: 10_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 9_900;
        s.cloud.fault = (op) => {
          if (op !== 'create' || !first) return undefined;
          first = false;
          return { after: new DriverError('unreachable', 'time-out') };
        };
        s.balancer.fault = (op) => (op === 'members' && s.clock.mono() > 3_000 && s.clock.mono() < 20_000 ? { delayMs: 15_000 } : undefined);
      },
    });
    await sim.seconds(90);
    await settled(sim, 1);
    expect(made).toHaveLength(1);
    expect(deletes(sim)).toEqual([]);
  });

  test('the consistency window counts from when the machine was made, not from when it was wished for', async () => {
    const { sim, made } = await watched(50, {
      can: { consistencyMs: 10_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 8_000;
        s.cloud.fault = (op) => (op === 'create' ? { lateMs: 12_000 } : undefined);
      },
    });
    await sim.seconds(60);
    await settled(sim, 1);
    expect(made).toHaveLength(1);
    expect(deletes(sim)).toEqual([]);
  });

  test('and to when the cloud was asked, not to the end of a slow look', async () => {
    const base = groupSpec();
    const { sim, made } = await watched(50, {
      spec: groupSpec({ lifecycle: { ...base.lifecycle, bootTimeoutMs: 120_000 } }),
      can: { consistencyMs: 10_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 9_900;
        s.cloud.fault = (op) => (op === 'create' ? { lateMs: 300 } : undefined);
        s.balancer.fault = (op) => (op === 'members' && s.clock.mono() < 40_000 ? { delayMs: 15_000 } : undefined);
        s.sick.add('10.0.0.1');
      },
    });
    await sim.seconds(50);
    sim.sick.clear();
    await sim.seconds(50);
    await settled(sim, 1);
    expect(made).toHaveLength(1);
    expect(deletes(sim)).toEqual([]);
  });

  test('one that is to go before the cloud shows it is deleted once it does, by its own row', async () => {
    const { sim } = await watched(50, {
      can: { consistencyMs: 20_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 15_000;
      },
    });
    await sim.seconds(1);
    const [first] = await rows(sim);
    await sim.operating.drain(ops, first?.id as string, null);
    await sim.seconds(120);
    await settled(sim, 1);
    expect(deletes(sim)).toEqual([first?.machineId]);
    const all = await sim.store.instances('web', true);
    expect(all.filter((r) => r.removalCause === 'orphan')).toEqual([]);
  });

  test('a list that lacks machines which do exist proves nothing about others', async () => {
    const { sim, made } = await watched(50, { can: { idempotency: 'none' } });
    await sim.seconds(10);
    let empty = true;
    sim.cloud.fault = (op) => {
      if (op === 'create') return { after: new DriverError('unknown', '500') };
      return op === 'list' && empty ? { list: { items: [], complete: true, asOfMs: sim.clock.wall() } } : undefined;
    };
    sim.load = 190;
    await sim.seconds(20);
    empty = false;
    await sim.seconds(20);
    await settled(sim, 2);
    expect(made).toHaveLength(2);
    expect(deletes(sim)).toEqual([]);
  });

  test('a list that says of running machines that they stopped costs none of them', async () => {
    const { sim } = await watched(390);
    await sim.seconds(20);
    const stopped = (m: Machine): Machine => ({ ...m, state: 'stopped' });
    sim.cloud.fault = (op) => (op === 'list' ? { list: (truth) => ({ ...truth, items: truth.items.map(stopped) }) } : undefined);
    await sim.seconds(60);
    sim.cloud.fault = () => undefined;
    await sim.seconds(10);
    await settled(sim, 4);
    expect(deletes(sim)).toEqual([]);
  });

  test('many machines that did stop at once are replaced when several lists say so', async () => {
    const { sim } = await watched(390);
    await sim.seconds(20);
    for (const m of sim.cloud.alive('web')) sim.cloud.kill(m.id, 'stopped');
    await sim.seconds(60);
    await settled(sim, 4);
  });

  test('a slow answer about a machine just made counts from when it was asked for', async () => {
    const { sim } = await watched(50, {
      can: { consistencyMs: 10_000 },
      before: (s) => {
        s.cloud.hiddenMs = () => 9_900;
        s.cloud.fault = (op) => (op === 'get' ? { delayMs: 12_000 } : undefined);
      },
    });
    await sim.seconds(1);
    const [first] = await rows(sim);
    await sim.operating.drain(ops, first?.id as string, null);
    await sim.seconds(180);
    await settled(sim, 1);
    const all = await sim.store.instances('web', true);
    expect(all.filter((r) => r.removalCause === 'orphan')).toEqual([]);
  });

  test('after a long absence of the controller a machine that boots has its whole time', async () => {
    const { sim } = await watched(50, {
      before: (s) => {
        s.cloud.bootMs = 5_000;
      },
    });
    await sim.seconds(1);
    sim.kill();
    await sim.seconds(3_600);
    await sim.start('c2');
    await sim.seconds(20);
    await settled(sim, 1);
    expect(deletes(sim)).toEqual([]);
  });
});

describe('the clock is set', () => {
  test('forward: a machine that boots is not given up', async () => {
    const { sim } = await watched(50, {
      before: (s) => {
        s.cloud.bootMs = 10_000;
      },
    });
    await sim.seconds(3);
    sim.clock.jumpWall(3_600_000);
    await sim.seconds(30);
    await settled(sim, 1);
    expect(deletes(sim)).toEqual([]);
  });

  test('forward: sessions keep their drain time, and the deletion budget its window', async () => {
    const budget = { windowMs: 300_000, replace: { count: 1, fraction: 0 }, all: { count: 1, fraction: 0 } };
    const base = groupSpec();
    const { sim } = await watched(290, { spec: groupSpec({ limits: { ...base.limits, destruction: budget } }) });
    await sim.seconds(20);
    for (const r of await rows(sim)) sim.balancer.setSessions(r.address as string, 3);
    sim.load = 50;
    while (!(await rows(sim)).some((r) => r.state === 'draining')) await sim.seconds(1);
    sim.clock.jumpWall(86_400_000);
    await sim.seconds(3);
    expect((await rows(sim)).map((r) => r.state)).toContain('draining');
    await sim.seconds(10);
    expect(deletes(sim)).toHaveLength(1);
    sim.clock.jumpWall(86_400_000);
    await sim.seconds(200);
    expect(deletes(sim)).toHaveLength(1);
    await sim.seconds(200);
    expect(deletes(sim)).toHaveLength(2);
  });

  test('forward: what was deleted a moment ago counts for the installation before the group has followed', async () => {
    const { sim } = await watched(290);
    await sim.seconds(20);
    sim.load = 50;
    while (deletes(sim).length < 2) await sim.seconds(1);
    const before = sim.engine.ctx.fleet(300_000)?.destroyed;
    expect(before).toBeGreaterThan(0);
    sim.clock.jumpWall(86_400_000);
    expect(sim.engine.ctx.fleet(300_000)?.destroyed).toBe(before);
  });

  test('back: nothing waits for the old time to come again', async () => {
    const { sim } = await watched(290);
    await sim.seconds(20);
    sim.clock.jumpWall(-86_400_000);
    sim.load = 50;
    await sim.seconds(60);
    await settled(sim, 1);
    expect((await sim.store.events({ group: 'web', type: 'clock.jumped' }, { before: null, limit: 10 })).map((e) => e.data['by_ms'])).toEqual([-86_400_000]);
  });
});

describe('balancers', () => {
  test('an attach whose end was never heard leaves no entry behind', async () => {
    const { sim } = await watched(50);
    const left: string[] = [];
    sim.cloud.onCall = (op, id) => {
      const address = sim.cloud.alive().find((m) => m.id === id)?.address;
      if (op === 'delete' && sim.balancer.entries().some((e) => e.address === address)) left.push(id);
    };
    sim.balancer.fault = (op) => {
      const [machine] = sim.cloud.alive('web');
      if (op !== 'attach' || machine?.id !== 'm-1') return undefined;
      sim.cloud.kill('m-1', 'stopped');
      return { after: new DriverError('unreachable', 'time-out') };
    };
    await sim.seconds(60);
    await settled(sim, 1);
    expect(deletes(sim)).toEqual(['m-1']);
    expect(left).toEqual([]);
    expect(sim.balancer.entries()).toHaveLength(1);
  });

  test('an entry that somebody keeps putting where a machine was does not keep its instance for ever', async () => {
    const { sim } = await watched(190);
    await sim.seconds(20);
    const [entry] = sim.balancer.entries();
    const machine = sim.cloud.alive('web').find((m) => m.address === entry?.address);
    sim.cloud.kill(machine?.id as string, 'gone');
    // The address is another's now, who has the entry as well.
    const theirs = { instance: 'theirs', address: entry?.address as string, port: entry?.port as number, weight: null };
    sim.balancer.onCall = (op, ref) => {
      if (op === 'detach' && ref === entry?.ref) sim.clock.after(1, () => void sim.balancer.attach(theirs));
    };
    await sim.seconds(120);
    const left = await rows(sim);
    expect(left.map((r) => r.machineId)).not.toContain(machine?.id);
    expect(left.map((r) => r.state)).toEqual(['serving', 'serving']);
    expect(sim.balancer.entries().map((e) => e.ref)).toContain(entry?.ref);
  });

  test('a launch is not given up while its call is out, whatever was seen before the call', async () => {
    const base = groupSpec();
    const spec = groupSpec({ lifecycle: { ...base.lifecycle, bootTimeoutMs: 35_000 } });
    const { sim } = await watched(90, { spec, can: { idempotency: 'unique-name', consistencyMs: 2_000, callLimitMs: 10_000 } });
    await sim.seconds(20);
    let calls = 0;
    sim.cloud.fault = (op) => {
      if (op !== 'create') return undefined;
      // Five without a clear answer, and one that is still out when the time to boot is over.
      return ++calls <= 5 ? { before: new DriverError('unreachable', 'time-out') } : { delayMs: 9_000 };
    };
    // The request is slow on its way: until the answer comes there is nothing to be seen.
    sim.cloud.hiddenMs = () => 9_000;
    sim.load = 190;
    const struck = new Set<string>();
    for (let s = 0; s < 60; s++) {
      await sim.seconds(1);
      for (const r of await sim.store.instances('web', true)) if (r.state === 'gone') struck.add(`${r.id} ${r.removalWhy}`);
    }
    expect(calls).toBe(6);
    expect([...struck]).toEqual([]);
    await settled(sim, 2);
  });

  test('paused between two balancers: the second is not called', async () => {
    const spec = groupSpec({ balancers: ['lb', 'edge'].map((balancer) => ({ balancer, port: null, weight: null })) });
    const { sim } = await watched(50, {
      spec,
      before: (s) => {
        s.balancer.fault = (op) => (op === 'attach' ? { delayMs: 4_000 } : undefined);
      },
    });
    while (sim.balancer.entries().length === 0) await sim.seconds(1);
    await sim.operating.pause(ops, 'web', null, null);
    await sim.seconds(60);
    expect(sim.edge.calls.filter((c) => c.op !== 'members')).toEqual([]);
    await sim.operating.resume(ops, 'web');
    await sim.seconds(30);
    await settled(sim, 1);
    expect(sim.edge.entries()).toHaveLength(1);
  });

  test('a machine at a reused address takes its own entry along, though the dead one before it is still in the books', async () => {
    const base = groupSpec();
    const spec = groupSpec({ health: { ...base.health, check: { kind: 'none' } } });
    const { sim } = await watched(290, {
      spec,
      can: { consistencyMs: 30_000 },
      before: (s) => {
        s.cloud.reusesAddresses = true;
      },
    });
    await sim.seconds(20);
    const left: string[] = [];
    sim.cloud.onCall = (op, id) => {
      const address = sim.cloud.alive().find((m) => m.id === id)?.address;
      if (op === 'delete' && sim.balancer.entries().some((e) => e.address === address)) left.push(id);
    };
    sim.cloud.kill('m-1', 'gone');
    sim.load = 390;
    await sim.seconds(5);
    const heir = (await rows(sim)).find((r) => r.machineId === 'm-4');
    expect(heir?.address).toBe('10.0.0.1');
    await sim.operating.drain(ops, heir?.id as string, null);
    await sim.seconds(60);
    await settled(sim, 4);
    expect(deletes(sim)).toContain('m-4');
    expect(left).toEqual([]);
  });
});

test('a machine that the list still shows after its deletion takes no entry of its heir', async () => {
  const { sim } = await watched(50, {
    before: (s) => {
      s.cloud.reusesAddresses = true;
    },
  });
  await sim.seconds(10);
  const [ghost] = sim.cloud.alive('web') as [Machine];
  await sim.operating.drain(ops, (await rows(sim))[0]?.id as string, null);
  await sim.seconds(20);
  sim.load = 190;
  await sim.seconds(10);
  const heir = (await rows(sim)).find((r) => r.address === ghost.address) as InstanceRow;
  expect(heir.state).toBe('serving');
  sim.balancer.setSessions(heir.address as string, 3);
  sim.cloud.fault = (op) => (op === 'list' ? { list: (truth) => ({ ...truth, items: [...truth.items, ghost] }) } : undefined);
  const before = sim.balancer.calls.length;
  const drained = sim.clock.wall();
  await sim.operating.drain(ops, heir.id, null);
  await sim.seconds(15);
  const detached = sim.balancer.calls.slice(before).find((c) => c.op === 'detach' && c.arg.includes(`${heir.address}:`));
  expect((detached?.atMs ?? 0) - drained).toBeGreaterThanOrEqual(groupSpec().lifecycle.drainTimeoutMs);
});

describe('ids and budgets', () => {
  test('an id that now names a machine of someone else: ours is gone, theirs is left alone', async () => {
    const { sim } = await watched(190, { can: { listsForeign: true } });
    await sim.seconds(20);
    sim.cloud.kill('m-1', 'gone');
    const owner = { install: 'other', group: 'web', token: 'other.web.1', instance: 'web-1', templateId: 't1' };
    sim.cloud.plant({ id: 'm-1', owner });
    await sim.seconds(30);
    await settled(sim, 2);
    expect(deletes(sim)).toEqual([]);
    expect(sim.cloud.alive().find((m) => m.id === 'm-1')?.owner).toEqual(owner);
  });

  test('a deletion counts from its call, not from its intent', async () => {
    const { sim } = await watched(290, { spec: oneDeletionAMinute() });
    await sim.seconds(20);
    let refuse = true;
    const at: number[] = [];
    sim.cloud.fault = (op) => {
      if (op !== 'delete') return undefined;
      if (!refuse) {
        at.push(sim.clock.mono());
        return undefined;
      }
      refuse = false;
      return { before: new DriverError('throttled', '429', { retryAfterMs: 30_000 }) };
    };
    sim.load = 50;
    await sim.seconds(300);
    expect(at).toHaveLength(2);
    expect((at[1] as number) - (at[0] as number)).toBeGreaterThanOrEqual(60_000);
  });

  test('a deletion that was decided before a crash asks for room again before it is made', async () => {
    const { sim } = await watched(290, { spec: oneDeletionAMinute() });
    await sim.seconds(20);
    let crashed = false;
    sim.crash = (label) => {
      if (label !== 'delete:before-call' || crashed) return;
      crashed = true;
      sim.kill();
      throw new Crashed();
    };
    const at: number[] = [];
    sim.load = 50;
    await sim.seconds(120);
    const first = (await rows(sim)).find((row) => row.state === 'terminating');
    expect([crashed, first === undefined]).toEqual([true, false]);
    const answersMono = sim.clock.mono() + 30_000;
    // Whether it still exists is not told at first: the other one goes before it.
    sim.cloud.fault = (op, arg) => {
      if (op === 'get' && arg === first?.machineId && sim.clock.mono() < answersMono) return { before: new DriverError('unreachable', 'no answer') };
      if (op === 'delete') at.push(sim.clock.mono());
      return undefined;
    };
    await sim.start();
    await sim.seconds(300);
    expect(at).toHaveLength(2);
    expect((at[1] as number) - (at[0] as number)).toBeGreaterThanOrEqual(60_000);
  });

  test('of two answers "wait" the longer one holds, in whatever order they come', async () => {
    const clock = new VirtualClock(0, () => new Promise((go) => void setImmediate(go)));
    const cloud = new SimCloud(clock, 'i');
    const waits = [20_000, 1_000];
    cloud.fault = () => {
      const retryAfterMs = waits.shift();
      return retryAfterMs === undefined ? undefined : { before: new DriverError('throttled', '429', { retryAfterMs }) };
    };
    const { view } = openCloud('sim', cloud, cloud.can, clock, noInstrument, 'i');
    await Promise.allSettled([view.list(0), view.get('m-1')]);
    await clock.advance(5_000);
    await expect(view.get('m-1')).rejects.toMatchObject({ code: 'throttled' });
    expect(cloud.calls).toHaveLength(2);
    await clock.advance(16_000);
    await expect(view.get('m-1')).resolves.toBeNull();
  });
});

describe('the brake', () => {
  test('holds while a balancer has lost the unhealthy machines: they are not capacity then, and still sick', () => {
    const sick = [1, 2, 3, 4].map((n) => instance(n, { state: 'warming', health: 'unhealthy', servingSinceMs: 1 }));
    expect(brakeState(groupSpec(), countInstances([...sick, instance(5)]), false)).toBe(true);
    const fresh = sick.map((i) => ({ ...i, servingSinceMs: null }));
    expect(brakeState(groupSpec(), countInstances([...fresh, instance(5)]), false)).toBe(false);
  });
});

test('what is asked of a group while it is being taken is heard', async () => {
  const sim = await SimGroup.open(groupSpec({ min: 1 }));
  const { instances } = sim.store;
  sim.store = {
    ...sim.store,
    instances: async (group, withGone) => {
      await sim.clock.sleep(10_000);
      return instances(group, withGone);
    },
  };
  const starting = sim.start();
  await sim.seconds(5);
  await sim.store.control([{ kind: 'put-spec', spec: groupSpec({ min: 2, hash: 'anew' }) }], []);
  const heard = sim.engine.refresh('web');
  await sim.seconds(60);
  await Promise.all([starting, heard]);
  expect(sim.engine.runners.get('web')?.state.row.spec.hash).toBe('anew');
  expect(sim.alive()).toBe(2);
});

test('time in which a group was not in the configuration is no time in which its machine failed to boot', async () => {
  const { sim } = await watched(50, {
    before: (s) => {
      s.sick.add('10.0.0.1');
    },
  });
  await sim.seconds(5);
  expect((await rows(sim)).map((r) => r.state)).toEqual(['booting']);
  await sim.store.control([{ kind: 'unmanage', group: 'web' }], []);
  await sim.engine.refresh('web');
  await sim.seconds(3_600);
  sim.sick.clear();
  await sim.store.control([{ kind: 'put-spec', spec: groupSpec() }], []);
  await sim.engine.refresh('web');
  await sim.seconds(10);
  await settled(sim, 1);
  expect(deletes(sim)).toEqual([]);
});
