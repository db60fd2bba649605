/** Every command against a real API over a controller in memory. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, createFakeState, decisionOf, statusOf } from '../../test/support/api-world.ts';
import { createCliIo, type TestIo, type TestIoOptions } from '../../test/support/cli-io.ts';
import { type Api, createApi } from '../api/server.ts';
import { realClock } from '../platform/clock.ts';
import { SecretVault } from '../platform/secrets-vault.ts';
import { COMMANDS } from './command-table.ts';
import { EVENT_TYPES } from './event-types.ts';
import { EXIT } from './exit-codes.ts';
import { run } from './run.ts';

const ESCAPE = '\u001b';
const GOOD = `version: 1
groups:
  web: { cloud: local, template: { command: [sleep, '9'] }, max: 3 }
`;

let world: ApiWorld;
let api: Api;
let url: string;
let dir: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'drover-cli-'));
  // A warning is provoked: nothing scales the group.
  writeFileSync(join(dir, 'drover.yaml'), GOOD);
  writeFileSync(join(dir, 'bad.yaml'), GOOD.replace('max:', 'maxx:'));
  world = createApiWorld(realClock);
  api = await createApi(world.deps);
  ({ url } = await api.listen({ host: '127.0.0.1', port: 0 }));
});
beforeEach(() => {
  const fresh = createFakeState();
  const refill = <T>(map: Map<string, T>, from: ReadonlyMap<string, T>): void => {
    map.clear();
    for (const [key, value] of from) map.set(key, value);
  };
  refill(world.state.groups, fresh.groups as Map<string, never>);
  refill(world.state.instances, fresh.instances as Map<string, never>);
  world.state.decisions.splice(0, Number.POSITIVE_INFINITY, ...fresh.decisions);
  world.state.calls.splice(0);
  world.state.fault = null;
});
afterAll(async () => {
  await api?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function drover(argv: readonly string[], options: Partial<TestIoOptions> = {}): Promise<TestIo & { code: number }> {
  const test = createCliIo({ cwd: dir, ...options, env: { DROVER_URL: url, DROVER_TOKEN: world.token.admin, ...options.env } });
  return { ...test, code: await run(argv, test.io) };
}

/** Arguments that make each command succeed, and its exit code; the rest run until they are stopped and have tests of their own. */
const CALLS: Readonly<Record<string, readonly [argv: readonly string[], exit: number]>> = {
  init: [['--yes', '--out', 'new.yaml'], 0],
  validate: [['drover.yaml'], 0],
  plan: [[], 0],
  apply: [['--confirm', 'web'], 0],
  status: [[], 0],
  why: [['web'], 0],
  history: [['--since', '3650d'], 0],
  events: [[], 0],
  eval: [['web', '--set', 'rps=12', '--set', 'cpu=3'], 0],
  victims: [['web', '2'], 0],
  pause: [['web', '--for', '1h', '--reason', 'release day'], 0],
  resume: [['--all'], 0],
  scale: [['web', '4', '--floor'], 0],
  approve: [['web', '9'], 0],
  'instances list': [[], 0],
  'instances show': [['web-1'], 0],
  'instances drain': [['web-1'], 0],
  'instances protect': [['web-1', '--off'], 0],
  'instances standby': [['web-1'], 0],
  'instances replace': [['web-1'], 0],
  'instances adopt': [['web', 'm-9', '--yes'], 0],
  'instances forget': [['web-1', '--yes'], 0],
  'groups list': [[], 0],
  'groups show': [['web'], 0],
  'groups remove': [['old', '--drain', '--confirm', 'old'], 0],
  'groups unfreeze': [['cold'], 0],
  // The controller in memory has a group with a problem and a metric that is missing.
  doctor: [[], EXIT.problem],
  explain: [['HOLD_QUIET'], 0],
  'metrics list': [[], 0],
  'metrics test': [['web', 'rps'], 0],
  'metrics query': [['edge', '{"metric":"request_rate","backend":"web"}', '--config', 'sources.yaml'], EXIT.problem],
  'config show': [[], 0],
  'token list': [[], 0],
  'token create': [['ci'], 0],
  'token revoke': [['TOKEN', '--yes'], 0],
  'secret list': [[], 0],
  'secret set': [['api_key', '--from-file', 'value.txt'], 0],
  'secret remove': [['old_key'], 0],
  'secret rotate-key': [[], 0],
  'audit verify': [[], 0],
  backup: [['copy.db'], 0],
  'export openapi': [[], 0],
  'export schema': [[], 0],
  'export systemd': [[], 0],
  'export ansible': [['--list'], 0],
  'import am-executor': [['executor.yml', '--max', '3', '--region', 'us-east', '--type', 'g6-nanode-1', '--image', 'linode/debian12'], 0],
  completion: [['bash'], 0],
  version: [[], 0],
  help: [['--all'], 0],
};
const ENDLESS = ['demo', 'serve', 'emulate linode', 'emulate proxy', 'emulate web'];

