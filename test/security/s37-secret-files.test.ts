import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecrets } from '../../src/platform/secrets.ts';
import { configOf, loadText, openBench, openReceivers, startReal, tempDir } from './support.ts';

const VALUE = 'canary-4be2';

/** Who owns the file is not asked: systemd credentials and mounted secrets belong to root, and are meant to. There is no vault to refer to. */
describe('S37 a secret that cannot or should not be read', () => {
  const cases: readonly (readonly [string, (path: string) => unknown, RegExp])[] = [
    ['readable by everyone', (path) => put(path, VALUE, 0o644), /readable by every user/],
    ['readable by everyone and nobody else', (path) => put(path, VALUE, 0o604), /readable by every user/],
    ['behind a link, readable by everyone', (path) => symlinkSync(put(`${path}.real`, VALUE, 0o644), path), /readable by every user/],
    ['not there', () => {}, /cannot be opened/],
    ['a directory', (path) => mkdirSync(path), /not a file|cannot be opened/],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), /not a file/],
    ['empty', (path) => put(path, '', 0o600), /is empty/],
    ['a line end and nothing else', (path) => put(path, '\n', 0o600), /is empty/],
    ['larger than a secret is', (path) => put(path, VALUE.repeat(10_000), 0o600), /larger than/],
    ['a link to nowhere', (path) => symlinkSync('/nowhere/at/all', path), /cannot be opened/],
  ];
  it.each(cases)('a file that is %s is refused by name', async (_, make, message) => {
    const dir = tempDir();
    const path = join(dir, 'the-file');
    make(path);
    const error = await createSecrets(dir)
      .resolve({ file: './the-file' })
      .then(
        () => null,
        (e: unknown) => e as Error,
      );
    expect(error?.message).toMatch(message);
    expect(error?.message).toContain(path);
    expect(`${error?.stack}`).not.toContain(VALUE);
  });

  it('a variable that is not set, or empty, is refused by name', async () => {
    await expect(createSecrets('/').resolve({ env: 'DROVER_NO_SUCH_THING' })).rejects.toThrow(/DROVER_NO_SUCH_THING is not set/);
    process.env['DROVER_EMPTY_THING'] = '';
    await expect(createSecrets('/').resolve({ env: 'DROVER_EMPTY_THING' })).rejects.toThrow(/DROVER_EMPTY_THING is empty/);
    delete process.env['DROVER_EMPTY_THING'];
  });

  it('a receiver whose own secret cannot be read lets nobody in, and tells the sender to come again', async () => {
    const file = 'version: 1\nreceivers: { a: { format: generic, name: /name, auth: { bearer: { file: ./key } } } }\ngroups: {}\n';
    const { receivers, dir } = await openReceivers(file, { key: VALUE });
    const { app, state } = await openBench({ receivers });
    const send = (credential: string) =>
      app.inject({ method: 'POST', url: '/hooks/a', headers: { authorization: `Bearer ${credential}`, host: 'drover.example' }, payload: '{"name":"x"}' });
    expect((await send(VALUE)).statusCode).toBe(202);
    chmodSync(join(dir, 'key'), 0o644);
    for (const credential of [VALUE, '', 'undefined', 'null', '***']) {
      const reply = await send(credential);
      expect([reply.statusCode, reply.headers['retry-after']]).toEqual([503, '10']);
      expect(reply.body).not.toMatch(/key|chmod|canary/);
    }
    expect(JSON.stringify(state.rejected)).toMatch(/readable by every user.*chmod/);
    expect(JSON.stringify(state.rejected)).not.toContain(VALUE);
  });

  it('a secret in the open is an error of the file that does not repeat it', async () => {
    const dir = tempDir();
    for (const auth of [
      `{ bearer: ${VALUE} }`,
      `{ basic: { username: a, password: ${VALUE} } }`,
      `{ hmac: { secret: ${VALUE} } }`,
      `{ bearer: { value: ${VALUE} } }`,
    ]) {
      const loaded = loadText(`version: 1\nreceivers: { a: { format: generic, name: /name, auth: ${auth} } }\ngroups: {}\n`, dir);
      await expect(loaded).rejects.toThrow(/E\d{4}/);
      await expect(loaded).rejects.not.toThrow(VALUE);
    }
  });

  it('what the controller itself keeps is for its own user alone', async () => {
    const umask = process.umask(0);
    try {
      const { dir, ask } = await startReal(configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n'));
      await ask('POST', '/api/v1/backup', { name: 'b.db' });
      const modeOf = (path: string): string => (statSync(join(dir, 'state', path)).mode & 0o777).toString(8);
      expect(['.', 'backups', 'drover.db', 'drover.db-wal', 'admin-token', 'server.json', 'last-good.yaml', 'backups/b.db'].map(modeOf)).toEqual([
        ...['700', '700'],
        ...Array(6).fill('600'),
      ]);
    } finally {
      process.umask(umask);
    }
  });
});

function put(path: string, text: string, mode: number): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
