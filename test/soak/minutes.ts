/** The real controller with 1,000 groups in a process of its own, asked 50 times a second, and what it holds every ten seconds. */
import { type ChildProcess, fork } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/app/config-file.ts';
import type { LoadedConfig } from '../../src/config/config.ts';
import { initialMemory } from '../../src/core/remember.ts';
import { openSqliteStore } from '../../src/drivers/stores/sqlite/driver.ts';
import { newRow, tokenOf } from '../../src/engine/rows.ts';
import { realClock } from '../../src/platform/clock.ts';
import { databaseFiles } from '../../src/platform/database-files.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { type Store, silentLog } from '../../src/ports/ports.ts';
import { Callers } from './callers.ts';
import type { ControllerReady, Held } from './controller-process.ts';
import { balancerOf, groupName, hasChecks, Outside, swings } from './outside.ts';

const GROUPS = 1_000;
const MACHINES = 2;
const INSTALL = 'soak';
const SAMPLE_MS = 10_000;
/** A start that takes longer is none; generous, because the machine may be busy. */
const START_MS = 120_000;
const HERE = import.meta.dirname;

export interface MinuteSample extends Held {
  /** Since the controller was ready, ms. */
  readonly atMs: number;
  readonly fds: number;
  readonly threads: number;
  readonly databaseBytes: number;
}
export interface MinutesSeen {
  readonly samples: readonly MinuteSample[];
  readonly answers: ReadonlyMap<number, number>;
  readonly wrong: readonly string[];
  readonly deliveries: number;
  readonly streamedBytes: number;
  readonly creates: number;
  readonly deletes: number;
  readonly lists: number;
  /** Times that a group was not evaluated for three of its intervals: the machine was too busy, or the controller is too slow. */
  readonly late: number;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
}

export async function soakMinutes(minutes: number, say: (text: string) => void): Promise<MinutesSeen> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-soak-'));
  const outside = new Outside(INSTALL);
  let child: ChildProcess | null = null;
  try {
    await outside.open();
    const file = join(dir, 'drover.yaml');
    copyFileSync(join(HERE, 'cloud.bash'), join(dir, 'cloud.bash'));
    writeFileSync(file, configOf(outside));
    await seed(file, join(dir, 'state'), outside);
    child = fork(join(HERE, 'controller-process.ts'), [file], { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    return await watch(child, dir, outside, minutes, say);
  } finally {
    await end(child);
    await outside.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function watch(child: ChildProcess, dir: string, outside: Outside, minutes: number, say: (text: string) => void): Promise<MinutesSeen> {
  let said = '';
  let late = 0;
  child.stderr?.on('data', (chunk) => {
    const text = String(chunk);
    late += text.split('group.not-evaluated').length - 1;
    said = `${said}${text}`.slice(-4_000);
  });
  const ready = await answerOf<ControllerReady>(child, () => said);
  const callers = new Callers(ready.url, readFileSync(ready.tokenFile, 'utf8').trim(), GROUPS);
  const samples: MinuteSample[] = [];
  const beganMs = performance.now();
  for (let n = 1; n <= (minutes * 60_000) / SAMPLE_MS; n++) {
    callers.start();
    await until(beganMs + n * SAMPLE_MS - 1_500);
    await callers.rest();
    await until(performance.now() + 500); // connections that were closed here are closed there
    const pid = child.pid ?? 0;
    const fds = await fewestFds(pid);
    child.send('what do you hold?');
    const held = await answerOf<Held>(child, () => said);
    samples.push({ ...held, atMs: performance.now() - beganMs, fds, threads: threadsOf(pid), databaseBytes: sizeOf(join(dir, 'state')) });
    if (n % 6 === 0) say(`${n / 6} of ${minutes} minutes: heap ${mib(held.heap)} MiB, RSS ${mib(held.rss)} MiB, ${fds} file descriptors`);
  }
  const { answers, wrong, deliveries, streamed } = callers;
  const { creates, deletes, lists } = outside;
  return { samples, answers, wrong, deliveries, streamedBytes: streamed, creates, deletes, lists, late, said };
}

const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(1);

async function until(atMs: number): Promise<void> {
  await new Promise((done) => setTimeout(done, Math.max(0, atMs - performance.now())));
}

function answerOf<T>(child: ChildProcess, said: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      child.off('message', told);
      child.off('exit', gone);
    };
    const told = (message: unknown): void => {
      stop();
      resolve(message as T);
    };
    const gone = (): void => {
      stop();
      reject(new Error(`the controller ended\n${said()}`));
    };
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`the controller did not answer for ${START_MS} ms\n${said()}`));
    }, START_MS);
    child.once('message', told);
    child.once('exit', gone);
    if (child.exitCode !== null || child.signalCode !== null) gone();
  });
}

async function end(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(timer);
}

/** Calls under way have sockets and pipes of their own: what stays open is the least of several looks. */
async function fewestFds(pid: number): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    fewest = Math.min(fewest, readdirSync(`/proc/${pid}/fd`).length);
    await new Promise((done) => setTimeout(done, 20));
  }
  return fewest;
}

