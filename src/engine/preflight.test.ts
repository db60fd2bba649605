import { describe, expect, test } from 'vitest';
import { SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import { DriverError, type Need, type Place } from '../ports/ports.ts';
import { isRefusal, preflightGroups } from './preflight.ts';

const here = (region: string, network: string | null = null): Place => ({ realm: 'vendor', region, network });

async function failures(sim: SimGroup): Promise<unknown[]> {
  const events = await sim.operating.events({ type: 'launch.failed' }, { before: null, limit: 100 });
  return events.map((e) => e.data['error']);
}

describe('before the first machine', () => {
  test('credentials that do not allow it: nothing is made, and the books say why', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 1 }));
    const asked: Need[] = [];
    let allowed = false;
    sim.cloudAlso = {
      preflight: async (need) => {
        asked.push(need);
        if (!allowed) throw new DriverError('unauthorized', 'the token may only read');
      },
    };
    await sim.start();
    await sim.seconds(5);
    expect(sim.cloud.calls.filter((c) => c.op === 'create')).toEqual([]);
    expect((await failures(sim))[0]).toBe('sim: the token may only read');
    expect((await sim.operating.fleet())[0]?.problem).not.toBeNull();
    allowed = true;
    await sim.seconds(3_600);
    expect(sim.alive()).toBe(1);
    expect(new Set(asked)).toEqual(new Set(['act']));
    // What passed once is not asked again.
    const before = asked.length;
    await sim.operating.scale({ name: 'ops', role: 'operator' }, 'web', 'floor', 2, null, null);
    await sim.seconds(60);
    expect([sim.alive(), asked.length]).toEqual([2, before]);
  });

  test('machines in another region than their balancer: refused with both names', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 1 }));
    sim.cloudAlso = { place: () => here('north') };
    sim.balancerAlso = { place: async () => here('south') };
    await sim.start();
    await sim.seconds(60);
    expect(sim.cloud.calls.filter((c) => c.op === 'create')).toEqual([]);
    const [said] = await failures(sim);
    expect(said).toContain('in north (cloud sim)');
    expect(said).toContain('lb is in south');
  });

  test('a balancer that cannot be asked: nothing is made until it answers', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 1 }));
    let up = false;
    sim.cloudAlso = { place: () => here('north', 'private addresses') };
    sim.balancerAlso = {
      place: async () => {
        if (!up) throw new DriverError('unreachable', 'no answer');
        return here('north', 'private addresses');
      },
    };
    await sim.start();
    await sim.seconds(60);
    expect(sim.cloud.calls.filter((c) => c.op === 'create')).toEqual([]);
    expect((await failures(sim))[0]).toBe('lb: no answer');
    up = true;
    await sim.seconds(3_600);
    expect(sim.alive()).toBe(1);
  });
});

