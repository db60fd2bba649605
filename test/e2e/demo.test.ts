/** The demo as a newcomer runs it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { realProcesses } from '../../src/platform/processes.ts';
import { describeWith } from '../support/real.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
/** Beyond the time asked for: npm, the first machines, the end. */
const MARGIN_MS = 60_000;

const seconds = z.number().min(0);
const lineSchema = z.looseObject({ t: seconds, event: z.string().min(1) });
const count = z.int().min(0);
const summarySchema = z.strictObject({
  t: seconds,
  event: z.literal('summary'),
  requests: count.min(1000),
  failed: z.literal(0),
  scaled_out: count.min(1),
  scaled_in: count.min(1),
  replaced: count.min(1),
  first_decision_s: seconds.max(20),
  first_serving_s: seconds,
});

/** Homes of the demos started; everything a demo starts inherits its home. */
const homes: string[] = [];

async function processesOf(home: string): Promise<Awaited<ReturnType<typeof realProcesses.findByEnv>>> {
  return (await realProcesses.findByEnv('HOME')).filter((p) => p.env['HOME'] === home && !p.zombie);
}

/** Emulated machines inherit nothing, but stand in a directory of their own below TMPDIR. */
function standingBelow(folder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
    } catch {
      return false; // ended meanwhile, or a zombie
    }
  });
}

afterEach(async () => {
  for (const home of homes.splice(0)) {
    for (const p of await processesOf(home)) await realProcesses.kill(p, 'SIGKILL');
    for (const pid of standingBelow(home)) process.kill(Number(pid), 'SIGKILL');
    rmSync(home, { recursive: true, force: true });
  }
});

async function runDemo(forSeconds: number, ...more: string[]): Promise<{ code: number | null; lines: string[]; stderr: string; home: string }> {
  const home = mkdtempSync(join(tmpdir(), 'drover-e2e-home-'));
  homes.push(home);
  const argv = ['run', '-s', 'demo', '--', '--seconds', String(forSeconds), '--json', ...more];
  const child = spawn('npm', argv, { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => (stdout += String(text)));
  child.stderr.on('data', (text) => (stderr += String(text)));
  const late = setTimeout(() => child.kill('SIGTERM'), forSeconds * 1000 + MARGIN_MS);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearTimeout(late);
  return { code, lines: stdout.split('\n').filter((line) => line !== ''), stderr, home };
}

async function isWhole(forSeconds: number, ...more: string[]): Promise<void> {
  const { code, lines, stderr, home } = await runDemo(forSeconds, ...more);
  const said = lines.map((line) => lineSchema.parse(JSON.parse(line)));
  const tail = `${stderr}\n${lines.slice(-30).join('\n')}`;
  expect(code, tail).toBe(0);
  const last = summarySchema.safeParse(said.at(-1));
  expect(last.error?.message ?? '', tail).toBe('');
  expect(said.filter((line) => line.event === 'summary')).toHaveLength(1);
  expect(new Set(said.map((line) => line.event))).toEqual(new Set(['decision', 'instance', 'load', 'kill', 'summary']));
  for (const [i, line] of said.entries()) expect(line.t).toBeGreaterThanOrEqual(said[i - 1]?.t ?? 0);
  expect(await processesOf(home)).toEqual([]);
  expect(standingBelow(home)).toEqual([]);
  expect(readdirSync(home).filter((name) => name.startsWith('drover-'))).toEqual([]);
  process.stdout.write(`${lines.at(-1)}\n`);
}

describeWith(['haproxy'], 'the demo behind HAProxy', () => {
  it('loses nothing, scales out and in, replaces a killed machine, and leaves no process', () => isWhole(60));
});

describe('the demo behind the built-in proxy', () => {
  it('does the same', () => isWhole(40, '--balancer', 'proxy'));
});

describe('the demo with emulated Linodes behind a NodeBalancer', () => {
  it('does the same, and ends every Linode', () => isWhole(50, '--cloud', 'linode'));
});