function threadsOf(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function sizeOf(stateDir: string): number {
  const files = ['drover.db', 'drover.db-wal'].map((name) => join(stateDir, name));
  return files.reduce((sum, file) => sum + (existsSync(file) ? statSync(file).size : 0), 0);
}

/** The books as a controller would have left them that has run for long: every group has its machines, and they serve. */
async function seed(file: string, stateDir: string, outside: Outside): Promise<void> {
  const secrets = createSecrets('.');
  const read = await readConfig({ file, text: readFileSync(file, 'utf8') }, { secrets, fileExists: existsSync });
  if (!read.ok)
    throw new Error(
      read.diagnostics
        .slice(0, 3)
        .map((d) => `${d.line}:${d.column} ${d.message}`)
        .join('\n'),
    );
  mkdirSync(stateDir, { mode: 0o700 });
  const path = join(stateDir, 'drover.db');
  const store = await openSqliteStore({ path, clock: realClock, secrets, log: silentLog, files: databaseFiles, installId: INSTALL });
  await store.control(
    read.config.groups.map((spec) => ({ kind: 'put-spec', spec })),
    [],
  );
  for (let i = 0; i < GROUPS; i += 200) await Promise.all(read.config.groups.slice(i, i + 200).map((spec) => seedGroup(store, spec, outside)));
  await store.close();
}

async function seedGroup(store: Store, spec: LoadedConfig['groups'][number], outside: Outside): Promise<void> {
  const row = await store.acquire(spec.name, 'seed', 1_000);
  if (row === null) throw new Error(`${spec.name} could not be acquired`);
  const atMs = realClock.wall() - 3_600_000;
  const memory = initialMemory(spec, atMs, MACHINES);
  const instances = Array.from({ length: MACHINES }, (_, k) => {
    const n = k + 1;
    const id = `${spec.name}-${n}`;
    const { id: machineId, address, port } = outside.make(tokenOf(INSTALL, spec.name, n), spec.name, id, spec.template.id);
    const members = Object.fromEntries(spec.balancers.map((b) => [b.balancer, id]));
    for (const balancer of Object.keys(members)) outside.attach(balancer, id, address, port);
    const empty = newRow({ row, memory, rows: new Map() }, n, id, atMs);
    return {
      ...empty,
      token: tokenOf(INSTALL, spec.name, n),
      state: 'serving' as const,
      servingSinceMs: atMs,
      machineId,
      address,
      port,
      health: 'healthy' as const,
      members,
    };
  });
  const done = await store.commit({ group: spec.name, expect: { epoch: row.epoch }, memory, nextN: MACHINES + 1, instances });
  if (!done.ok) throw new Error(`${spec.name} could not be seeded: ${done.why}`);
}

function configOf(outside: Outside): string {
  const web = `http://127.0.0.1:${outside.webPort}`;
  const command = '[bash, ./cloud.bash]';
  const balancers = Array.from({ length: 20 }, (_, i) => `  ${balancerOf(i)}: { type: proxy, admin: '${web}/lb/${balancerOf(i)}' }`);
  return `version: 1
server: { listen: '127.0.0.1:0', state: ./state, install_id: ${INSTALL} }
defaults: { evaluate_every: 10s }
prometheus: '${web}/prometheus'
templates: { t: { cloud: mine } }
receivers: { am: { format: alertmanager, auth: none } }
notify: { ops: { webhook: { url: '${web}/told' } } }
clouds:
  mine: { type: exec, list: ${command}, create: ${command}, delete: ${command}, get: ${command}, env: { SOAK_PORT: '${outside.commandPort}' }, idempotent: token, consistency: 0s, timeout: 30s }
balancers:
${balancers.join('\n')}
groups:
${Array.from({ length: GROUPS }, (_, i) => groupText(i)).join('\n')}
`;
}

/** A file may hold 20,000 keys and values: most groups have to be short. */
function groupText(i: number): string {
  const name = groupName(i);
  if (swings(i)) {
    return `  ${name}:
    { template: t, min: 1, max: 6, balancer: ${balancerOf(i)}, health: none, lifecycle: { drain: 1s }, notify: [ops],
      metrics: { load: { query: load_${name} } },
      policies: [{ type: target, metric: load, per_instance: 100 }, { type: alert, alert: Busy, while_firing: { min: 1 } }],
      limits: { scale_out: { step: 4, every: 5s }, scale_in: { step: 2, every: 5s, after_quiet: 15s },
        destruction: { window: 10s, replace: 'max(10, 100%)', all: 'max(10, 100%)' } } }`;
  }
  const rest = hasChecks(i) ? 'health: { http: { path: /check } }' : `health: none, balancer: ${balancerOf(i)}`;
  return `  ${name}: { template: t, min: 1, max: 6, target: { query: load_${name}, per_instance: 100 }, ${rest} }`;
}
