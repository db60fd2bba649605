import { describe, expect, test } from 'vitest';
import { Crashed, SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import { missing } from '../core/model/model.ts';
import { DriverError, type InstanceRow } from '../ports/ports.ts';
import { noInstrument } from './instrument.ts';

const rows = (sim: SimGroup): Promise<readonly InstanceRow[]> => sim.store.instances('web', false);
const serving = async (sim: SimGroup): Promise<InstanceRow[]> => (await rows(sim)).filter((r) => r.state === 'serving');

/** Created = deleted + alive, members = serving machines, books = world. */
async function ledger(sim: SimGroup, size: number): Promise<void> {
  const living = await rows(sim);
  expect(living.map((r) => r.state)).toEqual(Array.from({ length: size }, () => 'serving'));
  const [machines, entries] = [sim.cloud.alive('web'), sim.balancer.entries()];
  expect([machines.length, entries.length]).toEqual([size, size]);
  expect(new Set(machines.map((m) => m.id))).toEqual(new Set(living.map((r) => r.machineId)));
  expect(new Set(machines.map((m) => m.owner?.token)).size).toBe(size);
  expect(new Set(entries.map((e) => e.address))).toEqual(new Set(living.map((r) => r.address)));
  expect(sim.balancer.entries().every((e) => e.state === 'ready')).toBe(true);
}

async function running(load: number, spec = groupSpec(), over: Parameters<typeof SimGroup.open>[1] = {}): Promise<SimGroup> {
  const sim = await SimGroup.open(spec, over);
  sim.load = load;
  await sim.start();
  await sim.seconds(20);
  return sim;
}

const ops = { name: 'ops', role: 'operator' } as const;

describe('a group follows its load', () => {
  test('out and in, drained before deleted, nothing left over', async () => {
    const sim = await running(90);
    await ledger(sim, 1);
    sim.load = 350;
    await sim.seconds(20);
    await ledger(sim, 4);
    sim.load = 80;
    await sim.seconds(60);
    await ledger(sim, 1);
    const ops = [...sim.balancer.calls, ...sim.cloud.calls].filter((c) => ['drain', 'detach', 'delete'].includes(c.op)).sort((a, b) => a.atMs - b.atMs);
    expect(ops.filter((c) => c.op === 'delete')).toHaveLength(3);
    expect(ops.filter((c) => c.op === 'detach')).toHaveLength(3);
    expect(ops.map((c) => c.op).indexOf('drain')).toBeLessThan(ops.map((c) => c.op).indexOf('delete'));
  });

  test('an instance with sessions is deleted only when they ended or the drain time is over', async () => {
    const sim = await running(190);
    const [first] = await serving(sim);
    for (const r of await serving(sim)) sim.balancer.setSessions(r.address as string, 3);
    sim.load = 50;
    await sim.seconds(8);
    const leaving = (await rows(sim)).find((r) => r.state === 'draining') as InstanceRow;
    expect(leaving).toBeDefined();
    await sim.seconds(1);
    expect((await rows(sim)).find((r) => r.id === leaving.id)?.state).toBe('draining');
    sim.balancer.setSessions(leaving.address as string, 0);
    await sim.seconds(4);
    await ledger(sim, 1);
    expect(first).toBeDefined();
  });

  test('a missing metric removes nothing, however long', async () => {
    const sim = await running(350);
    sim.load = missing('empty', 'no series', sim.clock.wall());
    await sim.seconds(600);
    await ledger(sim, 4);
  });
});

describe('books and world converge', () => {
  test('a machine that disappears is replaced at once', async () => {
    const sim = await running(190);
    sim.cloud.kill((await serving(sim))[0]?.machineId as string, 'gone');
    await sim.seconds(12);
    await ledger(sim, 2);
  });

  test('a machine that stops is replaced and its remains are deleted', async () => {
    const sim = await running(190);
    sim.cloud.kill((await serving(sim))[0]?.machineId as string, 'stopped');
    await sim.seconds(20);
    await ledger(sim, 2);
  });

  test('a machine that turns unhealthy is replaced: the new one first', async () => {
    const sim = await running(390);
    const sick = (await serving(sim))[0] as InstanceRow;
    sim.sick.add(sick.address as string);
    await sim.seconds(30);
    await ledger(sim, 4);
    expect((await rows(sim)).some((r) => r.id === sick.id)).toBe(false);
  });

  test('a balancer that restarts empty gets its members back', async () => {
    const sim = await running(350);
    sim.balancer.restart();
    await sim.seconds(5);
    await ledger(sim, 4);
  });

  test('a balancer that cannot be reached is named as what stands in the way', async () => {
    const sim = await SimGroup.open(groupSpec());
    sim.balancer.fault = (op) => (op === 'attach' ? new DriverError('unreachable', 'gone.sock: no such socket') : undefined);
    sim.load = 50;
    await sim.start();
    await sim.seconds(30);
    const status = await sim.operating.group('web');
    expect([status.state, status.serving]).toEqual(['blocked', 0]);
    expect(status.sentence).toContain('gone.sock: no such socket');
    const [d] = await sim.operating.decisions('web', { before: null, limit: 1 });
    expect(d?.last.blocked[0]?.code).toBe('BLOCKED_BALANCER');
    sim.balancer.fault = () => undefined;
    await sim.seconds(70);
    await ledger(sim, 1);
    expect((await sim.operating.group('web')).state).toBe('holding');
  });

  test('a machine that never gets healthy is deleted, and the next try waits', async () => {
    const sim = await SimGroup.open(groupSpec());
    sim.cloud.bootMs = 10_000_000;
    sim.load = 50;
    await sim.start();
    await sim.seconds(300);
    const creates = sim.cloud.calls.filter((c) => c.op === 'create').length;
    expect(creates).toBeGreaterThanOrEqual(2);
    expect(creates).toBeLessThanOrEqual(8);
    expect(sim.cloud.alive('web').length).toBeLessThanOrEqual(1);
    sim.cloud.bootMs = 1_000;
    await sim.seconds(600);
    await ledger(sim, 1);
  });

  test.each(['token', 'unique-name', 'none'] as const)('the cloud fails after creating (%s): adopted, never doubled', async (idempotency) => {
    const sim = await SimGroup.open(groupSpec(), { can: { idempotency, consistencyMs: 2_000 } });
    let times = 2;
    sim.cloud.fault = (op) => (op === 'create' && times-- > 0 ? { after: new DriverError('unknown', '500') } : undefined);
    sim.load = 150;
    await sim.start();
    await sim.seconds(60);
    await ledger(sim, 2);
  });

  test('a create that came to nothing on a cloud without tokens is tried again after the evidence', async () => {
    const sim = await SimGroup.open(groupSpec(), { can: { idempotency: 'none', consistencyMs: 2_000 } });
    let times = 1;
    sim.cloud.fault = (op) => (op === 'create' && times-- > 0 ? { before: new DriverError('unreachable', 'time-out') } : undefined);
    sim.load = 50;
    await sim.start();
    await sim.seconds(120);
    await ledger(sim, 1);
  });

  test('foreign machines are never touched, whatever they look like', async () => {
    const sim = await running(190, groupSpec(), { can: { listsForeign: true } });
    sim.cloud.plant({ id: 'foreign', name: 'web-1', owner: null });
    sim.cloud.plant({ id: 'other', name: 'web-2', owner: { install: 'someone-else', group: 'web', token: 'x.web.1', instance: 'web-2', templateId: 't1' } });
    sim.load = 0;
    await sim.seconds(120);
    expect(sim.cloud.alive().map((m) => m.id)).toEqual(expect.arrayContaining(['foreign', 'other']));
    expect(sim.cloud.calls.filter((c) => c.op === 'delete').map((c) => c.arg)).not.toEqual(expect.arrayContaining(['foreign']));
  });

  test('a machine that appears after its instance was struck from the books is reaped', async () => {
    const sim = await running(190);
    const owners = sim.cloud.alive('web').map((m) => m.owner);
    sim.load = 50;
    await sim.seconds(40);
    await ledger(sim, 1);
    const gone = owners.find((o) => o?.token !== sim.cloud.alive('web')[0]?.owner?.token);
    sim.cloud.plant({ id: 'late', owner: gone ?? null });
    await sim.seconds(40);
    await ledger(sim, 1);
  });

  test('a forgotten machine is left alone for good', async () => {
    const sim = await running(90);
    const [row] = await serving(sim);
    await sim.operating.forget(ops, row?.id as string);
    await sim.seconds(120);
    expect(sim.cloud.alive('web').map((m) => m.id)).toContain(row?.machineId);
    expect(sim.cloud.calls.filter((c) => c.op === 'delete')).toEqual([]);
    expect(await serving(sim)).toHaveLength(1);
  });

  test('a tagged machine from the future of the books waits for a person', async () => {
    const sim = await running(90);
    const owner = { install: sim.installId, group: 'web', instance: 'web-z', templateId: 't1' };
    sim.cloud.plant({ id: 'future', owner: { ...owner, token: `${sim.installId}.web.900` } });
    await sim.seconds(60);
    expect(sim.cloud.alive('web').map((m) => m.id)).toContain('future');
    expect((await sim.operating.group('web')).problem).toContain('not in the books');
    sim.load = 190;
    const ops = { name: 'ops', role: 'operator' } as const;
    sim.cloud.plant({ id: 'theirs', owner: { ...owner, group: 'db', token: 'x' } });
    await expect(sim.operating.adopt(ops, 'web', 'theirs')).rejects.toThrow(`owner tags of web (installation ${sim.installId})`);
    const get = sim.cloud.get.bind(sim.cloud);
    sim.cloud.get = () => Promise.reject(new DriverError('bad-request', 'web-z is not the id of a machine'));
    await expect(sim.operating.adopt(ops, 'web', 'web-z')).rejects.toMatchObject({ code: 'invalid' });
    sim.cloud.get = get;
    const adopted = await sim.operating.adopt(ops, 'web', 'future');
    await sim.seconds(3);
    expect((await sim.store.instance(adopted.id))?.state).toBe('serving');
    await ledger(sim, 2);
  });

  test('empty books while tagged machines exist: refuse to act', async () => {
    const sim = await SimGroup.open(groupSpec());
    for (const n of [1, 2, 3])
      sim.cloud.plant({
        id: `m${n}`,
        owner: { install: sim.installId, group: 'web', instance: `web-${n}`, token: `${sim.installId}.web.${n}`, templateId: 't1' },
      });
    sim.load = 500;
    await sim.start();
    await sim.seconds(60);
    expect(sim.cloud.calls.filter((c) => c.op === 'create' || c.op === 'delete')).toEqual([]);
    expect((await sim.operating.group('web')).state).toBe('frozen');
  });
});

test('every evaluation is counted, whatever ends its run', async () => {
  const sim = await SimGroup.open(groupSpec());
  let evaluations = 0;
  sim.load = 90;
  sim.instrument = {
    ...noInstrument,
    decision: () => {
      evaluations++;
    },
  };
  await sim.start();
  await sim.seconds(40);
  sim.load = 250;
  await sim.seconds(50);
  await sim.engine.stop();
  const rows = await sim.store.decisions('web', { before: null, limit: 1000 });
  expect(rows.reduce((sum, r) => sum + r.count, 0)).toBe(evaluations);
  for (const row of rows) expect((await sim.operating.replay(row.decision.id)).same).toBe(true);
});

describe('when evaluating stops', () => {
  test('a group that hangs is told once, and told anew after it recovered', async () => {
    const sim = await running(90);
    const told = async (): Promise<number> => (await sim.store.events({ type: 'group.not-evaluated' }, { before: null, limit: 10 })).length;
    const commit = sim.store.commit.bind(sim.store);
    const broken = (): Promise<never> => Promise.reject(new Error('no'));
    for (const round of [1, 2]) {
      sim.store.commit = broken;
      sim.load = 90 + round * 100;
      await sim.seconds(60);
      expect(await told()).toBe(round);
      sim.store.commit = commit;
      await sim.seconds(30);
      await ledger(sim, 1 + round);
    }
  });
});

describe('people', () => {
  test('paused: no mutating call of any kind, until resumed', async () => {
    const sim = await running(90);
    await sim.operating.pause(ops, 'web', null, 'release day');
    const before = sim.cloud.calls.length;
    const joined = sim.balancer.calls.filter((c) => c.op !== 'members').length;
    sim.load = 900;
    await sim.seconds(60);
    expect(sim.cloud.calls.slice(before).filter((c) => c.op === 'create' || c.op === 'delete')).toEqual([]);
    expect(sim.balancer.calls.filter((c) => c.op !== 'members')).toHaveLength(joined);
    await sim.operating.resume(ops, 'web');
    await sim.seconds(30);
    await ledger(sim, 9);
  });

  test('observe: decides and records, and calls nothing', async () => {
    const sim = await running(900, groupSpec({ mode: 'observe' }));
    expect(sim.cloud.calls.filter((c) => c.op === 'create' || c.op === 'delete')).toEqual([]);
    expect(sim.balancer.calls.filter((c) => c.op !== 'members')).toEqual([]);
    const [d] = await sim.store.decisions('web', { before: null, limit: 1 });
    expect(d?.decision.wanted).toBe(9);
  });

  test('a drain request is honoured, also of a machine in standby; one in standby is not replaced', async () => {
    const sim = await running(290);
    const [a, b] = (await serving(sim)) as [InstanceRow, InstanceRow];
    await sim.operating.drain(ops, a.id, null);
    await sim.operating.standby(ops, b.id, true);
    await sim.seconds(60);
    await expect(sim.operating.replace(ops, b.id, null)).rejects.toThrow(/in standby.*drover instances drain web-/);
    expect((await serving(sim)).map((r) => r.id)).toContain(b.id);
    expect(sim.alive()).toBe(4);
    await sim.operating.drain(ops, b.id, null);
    await sim.seconds(60);
    await ledger(sim, 3);
    expect((await sim.store.instances('web', true)).filter((r) => r.removalCause === 'forced').map((r) => r.id)).toEqual([a.id, b.id]);
  });

  test('one in standby may be stopped by who looks at it: it is kept, and goes when it comes back as it is', async () => {
    const sim = await running(290);
    const [a] = (await serving(sim)) as [InstanceRow];
    await sim.operating.standby(ops, a.id, true);
    await sim.seconds(30);
    sim.cloud.kill(a.machineId as string, 'stopped');
    await sim.seconds(120);
    expect((await serving(sim)).map((r) => r.id)).toContain(a.id);
    expect(sim.cloud.calls.filter((c) => c.op === 'delete')).toEqual([]);
    await sim.operating.standby(ops, a.id, false);
    await sim.seconds(60);
    await ledger(sim, 3);
    expect((await sim.store.instance(a.id))?.removalCause).toBe('vanished');
  });

  test('a protected machine is not chosen', async () => {
    const sim = await running(290);
    const [a, b, c] = (await serving(sim)) as [InstanceRow, InstanceRow, InstanceRow];
    await sim.operating.protect(ops, a.id, true);
    await sim.operating.protect(ops, b.id, true);
    sim.load = 10;
    await sim.seconds(60);
    expect((await serving(sim)).map((r) => r.id).sort()).toEqual([a.id, b.id].sort());
    await sim.operating.protect(ops, a.id, false);
    await sim.seconds(60);
    expect((await serving(sim)).map((r) => r.id)).toEqual([b.id]);
    expect(c.id).toBeDefined();
  });

  test('hooks run in their place, and a failing one replaces the machine', async () => {
    const hook = { driver: 'x', options: null, timeoutMs: 5_000 } as const;
    const spec = groupSpec({
      hooks: [
        { ...hook, name: 'before_attach', onFailure: 'replace' },
        { ...hook, name: 'before_delete', onFailure: 'continue' },
      ],
    });
    const sim = await SimGroup.open(spec);
    const ran: string[] = [];
    let failing = 1;
    sim.hook = {
      run: async (context) => {
        ran.push(`${context.step}:${sim.balancer.entries().some((e) => e.address === context.address && e.state === 'ready')}`);
        if (context.step === 'before_attach' && failing-- > 0) throw new DriverError('unknown', 'exit 1');
      },
    };
    sim.load = 150;
    await sim.start();
    await sim.seconds(120);
    await ledger(sim, 2);
    sim.load = 10;
    await sim.seconds(60);
    await ledger(sim, 1);
    expect(ran.filter((r) => r.startsWith('before_attach'))).toHaveLength(3);
    expect(ran).not.toContain('before_attach:true');
    expect(ran.filter((r) => r === 'before_delete:false').length).toBeGreaterThanOrEqual(1);
  });

  test('a hook is told the port of the group where the cloud knows none', async () => {
    const hook = { driver: 'x', options: null, timeoutMs: 5_000, name: 'before_attach', onFailure: 'retry' } as const;
    const sim = await SimGroup.open(groupSpec({ hooks: [hook], balancers: [{ balancer: 'lb', port: 8443, weight: null }] }));
    const { cloud } = sim;
    const [create, list, get] = [cloud.create.bind(cloud), cloud.list.bind(cloud), cloud.get.bind(cloud)];
    cloud.create = async (request) => ({ ...(await create(request)), port: null });
    cloud.list = async () => {
      const found = await list();
      return { ...found, items: found.items.map((m) => ({ ...m, port: null })) };
    };
    cloud.get = async (id) => {
      const found = await get(id);
      return found && { ...found, port: null };
    };
    const ports: (number | null)[] = [];
    sim.hook = { run: async ({ port }) => void ports.push(port) };
    sim.load = 50;
    await sim.start();
    await sim.seconds(30);
    expect(ports).toEqual([8443]);
  });
});

describe('killed at any point and started again', () => {
  const kinds = ['create', 'attach', 'drain', 'detach', 'delete', 'hook-before-attach', 'hook-before-delete'];
  const labels = [...kinds.flatMap((k) => ['before-intent', 'before-call', 'after-call', 'after-result'].map((p) => `${k}:${p}`)), 'cycle:observed'];
  const hook = { driver: 'x', options: null, timeoutMs: 5_000, onFailure: 'continue' } as const;
  const hooks = [{ ...hook, name: 'before_attach' } as const, { ...hook, name: 'before_delete' } as const];

  test.each(labels.flatMap((l) => [1, 2].map((nth) => [l, nth] as const)))(
    '%s, time %i: converges, nothing leaked, doubled or wrongly killed',
    async (label, nth) => {
      const sim = await SimGroup.open(groupSpec({ hooks }));
      let left = nth;
      let crashes = 0;
      sim.crash = (at) => {
        if (at !== label || --left > 0) return;
        sim.crash = () => {};
        crashes++;
        sim.kill();
        throw new Crashed(at);
      };
      sim.load = 290;
      await sim.start();
      for (const load of [290, 290, 90, 90]) {
        sim.load = load;
        await sim.seconds(15);
        if (crashes === 1) {
          crashes++;
          await sim.start('c2');
        }
      }
      await sim.seconds(40);
      expect(crashes).toBe(2);
      await ledger(sim, 1);
      const created = sim.cloud.calls.filter((c) => c.op === 'create').map((c) => c.arg);
      expect(new Set(created).size).toBeLessThanOrEqual(4);
    },
  );
});
