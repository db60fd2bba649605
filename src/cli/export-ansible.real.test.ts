/** The wrapper of two lines, as Ansible runs it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, instanceOf } from '../../test/support/api-world.ts';
import { describeWith, find } from '../../test/support/real.ts';
import { type Api, createApi } from '../api/server.ts';
import { realClock } from '../platform/clock.ts';
import { realProcesses } from '../platform/processes.ts';

const LIMIT_MS = 60_000;

describeWith(['ansible-playbook'], 'drover export ansible with the real Ansible', () => {
  let world: ApiWorld;
  let api: Api;
  let url: string;
  let dir: string;
  beforeAll(async () => {
    world = createApiWorld(realClock);
    const { instances } = world.state;
    instances.clear();
    instances.set('web-1', instanceOf('web-1'));
    instances.set('web-2', instanceOf('web-2', { address: 'fd00::2', zone: '{{ lookup("pipe", "echo owned") }}' }));
    instances.set('web-3', instanceOf('web-3', { state: 'warming' }));
    api = await createApi(world.deps);
    ({ url } = await api.listen({ host: '127.0.0.1', port: 0 }));
    dir = mkdtempSync(join(tmpdir(), 'drover-inventory-'));
    const main = new URL('main.ts', import.meta.url).pathname;
    writeFileSync(join(dir, 'drover.sh'), `#!/bin/sh\nexec '${process.execPath}' '${main}' export ansible "$@"\n`);
    chmodSync(join(dir, 'drover.sh'), 0o755);
  });
  afterAll(async () => {
    await api?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function run(program: string, ...args: string[]): Promise<string> {
    const env = { DROVER_URL: url, DROVER_TOKEN: world.token.viewer, ANSIBLE_INVENTORY_UNPARSED_FAILED: '1', ANSIBLE_NOCOLOR: '1' };
    const beside = (find('ansible-playbook') ?? '').replace(/ansible-playbook$/, program);
    const done = await realProcesses.run({ argv: [beside, '-i', './drover.sh', ...args], env, cwd: dir, timeoutMs: LIMIT_MS, maxBytes: 1_048_576 });
    expect(done.exitCode, done.stderr + done.stdout).toBe(0);
    expect(done.stderr).not.toMatch(/warning/i);
    return done.stdout;
  }

  it(
    'is an inventory that it takes without a warning',
    async () => {
      const list = JSON.parse(await run('ansible-inventory', '--list')) as { drover_web: { hosts: string[] }; _meta: { hostvars: Record<string, object> } };
      expect(list.drover_web.hosts).toEqual(['web-1', 'web-2']);
      expect(list._meta.hostvars['web-1']).toMatchObject({ ansible_host: '10.0.0.7', drover_group: 'web', drover_port: 8080 });
      expect(JSON.parse(await run('ansible-inventory', '--host', 'web-1'))).toMatchObject({ drover_instance: 'web-1' });
    },
    LIMIT_MS,
  );

  it(
    'evaluates nothing of what machines are called',
    async () => {
      const said = await run('ansible', 'drover_web', '-c', 'local', '-m', 'debug', '-a', 'msg={{ drover_zone }}');
      expect(said).toContain('lookup(');
      expect(said).not.toMatch(/"msg": "owned"/);
    },
    LIMIT_MS,
  );
});
