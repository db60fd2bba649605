/** The command line and the real controller, found through its state directory, with processes of this machine as machines. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCliIo, type TestIo } from '../../test/support/cli-io.ts';
import { until } from '../../test/support/daemon.ts';
import { realProcesses } from '../platform/processes.ts';
import { EXIT } from './exit-codes.ts';
import { run } from './run.ts';

const INSTALL = `cli-${process.pid}`;
const file = (max: number) => `version: 1
server: { listen: '127.0.0.1:0', install_id: ${INSTALL}, log_level: warn }
groups:
  web:
    cloud: local
    template: { command: [sleep, '600'] }
    evaluate_every: 1s
    min: 1
    max: ${max}
    health: none
`;

let dir: string;
let server: TestIo;
let serving: Promise<number>;

async function drover(...argv: string[]): Promise<TestIo & { code: number }> {
  const test = createCliIo({ cwd: dir });
  return { ...test, code: await run(argv, test.io) };
}
async function json<T>(...argv: string[]): Promise<T> {
  const t = await drover(...argv, '--json');
  expect(t.code, t.err()).toBe(EXIT.ok);
  return JSON.parse(t.out()) as T;
}
const served = async (): Promise<number> => (await json<{ serving: number }>('status', 'web')).serving;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'drover-serve-'));
  writeFileSync(join(dir, 'drover.yaml'), file(4));
  server = createCliIo({ cwd: dir });
  serving = run(['serve', '--json'], server.io);
  await until('the controller says where it is', async () => server.out().includes('drover.serve/v1'));
}, 30_000);

afterAll(async () => {
  server.signal('SIGTERM');
  await serving;
  const mine = (await realProcesses.findByEnv('DROVER_INSTALL')).filter((p) => p.env['DROVER_INSTALL'] === INSTALL);
  await Promise.all(mine.map((p) => realProcesses.kill(p, 'SIGKILL')));
  rmSync(dir, { recursive: true, force: true });
}, 30_000);

describe('a running controller', () => {
  it('is found without a word, and launches what the file asks for', async () => {
    await expect.poll(served, { timeout: 15_000 }).toBe(1);
    const t = await drover('status');
    expect(t.out()).toMatch(/web +\S+ +1 +1 +1-4/);
  });

  it('tells why, by group and by decision, and every decision replays', async () => {
    const { decisions } = await json<{ decisions: { id: string; outcome: string; sentence: string }[] }>('history', 'web');
    const first = decisions.find((d) => d.outcome === 'scale_out');
    expect(first?.sentence).toMatch(/\S/);
    expect((await drover('why', first?.id ?? '')).out()).toContain(first?.sentence);
    expect((await drover('why', 'web', '--not')).out()).toContain('Nothing is wrong.');
    expect((await drover('why')).code).toBe(EXIT.ok);
  });

  it('scales by hand, waits for it, and gives the wish back', async () => {
    const t = await drover('scale', 'web', '2', '--for', '10m', '--reason', 'a test', '--wait', '15s');
    expect(t.code, t.err()).toBe(EXIT.ok);
    expect(await served()).toBe(2);
    const { instances } = await json<{ instances: { id: string; state: string }[] }>('instances', 'list', 'web');
    expect(instances.map((i) => i.state)).toEqual(['serving', 'serving']);
    expect((await drover('victims', 'web', '2', '--plain')).out().trim().split('\n')).toHaveLength(2);
    expect((await drover('events', 'web', '--plain')).out()).toContain('a test');
    expect((await drover('scale', 'web', '--clear')).out()).toContain('follows its policies again');
  });

  it('evaluates without acting, and shows the configuration of the group', async () => {
    expect((await drover('eval', 'web')).out()).toContain('Nothing was done.');
    expect((await drover('groups', 'show', 'web', '--plain')).out()).toMatch(/^max\t4\t\S*drover\.yaml:9:10$/m);
  });

  it('pauses and resumes', async () => {
    expect((await drover('pause', 'web', '--reason', 'release day')).out()).toContain('"release day"');
    await expect.poll(async () => (await json<{ state: string }>('status', 'web')).state, { timeout: 10_000 }).toBe('paused');
    const all = await drover('resume', '--all');
    expect([all.code, all.err()]).toEqual([EXIT.ok, expect.stringContaining('drover resume web')]);
    expect((await drover('resume', 'web')).code).toBe(EXIT.ok);
    await expect.poll(async () => (await json<{ pause: object | null }>('status', 'web')).pause, { timeout: 10_000 }).toBeNull();
  });

  it('says what of a pause is left, and what waits for its end', async () => {
    expect((await drover('resume', 'web')).out()).toBe('web was not paused.\n');
    expect((await drover('resume', '--all')).out()).toBe('The installation as a whole was not paused.\n');
    expect((await drover('groups', 'unfreeze', 'web')).out()).toBe('web was not frozen.\n');
    await drover('pause', '--all', '--for', '1h');
    const own = await drover('resume', 'web');
    expect([own.code, own.out()]).toEqual([
      EXIT.ok,
      expect.stringMatching(/^web has no pause of its own.* the whole installation is paused by .* until .*drover resume --all\n$/),
    ]);
    const [first] = (await json<{ instances: { id: string }[] }>('instances', 'list', 'web')).instances;
    expect((await drover('instances', 'replace', first?.id ?? '')).out()).toContain('once it is resumed (paused by');
    writeFileSync(join(dir, 'more.yaml'), file(4).replace('min: 1', 'min: 3'));
    expect((await drover('plan', 'more.yaml')).out()).toMatch(/launches \d to reach min 3, once it is resumed \(paused by/);
    const waited = await drover('scale', 'web', '3', '--for', '10m', '--wait', '20ms');
    expect([waited.code, waited.err()]).toEqual([EXIT.timedOut, expect.stringContaining('paused by')]);
    await drover('scale', 'web', '--clear');
    expect((await drover('resume', '--all')).out()).toBe('The pause of all groups is over.\n');
  });

  it('says where a file on disk is not the one that runs, with its errors alone', async () => {
    const good = readFileSync(join(dir, 'drover.yaml'), 'utf8');
    const refused = async (): Promise<string | null> => (await json<{ config_error: string | null }>('status')).config_error;
    // A hook that is not there is only a warning.
    writeFileSync(join(dir, 'drover.yaml'), `${good}    hooks: { before_delete: { exec: [./gone.sh] } }\n    maxx: 3\n`);
    await expect.poll(refused, { timeout: 10_000 }).toMatch(/maxx/);
    expect(await refused()).not.toContain('gone.sh');
    const t = await drover('status', '--problems', '--check');
    expect([t.code, t.err()]).toEqual([EXIT.problem, expect.stringMatching(/A newer file on disk is not used: .*maxx/)]);
    expect(t.out()).not.toContain('Nothing needs you');
    writeFileSync(join(dir, 'drover.yaml'), good);
    await expect.poll(refused, { timeout: 10_000 }).toBeNull();
    await expect.poll(async () => (await drover('status', '--check')).code, { timeout: 10_000 }).toBe(EXIT.ok);
  });

  it('plans and applies a changed file, all or nothing', async () => {
    writeFileSync(join(dir, 'next.yaml'), file(6));
    expect((await drover('plan', 'next.yaml', '--exit-code')).code).toBe(EXIT.changes);
    expect((await drover('apply', 'next.yaml')).code).toBe(EXIT.refused);
    expect(readFileSync(join(dir, 'drover.yaml'), 'utf8')).toContain('max: 4');
    const t = await drover('apply', 'next.yaml', '--yes');
    expect([t.code, t.out()]).toEqual([EXIT.ok, expect.stringMatching(/~ web +max +4 → 6[\s\S]*Applied: \w+, written to \S*drover\.yaml\.\n$/)]);
    expect(readFileSync(join(dir, 'drover.yaml'), 'utf8')).toContain('max: 6');
    const bad = await drover('apply', 'next.yaml', '--yes');
    expect(bad.out()).toContain('No changes');
    writeFileSync(join(dir, 'next.yaml'), file(6).replace('min: 1', 'min: 7'));
    const invalid = await drover('apply', 'next.yaml', '--yes');
    expect([invalid.code, invalid.err()]).toEqual([EXIT.invalid, expect.stringContaining('E0104')]);
  });

  it('makes tokens that work, checks its chain, and backs up while it runs', async () => {
    const token = (await drover('token', 'create', 'eye', '--role', 'viewer')).out().trim();
    writeFileSync(join(dir, 'eye'), token);
    expect((await drover('status', '--token-file', 'eye')).code).toBe(EXIT.ok);
    expect((await drover('pause', 'web', '--token-file', 'eye')).code).toBe(EXIT.notAllowed);
    const { tokens } = await json<{ tokens: { id: string; name: string }[] }>('token', 'list');
    expect((await drover('token', 'revoke', tokens.find((t) => t.name === 'eye')?.id ?? '', '--yes')).code).toBe(EXIT.ok);
    await expect.poll(async () => (await drover('status', '--token-file', 'eye')).code, { timeout: 5_000 }).toBe(EXIT.notAllowed);
    expect((await drover('audit', 'verify')).code).toBe(EXIT.ok);
    expect((await drover('backup', './copy.db')).code).toBe(EXIT.ok);
    expect(existsSync(join(dir, 'copy.db'))).toBe(true);
    expect((await drover('backup', './copy.db')).code).toBe(EXIT.refused);
  });

  it('follows events as they happen', async () => {
    const test = createCliIo({ cwd: dir });
    const following = run(['events', '--follow', '--json', '--limit', '1'], test.io);
    await expect.poll(() => test.out(), { timeout: 10_000 }).not.toBe('');
    await drover('pause', 'web', '--for', '1h', '--reason', 'seen live');
    await expect.poll(() => test.out(), { timeout: 10_000 }).toContain('seen live');
    await drover('resume', 'web');
    test.signal('SIGINT');
    expect(await following).toBe(EXIT.interrupted);
    const seqs = test
      .out()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
  });

  it('passes the doctor', async () => {
    const t = await drover('doctor');
    expect(t.code, t.out()).toBe(EXIT.ok);
    expect(t.out()).toMatch(/^ok +local +\d machines? of this installation/m);
    expect(t.out()).toMatch(/^ok +controller +.*ready/m);
  });

  it('drains one machine and waits until it is gone', async () => {
    const { instances } = await json<{ instances: { id: string }[] }>('instances', 'list', 'web');
    const id = instances[0]?.id ?? '';
    const t = await drover('instances', 'drain', id, '--wait', '18s');
    expect([t.code, t.out()], t.err()).toEqual([EXIT.ok, expect.stringContaining('is gone')]);
    expect((await drover('instances', 'list', '--gone', '--plain')).out()).toContain(`${id}\tweb\tgone`);
  });

  it('is the only one on its state directory', async () => {
    const t = await drover('serve');
    expect([t.code, t.err()]).toEqual([EXIT.refused, expect.stringMatching(/state|lock/)]);
  });
});

describe('starting', () => {
  it('refuses an invalid file with carets, and a missing one', async () => {
    writeFileSync(join(dir, 'bad.yaml'), file(4).replace('max:', 'maxx:'));
    const t = await drover('serve', 'bad.yaml');
    expect([t.code, t.err()]).toEqual([EXIT.invalid, expect.stringMatching(/bad\.yaml:\d+:\d+[\s\S]*did you mean `max`/)]);
    const none = await drover('serve', 'none.yaml');
    expect([none.code, none.err()]).toEqual([EXIT.notFound, expect.stringContaining('drover init')]);
  });
});

describe('stopping', () => {
  it('ends at SIGTERM with 0, leaves the machines, and then nothing answers', async () => {
    expect(server.signal('SIGTERM')).toBe(true);
    expect(await serving).toBe(EXIT.ok);
    const mine = (await realProcesses.findByEnv('DROVER_INSTALL')).filter((p) => p.env['DROVER_INSTALL'] === INSTALL);
    expect(mine.length).toBeGreaterThan(0);
    const t = await drover('status');
    expect([t.code, t.err()]).toEqual([EXIT.unreachable, expect.stringContaining('drover serve')]);
  });
});
