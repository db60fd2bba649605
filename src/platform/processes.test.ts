import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { DriverError } from '../ports/errors.ts';
import { findByEnv, type ProcessStat, type ProcTable, readStat } from './proc.ts';
import { realProcesses as processes } from './processes.ts';

const limits = { env: {}, timeoutMs: 10_000, maxBytes: 10_000 };
const sh = (script: string, ...args: string[]) => ['/bin/sh', '-c', script, 'sh', ...args];
const started: { pid: number; startTicks: string }[] = [];
const directories: string[] = [];

function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), 'drover-processes-'));
  directories.push(dir);
  return dir;
}

async function detached(request: Parameters<typeof processes.spawnDetached>[0]) {
  const p = await processes.spawnDetached(request);
  started.push(p);
  return p;
}

const marked = async (mark: string) => (await processes.findByEnv('DROVER_TEST_MARK')).filter((p) => p.env['DROVER_TEST_MARK'] === mark);
const alive = (pid: number) => {
  const stat = readStat(pid);
  return stat !== null && !stat.zombie;
};

afterEach(async () => {
  for (const p of started.splice(0)) await processes.kill(p, 'SIGKILL');
  for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
});

describe('run', () => {
  it('gives literal arguments, the declared environment and the input', async () => {
    const dir = temporary();
    const result = await processes.run({
      ...limits,
      argv: sh('cat; printf "[%s]" "$@" "$ONE" "$PWD"; echo oops >&2; exit 3', '$(id)', 'a b;c', "'"),
      env: { ONE: '1' },
      cwd: dir,
      stdin: 'in\n',
    });
    expect(result).toEqual({ exitCode: 3, signal: null, stdout: `in\n[$(id)][a b;c]['][1][${dir}]`, stderr: 'oops\n' });
  });

  it('lends only PATH, HOME, LANG and TZ of its own environment', async () => {
    process.env['DROVER_TEST_LEAK'] = 'leaked';
    try {
      const { stdout } = await processes.run({ ...limits, argv: ['/usr/bin/env'], env: { ONE: '1' } });
      const names = stdout
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0]);
      for (const name of names) expect(['PATH', 'HOME', 'LANG', 'TZ', 'ONE']).toContain(name);
      expect(names).toContain('PATH');
    } finally {
      delete process.env['DROVER_TEST_LEAK'];
    }
  });

  it('tells the signal that ended it', async () => {
    expect(await processes.run({ ...limits, argv: sh('kill -9 $$') })).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it('does not mind a command that ignores a large input', async () => {
    expect(await processes.run({ ...limits, argv: ['/bin/true'], stdin: 'x'.repeat(1_000_000) })).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['on time-out', { timeoutMs: 300 }, 'unreachable'],
    ['when aborted', { signal: 'later' }, 'unreachable'],
    ['when it writes too much', { maxBytes: 1000, script: 'sleep 600 & echo $! >"$0/child"; while :; do echo much; done' }, 'bad-reply'],
  ])('kills the whole group %s', async (_, over, code) => {
    const dir = temporary();
    const script = 'script' in over ? over.script : 'sleep 600 & echo $! >"$0/child"; wait';
    const e: DriverError = await processes
      .run({
        ...limits,
        argv: ['/bin/sh', '-c', script, dir],
        ...('timeoutMs' in over ? { timeoutMs: over.timeoutMs } : {}),
        ...('maxBytes' in over ? { maxBytes: over.maxBytes } : {}),
        ...('signal' in over ? { signal: AbortSignal.timeout(300) } : {}),
      })
      .then(
        () => expect.fail('it ended by itself'),
        (thrown) => thrown,
      );
    expect(e).toMatchObject({ code, definite: false });
    const child = Number(readFileSync(join(dir, 'child'), 'utf8'));
    expect(child).toBeGreaterThan(1);
    await expect.poll(() => alive(child), { timeout: 5000 }).toBe(false);
  });

  it('does not start what is aborted already', async () => {
    const dir = temporary();
    await expect(processes.run({ ...limits, argv: sh('touch started'), cwd: dir, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'unreachable',
      definite: true,
    });
    await expect(processes.run({ ...limits, argv: ['/usr/bin/test', '-e', 'started'], cwd: dir })).resolves.toMatchObject({ exitCode: 1 });
  });

  it('returns when the command ends, though a process it left holds its output open', async () => {
    const result = await processes.run({ ...limits, argv: sh('sleep 600 & echo $!') });
    expect(result.exitCode).toBe(0);
    const left = Number(result.stdout);
    expect(alive(left)).toBe(true);
    started.push({ pid: left, startTicks: readStat(left)?.startTicks as string });
  });

  it('keeps all output up to the limit', async () => {
    const { stdout } = await processes.run({ ...limits, maxBytes: 2_000_000, argv: sh('head -c 2000000 /dev/zero') });
    expect(stdout.length).toBe(2_000_000);
  });

  it('says what cannot be started', async () => {
    for (const argv of [['/no/such/program'], ['no-such-program'], [], [''], ['/etc/passwd'], ['/bin/echo', 'a\0b']]) {
      await expect(processes.run({ ...limits, argv })).rejects.toMatchObject({ name: 'DriverError', code: 'bad-request', definite: true });
    }
    await expect(processes.run({ ...limits, argv: ['/bin/true'], cwd: '/no/such/dir' })).rejects.toThrow(/no such directory \/no\/such\/dir/);
  });
});

describe('spawnDetached', () => {
  it('starts a leader of its own session that writes to its log and is found by its environment', async () => {
    const mark = crypto.randomUUID();
    const logFile = join(temporary(), 'deep', 'out.log');
    const before = Date.now();
    const p = await detached({ argv: sh('echo out; echo err >&2; sleep 600; :'), env: { DROVER_TEST_MARK: mark }, logFile });
    await expect.poll(() => readFileSync(logFile, 'utf8'), { timeout: 5000 }).toBe('out\nerr\n');
    const found = await marked(mark);
    expect(found).toHaveLength(2);
    const leader = found.find((f) => f.pid === p.pid);
    expect(leader).toMatchObject({ startTicks: p.startTicks, sessionId: p.pid, groupId: p.pid, zombie: false });
    expect(Math.abs((leader?.startedAtMs ?? 0) - before)).toBeLessThan(2000);
    expect(found.find((f) => f.pid !== p.pid)).toMatchObject({ sessionId: p.pid, groupId: p.pid });
  });

  it('hands over none of our descriptors', async () => {
    const logFile = join(temporary(), 'fds.log');
    const ours = openSync('/dev/null', 'r');
    try {
      await detached({ argv: sh('ls /proc/$$/fd; echo end; sleep 600'), env: {}, logFile });
      await expect.poll(() => readFileSync(logFile, 'utf8'), { timeout: 5000 }).toMatch(/^0\n1\n2\n(.*\n)*end\n$/);
      expect(readFileSync(logFile, 'utf8').split('\n')).not.toContain(String(ours));
    } finally {
      closeSync(ours);
    }
  });

  it('reaps what ends', async () => {
    const p = await detached({ argv: ['/bin/true'], env: {} });
    await expect.poll(() => readStat(p.pid)?.startTicks === p.startTicks, { timeout: 5000 }).toBe(false);
    expect(await processes.kill(p, 'SIGTERM')).toBe(false);
  });

  it('outlives the process that started it', async () => {
    const mark = crypto.randomUUID();
    const code = `import { realProcesses } from ${JSON.stringify(new URL('./processes.ts', import.meta.url).href)};
      await realProcesses.spawnDetached({ argv: ['/bin/sleep', '600'], env: { DROVER_TEST_MARK: ${JSON.stringify(mark)} } });
      process.kill(process.pid, 'SIGKILL');`;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], { stdio: 'ignore' });
    await new Promise((resolve) => parent.once('exit', resolve));
    const [orphan] = await marked(mark);
    expect(orphan).toBeDefined();
    if (orphan !== undefined) started.push(orphan);
  });

  it('says what cannot be started', async () => {
    await expect(detached({ argv: ['/no/such/program'], env: {} })).rejects.toMatchObject({ code: 'bad-request', definite: true });
    await expect(detached({ argv: ['/bin/true'], env: {}, logFile: '/proc/no/such/log' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(detached({ argv: ['/bin/true'], env: {}, logFile: '/bin/true/log' })).rejects.toMatchObject({ code: 'bad-request' });
  });
});

describe('findByEnv', () => {
  it('misses nobody while processes execute one program after the other', async () => {
    const mark = crypto.randomUUID();
    // Each exec shows an empty environment for a moment.
    const loop = 'i=$(($1+0)); [ "$i" -ge 400 ] && exec sleep 600; exec /bin/sh -c "$LOOP" sh $((i+1))';
    for (let i = 0; i < 3; i++) await detached({ argv: sh(loop, '0'), env: { DROVER_TEST_MARK: mark, LOOP: loop } });
    for (let i = 0; i < 60; i++) expect(await marked(mark)).toHaveLength(3);
  });

  /** One process that shows `environs` one after the other, and the last for ever. */
  function oneProcess(environs: readonly string[], stat: (looks: number) => Partial<ProcessStat>): ProcTable {
    let looks = 0;
    const calm = { startTicks: '7', groupId: 9, sessionId: 9, zombie: false, kernel: false, exiting: false, inExec: false, noEnv: false };
    return {
      pids: () => [9],
      isOwn: () => true,
      environ: () => Buffer.from(environs[Math.min(looks++, environs.length - 1)] ?? ''),
      stat: () => ({ ...calm, ...stat(looks) }),
    };
  }

  it('waits for one that is long in the middle of exec', async () => {
    // Neither bound of its environment is set then, so that they look equal.
    const slow = oneProcess([...Array<string>(30).fill(''), 'MARK=1\0'], (looks) => (looks <= 30 ? { inExec: true, noEnv: true } : {}));
    expect(await findByEnv('MARK', slow)).toMatchObject([{ pid: 9, env: { MARK: '1' } }]);
  });

  it('gives an error, not a shorter list, when one never gets out of exec', async () => {
    const stuck = oneProcess([''], () => ({ inExec: true, noEnv: true }));
    await expect(findByEnv('MARK', stuck, 30)).rejects.toMatchObject({ code: 'unknown', message: expect.stringContaining('process 9') });
  });

  it('looks again when the environment was empty but exec is over a moment later', async () => {
    expect(
      await findByEnv(
        'MARK',
        oneProcess(['', 'MARK=1\0'], () => ({})),
      ),
    ).toHaveLength(1);
  });

  it('passes over one that has no environment or is ending at once, and over one that can never be read in the end', async () => {
    let looks = 0;
    for (const shown of [{ noEnv: true }, { noEnv: true, inExec: true, exiting: true }]) {
      const bare = oneProcess([''], (n) => {
        looks = n;
        return shown;
      });
      expect(await findByEnv('MARK', bare)).toEqual([]);
      expect(looks).toBe(1);
    }
    expect(
      await findByEnv(
        'MARK',
        oneProcess([''], () => ({})),
        30,
      ),
    ).toEqual([]);
  });

  it('tells a real process without an environment from one in the middle of exec', async () => {
    const p = await detached({ argv: ['/usr/bin/env', '-i', '/bin/sleep', '600'], env: {} });
    await expect.poll(() => readStat(p.pid), { timeout: 5000 }).toMatchObject({ noEnv: true, inExec: false });
    expect(readFileSync(`/proc/${p.pid}/environ`)).toHaveLength(0);
    expect(readStat(process.pid)).toMatchObject({ noEnv: false, inExec: false, exiting: false, kernel: false });
  });

  it('reads odd environments: no prototype games, equal signs, a name that only ends alike', async () => {
    const mark = crypto.randomUUID();
    await detached({ argv: ['/bin/sleep', '600'], env: { DROVER_TEST_MARK: mark, __proto__x: '1', A: 'b=c', ['__proto__']: 'odd' } });
    await detached({ argv: ['/bin/sleep', '600'], env: { XDROVER_TEST_MARK: mark, NOTE: `DROVER_TEST_MARK=${mark}` } });
    const found = await marked(mark);
    expect(found).toHaveLength(1);
    expect(found[0]?.env['A']).toBe('b=c');
    expect(({} as Record<string, unknown>)['odd']).toBeUndefined();
  });
});

describe('kill', () => {
  it('signals the whole group, of a member too', async () => {
    const mark = crypto.randomUUID();
    const p = await detached({ argv: sh('sleep 600 & sleep 600'), env: { DROVER_TEST_MARK: mark } });
    await expect.poll(async () => (await marked(mark)).length, { timeout: 5000 }).toBe(3);
    process.kill(p.pid, 'SIGKILL');
    await expect.poll(async () => (await marked(mark)).length, { timeout: 5000 }).toBe(2);
    const member = (await marked(mark))[0];
    expect(member !== undefined && (await processes.kill(member, 'SIGTERM'))).toBe(true);
    await expect.poll(async () => (await marked(mark)).length, { timeout: 5000 }).toBe(0);
  });

  it('spares a process that merely has the same number', async () => {
    const p = await detached({ argv: ['/bin/sleep', '600'], env: {} });
    expect(await processes.kill({ pid: p.pid, startTicks: String(Number(p.startTicks) - 1) }, 'SIGKILL')).toBe(false);
    expect(alive(p.pid)).toBe(true);
    expect(await processes.kill(p, 'SIGKILL')).toBe(true);
    await expect.poll(() => alive(p.pid), { timeout: 5000 }).toBe(false);
    expect(await processes.kill(p, 'SIGKILL')).toBe(false);
  });

  it('spares our own group when a member of it is meant', async () => {
    const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
    const pid = child.pid as number;
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    expect(await processes.kill({ pid, startTicks: readStat(pid)?.startTicks as string }, 'SIGTERM')).toBe(true);
    expect(await ended).toBe('SIGTERM');
  });
});
