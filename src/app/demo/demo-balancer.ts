import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endChild } from '../../platform/children.ts';
import { findProgram } from '../../platform/find-program.ts';
import { freePort } from '../../platform/free-port.ts';

const END_MS = 2_000;

/** What stands before the demo's machines, in a process of its own. */
export interface DemoBalancer {
  readonly kind: 'haproxy' | 'proxy';
  /** Where requests go. */
  readonly url: string;
  /** Lines of the configuration: `balancers:` and `sources:` entries named `edge`, and the metric. */
  readonly balancer: string;
  readonly source: string;
  readonly query: string;
  stop(): Promise<void>;
}

/** HAProxy when it is installed, else the built-in proxy. */
export async function startDemoBalancer(dir: string, want: 'auto' | 'haproxy' | 'proxy'): Promise<DemoBalancer> {
  const program = want === 'proxy' ? null : findProgram('haproxy');
  if (want === 'haproxy' && program === null) throw new Error('HAProxy is not installed; leave --balancer away to use the built-in proxy');
  return program === null ? startBuiltIn() : startHaproxy(program, dir);
}

async function startHaproxy(program: string, dir: string): Promise<DemoBalancer> {
  const port = await freePort();
  const socket = join(dir, 'haproxy.sock');
  const config = `global
  stats socket ${socket} mode 600 level admin
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout queue 5s
  timeout check 2s
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response response-timeout
frontend in
  bind 127.0.0.1:${port}
  default_backend web
backend web
  balance leastconn
  option httpchk GET /healthz
  server-template web 1-20 127.0.0.1:1 disabled check inter 1s fastinter 500ms fall 3 rise 1 weight 100
`;
  const file = join(dir, 'haproxy.cfg');
  writeFileSync(file, config);
  const child = spawn(program, ['-db', '-f', file], { stdio: 'ignore' });
  await listening(child, port, 'HAProxy');
  return {
    kind: 'haproxy',
    url: `http://127.0.0.1:${port}/`,
    balancer: `{ type: haproxy, socket: ${socket}, backend: web }`,
    source: `{ type: haproxy, socket: ${socket} }`,
    query: 'metric: request_rate, backend: web, window: 2s',
    stop: () => endChild(child, END_MS),
  };
}

async function startBuiltIn(): Promise<DemoBalancer> {
  const [port, admin] = [await freePort(), await freePort()];
  const main = new URL('../../emulators/proxy/main.ts', import.meta.url);
  const child = spawn(process.execPath, [main.pathname, `127.0.0.1:${port}`, `127.0.0.1:${admin}`], { stdio: 'ignore' });
  await listening(child, port, 'the built-in proxy');
  await listening(child, admin, 'the built-in proxy');
  return {
    kind: 'proxy',
    url: `http://127.0.0.1:${port}/`,
    balancer: `{ type: proxy, admin: 'http://127.0.0.1:${admin}', check_path: /healthz }`,
    source: `{ type: http, url: 'http://127.0.0.1:${admin}/metrics' }`,
    query: 'prometheus_text: proxy_request_rate',
    stop: () => endChild(child, END_MS),
  };
}

async function listening(child: ChildProcess, port: number, what: string): Promise<void> {
  const { connect } = await import('node:net');
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`${what} ended at once (exit ${child.exitCode})`);
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.once('error', () => done(false));
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`${what} did not listen within 10 s`);
}
