/** Tests that know a planted bug which the simulator's world cannot show, or only very seldom. */
import { describe, expect, test } from 'vitest';
import { DriverError, type InboundAlert } from '../../../src/ports/ports.ts';
import { SimGroup, START_MS } from '../../support/sim-group.ts';
import { groupSpec } from '../../support/specs.ts';

describe('a list that is not complete', () => {
  test('is no evidence that nothing came of a create call', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 1, max: 1 }), { can: { idempotency: 'none', consistencyMs: 0 } });
    let asked = false;
    sim.cloud.fault = (op) => {
      asked ||= op === 'create';
      if (op === 'create') return { after: new DriverError('unknown', '500') };
      return op === 'list' && asked ? { list: (truth) => ({ ...truth, items: [], complete: false }) } : undefined;
    };
    await sim.start();
    await sim.seconds(600);
    const rows = await sim.store.instances('web', true);
    expect(rows.map((row) => row.state)).toEqual(['intent']);
    expect(sim.cloud.alive()).toHaveLength(1);
  });
});

describe('an alert', () => {
  test('a resolve that overtook its alert ends it', async () => {
    const sim = await SimGroup.open(groupSpec());
    await sim.start();
    await sim.seconds(10);
    const alert = { episode: 'high/1', name: 'High', labels: {}, annotations: {}, startsAtMs: START_MS };
    const resolved: InboundAlert = { ...alert, status: 'resolved', endsAtMs: START_MS + 5_000 };
    expect(await sim.operating.receive('am', [resolved], null)).toMatchObject({ ignored: 1 });
    expect(await sim.operating.receive('am', [{ ...alert, status: 'firing', endsAtMs: null }], null)).toMatchObject({ fired: 0, ignored: 1 });
    expect(sim.engine.ctx.firing()).toEqual([]);
  });
});

describe('a create call of a process that was killed', () => {
  test('is not given up while it may still arrive', async () => {
    const sim = await SimGroup.open(groupSpec({ min: 1, max: 1 }), { can: { idempotency: 'none', consistencyMs: 0, callLimitMs: 60_000 } });
    sim.cloud.fault = (op) => (op === 'create' ? { lateMs: 40_000 } : undefined);
    await sim.start();
    await sim.seconds(5);
    sim.kill();
    await sim.start('c2');
    await sim.seconds(120);
    const rows = await sim.store.instances('web', true);
    expect(rows.map((row) => row.state)).toEqual(['serving']);
    expect(sim.cloud.calls.filter(({ op }) => op === 'create')).toHaveLength(1);
  });
});