async function prepare(): Promise<void> {
  rmSync(join(dir, 'new.yaml'), { force: true });
  writeFileSync(join(dir, 'value.txt'), 'hush\n');
  writeFileSync(join(dir, 'executor.yml'), 'commands: [{ cmd: ./more.sh, match_labels: { alertname: HighLoad } }]\n');
  writeFileSync(join(dir, 'more.sh'), 'linode-cli linodes create --label web-$RANDOM\n');
  await new SecretVault({ stateDir: join(dir, 'drover-state'), key: null }).set('old_key', 'hush', 0);
  writeFileSync(join(dir, 'sources.yaml'), `${GOOD}sources: { edge: { type: haproxy, socket: ./none.sock } }\n`);
  world.state.groups.set('old', statusOf('old', { managed: false, state: 'unmanaged' }));
  world.state.groups.set('cold', statusOf('cold', { state: 'frozen', problem: null }));
}

let created = 0;
function argvOf(name: string): string[] {
  const operator = [...world.state.tokens.values()].find((t) => t.role === 'operator');
  const [argv] = CALLS[name] ?? [[], 0];
  return [...name.split(' '), ...argv.map((a) => (a === 'TOKEN' ? (operator?.id ?? '') : a === 'ci' ? `ci-${++created}` : a))];
}

describe('every command', () => {
  it('is in this table', () => {
    expect([...Object.keys(CALLS), ...ENDLESS].sort()).toEqual(COMMANDS.map((c) => c.name).sort());
  });

  it.each(Object.keys(CALLS))('%s --json: one document with its schema, nothing else on stdout', async (name) => {
    await prepare();
    const t = await drover([...argvOf(name), '--json']);
    expect([t.code, t.err().includes('should not happen')], t.err()).toEqual([CALLS[name]?.[1], false]);
    const document = JSON.parse(t.out()) as Record<string, unknown>;
    if (name.startsWith('export ') && name !== 'export systemd') expect(Object.keys(document).length).toBeGreaterThan(2);
    else expect(document['schema']).toMatch(/^drover\.[a-z-]+\/v1$/);
    expect(t.out().endsWith('}\n')).toBe(true);
  });

  it.each(Object.keys(CALLS))('%s: for people, without a terminal and so without any escape', async (name) => {
    await prepare();
    const t = await drover(argvOf(name));
    expect(t.code, t.err()).toBe(CALLS[name]?.[1]);
    expect(t.out() + t.err()).not.toContain(ESCAPE);
    expect(t.out().length).toBeGreaterThan(name === 'events' || name === 'init' ? -1 : 1);
  });

  it.each(Object.keys(CALLS))('%s --plain: no glyphs, no escapes even in a terminal', async (name) => {
    await prepare();
    const t = await drover([...argvOf(name), '--plain', '--yes'], { tty: true });
    expect(t.code, t.err()).toBe(CALLS[name]?.[1]);
    expect(t.out()).not.toMatch(/[●▲▽■‖◌]/);
    expect(t.out()).not.toContain(ESCAPE);
  });

  it.each(Object.keys(CALLS))('%s --no-input: asks nothing in a terminal', async (name) => {
    await prepare();
    const t = await drover([...argvOf(name).filter((a) => a !== '--yes'), '--no-input', ...(name === 'init' ? ['--command', './a', '--max', '2'] : [])], {
      tty: true,
    });
    const asksYes = ['instances adopt', 'instances forget', 'token revoke'].includes(name);
    expect(t.code, t.err()).toBe(asksYes ? EXIT.refused : CALLS[name]?.[1]);
    if (asksYes) expect(t.err()).toContain('--yes');
  });
});

