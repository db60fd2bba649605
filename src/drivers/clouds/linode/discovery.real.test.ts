/** Prometheus finds Linodes through `/sd` with the relabel rules people wrote for `linode_sd_configs`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Daemon, freePort, until } from '../../../../test/support/daemon.ts';
import { type LinodeAccount, openSharedAccount, TOKENS } from '../../../../test/support/linode-account.ts';
import { spawnPrometheus } from '../../../../test/support/monitoring-daemons.ts';
import { describeWith, find } from '../../../../test/support/real.ts';
import { type Controller, startController } from '../../../app/controller.ts';
import { realProcesses } from '../../../platform/processes.ts';

interface Target {
  readonly scrapeUrl: string;
  readonly labels: Readonly<Record<string, string>>;
}

describeWith(['prometheus', 'promtool'], 'Prometheus and /sd', () => {
  const dir = mkdtempSync(join(tmpdir(), 'drover-linode-sd-'));
  let world: LinodeAccount;
  let controller: Controller;
  let prometheus: Daemon;
  let port: number;
  beforeAll(async () => {
    world = await openSharedAccount();
    // A token of the least rights: discovery needs no more.
    writeFileSync(join(dir, 'token'), TOKENS.READ.token, { mode: 0o600 });
    writeFileSync(
      join(dir, 'drover.yaml'),
      `version: 1
server: { listen: '127.0.0.1:0', state: ./state }
clouds:
  akamai: { type: linode, token: { file: ./token }, url: '${world.url}' }
groups:
  nginx:
    cloud: akamai
    mode: observe
    template: { region: eu-central, type: g6-nanode-1, image: linode/debian12 }
    health: none
    min: 0
    max: 3
`,
    );
    controller = await startController({ configFile: join(dir, 'drover.yaml'), log: { level: 'error', format: 'json', write: () => {} } });
    for (let i = 1; i <= 5; i++) {
      const tags = i <= 4 ? ['khw', 'autoscale'] : ['other'];
      await world.api('POST', '/linode/instances', { region: 'eu-central', type: 'g6-nanode-1', label: `nginx-${i}`, tags });
    }
    port = await freePort();
    writeFileSync(
      join(dir, 'prometheus.yml'),
      `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: "linode"
    http_sd_configs: [{ url: "${controller.url}/sd?cloud=akamai", refresh_interval: 1s }]
    relabel_configs:
      - source_labels: [__meta_linode_tags]
        regex: ".*,khw,.*"
        action: keep
      - source_labels: [__meta_linode_public_ipv6]
        target_label: __address__
        replacement: "[$1]:9100"
      - source_labels: [__meta_linode_instance_label]
        action: replace
        target_label: instance
`,
    );
    prometheus = spawnPrometheus(dir, join(dir, 'prometheus.yml'), port);
  }, 30_000);
  afterAll(async () => {
    await prometheus?.stop();
    await controller?.stop();
    await world?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('promtool takes the file', async () => {
    const argv = [find('promtool') ?? '', 'check', 'config', join(dir, 'prometheus.yml')];
    const checked = await realProcesses.run({ argv, env: {}, timeoutMs: 20_000, maxBytes: 100_000 });
    expect(checked.exitCode, checked.stdout + checked.stderr).toBe(0);
  });

  it('keeps the tagged ones, at their IPv6 addresses, under their labels', async () => {
    const targets = await until('four targets', async () => {
      const reply = (await (await fetch(`http://127.0.0.1:${port}/api/v1/targets?state=active`)).json()) as { data: { activeTargets: Target[] } };
      return reply.data.activeTargets.length === 4 ? reply.data.activeTargets : null;
    });
    const { data } = await world.api<{ data: { label: string; ipv6: string; tags: string[] }[] }>('GET', '/linode/instances');
    const wanted = data.filter((each) => each.tags.includes('khw')).map((each) => `${each.label} http://[${each.ipv6.split('/')[0]}]:9100/metrics`);
    expect(targets.map((t) => `${t.labels['instance']} ${t.scrapeUrl}`).sort()).toEqual(wanted.sort());
  }, 40_000);

  it('one that is added or deleted comes and goes without an edit', async () => {
    const count = async (): Promise<number> =>
      ((await (await fetch(`http://127.0.0.1:${port}/api/v1/targets?state=active`)).json()) as { data: { activeTargets: Target[] } }).data.activeTargets.length;
    const { id } = await world.api<{ id: number }>('POST', '/linode/instances', { region: 'eu-central', type: 'g6-nanode-1', label: 'nginx-9', tags: ['khw'] });
    await until('a fifth target', async () => (await count()) === 5, 40_000);
    await world.api('DELETE', `/linode/instances/${id}`);
    await until('four again', async () => (await count()) === 4, 40_000);
  }, 90_000);
});
