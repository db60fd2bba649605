/** What a person waits for: `drover status` of 100 groups and `drover --help`, as published, beside a Node that does nothing. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/platform/free-port.ts';
import { type RunningController, startControllerProcess } from './controller.ts';
import { type BenchResult, quantile, type Row, round } from './figures.ts';

const GROUPS = 100;
const RUNS = 20;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILT = join(ROOT, 'dist', 'cli', 'main.js');

interface Timing {
  readonly p50: number;
  readonly p95: number;
}

export async function status(): Promise<BenchResult> {
  await command([join(ROOT, 'tools', 'build.mjs')], {}, 120_000);
  if (!existsSync(BUILT)) throw new Error('the build made no dist/cli/main.js');
  const dir = mkdtempSync(join(tmpdir(), 'drover-status-'));
  const load = createServer((_, response) => response.end('{"value":250}'));
  await new Promise<void>((done) => load.listen(0, '127.0.0.1', done));
  let controller: RunningController | null = null;
  try {
    const file = join(dir, 'drover.yaml');
    writeFileSync(file, config(await freePort(), (load.address() as AddressInfo).port));
    controller = await startControllerProcess(file);
    const env = { DROVER_URL: controller.url, DROVER_TOKEN: readFileSync(controller.tokenFile, 'utf8').trim(), HOME: dir };
    await evaluated(env);
    const bare: number[] = [];
    const help: number[] = [];
    const shown: number[] = [];
    // In turns, so that a busy moment of the machine meets all three.
    for (let i = 0; i < RUNS; i++) {
      bare.push(await timed(['-e', '0'], env));
      help.push(await timed([BUILT, '--help'], env));
      shown.push(await timed([BUILT, 'status'], env));
    }
    return report({ bare: timing(bare), help: timing(help), status: timing(shown) });
  } finally {
    await controller?.stop();
    await new Promise((done) => load.close(done));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Until `status` shows every group with a decision. */
async function evaluated(env: Readonly<Record<string, string>>): Promise<void> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const lines = (await command([BUILT, 'status', '--plain'], env, 20_000)).trim().split('\n');
    if (lines.length !== GROUPS) throw new Error(`status shows ${lines.length} groups, not ${GROUPS}`);
    if (lines.every((line) => !line.includes('starting'))) return;
    if (performance.now() > endMs) throw new Error('not every group had a decision within 30 s');
    await new Promise((done) => setTimeout(done, 500));
  }
}

function report(t: { readonly bare: Timing; readonly help: Timing; readonly status: Timing }): BenchResult {
  const rows = (what: string, timed: Timing, aimMs: number): Row[] => [
    { what: `${what}, p50`, value: round(timed.p50, 0), unit: 'ms', aim: { text: `≤ ${aimMs} ms`, met: timed.p50 <= aimMs } },
    { what: `${what}, p95`, value: round(timed.p95, 0), unit: 'ms' },
    { what: `${what}, ratio to bare Node (p50)`, value: round(timed.p50 / t.bare.p50, 1), unit: '×' },
  ];
  return {
    bench: 'status',
    title: `wall time of the built command, ${GROUPS} groups on loopback, ${RUNS} runs`,
    rows: [
      ...rows('drover status', t.status, 250),
      ...rows('drover --help', t.help, 150),
      { what: 'node -e 0, p50', value: round(t.bare.p50, 0), unit: 'ms' },
      { what: 'node -e 0, p95', value: round(t.bare.p95, 0), unit: 'ms' },
    ],
    notes: ['The bundle of `npm run build`, started by Node itself; the groups are in observe mode, so that no machine has to run for them.'],
    lacking: [],
    raw: t,
  };
}

function timing(values: readonly number[]): Timing {
  return { p50: quantile(values, 0.5) ?? Number.NaN, p95: quantile(values, 0.95) ?? Number.NaN };
}

async function timed(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const startMs = performance.now();
  await command(args, env, 20_000);
  return performance.now() - startMs;
}

/** Runs Node with these arguments to its end; its stdout. */
async function command(args: readonly string[], env: Readonly<Record<string, string>>, timeoutMs: number): Promise<string> {
  const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0) throw new Error(`node ${args.join(' ')}: exit code ${code}\n${err}`);
  return out;
}

function config(port: number, loadPort: number): string {
  const groups = Array.from({ length: GROUPS }, (_, i) => {
    const name = `shop-${String(i).padStart(3, '0')}`;
    return `  ${name}: { mode: observe, cloud: local, template: { command: [sleep, '3600'] }, min: 1, max: 10, evaluate_every: 5s,
    metrics: { load: { from: load, json_pointer: /value } }, policies: [{ type: target, metric: load, per_instance: 100 }], health: none }`;
  });
  return `version: 1
server: { listen: '127.0.0.1:${port}', state: ./state }
sources: { load: { type: http, url: 'http://127.0.0.1:${loadPort}/' } }
groups:
${groups.join('\n')}
`;
}