describe('colour', () => {
  const colours = async (argv: readonly string[], env: Record<string, string> = {}) =>
    (await drover(argv, { tty: true, env: { TERM: 'xterm', ...env } })).out().includes(ESCAPE);
  it('is there in a terminal', async () => {
    expect(await colours(['status'])).toBe(true);
  });
  it.each([
    ['NO_COLOR', ['status'], { NO_COLOR: '1' }],
    ['TERM=dumb', ['status'], { TERM: 'dumb' }],
    ['--no-color', ['status', '--no-color'], {}],
    ['--plain', ['status', '--plain'], {}],
    ['--json', ['status', '--json'], {}],
  ] as const)('is not with %s', async (_, argv, env) => {
    expect(await colours(argv, env)).toBe(false);
  });
});

describe('exit codes', () => {
  it.each([
    ['ok', ['groups', 'list'], EXIT.ok],
    ['an unknown command', ['stauts'], EXIT.usage],
    ['an unknown option', ['status', '--jsno'], EXIT.usage],
    ['an argument too many', ['status', 'web', 'batch'], EXIT.usage],
    ['a missing argument', ['scale'], EXIT.usage],
    ['a noun alone', ['instances'], EXIT.usage],
    ['a bad number', ['scale', 'web', 'six'], EXIT.usage],
    ['a bad duration', ['pause', 'web', '--for', '5'], EXIT.usage],
    ['a wish that ends before the wait for it', ['scale', 'web', '3', '--for', '30s', '--wait', '60s'], EXIT.usage],
    ['an unknown type of event', ['events', '--type', 'foo'], EXIT.usage],
    ['an unknown cloud of the demo', ['demo', '--cloud', 'mars'], EXIT.usage],
    ['a balancer for the emulated Linode', ['demo', '--cloud', 'linode', '--balancer', 'proxy'], EXIT.usage],
    ['a token file that is not there', ['status', '--token-file', '/nonexist'], EXIT.usage],
    ['contradicting options', ['scale', 'web', '3', '--floor', '--cap'], EXIT.usage],
    ['neither group nor --all', ['pause'], EXIT.usage],
    ['an invalid file', ['validate', 'bad.yaml'], EXIT.invalid],
    ['an invalid plan', ['plan', 'bad.yaml'], EXIT.invalid],
    ['a missing file', ['validate', 'none.yaml'], EXIT.notFound],
    ['a missing group', ['why', 'nobody'], EXIT.notFound],
    ['a missing instance', ['instances', 'show', 'web-77'], EXIT.notFound],
    ['a missing decision', ['why', 'd_none'], EXIT.notFound],
    ['a missing code', ['explain', 'E9999'], EXIT.notFound],
    ['changes without yes', ['groups', 'remove', 'web'], EXIT.refused],
    ['instances deleted without their name', ['apply', '--yes'], EXIT.refused],
    ['a protected instance', ['instances', 'drain', 'guarded'], EXIT.refused],
    ['a problem', ['status', '--check'], EXIT.problem],
    ['changes', ['plan', '--exit-code'], EXIT.changes],
    ['--wait that ran out', ['scale', 'web', '9', '--wait', '20ms'], EXIT.timedOut],
  ] as const)('%s', async (_, argv, code) => {
    world.state.instances.set('guarded', { ...(world.state.instances.get('web-1') as never as object), id: 'guarded', protected: true } as never);
    const t = await drover(argv);
    expect(t.code, t.err()).toBe(code);
    const again = await drover([...argv, '--json']);
    expect(again.code).toBe(code);
    const document = JSON.parse(again.out()) as { schema: string; error?: { exit: number } };
    if (document.schema === 'drover.error/v1') expect(document.error?.exit).toBe(code);
    expect(`${t.err()}${again.err()}`).not.toMatch(/\n\s+at .*:\d+:\d+/);
  });

  it('a token that is not allowed, or none', async () => {
    expect((await drover(['pause', 'web'], { env: { DROVER_TOKEN: world.token.viewer } })).code).toBe(EXIT.notAllowed);
    expect((await drover(['status'], { env: { DROVER_TOKEN: 'nonsense' } })).code).toBe(EXIT.notAllowed);
    const none = await drover(['status'], { env: { DROVER_TOKEN: '' } });
    expect([none.code, none.err()]).toEqual([EXIT.notAllowed, expect.stringContaining('--token-file')]);
  });

  it('nobody answers', async () => {
    const t = await drover(['status'], { env: { DROVER_URL: 'http://127.0.0.1:1' } });
    expect([t.code, t.err()]).toEqual([EXIT.unreachable, expect.stringContaining('nothing answers at http://127.0.0.1:1')]);
  });

  it('a fault of the controller is one line', async () => {
    world.state.fault = new TypeError('x is not a function');
    const t = await drover(['audit', 'verify']);
    expect([t.code, t.out()]).toEqual([EXIT.failed, '']);
    expect(t.err().split('\n').length).toBeLessThan(5);
  });
});

