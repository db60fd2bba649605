import { execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { DriverError } from '../ports/errors.ts';
import type { Files } from '../ports/processes.ts';
import { realFiles } from './files.ts';
import { createSecrets } from './secrets.ts';
import { alone } from './secrets-lock.ts';
import { SecretVault, type VaultPlace } from './secrets-vault.ts';

const root = mkdtempSync(join(tmpdir(), 'drover-vault-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const OLD_KEY = Buffer.alloc(32, 1).toString('base64');
const NEW_KEY = Buffer.alloc(32, 2).toString('base64');

let state = '';
let place: VaultPlace;
beforeEach(() => {
  state = mkdtempSync(join(root, 'state-'));
  place = { stateDir: state, key: null };
});
const file = (): string => join(state, 'secrets.json');
interface Kept {
  secrets: Record<string, { version: number; set: string; key: string; nonce: string; data: string }>;
}
const kept = (): Kept => JSON.parse(readFileSync(file(), 'utf8')) as Kept;
const change = (edit: (document: Kept) => void): void => {
  const document = kept();
  edit(document);
  writeFileSync(file(), JSON.stringify(document));
};
async function failure(asked: Promise<unknown> | (() => Promise<unknown>)): Promise<DriverError> {
  const e = await (typeof asked === 'function' ? asked() : asked).then(
    () => null,
    (error: unknown) => error,
  );
  expect(e).toBeInstanceOf(DriverError);
  return e as DriverError;
}

describe('kept secrets', () => {
  it('come back as they were set, the newest, with their version and time', async () => {
    const vault = new SecretVault(place);
    expect(await vault.set('token', 'one', NOW)).toEqual({ name: 'token', version: 1, setAtMs: NOW });
    await vault.set('token', 'zwei äöü 🔑\nsecond line', NOW + 1000);
    await vault.set('another.one', 'x', NOW);
    expect(await vault.get('token')).toBe('zwei äöü 🔑\nsecond line');
    expect(await new SecretVault(place).list()).toEqual([
      { name: 'another.one', version: 1, setAtMs: NOW },
      { name: 'token', version: 2, setAtMs: NOW + 1000 },
    ]);
    expect(await vault.remove('token')).toBe(true);
    expect(await vault.remove('token')).toBe(false);
    expect((await failure(vault.get('token'))).message).toBe('secret: token is not set; set it: drover secret set token');
  });

  it('are read by { secret: NAME } at each use, so a new value counts at the next', async () => {
    const secrets = createSecrets('/', place);
    expect((await failure(secrets.resolve({ secret: 'a' }))).code).toBe('unauthorized');
    await new SecretVault(place).set('a', 'one', NOW);
    expect((await secrets.resolve({ secret: 'a' })).reveal()).toBe('one');
    await new SecretVault(place).set('a', 'two', NOW);
    expect((await secrets.resolve({ secret: 'a' })).reveal()).toBe('two');
    expect((await failure(createSecrets('/').resolve({ secret: 'a' }))).message).toContain('no state directory');
  });

  it('stand in files of the owner alone, never in clear, each under a nonce of its own', async () => {
    const vault = new SecretVault(place);
    const before = process.umask(0);
    try {
      for (const name of ['a', 'b']) await vault.set(name, 'canary-value-7d1f93ab', NOW);
    } finally {
      process.umask(before);
    }
    expect(readdirSync(state).sort()).toEqual(['secrets.json', 'secrets.key']);
    expect(['secrets.json', 'secrets.key'].map((name) => statSync(join(state, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    for (const form of [
      'canary-value-7d1f93ab',
      Buffer.from('canary-value-7d1f93ab').toString('base64').slice(0, -2),
      Buffer.from('canary-value').toString('hex'),
    ])
      expect(readFileSync(file(), 'latin1')).not.toContain(form);
    const { a, b } = kept().secrets;
    expect(a?.nonce).not.toBe(b?.nonce);
    expect(a?.data).not.toBe(b?.data);
  });

  it('refuses names that are none, and values that are empty or too large', async () => {
    const vault = new SecretVault(place);
    for (const name of ['', '__proto__', '-x', '1x', 'a b', '../a', 'a'.repeat(65)])
      expect((await failure(vault.set(name, 'v', NOW))).message).toContain('a name is');
    expect((await failure(vault.set('a', '', NOW))).message).toContain('is empty');
    expect((await failure(vault.set('a', 'x'.repeat(65_537), NOW))).message).toContain('larger than');
    expect(existsSync(file())).toBe(false);
    await vault.set('constructor', 'v', NOW);
    expect(await vault.get('constructor')).toBe('v');
    expect((await failure(vault.get('toString'))).code).toBe('not-found');
  });
});

describe('the state directory of another user', () => {
  it('is left alone: what root writes there, the controller could not read', async () => {
    if (process.getuid?.() !== 0) return; // Only root can give a directory away.
    chownSync(state, 65_534, 65_534);
    const e = await failure(new SecretVault(place).set('a', 'v', NOW));
    expect([e.code, e.message]).toEqual(['unauthorized', expect.stringContaining("sudo -u '#65534' drover secret")]);
    expect(readdirSync(state)).toEqual([]);
  });
});

describe('a file that somebody has changed', () => {
  const set = async (): Promise<SecretVault> => {
    const vault = new SecretVault(place);
    await vault.set('a', 'value of a', NOW);
    await vault.set('b', 'value of b', NOW);
    return vault;
  };

  it.each<[string, (k: Kept) => void]>([
    ['records under each other’s name', (k) => ([k.secrets['a'], k.secrets['b']] = [k.secrets['b'] as never, k.secrets['a'] as never])],
    ['another version', (k) => (k.secrets['a'] = { ...(k.secrets['a'] as never as Kept['secrets'][string]), version: 7 })],
    ['another time', (k) => (k.secrets['a'] = { ...(k.secrets['a'] as never as Kept['secrets'][string]), set: '2020-01-01T00:00:00.000Z' })],
    ['a nonce of another', (k) => (k.secrets['a'] = { ...(k.secrets['a'] as never as Kept['secrets'][string]), nonce: k.secrets['b']?.nonce ?? '' })],
    [
      'a byte of the value',
      (k) => (k.secrets['a'] = { ...(k.secrets['a'] as never as Kept['secrets'][string]), data: `AAAA${k.secrets['a']?.data.slice(4)}` }),
    ],
  ])('%s: refused', async (_, edit) => {
    const vault = await set();
    change(edit);
    const e = await failure(vault.get('a'));
    expect([e.code, e.message]).toEqual(['bad-request', expect.stringContaining('the record of a was changed')]);
    expect(`${e.message}${e.stack}`).not.toContain('value of');
  });

  it('cut off anywhere: told as damaged, and no write makes it worse', async () => {
    const vault = await set();
    const whole = readFileSync(file(), 'utf8');
    for (const length of [0, 1, 20, Math.floor(whole.length / 2), whole.length - 3]) {
      writeFileSync(file(), whole.slice(0, length));
      for (const work of [() => vault.get('a'), () => vault.set('c', 'v', NOW), () => vault.remove('a'), () => vault.rotateKey(), () => vault.list()])
        expect((await failure(work)).message).toContain('is damaged');
      expect(readFileSync(file(), 'utf8')).toBe(whole.slice(0, length));
    }
    writeFileSync(file(), whole);
    expect(await vault.get('a')).toBe('value of a');
  });

  it('the wrong key, a cut one, none, and one that everybody reads are each told', async () => {
    const vault = await set();
    const key = join(state, 'secrets.key');
    const right = readFileSync(key, 'utf8');
    writeFileSync(key, `${OLD_KEY}\n`);
    for (const work of [() => vault.get('a'), () => vault.set('c', 'v', NOW), () => vault.rotateKey()])
      expect((await failure(work)).message).toMatch(/was encrypted with the key [0-9a-f]{8}, which is not in .*secrets\.key/);
    for (const bad of [right.slice(0, 20), '', 'hello', `${right}x`]) {
      writeFileSync(key, bad);
      expect((await failure(vault.get('a'))).message).toContain('does not hold keys');
    }
    rmSync(key);
    for (const work of [() => vault.get('a'), () => vault.set('c', 'v', NOW)])
      expect((await failure(work)).message).toMatch(/the key is missing: .*secrets\.key is not there/);
    expect(existsSync(key)).toBe(false);
    writeFileSync(key, right);
    chmodSync(key, 0o644);
    expect((await failure(vault.get('a'))).message).toContain(`run: chmod o= ${key}`);
    chmodSync(key, 0o600);
    expect(await vault.get('a')).toBe('value of a');
  });
});

describe('a new key', () => {
  /** Stops at the n-th write: before it (nothing of it is there), or right after. */
  const stopping = (at: number, after: boolean): Files => {
    let writes = 0;
    return {
      ...realFiles,
      writeAtomic: async (...args) => {
        const here = ++writes === at;
        if (here && !after) throw new Error('stopped');
        await realFiles.writeAtomic(...args);
        if (here) throw new Error('stopped');
      },
    };
  };

  it.each([1, 2, 3].flatMap((at) => [false, true].map((after) => [at, after] as const)))(
    'stopped at write %i (after it: %s): all can be read, and the next call ends it',
    async (at, after) => {
      const vault = new SecretVault(place);
      for (const name of ['a', 'b', 'c']) await vault.set(name, `value of ${name}`, NOW);
      const oldKey = readFileSync(join(state, 'secrets.key'), 'utf8').trim();
      await expect(new SecretVault(place, stopping(at, after)).rotateKey()).rejects.toThrow('stopped');
      const readAll = () => Promise.all(['a', 'b', 'c'].map((name) => vault.get(name)));
      expect(await readAll()).toEqual(['value of a', 'value of b', 'value of c']);
      await vault.set('d', 'value of d', NOW);
      await vault.rotateKey();
      expect(await readAll()).toEqual(['value of a', 'value of b', 'value of c']);
      expect(await vault.get('d')).toBe('value of d');
      const keys = readFileSync(join(state, 'secrets.key'), 'utf8').trim().split('\n');
      expect(keys.length).toBe(1);
      expect(keys).not.toContain(oldKey);
      expect((await vault.list()).map((s) => s.version)).toEqual([1, 1, 1, 1]);
    },
  );

  it('is never missed by a reader at the same time', async () => {
    const vault = new SecretVault(place);
    await vault.set('a', 'value', NOW);
    let done = false;
    const rotate = (async () => {
      for (let i = 0; i < 25; i++) await vault.rotateKey();
      done = true;
    })();
    let reads = 0;
    for (; !done; reads++) expect(await vault.get('a')).toBe('value');
    await rotate;
    expect(reads).toBeGreaterThan(5);
  });

  it('of the environment is put before the old one by the operator', async () => {
    const env = 'DROVER_VAULT_TEST_KEY';
    const vault = new SecretVault({ stateDir: state, key: { env } });
    expect((await failure(vault.set('a', 'v', NOW))).message).toContain(`the environment variable ${env} is not set`);
    process.env[env] = OLD_KEY;
    try {
      await vault.set('a', 'v', NOW);
      expect(readdirSync(state)).toEqual(['secrets.json']);
      expect((await failure(vault.rotateKey())).message).toContain('not ours to change');
      process.env[env] = `${NEW_KEY},${OLD_KEY}`;
      expect(await vault.rotateKey()).toEqual({ rewritten: 1, oldKeys: 1 });
      process.env[env] = NEW_KEY;
      expect(await vault.get('a')).toBe('v');
      process.env[env] = '';
      expect((await failure(vault.get('a'))).message).toContain('the key is missing');
    } finally {
      delete process.env[env];
    }
  });

  it('in a file of its own place is made there', async () => {
    const key = join(state, 'elsewhere', 'drover.key');
    await new SecretVault({ stateDir: state, key: { file: key } }).set('a', 'v', NOW);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(existsSync(join(state, 'secrets.key'))).toBe(false);
  });
});

describe('writers at the same time', () => {
  it('of one process lose nothing', async () => {
    const vaults = Array.from({ length: 4 }, () => new SecretVault(place));
    await Promise.all(Array.from({ length: 24 }, (_, i) => (vaults[i % 4] as SecretVault).set(`s${i}`, `value ${i}`, NOW)));
    expect((await vaults[0]?.list())?.length).toBe(24);
    for (let i = 0; i < 24; i++) expect(await vaults[1]?.get(`s${i}`)).toBe(`value ${i}`);
    expect(readdirSync(state).sort()).toEqual(['secrets.json', 'secrets.key']);
  });

  it('of several processes lose nothing', { timeout: 60_000 }, async () => {
    const module = new URL('./secrets-vault.ts', import.meta.url).href;
    const script = (name: string): string =>
      `const { SecretVault } = await import(${JSON.stringify(module)}); const v = new SecretVault({ stateDir: ${JSON.stringify(state)}, key: null }); for (let i = 0; i < 8; i++) await v.set('${name}' + i, '${name}' + i, 0);`;
    await Promise.all(['a', 'b', 'c'].map((name) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script(name)])));
    const vault = new SecretVault(place);
    expect((await vault.list()).map((s) => s.name)).toEqual(['a', 'b', 'c'].flatMap((n) => Array.from({ length: 8 }, (_, i) => `${n}${i}`)));
    for (const { name } of await vault.list()) expect(await vault.get(name)).toBe(name);
  });

  it('that died with the lock are no obstacle; one that lives is waited for, and named in the end', async () => {
    const vault = new SecretVault(place);
    await vault.set('a', 'v', NOW);
    const lock = join(state, 'secrets.lock');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const ended = new Promise((done) => child.once('exit', done));
    try {
      writeFileSync(lock, `${child.pid} ${readlinkSync('/proc/self/ns/pid')} 00\n`);
      const e = await failure(alone(lock, async () => 'never', 200));
      expect([e.code, e.message]).toEqual(['conflict', expect.stringContaining(`another command is changing the secrets (${lock} is there)`)]);
      expect(await vault.get('a')).toBe('v');
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
    await Promise.all([vault.set('b', 'v', NOW), vault.set('c', 'v', NOW)]);
    expect((await vault.list()).length).toBe(3);
    expect(existsSync(lock)).toBe(false);
  });
});
