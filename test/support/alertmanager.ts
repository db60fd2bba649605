/** A real Alertmanager on a free port of the loopback. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, freePort, startDaemon, until } from './daemon.ts';
import { find } from './real.ts';

/** Resolves when it is ready. It keeps its configuration and data in `dir`. */
export async function startAlertmanager(dir: string, config: string): Promise<{ readonly daemon: Daemon; readonly url: string }> {
  const file = join(dir, 'alertmanager.yml');
  writeFileSync(file, config);
  const address = `127.0.0.1:${await freePort()}`;
  const daemon = startDaemon(
    [
      find('prometheus-alertmanager') ?? '',
      `--config.file=${file}`,
      `--storage.path=${join(dir, 'data')}`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
      '--log.level=error',
    ],
    dir,
  );
  const url = `http://${address}`;
  await until('Alertmanager to be ready', async () => (await fetch(`${url}/-/ready`)).ok);
  return { daemon, url };
}