describe('did you mean', () => {
  it.each([
    ['stauts', 'status'],
    ['histroy', 'history'],
    ['vicitms', 'victims'],
    ['instance', 'instances'],
    ['serv', 'serve'],
  ])('%s → %s', async (typed, meant) => {
    const t = await drover([typed]);
    expect([t.code, t.out()]).toEqual([EXIT.usage, '']);
    expect(t.err()).toContain(`did you mean \`${meant}\`?`);
  });
  it('a word below a noun', async () => {
    expect((await drover(['instances', 'drian', 'x'])).err()).toContain('did you mean `instances drain`?');
  });
  it('a group', async () => {
    expect((await drover(['why', 'wbe'])).err()).toContain('did you mean `web`?');
  });
  it('an option', async () => {
    expect((await drover(['status', '--wach'])).err()).toContain('did you mean `--watch`?');
  });
});

describe('what went wrong is said in our words, once', () => {
  it('a reason that is too long', async () => {
    const t = await drover(['pause', 'web', '--reason', 'x'.repeat(501)]);
    expect([t.code, t.err()]).toEqual([EXIT.usage, 'drover: reason: must be at most 500 characters long\n']);
  });
  it('a type of event', async () => {
    expect((await drover(['events', '--type', 'contol.paused'])).err()).toContain('did you mean `control.paused`?');
    expect((await drover(['events', '--type', 'token'])).err()).toContain('there are: token.created, token.revoked');
    expect((await drover(['events', '--type', 'control.paused'])).code).toBe(EXIT.ok);
    // The reference is checked against what the sources write.
    const described = readFileSync(new URL('../../docs/reference/events.md', import.meta.url), 'utf8').matchAll(/^\| `([a-z.-]+)` \|/gm);
    expect(EVENT_TYPES).toEqual([...described].map(([, type]) => type));
  });
  it('a token file', async () => {
    expect((await drover(['status', '--token-file', '/nonexist'])).err()).toContain('/nonexist does not exist');
  });
  it('a state directory that cannot be one', async () => {
    writeFileSync(join(dir, 'state.yaml'), `${GOOD}server: { state: ./taken }\n`);
    writeFileSync(join(dir, 'taken'), '');
    const t = await drover(['serve', 'state.yaml']);
    expect([t.code, t.err()]).toEqual([EXIT.failed, expect.stringContaining('server.state')]);
  });
});

