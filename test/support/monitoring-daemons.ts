/** A real Prometheus and a real Alertmanager on the loopback. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort, startDaemon, until } from './daemon.ts';
import { find } from './real.ts';

/** It keeps its data below `dir`. `file`: its configuration. */
export function spawnPrometheus(dir: string, file: string, port: number): Daemon {
  const flags = [`--config.file=${file}`, `--storage.tsdb.path=${join(dir, 'prometheus-data')}`, `--web.listen-address=127.0.0.1:${port}`];
  return startDaemon([find('prometheus') ?? '', ...flags, '--log.level=warn'], dir);
}

/** It keeps its data below `dir`. `file`: its configuration. */
export function spawnAlertmanager(dir: string, file: string, port: number): Daemon {
  const flags = [`--config.file=${file}`, `--storage.path=${join(dir, 'alertmanager-data')}`, `--web.listen-address=127.0.0.1:${port}`];
  return startDaemon([find('prometheus-alertmanager') ?? '', ...flags, '--cluster.listen-address=', '--log.level=warn'], dir);
}

/** Resolves when it is ready. It keeps its configuration, too, in `dir`. */
export async function startAlertmanager(dir: string, config: string): Promise<{ readonly daemon: Daemon; readonly url: string }> {
  const file = join(dir, 'alertmanager.yml');
  writeFileSync(file, config);
  const port = await freePort();
  const daemon = spawnAlertmanager(dir, file, port);
  const url = `http://127.0.0.1:${port}`;
  await until('Alertmanager to be ready', async () => (await fetch(`${url}/-/ready`)).ok);
  return { daemon, url };
}
