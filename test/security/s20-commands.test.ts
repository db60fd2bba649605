import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DRIVERS } from '../../src/app/registry.ts';
import { realPorts } from '../support/ports.ts';
import { tempDir } from './support.ts';

const MACHINE = { group: 'web', instance: 'web-1', machineId: 'm1', address: '10.0.0.1', port: 80, zone: 'z', step: 'before_attach', token: 't' } as const;
const HOSTILE = [
  '; touch PWNED',
  '$(touch PWNED)',
  '`touch PWNED`',
  '| touch PWNED',
  '&& touch PWNED',
  '\ntouch PWNED\n',
  '> PWNED',
  '"; touch PWNED; "',
  "'; touch PWNED; '",
  '*',
  '~',
  '$HOME',
  '%s%n',
  '{{group}}',
  '\u001b[2J',
  'ü\u202e',
  'a b\tc',
];

/** A program that writes down how it was called. */
function recorder(): { readonly program: string; readonly dir: string; seen(): { argv: string[]; env: Record<string, string>; stdin: string } } {
  const dir = tempDir();
  const program = join(dir, 'recorder');
  const source = `#!${process.execPath}
let stdin = '';
process.stdin.on('data', (c) => { stdin += c; });
process.stdin.on('end', () => {
  require('node:fs').writeFileSync(${JSON.stringify(join(dir, 'seen.json'))}, JSON.stringify({ argv: process.argv.slice(2), env: process.env, stdin }));
  process.stdout.write('{"machines":[],"complete":true}');
});
`;
  writeFileSync(program, source, { mode: 0o700 });
  chmodSync(program, 0o700);
  return { program, dir, seen: () => JSON.parse(readFileSync(join(dir, 'seen.json'), 'utf8')) };
}
const signal = new AbortController().signal;

async function runHook(command: readonly string[], machine: object, dir: string, more: object = {}): Promise<void> {
  const { manifest } = await DRIVERS['hook/exec']();
  const hook = await manifest.open(manifest.options.parse({ command: [...command], ...more }), realPorts({ baseDir: dir }));
  await hook.run({ ...MACHINE, ...machine }, signal);
}

/** Which programs may run is the operator's file (ruling 23: paths are relative to it, names are found on PATH), not a second list. */
describe('S20 what a vendor or a caller says stays inside its argument', () => {
  it.each(HOSTILE)('%j is one literal argument of a hook', async (value) => {
    const { program, dir, seen } = recorder();
    await runHook([program, '--id={{id}}', '{{group}}:{{id}}', 'plain'], { machineId: value }, dir);
    expect(seen().argv).toEqual([`--id=${value}`, `web:${value}`, 'plain']);
    expect(seen().env['DROVER_MACHINE_ID']).toBe(value);
    expect(existsSync(join(dir, 'PWNED'))).toBe(false);
  });

  it.each(HOSTILE)('%j is data on the standard input and in one variable of a cloud’s command', async (value) => {
    const { program, dir, seen } = recorder();
    const { manifest } = await DRIVERS['cloud/exec']();
    const options = { list: [program, 'list'], create: [program, 'create'], delete: [program, 'delete'], idempotent: 'token' };
    const cloud = await manifest.open(manifest.options.parse(options), realPorts({ baseDir: dir }));
    await cloud.delete(value, signal);
    expect(seen().argv).toEqual(['delete']);
    expect([seen().env['DROVER_MACHINE_ID'], JSON.parse(seen().stdin).id]).toEqual([value, value]);
    expect(existsSync(join(dir, 'PWNED'))).toBe(false);
  });

  it.each(['-rf', '--help', '-'])('%s cannot become an option', async (value) => {
    const { program, dir } = recorder();
    await expect(runHook([program, '{{id}}'], { machineId: value }, dir)).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining('option'),
    });
    expect(existsSync(join(dir, 'seen.json'))).toBe(false);
  });

  it('a NUL, and two megabytes, are refused before anything is started', async () => {
    const { program, dir } = recorder();
    await expect(runHook([program, 'x{{id}}'], { machineId: 'a\0b' }, dir)).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining('NUL'),
    });
    const large = runHook([program, 'x{{id}}'], { machineId: 'a'.repeat(2_000_000) }, dir);
    await expect(large).rejects.toMatchObject({ code: 'bad-request', definite: true, message: expect.stringContaining('too large') });
    expect(existsSync(join(dir, 'seen.json'))).toBe(false);
  });

  it('a command gets what is declared, DROVER_*, PATH, HOME, LANG and TZ, and nothing else of ours', async () => {
    const { program, dir, seen } = recorder();
    writeFileSync(join(dir, 'key'), 'canary-declared\n', { mode: 0o600 });
    process.env['CANARY_OF_THE_CONTROLLER'] = 'canary-env';
    try {
      await runHook([program, 'x'], {}, dir, { env: { API_KEY: { file: join(dir, 'key') } } });
    } finally {
      delete process.env['CANARY_OF_THE_CONTROLLER'];
    }
    const names = Object.keys(seen().env).filter((name) => !name.startsWith('DROVER_'));
    expect(names.sort()).toEqual(['API_KEY', ...['HOME', 'LANG', 'PATH', 'TZ'].filter((name) => process.env[name] !== undefined)].sort());
    expect(seen().env['API_KEY']).toBe('canary-declared');
    expect(JSON.stringify(seen())).not.toContain('canary-env');
    // A name of ours cannot be declared over.
    await expect(runHook([program], {}, dir, { env: { DROVER_TOKEN: 'x' } })).rejects.toThrow();
    await expect(runHook([program], {}, dir, { env: { 'A=B': 'x' } })).rejects.toThrow();
  });

  it('a command that does not end, and what it started, are ended together; one that talks without end is cut', async () => {
    const dir = tempDir();
    const sleeper = join(dir, 'sleeper');
    writeFileSync(sleeper, `#!/bin/sh\nsleep 600 &\necho $! > ${join(dir, 'child')}\nwait\n`, { mode: 0o700 });
    const { processes } = realPorts();
    await expect(processes.run({ argv: [sleeper], env: {}, timeoutMs: 700, maxBytes: 1000 })).rejects.toMatchObject({ code: 'unreachable' });
    const child = Number(readFileSync(join(dir, 'child'), 'utf8'));
    const alive = (): boolean => {
      try {
        return !/\) Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8'));
      } catch {
        return false;
      }
    };
    for (const end = Date.now() + 10_000; alive() && Date.now() < end; ) await new Promise((go) => setTimeout(go, 20));
    expect(alive()).toBe(false);
    const endless = processes.run({ argv: ['/bin/sh', '-c', 'while :; do echo 0123456789; done'], env: {}, timeoutMs: 20_000, maxBytes: 100_000 });
    await expect(endless).rejects.toMatchObject({ code: 'bad-reply' });
  });

  it('a program that prints our secret does not bring it into an error', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'key'), 'canary-9f1c', { mode: 0o600 });
    const leak = join(dir, 'leak');
    writeFileSync(leak, '#!/bin/sh\necho "auth failed for $API_KEY" >&2\nexit 3\n', { mode: 0o700 });
    const error = await runHook([leak], {}, dir, { env: { API_KEY: { file: join(dir, 'key') } } }).then(
      () => null,
      (e: unknown) => e as Error,
    );
    expect(error?.message).toMatch(/exit code 3.*\*\*\*/);
    expect(String(error?.stack) + JSON.stringify(error)).not.toContain('canary-9f1c');
  });
});
