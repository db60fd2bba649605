import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exchange } from '../support/raw-http.ts';
import { configOf, openBench, startReal } from './support.ts';

const GROUP = '  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n';
/** Where nothing else can be. */
const ELSEWHERE = `/tmp/drover-s27-${process.pid}`;
const NAMES = [
  '../x',
  '../../x',
  ELSEWHERE,
  'a/b',
  'a\\b',
  '..',
  '.',
  '.hidden',
  '-x',
  'a\0b',
  'a\nb',
  '',
  ' ',
  'ü',
  'x'.repeat(200),
  '%2e%2e%2fx',
  '~/x',
  'C:\\x',
  'file:x',
  "a'b",
];
const PATHS = [
  '/../../etc/passwd',
  '/..%2f..%2fetc%2fpasswd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/....//....//etc/passwd',
  '//etc/passwd',
  '/etc/passwd',
  '/admin-token',
  '/state/admin-token',
  '/drover.yaml',
  '/drover.db',
  '/.git/config',
  '/api/v1/../../admin-token',
  '/api/v1/groups/..%2f..%2fadmin-token',
  '/api/v1/groups/%00',
  '/healthz/../admin-token',
  '/\\..\\admin-token',
  '/%c0%ae%c0%ae/etc/passwd',
  '/healthz;/../admin-token',
];

/** No file is served at all, so there is no directory to leave; names of backups are the one thing that becomes a path. */
describe('S27 paths that lead elsewhere', () => {
  it.each(PATHS)('%s as it is sent gives nothing', async (path) => {
    const { api, token } = await openBench();
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(port, `GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token.admin}\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 (400|404|405) /);
    expect(answer).not.toMatch(/root:|drv_|install_id/);
  });

  it.each(NAMES)('a backup cannot be called %j', async (name) => {
    const { ask, dir } = await startReal(configOf(GROUP));
    const before = readdirSync(dir, { recursive: true }).length;
    const reply = await ask('POST', '/api/v1/backup', { name });
    expect(reply.status).toBe(422);
    expect(readdirSync(dir, { recursive: true }).length).toBe(before);
    expect(existsSync(ELSEWHERE)).toBe(false);
  });

  it('a backup is in the backup directory, for the owner alone, and is not overwritten through a link out of it', async () => {
    const { ask, dir } = await startReal(configOf(GROUP));
    const reply = await ask('POST', '/api/v1/backup', { name: 'monday.db' });
    expect(reply.status).toBe(201);
    const file = join(dir, 'state', 'backups', 'monday.db');
    expect((await reply.json()) as { file: string }).toMatchObject({ file });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'state', 'backups')).mode & 0o777).toBe(0o700);
  });
});
