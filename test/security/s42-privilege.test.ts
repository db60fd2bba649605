import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../support/daemon.ts';
import { configOf, serveProcess, tempDir } from './support.ts';

const TEXT = configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 1, max: 2 }\n');

describe('S42 the process has no more than it needs', () => {
  it('the unit for systemd runs it as a user of its own, over a file system it cannot write to', () => {
    const unit = readFileSync(new URL('../../deploy/drover.service', import.meta.url), 'utf8');
    const lines = new Set(unit.split('\n').map((line) => line.trim()));
    for (const line of [
      'User=drover',
      'Group=drover',
      'NoNewPrivileges=true',
      'ProtectSystem=strict',
      'ProtectHome=true',
      'PrivateTmp=true',
      'PrivateDevices=true',
      'ProtectKernelTunables=true',
      'ProtectKernelModules=true',
      'ProtectControlGroups=true',
      'RestrictSUIDSGID=true',
      'CapabilityBoundingSet=',
      'AmbientCapabilities=',
      'StateDirectory=drover',
      'StateDirectoryMode=0700',
      'UMask=0077',
      // Machines of the cloud `local` outlive the controller (ruling 21).
      'KillMode=process',
    ]) {
      expect(lines, line).toContain(line);
    }
    // The one place beside its state that it writes to: `drover apply` replaces the file.
    expect([...lines].filter((line) => /^ReadWritePaths=/.test(line))).toEqual(['ReadWritePaths=/etc/drover']);
    expect(unit).not.toMatch(/^(User=root|PermissionsStartOnly|Environment=.*(TOKEN|SECRET|KEY))/m);
  });

  it('it writes in its state directory, replaces its file when told to, and nothing else', { timeout: 120_000 }, async () => {
    const dir = tempDir();
    const before = snapshot(dir);
    const { ask, stop } = await serveProcess(TEXT, { dir });
    await until('a machine serves', async () => ((await (await ask('GET', '/api/v1/groups/web')).json()) as { serving: number }).serving === 1, 60_000);
    expect((await ask('POST', '/api/v1/backup', {})).status).toBe(201);
    expect((await ask('POST', '/api/v1/config/apply', { text: `${TEXT}# again\n` })).status).toBe(200);
    expect(await stop()).toBe(0);
    const after = snapshot(dir);
    expect([...after.keys()].filter((path) => !before.has(path) && !path.startsWith('state'))).toEqual(['drover.yaml']);
  });

  /** Node's own permission model denies every other write; reading is not narrowed, as sources and packages may be anywhere. */
  it('it runs where Node denies every write but those two', { timeout: 120_000 }, async () => {
    const dir = tempDir();
    const flags = ['--permission', '--allow-fs-read=*', `--allow-fs-write=${dir}/state`, `--allow-fs-write=${dir}/state/*`, '--allow-child-process'];
    const { ask, stop, said } = await serveProcess(TEXT, { dir, flags });
    await until('a machine serves', async () => ((await (await ask('GET', '/api/v1/groups/web')).json()) as { serving: number }).serving === 1, 60_000);
    expect((await ask('POST', '/api/v1/pause', {})).status).toBe(200);
    expect((await ask('GET', '/readyz')).status).toBe(200);
    // Without leave to write beside its state, applying is refused and nothing is half done.
    const refused = await ask('POST', '/api/v1/config/apply', { text: `${TEXT}# again\n` });
    expect(refused.status).toBe(503);
    expect(readFileSync(join(dir, 'drover.yaml'), 'utf8')).toBe(TEXT);
    expect(said()).not.toContain('should not happen');
    expect(await stop()).toBe(0);
  });
});

function snapshot(dir: string): Map<string, number> {
  return new Map(readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => [path, statSync(join(dir, path)).mtimeMs]));
}
