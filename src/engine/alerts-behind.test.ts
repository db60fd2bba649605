import { expect, test } from 'vitest';
import { SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';
import type { HookContext, InboundAlert } from '../ports/ports.ts';

const alertPolicy = {
  name: 'burst',
  type: 'alert',
  advisory: false,
  options: { alert: 'HighLoad', labels: {}, receiver: null, while_firing: null, change: { kind: 'by', count: 1 }, every: 300_000, valid_for: 18_000_000 },
};

function alarm(sim: SimGroup, over: Partial<InboundAlert> = {}): InboundAlert {
  return {
    status: 'firing',
    episode: 'ffff/1',
    name: 'HighLoad',
    labels: { alertname: 'HighLoad' },
    annotations: { summary: 's', long: 'x'.repeat(9000) },
    startsAtMs: sim.clock.wall() - 1000,
    endsAtMs: null,
    origin: { receiver: 'web.hook', externalUrl: 'http://am', groupLabels: { alertname: 'HighLoad' }, generatorUrl: null },
    ...over,
  };
}

async function world(): Promise<{ sim: SimGroup; told: HookContext[] }> {
  const hooks = [{ name: 'before_attach', driver: 'exec', options: [], timeoutMs: 5000, onFailure: 'retry' as const }];
  const sim = await SimGroup.open(groupSpec({ policies: [alertPolicy as never], hooks: hooks as never }));
  const told: HookContext[] = [];
  sim.hook = { run: async (context) => void told.push(context) };
  await sim.start();
  await sim.seconds(20);
  return { sim, told };
}

test('a hook is told the alerts that its launch answers, and no others', async () => {
  const { sim, told } = await world();
  expect(told.map((c) => c.alerts)).toEqual([[]]); // the minimum asked for this one
  await sim.operating.receive('am', [alarm(sim), alarm(sim, { episode: 'eeee/1', name: 'DiskFull' })], null);
  await sim.seconds(20);
  expect(told).toHaveLength(2);
  expect(told[1]?.alerts).toEqual([
    {
      episode: 'ffff/1',
      name: 'HighLoad',
      labels: { alertname: 'HighLoad' },
      startsAtMs: expect.any(Number),
      annotations: { summary: 's' }, // what is too long is left out whole
      origin: { receiver: 'web.hook', externalUrl: 'http://am', groupLabels: { alertname: 'HighLoad' }, generatorUrl: null },
    },
  ]);
});

test('after a restart the details come from the store', async () => {
  const { sim, told } = await world();
  let fail = true;
  sim.hook = {
    run: async (context) => {
      if (fail) throw new Error('not yet');
      told.push(context);
    },
  };
  await sim.operating.receive('am', [alarm(sim)], null);
  await sim.seconds(5);
  sim.kill();
  fail = false;
  await sim.start('c2');
  await sim.seconds(30);
  expect(told.at(-1)?.alerts?.[0]).toMatchObject({ episode: 'ffff/1', annotations: { summary: 's' }, origin: { receiver: 'web.hook' } });
});
