/** The program as a process: streams, signals, exit codes. What it does is tested in src/cli. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { renderCliReference } from '../../src/cli/reference.ts';
import { until } from '../support/daemon.ts';
import { ROOT } from './session.ts';

const BIN = join(ROOT, 'bin', 'drover.mjs');
const dir = mkdtempSync(join(tmpdir(), 'drover-program-'));
const env = { ...Object.fromEntries(Object.entries(process.env).filter(([k]) => !/^(DROVER_|XDG_|VITEST|NODE_ENV|FORCE_COLOR)/.test(k))), HOME: dir };
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function drover(...argv: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], { cwd: dir, env, encoding: 'utf8', timeout: 60_000 });
  return { code: status, stdout, stderr };
}

interface Running {
  readonly child: ChildProcess;
  out(): string;
  readonly gone: Promise<number | null>;
}
function start(...argv: string[]): Running {
  const child = spawn(process.execPath, [BIN, ...argv], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  return { child, out: () => out, gone: new Promise((done) => child.once('exit', (code) => done(code))) };
}

describe('the program', () => {
  it('answers --help, --version and nothing at all with exit 0', () => {
    for (const argv of [['--help'], ['--version'], []]) expect(drover(...argv)).toMatchObject({ code: 0, stderr: '' });
    expect(drover('--help').stdout).toBe(drover().stdout);
    expect(drover('status', '--help').stdout).toContain('Usage: drover status');
  });

  it('keeps stdout clean, also when it complains', () => {
    const t = drover('status');
    expect([t.code, t.stdout]).toEqual([6, '']);
    expect(t.stderr).toContain('drover serve');
    const json = drover('status', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'drover.error/v1', error: { exit: 6 } });
  });

  it('is quiet when its reader goes away', () => {
    const script = `set -o pipefail; '${process.execPath}' '${BIN}' export openapi | head -c 10`;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: dir, env, encoding: 'utf8' });
    expect([status, stdout.length, stderr]).toEqual([0, 10, '']);
  });

  it('hands over everything before it ends', () => {
    const { stdout } = drover('export', 'openapi');
    expect(stdout.length).toBeGreaterThan(65_536);
    expect(JSON.parse(stdout)).toHaveProperty('openapi');
  });

  it('serves, is found, answers SIGHUP, and ends at SIGTERM with 0; what watches it ends at SIGINT with 130', async () => {
    writeFileSync(join(dir, 'drover.yaml'), "version: 1\nserver: { listen: '127.0.0.1:0' }\ngroups: {}\n");
    const server = start('serve', '--json');
    await until('the controller runs', async () => server.out().includes('drover.serve/v1'));
    expect(drover('status')).toMatchObject({ code: 0, stdout: expect.stringContaining('No groups yet') });
    server.child.kill('SIGHUP');
    const watching = start('status', '--watch');
    await until('it shows something', async () => watching.out() !== '');
    watching.child.kill('SIGINT');
    expect(await watching.gone).toBe(130);
    expect(drover('doctor').code).toBe(0);
    server.child.kill('SIGTERM');
    expect(await server.gone).toBe(0);
    expect(drover('status').code).toBe(6);
  });
});

describe('docs/reference/cli.md', () => {
  it('is what the program is', () => {
    expect(readFileSync(join(ROOT, 'docs', 'reference', 'cli.md'), 'utf8')).toBe(renderCliReference());
  });
});
