/** HAProxy, Prometheus and Alertmanager for the reaction bench: three backends alike, one for each way of reacting. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../src/platform/free-port.ts';
import { realSockets } from '../../src/platform/sockets.ts';
import { endProcess } from '../controller.ts';

export const KINDS = ['direct', 'prometheus', 'classic'] as const;
export type Kind = (typeof KINDS)[number];

/** A machine carries so many requests a second, and a tenth more is tolerated: the alert's threshold is the same for one machine. */
export const PER_INSTANCE = 100;
const THRESHOLD = 110;
export const RATE_QUERY = (kind: Kind): string => `sum(rate(haproxy_backend_http_requests_total{proxy="${kind}"}[3s]))`;

export interface Stage {
  readonly dir: string;
  readonly socket: string;
  readonly adminPort: number;
  readonly prometheusUrl: string;
  readonly webhookPort: number;
  readonly urls: Readonly<Record<Kind, string>>;
  ask(line: string): Promise<string>;
  stop(): Promise<void>;
}

export async function openStage(dir: string, programs: Readonly<Record<'haproxy' | 'prometheus' | 'prometheus-alertmanager', string>>): Promise<Stage> {
  const ports: Record<Kind | 'stats' | 'admin' | 'prom' | 'am' | 'webhook', number> = {
    direct: await freePort(),
    prometheus: await freePort(),
    classic: await freePort(),
    stats: await freePort(),
    admin: await freePort(),
    prom: await freePort(),
    am: await freePort(),
    webhook: await freePort(),
  };
  const socket = join(dir, 'haproxy.sock');
  writeFileSync(join(dir, 'haproxy.cfg'), haproxyConfig(socket, ports));
  writeFileSync(join(dir, 'prometheus.yml'), prometheusConfig(ports));
  writeFileSync(join(dir, 'rules.yml'), rules());
  writeFileSync(join(dir, 'alertmanager.yml'), alertmanagerConfig(ports.webhook));
  const children: ChildProcess[] = [];
  const run = async (program: string, args: readonly string[], port: number): Promise<void> => {
    const child = spawn(program, args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
    children.push(child);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000);
    });
    const endMs = performance.now() + 20_000;
    while (!(await realSockets.canConnect({ host: '127.0.0.1', port }, 500))) {
      if (child.exitCode !== null || performance.now() > endMs) throw new Error(`${program} does not listen\n${said}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => endProcess(child, 'SIGKILL')));
  };
  try {
    await run(programs.haproxy, ['-db', '-f', join(dir, 'haproxy.cfg')], ports.direct);
    const am = ['--config.file=alertmanager.yml', '--storage.path=am', `--web.listen-address=127.0.0.1:${ports.am}`, '--cluster.listen-address='];
    await run(programs['prometheus-alertmanager'], am, ports.am);
    const prom = ['--config.file=prometheus.yml', '--storage.tsdb.path=tsdb', `--web.listen-address=127.0.0.1:${ports.prom}`, '--log.level=warn'];
    await run(programs.prometheus, prom, ports.prom);
  } catch (e) {
    await stop();
    throw e;
  }
  return {
    dir,
    socket,
    adminPort: ports.admin,
    prometheusUrl: `http://127.0.0.1:${ports.prom}`,
    webhookPort: ports.webhook,
    urls: { direct: urlOf(ports.direct), prometheus: urlOf(ports.prometheus), classic: urlOf(ports.classic) },
    ask: (line) => realSockets.exchange({ path: socket }, `${line}\n`, { timeoutMs: 5_000, maxBytes: 1_000_000 }),
    stop,
  };
}

const urlOf = (port: number): string => `http://127.0.0.1:${port}/`;

function haproxyConfig(socket: string, ports: Readonly<Record<Kind | 'stats' | 'admin', number>>): string {
  const site = (kind: Kind): string => `frontend in-${kind}
  bind 127.0.0.1:${ports[kind]}
  default_backend ${kind}
backend ${kind}
  balance roundrobin
  option httpchk GET /healthz
  server-template web 1-20 127.0.0.1:1 disabled check inter 500ms fall 2 rise 1 weight 100
`;
  return `global
  stats socket ${socket} mode 600 level admin
  stats socket ipv4@127.0.0.1:${ports.admin} level admin
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout queue 5s
frontend stats
  bind 127.0.0.1:${ports.stats}
  http-request use-service prometheus-exporter if { path /metrics }
${KINDS.map(site).join('')}`;
}

function prometheusConfig(ports: Readonly<Record<'stats' | 'am', number>>): string {
  return `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${ports.am}'] }] }] }
scrape_configs: [{ job_name: haproxy, static_configs: [{ targets: ['127.0.0.1:${ports.stats}'] }] }]
`;
}

function rules(): string {
  return `groups:
  - name: load
    rules: [{ alert: TooBusy, expr: '${RATE_QUERY('classic')} > ${THRESHOLD}' }]
`;
}

/** As quick as Alertmanager can be: no waiting for more alerts of the group. */
function alertmanagerConfig(webhookPort: number): string {
  return `route: { receiver: script, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: script, webhook_configs: [{ url: 'http://127.0.0.1:${webhookPort}/', send_resolved: true }] }]
`;
}
