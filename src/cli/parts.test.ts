import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestClock, T0 } from '../../test/support/api-world.ts';
import { createCliIo } from '../../test/support/cli-io.ts';
import { addressOf } from './address.ts';
import { CliError } from './cli-error.ts';
import { COMMANDS, GLOBAL_OPTIONS } from './command-table.ts';
import { instantOf } from './commands/why.ts';
import { completionScript, SHELLS } from './completion-script.ts';
import { Context, type Globals } from './context.ts';
import { findServer } from './find-server.ts';
import { firstFile, splitCommand } from './first-file.ts';
import { LOADABLE, loadCommand } from './load-command.ts';
import { renderCliReference } from './reference.ts';
import { run } from './run.ts';
import { formatTable, plainRows } from './table.ts';
import { cutTo, formatTime, plainPaint, safe, widthOf } from './text.ts';

const GLOBALS: Globals = {
  json: false,
  plain: false,
  color: true,
  server: null,
  tokenFile: null,
  config: null,
  context: null,
  utc: true,
  yes: false,
  input: true,
  confirm: [],
  timeoutMs: 1000,
};

describe('tables', () => {
  const style = { paint: plainPaint, width: null };
  it('align by display width, numbers to the right', () => {
    expect(
      formatTable(
        [{ title: 'A' }, { title: 'N', align: 'right' }, { title: 'C' }],
        [
          ['é', '7', 'x'],
          ['漢字', '120', ''],
          ['e\u0301e', '3', 'y'],
        ],
        style,
      ),
    ).toEqual(['A        N   C', 'é        7   x', '漢字   120', 'e\u0301e       3   y']);
  });
  it('cut only the last column, to the terminal', () => {
    expect(formatTable([{ title: '' }, { title: '' }], [['name', 'a long sentence that does not fit']], { ...style, width: 20 })).toEqual([
      'name   a long sente…',
    ]);
  });
  it('plain: tabs, one record a line whatever is in it', () => {
    expect(plainRows([['a\tb', { text: 'c\nd' }]])).toEqual(['a b\tc d']);
  });
});

