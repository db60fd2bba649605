/** Prometheus, Alertmanager and node-exporter as Debian ships them, set up as an operator would, but asking every second. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort, startDaemon, until } from './daemon.ts';

import { spawnAlertmanager, spawnPrometheus } from './monitoring-daemons.ts';
import { find } from './real.ts';

export interface Monitoring {
  readonly prometheusUrl: string;
  readonly alertmanagerUrl: string;
  /** Sets the gauge `web_pressure` through node-exporter's textfile collector; the alert WebPressure fires while it is above 0.5. */
  setPressure(value: number): void;
  /** The values of an instant query. */
  query(promql: string): Promise<readonly number[]>;
  /** The alert as Alertmanager knows it. */
  isFiring(alert: string): Promise<boolean>;
  /** The last lines of each daemon. */
  logs(): string;
  close(): Promise<void>;
}

export interface MonitoringOptions {
  /** Holds the files; removed by the caller. */
  readonly dir: string;
  /** HOST:PORT of HAProxy's exporter, and of the controller. */
  readonly haproxy: string;
  readonly controller: string;
  /** File with the bearer token of the receiver `am`. */
  readonly tokenFile: string;
}

const RULES = `groups:
  - name: web
    rules:
      - { alert: WebPressure, expr: web_pressure > 0.5, for: 1s, labels: { group: web } }
`;

function prometheusConfig(o: MonitoringOptions, node: string, alertmanager: string): string {
  return `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
alerting: { alertmanagers: [{ static_configs: [{ targets: ['${alertmanager}'] }] }] }
rule_files: [rules.yml]
scrape_configs:
  - { job_name: haproxy, static_configs: [{ targets: ['${o.haproxy}'] }] }
  - { job_name: node, static_configs: [{ targets: ['${node}'] }] }
  - { job_name: drover, static_configs: [{ targets: ['${o.controller}'] }] }
  - job_name: members
    http_sd_configs: [{ url: 'http://${o.controller}/sd', refresh_interval: 1s }]
    relabel_configs:
      - { source_labels: [__meta_drover_state], regex: serving, action: keep }
      - { source_labels: [__meta_drover_instance], target_label: member }
`;
}

function alertmanagerConfig(o: MonitoringOptions): string {
  return `route: { receiver: drover, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1m }
receivers:
  - name: drover
    webhook_configs:
      - url: 'http://${o.controller}/hooks/am'
        http_config: { authorization: { type: Bearer, credentials_file: '${o.tokenFile}' } }
`;
}

export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { dir } = options;
  const [prometheus, alertmanager, node] = await Promise.all([freePort(), freePort(), freePort()]);
  const at = (port: number): string => `127.0.0.1:${port}`;
  const textfiles = join(dir, 'textfiles');
  mkdirSync(textfiles, { recursive: true });
  writeFileSync(join(dir, 'rules.yml'), RULES);
  writeFileSync(join(dir, 'prometheus.yml'), prometheusConfig(options, at(node), at(alertmanager)));
  writeFileSync(join(dir, 'alertmanager.yml'), alertmanagerConfig(options));
  const setPressure = (value: number): void => {
    // node-exporter may read at any moment: it must never see half a file.
    const text = `# HELP web_pressure How hard it presses.\n# TYPE web_pressure gauge\nweb_pressure ${value}\n`;
    writeFileSync(join(textfiles, 'web.prom.new'), text);
    renameSync(join(textfiles, 'web.prom.new'), join(textfiles, 'web.prom'));
  };
  setPressure(0);
  const daemons: Record<string, Daemon> = {
    'node-exporter': startDaemon(
      [
        find('prometheus-node-exporter') ?? '',
        '--collector.disable-defaults',
        '--collector.cpu',
        '--collector.textfile',
        `--collector.textfile.directory=${textfiles}`,
        `--web.listen-address=${at(node)}`,
      ],
      dir,
    ),
    alertmanager: spawnAlertmanager(dir, join(dir, 'alertmanager.yml'), alertmanager),
    prometheus: spawnPrometheus(dir, join(dir, 'prometheus.yml'), prometheus),
  };
  const close = async (): Promise<void> => void (await Promise.all(Object.values(daemons).map((d) => d.stop())));
  const logs = (): string =>
    Object.entries(daemons)
      .map(([name, d]) => `── ${name}\n${d.output().trim().split('\n').slice(-15).join('\n')}`)
      .join('\n');
  const query = async (promql: string): Promise<readonly number[]> => {
    const reply = await fetch(`http://${at(prometheus)}/api/v1/query?query=${encodeURIComponent(promql)}`);
    const body = (await reply.json()) as { data: { result: { value: [number, string] }[] } };
    return body.data.result.map((r) => Number(r.value[1]));
  };
  const isFiring = async (alert: string): Promise<boolean> => {
    const reply = await fetch(`http://${at(alertmanager)}/api/v2/alerts?active=true&filter=${encodeURIComponent(`alertname="${alert}"`)}`);
    return ((await reply.json()) as unknown[]).length > 0;
  };
  try {
    for (const url of [`http://${at(prometheus)}/-/ready`, `http://${at(alertmanager)}/-/ready`, `http://${at(node)}/metrics`])
      await until(`${url} to answer`, async () => (await fetch(url)).ok);
  } catch (e) {
    await close();
    throw new Error(`${String(e)}\n${logs()}`);
  }
  return { prometheusUrl: `http://${at(prometheus)}`, alertmanagerUrl: `http://${at(alertmanager)}`, setPressure, query, isFiring, logs, close };
}
