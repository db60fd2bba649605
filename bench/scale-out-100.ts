/** A hundred machines of the `local` cloud from one decision, with the whole controller. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../src/platform/find-program.ts';
import { freePort } from '../src/platform/free-port.ts';
import { realSockets } from '../src/platform/sockets.ts';
import { endProcess, type RunningController, startControllerProcess } from './controller.ts';
import { type BenchResult, median, round } from './figures.ts';

const COUNT = 100;
/** Creates under way at once in the `local` cloud. */
const AT_ONCE = 16;
const LIMIT_MS = 60_000;
/** A machine that boots at once and costs little: it accepts connections on its port and closes them. */
const LISTENER = `use Socket; socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
bind(S, sockaddr_in($ENV{PORT}, inet_aton('127.0.0.1'))) or die; listen(S, 16) or die; while (1) { accept(C, S) and close C }`;

export async function scaleOut100(): Promise<BenchResult> {
  const perl = findProgram('perl');
  const base = { bench: 'scale-out-100', title: `one decision for ${COUNT} machines of the local cloud` };
  if (perl === null) return { ...base, rows: [], notes: [], lacking: ['perl'], raw: null };
  const boots: number[] = [];
  for (let i = 0; i < 11; i++) boots.push(await bootMs(perl));
  const bootMedianMs = median(boots) ?? 0;
  const loopMs = await plainLoopMs(perl);
  const measured = await burst(perl);
  const bootedMs = measured.servingMs.at(-1) ?? 0;
  return {
    ...base,
    rows: [
      { what: 'decision to the 100th machine serving', value: round(bootedMs / 1000, 2), unit: 's' },
      { what: 'the same, minus the boot of one machine', value: round((bootedMs - bootMedianMs) / 1000, 2), unit: 's' },
      { what: 'decision to the first machine serving', value: round((measured.servingMs[0] ?? 0) / 1000, 2), unit: 's' },
      { what: 'creates', value: round(COUNT / (measured.createdMs / 1000), 0), unit: '/s' },
      { what: 'failed launches and steps', value: measured.failures, unit: '', aim: { text: '0', met: measured.failures === 0 } },
      { what: 'boot of one machine, alone', value: round(bootMedianMs, 0), unit: 'ms' },
      { what: 'a plain loop that starts the same programs', value: round(loopMs / 1000, 2), unit: 's' },
      { what: 'ratio to the plain loop', value: round(bootedMs / loopMs, 1), unit: '×' },
    ],
    notes: [
      'A machine is a shell that keeps its tags and a Perl program of two lines that listens on its own port; it is healthy when it accepts a connection.',
      `The plain loop starts ${COUNT} such shells, ${AT_ONCE} at once, and waits until each accepts: no tags, no books, no look at what runs already.`,
      'No balancer. The time is from the moment the evaluation looked at the load to the event `instance.serving` of the last machine.',
    ],
    lacking: [],
    raw: { ...measured, bootMedianMs, loopMs, count: COUNT },
  };
}

/** Start of the process to its first accepted connection, on a machine that does nothing else. */
async function bootMs(perl: string): Promise<number> {
  const port = await freePort();
  const startMs = performance.now();
  const child = spawn(perl, ['-e', LISTENER], { env: { PORT: String(port) }, stdio: 'ignore' });
  try {
    await accepting(child, port, 1);
    return performance.now() - startMs;
  } finally {
    await endProcess(child, 'SIGKILL');
  }
}

async function accepting(child: ChildProcess, port: number, everyMs: number): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!(await realSockets.canConnect({ host: '127.0.0.1', port }, 1_000))) {
    if (child.exitCode !== null || performance.now() > endMs) throw new Error('the listener did not start');
    await new Promise((done) => setTimeout(done, everyMs));
  }
}

async function plainLoopMs(perl: string): Promise<number> {
  const children: ChildProcess[] = [];
  const startMs = performance.now();
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < COUNT; i += AT_ONCE) {
      const port = 22_000 + i;
      // Its own process group: the shell and what it started end together.
      const argv = ['-c', '"$@"; exit $?', 'machine', perl, '-e', LISTENER];
      const child = spawn('/bin/sh', argv, { env: { PORT: String(port) }, stdio: 'ignore', detached: true });
      children.push(child);
      await accepting(child, port, 10);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => lane(i)));
    return performance.now() - startMs;
  } finally {
    for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  }
}

interface Burst {
  /** From the decision, ms, in order. */
  readonly servingMs: readonly number[];
  /** From the decision to the last accepted create, ms. */
  readonly createdMs: number;
  readonly failures: number;
}

async function burst(perl: string): Promise<Burst> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-bench-'));
  let wanted = 1;
  const load = createServer((_, response) => response.end(`{"value":${wanted}}`));
  await new Promise<void>((done) => load.listen(0, '127.0.0.1', done));
  let controller: RunningController | null = null;
  try {
    writeFileSync(join(dir, 'listener.pl'), LISTENER);
    const file = join(dir, 'drover.yaml');
    writeFileSync(file, config(perl, await freePort(), (load.address() as AddressInfo).port));
    controller = await startControllerProcess(file);
    await controller.event('the first machine', (e) => e.type === 'instance.serving', 20_000);
    wanted = COUNT + 1;
    const decision = await controller.event('the decision', (e) => e.type === 'decision' && e.data['target'] === COUNT + 1, 10_000);
    const since = (type: string): number[] =>
      (controller?.events ?? []).filter((e) => e.type === type && e.atMs >= decision.atMs).map((e) => e.atMs - decision.atMs);
    await controller.event(`${COUNT} machines serving`, () => since('instance.serving').length >= COUNT, LIMIT_MS);
    const failures = controller.events.filter((e) => /failed|postponed|vanished/.test(e.type) || e.data['cause'] === 'vanished').length;
    return { servingMs: since('instance.serving'), createdMs: since('instance.booting').at(-1) ?? 0, failures };
  } finally {
    await controller?.stop();
    await new Promise((done) => load.close(done));
    rmSync(dir, { recursive: true, force: true });
  }
}

function config(perl: string, port: number, loadPort: number): string {
  return `version: 1
server: { listen: '127.0.0.1:${port}', state: ./state }
clouds: { here: { type: local, max: 200, ports: 21000-21999 } }
sources: { load: { type: http, url: 'http://127.0.0.1:${loadPort}/' } }
groups:
  burst:
    cloud: here
    template: { command: [${perl}, ./listener.pl] }
    min: 1
    max: ${COUNT + 1}
    evaluate_every: 1s
    metrics: { load: { from: load, json_pointer: /value } }
    policies: [{ name: load, type: target, metric: load, per_instance: 1 }]
    limits: { scale_out: { step: ${COUNT}, every: 1s } }
    health: { tcp: { every: 1s, timeout: 1s, healthy_after: 1, unhealthy_after: 3 } }
`;
}