describe('secrets', () => {
  const TEXT = `${GOOD}receivers:
  am: { format: alertmanager, auth: { bearer: [{ file: ./am-token }, { env: DROVER_TEST_NO_SUCH_VARIABLE }] } }
`;
  it('that cannot be used are warned of by validate and fail in doctor, which names the file and never the value', async () => {
    writeFileSync(join(dir, 'secrets.yaml'), TEXT);
    writeFileSync(join(dir, 'am-token'), 'the-value-itself', { mode: 0o644 });
    const t = await drover(['validate', 'secrets.yaml']);
    expect([t.code, t.out()]).toEqual([EXIT.ok, expect.stringMatching(/W0205[\s\S]*chmod o= \.\/am-token/)]);
    const sick = await drover(['doctor', 'secrets.yaml']);
    expect(sick.code).toBe(EXIT.problem);
    expect(sick.out()).toMatch(/^FAIL +secrets +the file \S*\/am-token is readable by every user of this machine; run: chmod o= \S*\/am-token$/m);
    expect(sick.out()).toContain('asked for by receivers.am.auth.bearer.0');
    expect(sick.out()).toMatch(/^FAIL +secrets +the environment variable DROVER_TEST_NO_SUCH_VARIABLE is not set$/m);
    chmodSync(join(dir, 'am-token'), 0o600);
    writeFileSync(join(dir, 'secrets.yaml'), TEXT.replace(', { env: DROVER_TEST_NO_SUCH_VARIABLE }', ''));
    expect((await drover(['validate', 'secrets.yaml'])).out()).not.toContain('W0205');
    const well = await drover(['doctor', 'secrets.yaml']);
    expect(well.out()).toMatch(/^ok +secrets +1 can be read$/m);
    rmSync(join(dir, 'am-token'));
    expect((await drover(['validate', 'secrets.yaml'])).out()).toContain('the secret file `./am-token` is not there');
    expect(`${sick.out()}${sick.err()}${well.out()}`).not.toContain('the-value-itself');
  });
  it('doctor says how many errors of the file it leaves out', async () => {
    const fields = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `nothing${n}: 1\n`).join('');
    writeFileSync(join(dir, 'eight.yaml'), `${GOOD}${fields}`);
    expect((await drover(['doctor', 'eight.yaml'])).out()).toContain('and 3 more');
  });
});

describe('confirmation', () => {
  const typed = async (argv: readonly string[], ...lines: string[]) => {
    const test = createCliIo({ cwd: dir, tty: true, env: { DROVER_URL: url, DROVER_TOKEN: world.token.admin } });
    for (const line of lines) test.type(line);
    return { ...test, code: await run(argv, test.io) };
  };
  it('takes the typed name of the group whose machines go', async () => {
    const t = await typed(['apply'], 'web');
    expect([t.code, t.out()]).toEqual([EXIT.ok, expect.stringContaining('Applied')]);
    expect(t.err()).toContain('Type web to go on');
  });
  it('takes no other word, and not --yes', async () => {
    expect((await typed(['apply', '--yes'], 'y')).code).toBe(EXIT.refused);
    expect((await typed(['apply'], 'batch')).code).toBe(EXIT.refused);
  });
  it('asks y/N for what is merely hard to undo', async () => {
    expect((await typed(['instances', 'forget', 'web-1'], 'n')).code).toBe(EXIT.refused);
    expect(world.state.calls.some((c) => c.name === 'forget')).toBe(false);
    expect((await typed(['instances', 'forget', 'web-1'], 'y')).code).toBe(EXIT.ok);
    expect(world.state.calls.some((c) => c.name === 'forget')).toBe(true);
  });
  it('names in JSON what is missing', async () => {
    const t = await drover(['apply', '--json']);
    expect(JSON.parse(t.out())).toMatchObject({ schema: 'drover.error/v1', confirm: ['web'], error: { code: 'unconfirmed', exit: 7 } });
  });
});

