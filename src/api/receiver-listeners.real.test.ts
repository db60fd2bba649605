import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApiWorld } from '../../test/support/api-world.ts';
import { type Daemon, freePort, until } from '../../test/support/daemon.ts';
import { startAlertmanager } from '../../test/support/monitoring-daemons.ts';
import { describeWith } from '../../test/support/real.ts';
import { alertmanagerFormat } from '../drivers/alerts/alertmanager/alertmanager.ts';
import { realClock } from '../platform/clock.ts';
import type { InboundAlert } from '../ports/ports.ts';
import { createReceiverListeners, type ReceiverListeners } from './receiver-listeners.ts';

describeWith(['prometheus-alertmanager'], 'a receiver in place of am-executor, with a real Alertmanager', () => {
  const taken: InboundAlert[] = [];
  let listeners: ReceiverListeners;
  let daemon: Daemon;
  let base: string;
  let dir: string;

  beforeAll(async () => {
    const world = createApiWorld(realClock);
    const receive = async (_: string, alerts: readonly InboundAlert[]) => {
      taken.push(...alerts);
      return { fired: alerts.length, refreshed: 0, resolved: 0, ignored: 0, duplicate: false, groups: ['web'] };
    };
    listeners = createReceiverListeners({
      ...world.deps,
      clock: realClock,
      operations: { ...world.deps.operations, receive },
      receivers: { find: () => ({ format: alertmanagerFormat, open: true }), verify: async () => ({ ok: true, replayId: null }) },
    });
    const hook = await freePort();
    await (await listeners.prepare([{ receiver: 'executor', host: '127.0.0.1', port: hook }])).take();
    dir = mkdtempSync(join(tmpdir(), 'drover-am-'));
    // Of the form that such set-ups have: an address without a path, and no proof.
    ({ daemon, url: base } = await startAlertmanager(
      dir,
      `route: { group_by: ['alertname'], group_wait: 0s, group_interval: 1s, repeat_interval: 1s, receiver: 'web.hook' }
receivers:
  - name: 'web.hook'
    webhook_configs: [{ url: 'http://127.0.0.1:${hook}' }]
`,
    ));
  });
  afterAll(async () => {
    await daemon?.stop();
    await listeners?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  // Alertmanager sends the name of its receiver quoted as for a regular expression.
  it('is notified at the bare address, and Alertmanager counts no failure', async () => {
    const alerts = [{ labels: { alertname: 'HighLoad' }, startsAt: new Date().toISOString(), generatorURL: 'http://prom/graph' }];
    expect(
      (await fetch(`${base}/api/v2/alerts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alerts) })).status,
    ).toBe(200);
    await until('the alert to come', async () => taken.length > 0);
    expect(taken[0]).toMatchObject({
      name: 'HighLoad',
      status: 'firing',
      origin: { receiver: expect.stringMatching(/^web\\?\.hook$/), groupLabels: { alertname: 'HighLoad' }, generatorUrl: 'http://prom/graph' },
    });
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toMatch(/alertmanager_notifications_failed_total\{integration="webhook"\} 0/);
  });
});
