import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import { describeWith } from '../../../../test/support/real.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HookContext } from '../../../ports/hook.ts';
import { manifest } from './driver.ts';

const LIMIT_MS = 60_000;

describeWith(['ansible-playbook'], 'ansible hook with the real Ansible', () => {
  const directories: string[] = [];
  afterEach(() => {
    for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
  });
  const world = (playbook: string): DriverPorts => {
    const ports = realPorts();
    directories.push(ports.baseDir);
    writeFileSync(join(ports.baseDir, 'site.yml'), playbook);
    writeFileSync(join(ports.baseDir, 'secret'), 'canary-5b1f\n', { mode: 0o600 });
    return ports;
  };
  const open = (ports: DriverPorts, options: object = {}) =>
    manifest.open(manifest.options.parse({ playbook: './site.yml', connection: 'local', ...options }), ports);
  const context: HookContext = {
    group: 'my-web',
    instance: 'web-7',
    machineId: '123',
    address: '192.0.2.7',
    port: 8080,
    zone: '{{ lookup("pipe", "echo owned") }}',
    step: 'before_attach',
    token: 'tok',
  };
  const signal = new AbortController().signal;
  const WRITE = `- hosts: drover_my_web
  gather_facts: false
  tasks:
    - copy:
        dest: "{{ out }}"
        content: "{{ inventory_hostname }} {{ ansible_host }} {{ drover_group }} {{ drover_port }} {{ drover_zone }} {{ node }} {{ password }} {{ list | join('+') }}"
`;

  it(
    'plays on the machine with its variables; nothing that came from outside is evaluated',
    async () => {
      const ports = world(WRITE);
      const out = join(ports.baseDir, 'out');
      const hook = await open(ports, { extra_vars: { out, node: '{{id}}', password: { file: './secret' }, list: ['a', 'b'] } });
      await hook.run(context, signal);
      expect(readFileSync(out, 'utf8')).toBe(`web-7 192.0.2.7 my-web 8080 ${context.zone} 123 canary-5b1f a+b`);
      expect(readdirSync(join(ports.stateDir, 'ansible'))).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'shows the last lines of a failure, without the secret',
    async () => {
      const ports = world('- hosts: all\n  gather_facts: false\n  tasks:\n    - fail: { msg: "no disk for {{ password }}" }\n');
      const hook = await open(ports, { extra_vars: { password: { file: './secret' } } });
      const failure = await hook.run(context, signal).catch((e: Error) => e);
      expect(failure).toMatchObject({ code: 'unknown', message: expect.stringContaining('no disk for ***') });
      expect(String(failure)).not.toContain('canary');
    },
    LIMIT_MS,
  );

  it(
    'fails where no play is for the machine',
    async () => {
      const hook = await open(world('- hosts: db\n  gather_facts: false\n  tasks: [{ meta: noop }]\n'));
      await expect(hook.run(context, signal)).rejects.toMatchObject({ code: 'bad-request', message: expect.stringContaining('did nothing on this machine') });
    },
    LIMIT_MS,
  );

  it(
    'opens the vault with the password it is given',
    async () => {
      const ports = world(
        '- hosts: all\n  gather_facts: false\n  vars_files: [vault.yml]\n  tasks: [{ copy: { dest: "{{ out }}", content: "{{ hidden }}" } }]\n',
      );
      writeFileSync(join(ports.baseDir, 'vault.yml'), 'hidden: from the vault\n');
      const encrypt = ['ansible-vault', 'encrypt', '--vault-password-file', 'secret', 'vault.yml'];
      const done = await ports.processes.run({ argv: encrypt, env: {}, cwd: ports.baseDir, timeoutMs: LIMIT_MS, maxBytes: 65_536 });
      expect(done.exitCode).toBe(0);
      const out = join(ports.baseDir, 'out');
      await (await open(ports, { vault_password: { file: './secret' }, extra_vars: { out } })).run(context, signal);
      expect(readFileSync(out, 'utf8')).toBe('from the vault');
    },
    LIMIT_MS,
  );

  it(
    'ends Ansible and its workers when it is aborted',
    async () => {
      const ports = world(
        '- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch begun\n      args: { chdir: "{{ dir }}" }\n    - command: sleep 300\n',
      );
      const hook = await open(ports, { extra_vars: { dir: ports.baseDir } });
      const end = new AbortController();
      const run = hook.run(context, end.signal).catch((e: unknown) => e);
      await expect.poll(() => existsSync(join(ports.baseDir, 'begun')), { timeout: LIMIT_MS, interval: 50 }).toBe(true);
      end.abort();
      expect(await run).toMatchObject({ code: 'unreachable' });
      const left = async () => (await ports.processes.findByEnv('DROVER_ANSIBLE_RUN')).filter((p) => !p.zombie && p.env['DROVER_TOKEN'] === 'tok');
      await expect.poll(async () => (await left()).length, { timeout: 10_000, interval: 100 }).toBe(0);
    },
    LIMIT_MS,
  );
});
