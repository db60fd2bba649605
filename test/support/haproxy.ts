/** A real HAProxy for tests, run from the configuration printed in the driver's README. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realSockets } from '../../src/platform/sockets.ts';
import { freePort } from './daemon.ts';
import { find } from './real.ts';

const README = new URL('../../src/drivers/balancers/haproxy/README.md', import.meta.url);

export interface RealHaproxy {
  /** Path of the unix socket of the Runtime API. */
  readonly socket: string;
  /** The same API over TCP. */
  readonly address: string;
  /** Where backend `web` (slots) and backend `api` (dynamic) are reached. */
  readonly web: string;
  readonly api: string;
  readonly statsUrl: string;
  readonly stateFile: string;
  /** One line of the Runtime API. */
  ask(line: string): Promise<string>;
  /** SIGKILL, without a last word. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** The ```haproxy block of the README, as printed. */
export function readmeConfig(): string {
  const block = /```haproxy\n([\s\S]*?)```/.exec(readFileSync(README, 'utf8'))?.[1];
  if (block === undefined) throw new Error('the README has no ```haproxy block');
  return block;
}

/** Starts it. `edit` changes the configuration; DROVER_TEST_HAPROXY names another program than the installed one. */
export async function startRealHaproxy(edit: (config: string) => string = (config) => config): Promise<RealHaproxy> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-haproxy-'));
  const [web, api, stats, admin] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const socket = join(dir, 'admin.sock');
  const stateFile = join(dir, 'state');
  const replaced = [
    ['/run/haproxy/admin.sock', socket],
    ['/var/lib/haproxy/state', stateFile],
    ['127.0.0.1:9999', `127.0.0.1:${admin}`],
    ['bind :80\n', `bind 127.0.0.1:${web}\n`],
    ['bind :8000\n', `bind 127.0.0.1:${api}\n`],
    ['bind 127.0.0.1:8404\n', `bind 127.0.0.1:${stats}\n`],
    ['inter 1s', 'inter 150ms'],
    // Without it a check has to be answered within `inter`: the members live in the test's own process, and on a busy machine that may get
    // no turn for so long that HAProxy takes them for dead. What a test makes fail is refused or answered with 503, at once.
    ['timeout server 30s\n', 'timeout server 30s\n  timeout check 10s\n'],
  ].reduce((text, [from = '', to = '']) => {
    if (!text.includes(from)) throw new Error(`the README's configuration has no ${from.trim()}`);
    return text.replaceAll(from, to);
  }, readmeConfig());
  const config = join(dir, 'haproxy.cfg');
  writeFileSync(config, edit(replaced));
  const program = process.env['DROVER_TEST_HAPROXY'] ?? find('haproxy') ?? 'haproxy';
  let child: ChildProcess | null = null;
  let output = '';

  const kill = async () => {
    const running = child;
    child = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const exited = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await exited;
  };
  const start = async () => {
    const started = spawn(program, ['-db', '-f', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (text) => (output = `${output}${text}`.slice(-8000)));
    for (const end = performance.now() + 10_000; ; ) {
      if (started.exitCode !== null) throw new Error(`haproxy ended: ${output}`);
      if ((await realSockets.canConnect({ path: socket }, 200)) && (await realSockets.canConnect({ host: '127.0.0.1', port: web }, 200))) return;
      if (performance.now() > end) throw new Error(`haproxy does not listen: ${output}`);
      await new Promise((go) => setTimeout(go, 20));
    }
  };
  const haproxy: RealHaproxy = {
    socket,
    address: `127.0.0.1:${admin}`,
    web: `http://127.0.0.1:${web}`,
    api: `http://127.0.0.1:${api}`,
    statsUrl: `http://127.0.0.1:${stats}/stats`,
    stateFile,
    ask: (line) => realSockets.exchange({ path: socket }, `${line}\n`, { timeoutMs: 5000, maxBytes: 1_000_000 }),
    kill,
    start,
    close: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    await start();
  } catch (e) {
    await haproxy.close();
    throw e;
  }
  return haproxy;
}

/** What is stable of the servers whose names match: address, port, administrative state and weights. */
export async function fingerprint(haproxy: RealHaproxy, backend: string, names: RegExp): Promise<string> {
  const [, header = '', ...lines] = (await haproxy.ask(`show servers state ${backend}`)).trim().split('\n');
  const columns = header.replace(/^# /, '').split(' ');
  const keep = ['srv_id', 'srv_name', 'srv_addr', 'srv_port', 'srv_admin_state', 'srv_uweight', 'srv_iweight', 'srv_fqdn'];
  return lines
    .map((line) => line.split(' '))
    .filter((fields) => names.test(fields[columns.indexOf('srv_name')] ?? ''))
    .map((fields) => keep.map((name) => fields[columns.indexOf(name)]).join(' '))
    .join('\n');
}
