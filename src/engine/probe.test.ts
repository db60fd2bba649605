import { expect, test } from 'vitest';
import { SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec } from '../../test/support/specs.ts';

test('a check whose answer never comes does not end the checks of its group', async () => {
  const spec = groupSpec({ min: 1, max: 3, health: { ...groupSpec().health, check: { kind: 'http', path: '/', port: null } } });
  const sim = await SimGroup.open(spec);
  await sim.start();
  await sim.seconds(120);
  const { http } = sim.engine.ctx;
  const ask = http.request.bind(http);
  let [hangs, asked] = [true, 0];
  (http as { request: typeof ask }).request = (asking) => {
    asked++;
    return hangs ? new Promise(() => {}) : ask(asking);
  };
  await sim.seconds(120);
  hangs = false;
  asked = 0;
  await sim.seconds(300);
  expect(asked).toBeGreaterThan(1);
  await sim.engine.stop();
});