describe('a world that is looked at before it is used', () => {
  async function results(cloud: SimGroup['cloudAlso'], balancer: SimGroup['balancerAlso'], spec = groupSpec({ min: 0 })) {
    const sim = await SimGroup.open(spec);
    sim.cloudAlso = cloud;
    sim.balancerAlso = balancer;
    await sim.start();
    return (await preflightGroups(sim.engine.ctx.world(), [spec])).map((r) => ({ group: r.group, refused: isRefusal(r.error), text: r.error.message }));
  }

  test('asks for what the mode needs', async () => {
    for (const mode of ['observe', 'act'] as const) {
      const asked: Need[] = [];
      const ask = async (need: Need) => void asked.push(need);
      expect(await results({ preflight: ask }, { preflight: ask }, groupSpec({ min: 0, mode }))).toEqual([]);
      expect(asked).toEqual(mode === 'act' ? ['act', 'act'] : ['read', 'read']);
    }
  });

  test('tells a refusal from what could not be asked', async () => {
    const failing = (code: 'unauthorized' | 'unreachable' | 'throttled' | 'bad-request') => ({
      preflight: async () => {
        throw new DriverError(code, code);
      },
    });
    expect(await results(failing('unauthorized'), {})).toEqual([{ group: 'web', refused: true, text: 'sim: unauthorized' }]);
    expect(await results({}, failing('bad-request'))).toEqual([{ group: 'web', refused: true, text: 'lb: bad-request' }]);
    expect(await results(failing('unreachable'), {})).toEqual([{ group: 'web', refused: false, text: 'sim: unreachable' }]);
    expect(await results(failing('throttled'), {})).toEqual([{ group: 'web', refused: false, text: 'sim: throttled' }]);
  });

  test('tells every refusal, in one order however late the answers come, and lets none hide behind what could not be asked', async () => {
    for (const [late, soon] of [
      [5, 0],
      [0, 5],
    ] as const) {
      const refusing = (turns: number, text: string, code: 'unauthorized' | 'unreachable' = 'unauthorized') => ({
        preflight: async () => {
          for (let i = 0; i < turns; i++) await Promise.resolve();
          throw new DriverError(code, text);
        },
      });
      expect(await results(refusing(late, 'needs a.'), refusing(soon, 'needs b'))).toEqual([
        { group: 'web', refused: true, text: 'sim: needs a. lb: needs b' },
      ]);
      const hidden = refusing(late, 'no answer', 'unreachable');
      expect(await results(hidden, refusing(soon, 'needs b'))).toEqual([{ group: 'web', refused: true, text: 'lb: needs b' }]);
    }
  });

  test('compares places of one realm only', async () => {
    const balancer = (place: Place | null) => ({ place: async () => place });
    const cloud = { place: () => here('north', 'public addresses') };
    expect(await results(cloud, balancer(here('north', 'public addresses')))).toEqual([]);
    expect(await results(cloud, balancer(here('north')))).toEqual([]);
    expect(await results(cloud, balancer(null))).toEqual([]);
    expect(await results(cloud, balancer({ realm: 'other', region: 'south', network: null }))).toEqual([]);
    expect(await results({}, balancer(here('south')))).toEqual([]);
    const [wrong] = await results(cloud, balancer(here('north', 'private addresses')));
    expect(wrong).toMatchObject({ refused: true });
    expect(wrong?.text).toContain('reached at public addresses');
  });
});

describe('every machine of a cloud', () => {
  test('is shared for a while, and the last answer stays while the cloud does not answer', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 0 }));
    let asked = 0;
    let down = true;
    sim.cloudAlso = {
      targets: async () => {
        asked++;
        if (down) throw new DriverError('unreachable', 'no answer');
        return [{ machineId: `m-${asked}`, target: '203.0.113.1:80', labels: {} }];
      },
    };
    await sim.start();
    for (let i = 0; i < 3; i++) await expect(sim.operating.targets('sim')).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toBe(1);
    await expect(sim.operating.targets('nowhere')).rejects.toMatchObject({ code: 'invalid' });
    down = false;
    await sim.seconds(11);
    const [a, b] = await Promise.all([sim.operating.targets('sim'), sim.operating.targets('sim')]);
    expect([a?.targets, asked]).toEqual([b?.targets, 2]);
    down = true;
    await sim.seconds(30);
    const old = await sim.operating.targets('sim');
    expect(old?.targets).toEqual(a?.targets);
    expect(old?.ageMs).toBeGreaterThanOrEqual(30_000);
    // While it fails it is not asked again and again.
    await sim.operating.targets('sim');
    expect(asked).toBe(3);
    down = false;
    await sim.seconds(30);
    expect((await sim.operating.targets('sim'))?.targets[0]?.machineId).toBe('m-4');
  });

  test('is refused where the credentials do not allow it', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 0 }));
    sim.cloudAlso = {
      targets: async () => {
        throw new DriverError('unauthorized', 'needs ips:read_only');
      },
    };
    await sim.start();
    await expect(sim.operating.targets('sim')).rejects.toMatchObject({ code: 'refused', message: 'sim: needs ips:read_only' });
  });
});
