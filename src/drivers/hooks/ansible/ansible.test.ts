import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RECORD_ENVIRONMENT, recordedRuns } from '../../../../test/support/hook-record.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HookContext } from '../../../ports/hook.ts';
import { hookContract } from '../../../testing/hook-contract.ts';
import { manifest } from './driver.ts';

/** In place of ansible-playbook: it writes down what it was given, and answers as Ansible does. */
function standIn(ports: DriverPorts, name: string, script: string): string {
  const path = join(ports.baseDir, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return `./${name}`;
}
const RECAP = `for a; do case $a in --limit=*) host=\${a#--limit=};; esac; done; printf 'PLAY RECAP ****\\n%s   : ok=1  changed=0\\n' "$host"`;
const RECORD = `${RECORD_ENVIRONMENT}; printf '%s\\n' "$@" >args; for a; do case $a in --*=*) f=\${a#--*=}; f=\${f#@}; [ -f "$f" ] && { stat -c %a "$f"; cat "$f"; } >>"file\${a%%=*}"; esac; done; ${RECAP}`;

function world(): DriverPorts {
  const ports = realPorts();
  writeFileSync(join(ports.baseDir, 'site.yml'), '- hosts: all\n');
  writeFileSync(join(ports.baseDir, 'key'), 'canary-0c4e', { mode: 0o600 });
  return ports;
}
const open = (ports: DriverPorts, options: object) => manifest.open(manifest.options.parse({ playbook: 'site.yml', wait_for_port: 'none', ...options }), ports);

hookContract('ansible', async () => {
  const ports = world();
  const received = async () => recordedRuns(ports.baseDir);
  const failing = standIn(ports, 'failing', 'for a; do case $a in --extra-vars=@*) cat "${a#--extra-vars=@}";; esac; done; exit 2');
  return {
    openSucceeding: () => open(ports, { command: standIn(ports, 'ok', RECORD) }),
    openFailing: () => open(ports, { command: failing, extra_vars: { key: { file: join(ports.baseDir, 'key') } } }),
    openHanging: () => open(ports, { command: standIn(ports, 'hang', 'exec sleep 600') }),
    openMissing: () => open(ports, { command: './no-such-program' }),
    received,
    canary: 'canary-0c4e',
    teardown: async () => rmSync(ports.baseDir, { recursive: true, force: true }),
  };
});

describe('ansible hook', () => {
  const directories: string[] = [];
  afterEach(() => {
    for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
  });
  const fresh = (): DriverPorts => {
    const ports = world();
    directories.push(ports.baseDir);
    return ports;
  };
  const context: HookContext = {
    group: 'my-web',
    instance: 'web-7',
    machineId: 'm-1',
    address: '10.0.0.9',
    port: 8080,
    zone: null,
    step: 'before_attach',
    token: 'tok',
  };
  const signal = new AbortController().signal;
  const text = (ports: DriverPorts, name: string): string => readFileSync(join(ports.baseDir, name), 'utf8');

  it('hands secrets over in files of its own, and takes the files away', async () => {
    const ports = fresh();
    const key = { file: join(ports.baseDir, 'key') };
    const options = { command: standIn(ports, 'ok', RECORD), private_key: key, vault_password: key, extra_vars: { secret: key, node: '{{instance}}' } };
    await (await open(ports, options)).run(context, signal);
    expect(text(ports, 'args')).not.toContain('canary');
    expect(text(ports, 'seen')).not.toContain('canary');
    expect(text(ports, 'file--private-key')).toBe('600\ncanary-0c4e\n');
    expect(text(ports, 'file--vault-password-file')).toBe('600\ncanary-0c4e');
    expect(text(ports, 'file--extra-vars')).toBe('600\n{"secret":"canary-0c4e","node":"web-7"}');
    expect(readdirSync(join(ports.stateDir, 'ansible'))).toEqual([]);
  });

  it('takes them away when the playbook fails, and when it is aborted', async () => {
    const ports = fresh();
    const key = { file: join(ports.baseDir, 'key') };
    const failing = await open(ports, { command: standIn(ports, 'no', 'exit 1'), private_key: key });
    await expect(failing.run(context, signal)).rejects.toMatchObject({ code: 'unknown' });
    const hanging = await open(ports, { command: standIn(ports, 'hang', 'exec sleep 600'), private_key: key });
    await expect(hanging.run(context, AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'unreachable' });
    expect(readdirSync(join(ports.stateDir, 'ansible'))).toEqual([]);
  });

  it('names the machine, its group and its variables', async () => {
    const ports = fresh();
    await (await open(ports, { command: standIn(ports, 'ok', RECORD), inventory: ['./more'] })).run({ ...context, zone: '{{ lookup("x") }}' }, signal);
    const [mode, json = ''] = text(ports, 'file--inventory').split('\n');
    expect(mode).toBe('600');
    expect(JSON.parse(json)).toEqual({
      all: {
        children: {
          drover: {
            children: {
              drover_my_web: {
                hosts: {
                  'web-7': {
                    ansible_host: '10.0.0.9',
                    drover_address: '10.0.0.9',
                    drover_group: 'my-web',
                    drover_instance: 'web-7',
                    drover_machine_id: 'm-1',
                    drover_port: 8080,
                    drover_state: 'warming',
                    drover_zone: { __ansible_unsafe: '{{ lookup("x") }}' },
                  },
                },
              },
            },
          },
        },
      },
    });
    const args = text(ports, 'args').split('\n');
    expect(args).toContain(`--inventory=${join(ports.baseDir, 'more')}`);
    expect(args).toContain('--limit=web-7');
    expect(args.at(-2)).toBe(join(ports.baseDir, 'site.yml'));
  });

  it('does not take a run that meant other machines for a success', async () => {
    const ports = fresh();
    const hook = await open(ports, { command: standIn(ports, 'other', "printf 'PLAY [db]\\nskipping: no hosts matched\\n\\nPLAY RECAP ***\\n'") });
    await expect(hook.run(context, signal)).rejects.toMatchObject({ code: 'bad-request', message: expect.stringContaining('did nothing on this machine') });
  });

  it('says when Ansible or the playbook is not there', async () => {
    const ports = fresh();
    await expect((await open(ports, { command: 'no-such-ansible-playbook' })).run(context, signal)).rejects.toMatchObject({
      message: expect.stringContaining('install Ansible'),
    });
    await expect((await open(ports, { playbook: 'gone.yml' })).run(context, signal)).rejects.toMatchObject({ message: 'there is no playbook gone.yml' });
  });

  it('waits for the port, and gives up when it stays shut', async () => {
    let [nowMs, knocks] = [0, 0];
    const clock = {
      wall: () => nowMs,
      mono: () => nowMs,
      after: () => () => {},
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    const sockets = (opensAtMs: number): DriverPorts['sockets'] => ({ exchange: async () => '', canConnect: async () => ++knocks > 0 && nowMs >= opensAtMs });
    const ports = fresh();
    const options = { command: standIn(ports, 'ok', RECORD), wait_for_port: 22, wait_timeout: '10s' };
    await (await open({ ...ports, clock, sockets: sockets(4000) }, options)).run(context, signal);
    expect([nowMs, knocks]).toEqual([4000, 5]);
    const shut = await open({ ...ports, clock, sockets: sockets(1e9) }, options);
    await expect(shut.run(context, signal)).rejects.toMatchObject({ code: 'unreachable', message: 'port 22 of 10.0.0.9 did not open within 10 s' });
    expect(text(ports, 'seen').split('--\0')).toHaveLength(2);
  });

  it('refuses wrong options by name', () => {
    const parse = (options: unknown) => manifest.options.safeParse(options).success;
    expect(parse('./site.yml')).toBe(true);
    expect(parse({ playbook: './site.yml', extra_vars: { a: '{{instnace}}' } })).toBe(false);
    expect(parse({ playbook: '-e@x' })).toBe(false);
    expect(parse({ playbook: 'x', user: '-o' })).toBe(false);
    expect(parse({ playbook: 'x', extra_vars: { 'a b': 1 } })).toBe(false);
    expect(parse({ playbook: 'x', timeout: '5s' })).toBe(false);
  });
});