describe('text', () => {
  it('shows what could steer the terminal instead of sending it', () => {
    expect(safe('a\u001b[2Jb\u009bc\rd\u202ee\tf\n')).toBe('a\\u001b[2Jb\\u009bc\\u000dd\\u202ee\tf\n');
  });
  it('measures and cuts', () => {
    expect([widthOf('a漢\u0301🙂'), cutTo('abcdef', 4), cutTo('abcd', 4)]).toEqual([5, 'abc…', 'abcd']);
  });
  it('says the day only when it is not today', () => {
    expect([formatTime('2026-11-22T01:02:03.000Z', true, T0), formatTime('2026-11-21T23:59:59.000Z', true, T0)]).toEqual(['01:02:03Z', '2026-11-21 23:59:59Z']);
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    [':80', { host: '127.0.0.1', port: 80 }],
    ['80', { host: '127.0.0.1', port: 80 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
  ])('%s', (text, expected) => expect(addressOf(text, '--listen')).toEqual(expected));
  it.each(['', 'x', '1.2.3.4:99999', '::1:80', 'a b:1'])('refuses %j', (text) => expect(() => addressOf(text, '--listen')).toThrow(CliError));
});

describe('--at', () => {
  const clock = createTestClock();
  const at = (text: string) => new Date(instantOf(text, { clock, globals: GLOBALS })).toISOString();
  it.each([
    ['2h', '2026-11-22T11:32:07.000Z'],
    ['90s ago', '2026-11-22T13:30:37.000Z'],
    ['13:31', '2026-11-22T13:31:59.999Z'],
    ['13:32', '2026-11-22T13:32:07.000Z'],
    ['13:33', '2026-11-21T13:33:59.999Z'],
    ['13:32:06', '2026-11-22T13:32:06.999Z'],
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20 10:00', '2026-11-20T10:00:00.000Z'],
    ['2026-11-20T10:00:00+02:00', '2026-11-20T08:00:00.000Z'],
  ])('%s', (text, expected) => expect(at(text)).toBe(expected));
  it.each(['25:00', '13:61', 'yesterday', '2026-13-40', '12'])('refuses %s', (text) => expect(() => at(text)).toThrow(CliError));
});

describe('the first file', () => {
  it.each([
    [`./a --flag 'two words' "and \t three" plain`, ['./a', '--flag', 'two words', 'and \t three', 'plain']],
    [`''`, ['']],
    [`a"b"'c'`, ['abc']],
  ])('splits %j', (line, words) => expect(splitCommand(line)).toEqual(words));
  it.each(['', '  ', `"open`])('refuses %j', (line) => expect(() => splitCommand(line)).toThrow(CliError));
  it('has at most 15 lines with everything in it, and quotes what needs it', () => {
    const answers = {
      group: 'web',
      command: ['node', 'a b', '{{port}}', '#x', 'y:'],
      prometheus: 'http://localhost:9090',
      haproxy: { socket: '/run/h.sock', backend: 'web' },
      query: 'sum(rate(x{a="b"}[1m]))',
      perInstance: 200,
      min: 1,
      max: 9,
    };
    const text = firstFile(answers, '12345678');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
    expect(text).toContain('command: [node, "a b", "{{port}}", "#x", "y:"]');
    expect(text).toContain('install_id: "12345678"');
  });
});

describe('finding the controller', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drover-find-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const state = (name: string, url: string, token: string): void => {
    mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(join(dir, name, 'server.json'), JSON.stringify({ url }));
    writeFileSync(join(dir, name, 'admin-token'), `${token}\n`);
  };
  const contexts = (text: string): void => {
    mkdirSync(join(dir, '.config', 'drover'), { recursive: true });
    writeFileSync(join(dir, '.config', 'drover', 'config.yaml'), text);
  };
  const find = async (globals: Partial<Globals> = {}, env: Record<string, string> = {}) => {
    const { url, token } = await findServer(
      new Context(createCliIo({ cwd: dir, env }).io, { ...GLOBALS, ...globals }, () => Promise.reject(new Error('not asked'))),
    );
    return [url, token];
  };
  const URL_ENV = { DROVER_URL: 'http://env:1', DROVER_TOKEN: 'env-token' };

  it('nothing anywhere: exit 6 and what to do', async () => {
    await expect(find()).rejects.toMatchObject({ exit: 6, code: 'no-controller' });
  });
  it('the state directory, with and without a file, and where the file says', async () => {
    state('drover-state', 'http://127.0.0.1:1', 'local');
    expect(await find()).toEqual(['http://127.0.0.1:1', 'local']);
    writeFileSync(join(dir, 'drover.yaml'), 'version: 1\nserver: { state: ./elsewhere }\n');
    await expect(find()).rejects.toMatchObject({ code: 'no-controller' });
    state('elsewhere', 'http://0.0.0.0:2', 'other');
    expect(await find()).toEqual(['http://127.0.0.1:2', 'other']);
  });
  it('a context beats the state directory, the environment beats a context, flags beat all', async () => {
    state('drover-state', 'http://127.0.0.1:1', 'local');
    contexts('context: prod\ncontexts: { prod: { server: "http://prod:3", token: prod-token }, lab: { server: "http://lab:4", token_file: lab-token } }');
    writeFileSync(join(dir, '.config', 'drover', 'lab-token'), 'lab-secret\n');
    expect(await find()).toEqual(['http://prod:3', 'prod-token']);
    expect(await find({ context: 'lab' })).toEqual(['http://lab:4', 'lab-secret']);
    expect(await find({}, URL_ENV)).toEqual(['http://env:1', 'env-token']);
    expect(await find({ context: 'lab' }, URL_ENV)).toEqual(['http://lab:4', 'lab-secret']);
    writeFileSync(join(dir, 't'), 'file-token');
    expect(await find({ server: 'http://flag:5/', tokenFile: 't' }, URL_ENV)).toEqual(['http://flag:5', 'file-token']);
    expect(await find({ config: 'drover.yaml' }, URL_ENV)).toEqual(['http://127.0.0.1:1', 'local']);
    await expect(find({ context: 'nope' })).rejects.toMatchObject({ exit: 2 });
  });
  it('a token of this machine goes to no other controller', async () => {
    state('drover-state', 'http://127.0.0.1:1', 'local');
    expect(await find({ server: 'http://evil:1' })).toEqual(['http://evil:1', null]);
    expect(await find({}, { DROVER_URL: 'http://127.0.0.1:9' })).toEqual(['http://127.0.0.1:9', null]);
    expect(await find({ server: 'http://127.0.0.1:1/' })).toEqual(['http://127.0.0.1:1', 'local']);
    contexts('contexts: { prod: { server: "http://prod:3" } }');
    expect(await find({ context: 'prod' })).toEqual(['http://prod:3', null]);
  });
  it.each([
    ['an address that is none', { server: 'ftp://x' }],
    ['a credential in the address', { server: 'http://me:secret@x' }],
    ['a token file that is none', { server: 'http://x', tokenFile: 'drover.yaml' }],
  ])('refuses %s', async (_, globals) => {
    writeFileSync(join(dir, 'drover.yaml'), 'version: 1\n');
    const error = (await find(globals).catch((e: unknown) => e)) as CliError;
    expect([error.exit, error.message.includes('secret')]).toEqual([2, false]);
  });
  it('broken files are told, not followed', async () => {
    contexts('contexts: { prod: { sever: x } }');
    await expect(find()).rejects.toMatchObject({ code: 'bad-contexts' });
    contexts('a: [');
    await expect(find()).rejects.toMatchObject({ code: 'bad-contexts' });
    rmSync(join(dir, '.config'), { recursive: true });
    state('drover-state', 'file:///etc/passwd', 'x');
    await expect(find()).rejects.toMatchObject({ code: 'bad-state' });
  });
});

describe('completion', () => {
  it.each(SHELLS)('%s knows every command and option', (shell) => {
    const text = completionScript(shell);
    for (const c of COMMANDS) for (const word of c.name.split(' ')) expect(text).toContain(word);
    for (const [flags] of [...GLOBAL_OPTIONS, ...COMMANDS.flatMap((c) => c.options ?? [])]) expect(text).toContain(flags.split(' ')[0]?.slice(2));
  });
  const complete = (...words: string[]): string[] => {
    const script = `${completionScript('bash')}\nCOMP_WORDS=(${words.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _drover; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  };
  it('works in bash', () => {
    expect(complete('drover', 'his')).toEqual(['history']);
    expect(complete('drover', '--server', 'x', 'instances', 'pro')).toEqual(['protect']);
    expect(complete('drover', 'scale', 'web', '3', '--fl')).toEqual(['--floor']);
    expect(complete('drover', 'completion', 'z')).toEqual(['zsh']);
  });
});

describe('a bug', () => {
  it('is one line with how to report it, and no stack unless asked for', async () => {
    const broken = (env: Record<string, string>) => {
      const test = createCliIo({ cwd: tmpdir(), env });
      const stdout = {
        write: () => {
          throw new TypeError('boom\n    at secret');
        },
      };
      return { ...test, io: { ...test.io, stdout } };
    };
    const plain = broken({});
    expect(await run(['help', '--all'], plain.io)).toBe(1);
    expect(plain.err()).toMatch(/^drover: this should not happen: TypeError: boom\n {2}please report it.*\n$/);
    const debug = broken({ DROVER_DEBUG: '1' });
    await run(['help', '--all'], debug.io);
    expect(debug.err()).toContain('parts.test.ts');
  });
});

describe('the table', () => {
  it('names what can be loaded, and nothing else', async () => {
    expect(COMMANDS.map((c) => c.name)).toEqual(LOADABLE);
    for (const { name } of COMMANDS) expect(await loadCommand(name)).toBeTypeOf('function');
  });
});

describe('the reference', () => {
  it('has every command with its options, every exit code, and no empty summary', () => {
    const page = renderCliReference();
    for (const c of COMMANDS) {
      expect(page).toContain(`### drover ${c.name}\n`);
      expect(c.summary).toMatch(/^\S.{5,}[^.]$/);
      for (const [flags] of c.options ?? []) expect(page).toContain(`\`${flags}\``);
    }
    for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130]) expect(page).toContain(`| ${code} |`);
  });
});
