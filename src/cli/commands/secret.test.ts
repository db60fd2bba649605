import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createCliIo, type TestIo } from '../../../test/support/cli-io.ts';
import { SecretVault } from '../../platform/secrets-vault.ts';
import { EXIT } from '../exit-codes.ts';
import { run } from '../run.ts';

const root = mkdtempSync(join(tmpdir(), 'drover-secret-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(root, 'one-'));
});
const VALUE = 'canary-cli-7d1f93ab';
const FILE = 'version: 1\nserver: { state: ./books }\nreceivers: { am: { format: alertmanager, auth: { bearer: { secret: am_token } } } }\ngroups: {}\n';
const configure = (text = FILE): void => writeFileSync(join(dir, 'drover.yaml'), text);
const vault = (state = 'books'): SecretVault => new SecretVault({ stateDir: join(dir, state), key: null });

interface Ran extends TestIo {
  readonly code: number;
}
/** `given`: what another program writes to its standard input. */
async function drover(argv: readonly string[], given = ''): Promise<Ran> {
  const test = createCliIo({ cwd: dir });
  const stdin = Object.assign(
    (async function* () {
      yield Buffer.from(given);
    })(),
    { isTTY: false },
  );
  return { ...test, code: await run(argv, { ...test.io, stdin: stdin as unknown as typeof test.io.stdin }) };
}

/** A terminal that counts when it echoes: never while something secret is typed. */
async function typing(argv: readonly string[], lines: readonly string[]): Promise<Ran & { raw: boolean[] }> {
  const test = createCliIo({ cwd: dir, tty: true });
  const raw: boolean[] = [];
  Object.assign(test.io.stdin, {
    setRawMode: (on: boolean) => {
      raw.push(on);
      const line = on ? lines[raw.filter(Boolean).length - 1] : undefined;
      if (line !== undefined) (test.io.stdin as unknown as { write(text: string): void }).write(line);
    },
  });
  return { ...test, code: await run(argv, test.io), raw };
}