describe('what is printed', () => {
  it('status: groups that need somebody first, glyph, word and numbers in columns', async () => {
    const t = await drover(['status']);
    const [head = '', first = '', second = ''] = t.out().split('\n');
    expect(head.trim().split(/\s{2,}/)).toEqual(['GROUP', 'STATE', 'SERVING', 'TARGET', 'RANGE', 'DEMAND', 'DOING']);
    expect(first).toMatch(/^● +batch +holding +1 +2 +1-10 +1\.7 +server limit reached$/);
    expect(second).toContain('web');
    expect(head.indexOf('DOING')).toBe(first.indexOf('server limit'));
    expect(t.out()).toContain('1 of 2 groups needs you.   drover why batch');
  });
  it('status --problems', async () => {
    const t = await drover(['status', '--problems', '--plain']);
    expect(t.out().trimEnd().split('\t')).toEqual(['batch', 'holding', '1', '2', '1', '10', '1.7', '2', '2', 'server limit reached']);
  });
  it('status GROUP: missing is not zero', async () => {
    const t = await drover(['status', 'web']);
    expect(t.out()).toMatch(/cpu +missing .*source-error: connection refused/);
    expect(t.out()).toMatch(/rps +340 +11 s/);
  });
  it('why: the lines of the API as they are', async () => {
    const t = await drover(['why', 'web', '--utc']);
    const { lines, why_not } = JSON.parse((await drover(['why', 'web', '--json', '--utc'])).out()) as { lines: string[]; why_not: string[] };
    expect(t.out()).toBe(`${lines.join('\n')}\n`);
    expect((await drover(['why', 'web', '--not', '--utc'])).out()).toBe(`${why_not.join('\n')}\n`);
  });
  it('why without a subject takes the newest that changed something; a decision goes by its id; --at finds the one in force', async () => {
    const id = async (...argv: string[]) => (JSON.parse((await drover(['why', ...argv, '--json'])).out()) as { decision: { id: string } }).decision.id;
    expect(await id()).toBe('d_8kq2');
    expect(await id('d_hold')).toBe('d_hold');
    expect(await id('web', '--at', '2026-11-22T13:31:30Z')).toBe('d_hold');
    expect((await drover(['why', 'web', '--at', '2020-01-01'])).code).toBe(EXIT.notFound);
  });
  it('history leaves holds out unless asked, and says so', async () => {
    const all = await drover(['history', 'web', '--since', '3650d', '--plain']);
    expect(
      all
        .out()
        .split('\n')
        .filter(Boolean)
        .map((l) => l.split('\t')[2]),
    ).toEqual(['scale_out']);
    const human = await drover(['history', 'web', '--since', '3650d']);
    expect([human.out(), human.err()]).toEqual([expect.stringContaining('3 → 5'), expect.stringContaining('--only hold')]);
    expect((await drover(['history', '--only', 'hold', '--since', '3650d', '--plain'])).out()).toContain('HOLD_QUIET');
    expect((await drover(['history', '--only', 'sideways'])).code).toBe(EXIT.usage);
  });
  it('nothing from elsewhere steers the terminal', async () => {
    const evil = `${ESCAPE}]0;owned\u0007${ESCAPE}[2J\u202e`;
    world.state.groups.set('web', statusOf('web', { sentence: `fine${evil}`, pause: { by: evil, untilMs: null, reason: evil }, state: 'paused' }));
    world.state.decisions[0] = { decision: decisionOf({ sentence: evil }), count: 1, last: decisionOf() };
    for (const argv of [['status'], ['status', 'web'], ['why', 'web'], ['history', '--since', '3650d']]) {
      const t = await drover(argv);
      for (const c of [ESCAPE, '\u0007', '\u202e']) expect(t.out() + t.err()).not.toContain(c);
      expect(t.code).toBe(EXIT.ok);
    }
  });
  it('token create prints the value alone on stdout', async () => {
    const t = await drover(['token', 'create', 'deploy', '--role', 'operator']);
    expect(t.out()).toMatch(/^\S{20,}\n$/);
    expect((await drover(['status'], { env: { DROVER_TOKEN: t.out().trim() } })).code).toBe(EXIT.ok);
  });
  it('validate: carets for people, ranges for editors', async () => {
    const t = await drover(['validate', 'bad.yaml']);
    expect(t.out()).toMatch(/bad\.yaml:3:\d+[\s\S]*\^\^\^\^ did you mean `max`\?/);
    const { files } = JSON.parse((await drover(['validate', 'bad.yaml', 'drover.yaml', '--json'])).out()) as {
      files: { valid: boolean; diagnostics: { range: object }[] }[];
    };
    expect(files.map((f) => f.valid)).toEqual([false, true]);
    expect(files[0]?.diagnostics[0]?.range).toMatchObject({ start: { line: 2 } });
  });
});

