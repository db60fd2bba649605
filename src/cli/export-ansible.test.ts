/** The inventory against a real API over a controller in memory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, instanceOf } from '../../test/support/api-world.ts';
import { createCliIo } from '../../test/support/cli-io.ts';
import { type Api, createApi } from '../api/server.ts';
import { realClock } from '../platform/clock.ts';
import { run } from './run.ts';

let world: ApiWorld;
let api: Api;
let url: string;
beforeAll(async () => {
  world = createApiWorld(realClock);
  const { instances } = world.state;
  instances.clear();
  instances.set('web-1', instanceOf('web-1'));
  instances.set('web-2', instanceOf('web-2', { address: 'fd00::2', port: null, zone: '{{ lookup("x") }}' }));
  instances.set('web-3', instanceOf('web-3', { state: 'warming' }));
  instances.set('web-4', instanceOf('web-4', { state: 'intent', address: null }));
  instances.set('batch-1', instanceOf('batch-1', { group: 'batch' }));
  api = await createApi(world.deps);
  ({ url } = await api.listen({ host: '127.0.0.1', port: 0 }));
});
afterAll(async () => {
  await api?.close();
});

async function inventory(...argv: string[]) {
  const test = createCliIo({ cwd: '/', env: { DROVER_URL: url, DROVER_TOKEN: world.token.viewer } });
  const code = await run(['export', 'ansible', ...argv], test.io);
  return { code, document: code === 0 ? JSON.parse(test.out()) : null, err: test.err() };
}

describe('drover export ansible', () => {
  it('lists machines that serve, by group, with their variables', async () => {
    const { document } = await inventory('--list');
    expect(document).toMatchObject({
      all: { children: ['drover', 'ungrouped'] },
      drover: { children: ['drover_web', 'drover_batch'] },
      drover_web: { hosts: ['web-1', 'web-2'] },
      drover_batch: { hosts: ['batch-1'] },
    });
    expect(document._meta.hostvars['web-1']).toEqual({
      ansible_host: '10.0.0.7',
      drover_address: '10.0.0.7',
      drover_group: 'web',
      drover_instance: 'web-1',
      drover_machine_id: 'm-web-1',
      drover_port: 8080,
      drover_state: 'serving',
      drover_zone: 'fsn1',
    });
    expect(document._meta.hostvars['web-2']).toMatchObject({
      ansible_host: 'fd00::2',
      drover_port: null,
      drover_zone: { __ansible_unsafe: '{{ lookup("x") }}' },
    });
    expect((await inventory()).document).toEqual(document);
  });

  it('lists other states, and one group', async () => {
    expect((await inventory('--list', '--state', 'any', '--group', 'web')).document).toMatchObject({
      drover: { children: ['drover_web'] },
      drover_web: { hosts: ['web-1', 'web-2', 'web-3'] },
    });
    expect((await inventory('--state', 'warming, booting')).document).toMatchObject({ drover_web: { hosts: ['web-3'] }, drover_batch: { hosts: [] } });
  });

  it('tells the variables of one host, whatever its state; of a stranger none', async () => {
    expect((await inventory('--host', 'web-3')).document).toMatchObject({ drover_state: 'warming' });
    expect((await inventory('--host', 'other')).document).toEqual({});
  });

  it('refuses what it does not know', async () => {
    expect(await inventory('--state', 'happy')).toMatchObject({ code: 2, err: expect.stringContaining('there is no state happy') });
    expect((await inventory('--group', 'none')).code).not.toBe(0);
    expect((await inventory('--list', '--host', 'web-1')).code).toBe(2);
  });
});
