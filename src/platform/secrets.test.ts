import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DriverError } from '../ports/errors.ts';
import { Secret } from '../ports/secrets.ts';
import { createSecrets } from './secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'drover-secrets-'));
const secrets = createSecrets(dir);

function put(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
async function failure(ref: { env: string } | { file: string }): Promise<DriverError> {
  const e = await secrets.resolve(ref).then(
    () => null,
    (error: unknown) => error,
  );
  expect(e).toBeInstanceOf(DriverError);
  return e as DriverError;
}

describe('createSecrets', () => {
  it('reads a file relative to the base directory, without its last newline, anew at each call', async () => {
    put('a', 'hush\n');
    expect((await secrets.resolve({ file: 'a' })).reveal()).toBe('hush');
    put('a', 'two\r\n');
    expect((await secrets.resolve({ file: join(dir, 'a') })).reveal()).toBe('two');
  });

  it('refuses a file that everyone may read, naming it and the command to run', async () => {
    const path = put('open', 'hush', 0o644);
    const e = await failure({ file: 'open' });
    expect(e.message).toContain(`chmod o= ${path}`);
    expect(e.message).not.toContain('hush');
    put('group', 'fine', 0o640);
    expect((await secrets.resolve({ file: 'group' })).reveal()).toBe('fine');
  });

  it('names what is missing, empty, no file or too large', async () => {
    // Never `not-found`: a driver would tell that of its machine.
    expect((await failure({ file: 'none' })).code).toBe('unauthorized');
    expect((await failure({ env: 'DROVER_NO_SUCH_VARIABLE' })).code).toBe('unauthorized');
    put('empty', '\n');
    expect((await failure({ file: 'empty' })).message).toContain('is empty');
    mkdirSync(join(dir, 'folder'), { mode: 0o700 });
    expect((await failure({ file: 'folder' })).message).toContain('is not a file');
    put('large', 'x'.repeat(70_000));
    expect((await failure({ file: 'large' })).message).toContain('larger than');
  });

  it('reads the environment', async () => {
    process.env['DROVER_SECRETS_TEST'] = 'hush';
    expect((await secrets.resolve({ env: 'DROVER_SECRETS_TEST' })).reveal()).toBe('hush');
    delete process.env['DROVER_SECRETS_TEST'];
    expect((await failure({ env: 'DROVER_SECRETS_TEST' })).message).toContain('DROVER_SECRETS_TEST is not set');
  });

  it('gives secrets that do not print', async () => {
    const secret = new Secret('hush');
    expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain('hush');
  });

  it('has the known values of SHA-256 and HMAC-SHA256 (RFC 4231, case 2)', () => {
    expect(secrets.sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(secrets.hmacSha256(new Secret('Jefe'), 'what do ya want for nothing?')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
    expect(secrets.hmacSha256(new Secret('Jefe'), new TextEncoder().encode('what do ya want for nothing?'))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  it('compares without regard to length and draws distinct random hex', () => {
    expect(secrets.equal('a', 'a')).toBe(true);
    expect(secrets.equal('a', 'ab')).toBe(false);
    expect(secrets.randomHex(16)).toMatch(/^[0-9a-f]{32}$/);
    expect(secrets.randomHex(16)).not.toBe(secrets.randomHex(16));
  });
});