describe('streams', () => {
  it('status --watch goes on until it is interrupted', async () => {
    const test = createCliIo({ cwd: dir, env: { DROVER_URL: url, DROVER_TOKEN: world.token.viewer } });
    const running = run(['status', '--watch', '--json'], test.io);
    await expect.poll(() => test.out().split('\n').length, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(test.signal('SIGINT')).toBe(true);
    expect(await running).toBe(EXIT.interrupted);
    for (const line of test.out().trimEnd().split('\n')) expect(JSON.parse(line)).toMatchObject({ schema: 'drover.fleet/v1' });
  });
  it('emulate web, proxy and linode say where they are and end at SIGTERM', async () => {
    for (const argv of [
      ['emulate', 'web', '--listen', '127.0.0.1:0'],
      ['emulate', 'proxy', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
      ['emulate', 'linode', '--listen', '127.0.0.1:0', '--control', '127.0.0.1:0', '--network', 'loopback'],
    ]) {
      const test = createCliIo({ cwd: dir });
      const running = run([...argv, '--json'], test.io);
      await expect.poll(() => test.out(), { timeout: 10_000 }).toContain('http://127.0.0.1:');
      const { url: at } = JSON.parse(test.out()) as { url: string };
      expect((await fetch(`${at}/healthz`)).status).toBeGreaterThan(0);
      test.signal('SIGTERM');
      expect(await running).toBe(EXIT.ok);
    }
  });
});

describe('init', () => {
  it('asks in a terminal, writes a valid file of at most 15 lines in observe mode, and never overwrites', async () => {
    const home = mkdtempSync(join(tmpdir(), 'drover-init-'));
    const test = createCliIo({ cwd: home, tty: true });
    for (const line of ['./my web --port {{port}}', 'none', '2', '7']) test.type(line);
    expect(await run(['init'], test.io), test.err()).toBe(EXIT.ok);
    const shown = createCliIo({ cwd: home });
    expect(await run(['validate', '--json'], shown.io)).toBe(EXIT.ok);
    const expanded = createCliIo({ cwd: home });
    expect(await run(['config', 'show', '--expanded', '--json'], expanded.io)).toBe(EXIT.ok);
    const { value } = JSON.parse(expanded.out()) as { value: { server: { install_id: string }; groups: { web: object } } };
    expect(value.groups.web).toMatchObject({ mode: 'observe', min: 2, max: 7 });
    expect(value.server.install_id).toMatch(/^[0-9a-f]{12}$/);
    const again = createCliIo({ cwd: home });
    expect(await run(['init', '--yes'], again.io)).toBe(EXIT.refused);
    expect(readdirSync(home)).toEqual(['drover.yaml']);
    rmSync(home, { recursive: true });
  });
  it('asks again where an answer does not do, and keeps the others', async () => {
    const home = mkdtempSync(join(tmpdir(), 'drover-init-'));
    const test = createCliIo({ cwd: home, tty: true });
    for (const line of ['./my "web', './my web', 'sum(x)', 'none', 'two', '4', '3', '7']) test.type(line);
    expect(await run(['init', '--prometheus', url.replace(/:\d+$/, ':1')], createCliIo({ cwd: home, tty: true }).io)).toBe(EXIT.unreachable);
    expect(await run(['init'], test.io), test.err()).toBe(EXIT.ok);
    expect(test.err()).toContain('not closed');
    expect(test.err()).toContain('--max is a whole number from 4 to 100000, not `3`');
    const text = readFileSync(join(home, 'drover.yaml'), 'utf8');
    expect(text).toContain('min: 4\n    max: 7');
    expect(text).toContain('command: [./my, web]');
    rmSync(home, { recursive: true });
  });
  it('drops no flag in silence', async () => {
    const home = mkdtempSync(join(tmpdir(), 'drover-init-'));
    const test = createCliIo({ cwd: home });
    expect(await run(['init', '--command', './a', '--max', '3', '--query', 'none', '--per-instance', '20'], test.io)).toBe(EXIT.usage);
    expect(test.err()).toContain('--query PROMQL');
    expect(readdirSync(home)).toEqual([]);
    rmSync(home, { recursive: true });
  });
  it('says what to pass where nobody can be asked', async () => {
    const home = mkdtempSync(join(tmpdir(), 'drover-init-'));
    const test = createCliIo({ cwd: home });
    expect(await run(['init'], test.io)).toBe(EXIT.refused);
    expect(test.err()).toContain('--command');
    rmSync(home, { recursive: true });
  });
});
