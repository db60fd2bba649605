import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigInvalid } from '../../src/app/controller.ts';
import { bearer, configOf, openBench, startReal } from './support.ts';

const GROUP = '  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n';
const SWITCHES = ['DROVER_DEV', 'DROVER_DEV_MODE', 'TSG_DEV_MODE', 'DROVER_INSECURE', 'DROVER_NO_AUTH', 'DROVER_AUTH', 'DROVER_TEST'];
const fileOf = (host: string, more = ''): string => configOf(GROUP).replace('127.0.0.1:0', `${host}:0`).replace('state: ./state', `state: ./state${more}`);

describe('S6 a fresh start is closed', () => {
  it('no credential exists that anyone could know, and no variable of the environment opens it', async () => {
    const before = { ...process.env };
    try {
      for (const name of SWITCHES) process.env[name] = '1';
      process.env['NODE_ENV'] = 'development';
      const { controller, admin } = await startReal(configOf(GROUP));
      const guesses = ['admin', 'drover', 'changeme', 'password', 'secret', 'token', 'test', 'dev', 'default', 'drv_', 'drv_admin', 'first-admin', 'undefined'];
      const ask = (headers: Record<string, string>) => fetch(`${controller.url}/api/v1/fleet`, { headers });
      expect((await ask({})).status).toBe(401);
      for (const guess of guesses) {
        for (const headers of [bearer(guess), { authorization: `Basic ${btoa(`admin:${guess}`)}` }]) expect([401, 429]).toContain((await ask(headers)).status);
      }
      expect((await ask(bearer(admin))).status).toBe(200);
      // 256 random bits, for the owner of the file alone.
      expect(admin).toMatch(/^drv_[0-9a-f]{64}$/);
      expect(statSync(controller.tokenFile).mode & 0o777).toBe(0o600);
    } finally {
      for (const name of [...SWITCHES, 'NODE_ENV']) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });

  it('two installations get two tokens', async () => {
    const [a, b] = [await startReal(configOf(GROUP)), await startReal(configOf(GROUP))];
    expect(a.admin).not.toBe(b.admin);
    expect((await a.ask('GET', '/api/v1/fleet', undefined, bearer(b.admin))).status).toBe(401);
  });

  it.each(['0.0.0.0', '[::]', '192.0.2.1', 'drover.example'])('plain HTTP on %s refuses to start, by the file and by the option', async (host) => {
    await expect(startReal(fileOf(host))).rejects.toThrow(ConfigInvalid);
    await expect(startReal(configOf(GROUP), { listen: { host: host.replace(/[[\]]/g, ''), port: 0 } })).rejects.toThrow(/TLS|--insecure-http/);
  });

  it('unless it is asked for in words', async () => {
    const { controller } = await startReal(configOf(GROUP), { listen: { host: '0.0.0.0', port: 0 }, insecureHttp: true });
    expect((await fetch(`${controller.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${controller.url}/metrics`)).status).toBe(401);
  });

  it.each(['localhost.evil.example', '127.0.0.1.evil.example', '127.1.evil', '::ffff:127.0.0.1.evil', '0'])('%s is no name of this machine', async (host) => {
    const { api } = await openBench();
    await expect(api.listen({ host, port: 0 })).rejects.toThrow(/TLS/);
  });

  it('the environment is read in these places only, and none of them can switch a check off', () => {
    const root = new URL('../../src', import.meta.url).pathname;
    const reads: string[] = [];
    for (const path of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (!path.endsWith('.ts') || path.endsWith('.test.ts') || path.startsWith('emulators/')) continue;
      const text = readFileSync(join(root, path), 'utf8');
      for (const [, name] of text.matchAll(/\b(?:process|io|ctx)\.env(?:\?\.)?[[.]['"]?(\w+)/g)) reads.push(`${path} ${name}`);
    }
    expect(reads.sort()).toEqual([
      'cli/commands/plan.ts DROVER_URL', // where the controller is, for the command line
      'cli/find-server.ts DROVER_CA',
      'cli/find-server.ts DROVER_TOKEN',
      'cli/find-server.ts DROVER_URL',
      'cli/find-server.ts HOME',
      'cli/main.ts DROVER_DEBUG', // the stack of what should not happen, on the operator's own terminal
      'cli/run.ts DROVER_DEBUG',
      'platform/find-program.ts PATH',
      'platform/processes.ts name', // what commands inherit: PATH, HOME, LANG, TZ
      'platform/secrets-keys.ts name', // server.secrets_key: { env: NAME } of the configuration
      'platform/secrets.ts name', // { env: NAME } of the configuration
      'platform/tls-trust.ts NODE_TLS_REJECT_UNAUTHORIZED', // to refuse it
    ]);
  });
});