describe('drover secret', () => {
  it('sets a value from standard input or a file, in the state directory of the configuration', async () => {
    configure();
    const t = await drover(['secret', 'set', 'am_token'], `${VALUE}\n`);
    expect([t.code, t.out(), t.err()]).toEqual([EXIT.ok, 'am_token is set (version 1). Use it in the configuration as { secret: am_token }.\n', '']);
    expect(await vault().get('am_token')).toBe(VALUE);
    writeFileSync(join(dir, 'value'), 'other\r\n');
    expect((await drover(['secret', 'set', 'am_token', '--from-file', 'value'])).code).toBe(EXIT.ok);
    expect(await vault().get('am_token')).toBe('other');
  });

  it('works before there is a configuration, and with one that is not valid yet', async () => {
    expect((await drover(['secret', 'set', 'a'], 'v')).code).toBe(EXIT.ok);
    expect(await vault('drover-state').get('a')).toBe('v');
    configure('server: { state: ./books }\n');
    expect((await drover(['secret', 'set', 'a'], 'v')).code).toBe(EXIT.ok);
    expect(await vault().get('a')).toBe('v');
  });

  it.each([
    ['no YAML', 'server: { state: [', 'cannot be read'],
    ['a state that is no path', 'server: { state: { a: 1 } }\n', 'server.state is not what it should be'],
    ['a key that is no place', 'server: { secrets_key: somewhere }\n', 'server.secrets_key is not what it should be'],
  ])('guesses no place: %s', async (_, text, why) => {
    configure(text);
    const t = await drover(['secret', 'set', 'a'], 'v');
    expect(t.code).not.toBe(EXIT.ok);
    expect(t.err()).toContain(why);
    expect(readdirSync(dir)).toEqual(['drover.yaml']);
  });

  it('asks in a terminal, twice, without showing what is typed', async () => {
    const t = await typing(['secret', 'set', 'a'], [`${VALUE}x\u007f\r`, `${VALUE}\r`]);
    expect(t.code, t.err()).toBe(EXIT.ok);
    expect(t.raw).toEqual([true, false, true, false]);
    expect(`${t.out()}${t.err()}`).not.toContain('canary');
    expect(await vault('drover-state').get('a')).toBe(VALUE);
  });

  it('changes nothing when the two differ, at Ctrl-C, and where nothing may be asked', async () => {
    const differ = await typing(['secret', 'set', 'a'], [`${VALUE}\r`, 'other\r']);
    expect([differ.code, differ.raw.at(-1)]).toEqual([EXIT.refused, false]);
    const stopped = await typing(['secret', 'set', 'a'], [`${VALUE}\u0003`]);
    expect([stopped.code, stopped.raw]).toEqual([EXIT.interrupted, [true, false]]);
    expect((await typing(['secret', 'set', 'a', '--no-input'], [])).code).toBe(EXIT.refused);
    for (const t of [differ, stopped]) expect(`${t.out()}${t.err()}`).not.toContain('canary');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('takes no value from the arguments, and does not repeat one that stands there', async () => {
    for (const argv of [
      ['secret', 'set', 'a', VALUE],
      ['secret', 'set', `${VALUE} with blanks`],
      ['secret', 'set', 'a', `--value=${VALUE}`],
    ]) {
      const t = await drover(argv, 'v');
      expect(t.code).toBe(EXIT.usage);
      expect(`${t.out()}${t.err()}`).not.toContain('canary');
    }
    expect(readdirSync(dir)).toEqual([]);
  });

  it('refuses what is empty, too large or no text', async () => {
    for (const [value, why] of [
      ['', 'is empty'],
      ['\n', 'is empty'],
      ['x'.repeat(70_000), 'larger than 65536 bytes'],
    ] as const)
      expect((await drover(['secret', 'set', 'a'], value)).err()).toContain(why);
    writeFileSync(join(dir, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
    expect((await drover(['secret', 'set', 'a', '--from-file', 'binary'])).err()).toContain('not text in UTF-8');
    expect((await drover(['secret', 'set', 'a', '--from-file', 'none'])).code).toBe(EXIT.failed);
    expect(readdirSync(dir)).toEqual(['binary']);
  });

  it('lists names, times and uses, also what is asked for and not set; never a value', async () => {
    configure();
    expect((await drover(['secret', 'list', '--json'])).out()).toContain('"set": null');
    await drover(['secret', 'set', 'spare'], VALUE);
    const t = await drover(['secret', 'list', '--json']);
    expect(JSON.parse(t.out())).toEqual({
      schema: 'drover.secrets/v1',
      secrets: [
        { name: 'am_token', set: null, version: null, used_by: ['receivers.am.auth.bearer'] },
        { name: 'spare', set: expect.stringMatching(/^\d{4}-.*Z$/), version: 1, used_by: [] },
      ],
    });
    const people = await drover(['secret', 'list']);
    expect(people.out()).toMatch(/am_token +not set +- +receivers\.am\.auth\.bearer/);
    expect(`${t.out()}${people.out()}`).not.toContain('canary');
  });

  it('removes what is not in use, and with --force what is', async () => {
    configure();
    await drover(['secret', 'set', 'am_token'], VALUE);
    const refused = await drover(['secret', 'remove', 'am_token']);
    expect([refused.code, refused.err()]).toEqual([EXIT.refused, expect.stringContaining('am_token is in use: receivers.am.auth.bearer')]);
    expect((await drover(['secret', 'remove', 'am_token', '--force'])).code).toBe(EXIT.ok);
    expect((await drover(['secret', 'remove', 'am_token', '--force'])).code).toBe(EXIT.notFound);
  });

  it('rotates the key', async () => {
    configure();
    await drover(['secret', 'set', 'am_token'], VALUE);
    const before = readFileSync(join(dir, 'books', 'secrets.key'), 'utf8');
    const t = await drover(['secret', 'rotate-key']);
    expect([t.code, t.out()]).toEqual([EXIT.ok, `1 secret written anew with the key in ${join(dir, 'books', 'secrets.key')}.\n`]);
    expect(readFileSync(join(dir, 'books', 'secrets.key'), 'utf8')).not.toBe(before);
    expect(await vault().get('am_token')).toBe(VALUE);
  });

  it('validate warns of one that is not set, and doctor fails on it', async () => {
    configure();
    const sick = await drover(['validate']);
    expect([sick.code, sick.out()]).toEqual([
      EXIT.ok,
      expect.stringMatching(/W0205[\s\S]*the secret `am_token` is not set[\s\S]*run: drover secret set am_token/),
    ]);
    expect((await drover(['doctor'])).out()).toMatch(
      /FAIL +secrets +am_token is not set; set it: drover secret set am_token\n +asked for by receivers\.am\.auth\.bearer/,
    );
    await drover(['secret', 'set', 'am_token'], VALUE);
    expect((await drover(['validate'])).out()).not.toContain('W0205');
    expect((await drover(['doctor'])).out()).toMatch(/ok +secrets +1 can be read/);
  });
});
