import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Daemon, until } from '../../../../test/support/daemon.ts';
import { answer, type HttpBench, openHttpBench } from '../../../../test/support/http-bench.ts';
import { startAlertmanager } from '../../../../test/support/monitoring-daemons.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { describeWith } from '../../../../test/support/real.ts';
import { fingerprintOf } from '../../../kit/fingerprint.ts';
import { verifyReceiver } from '../../../kit/receiver-auth.ts';
import type { InboundAlert } from '../../../ports/alert-format.ts';
import { alertmanagerFormat } from './alertmanager.ts';

process.env['DROVER_TEST_AM_TOKEN'] = 'am-token';

describeWith(['prometheus-alertmanager'], 'alertmanager format with a real Alertmanager', () => {
  let receiver: HttpBench;
  let daemon: Daemon;
  let base: string;

  beforeAll(async () => {
    receiver = await openHttpBench();
    await receiver.handle(answer(200, ''));
    const dir = mkdtempSync(join(tmpdir(), 'drover-am-'));
    ({ daemon, url: base } = await startAlertmanager(
      dir,
      `route: { receiver: drover, group_by: [group], group_wait: 0s, group_interval: 1s, repeat_interval: 1s }
receivers:
  - name: drover
    webhook_configs: [{ url: '${receiver.url}/hook', send_resolved: true, http_config: { authorization: { credentials: am-token } } }]
`,
    ));
  });
  afterAll(async () => {
    await daemon?.stop();
    await receiver?.close();
  });

  const labels = { alertname: 'HighLoad', group: 'web', note: 'größe "x"\n' };
  const startsAt = new Date(Date.now() - 60_000).toISOString();
  async function post(...alerts: object[]): Promise<void> {
    const reply = await fetch(`${base}/api/v2/alerts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alerts) });
    expect(reply.status).toBe(200);
  }
  /** The first received alert that fits; asserts that every body in between was understood. */
  function received(what: string, fits: (alert: InboundAlert) => boolean): Promise<InboundAlert> {
    return until(what, async () => {
      for (const request of receiver.seen) {
        const parsed = alertmanagerFormat.parse(request.body, Date.now());
        if (parsed.kind !== 'alerts') throw new Error(`not understood: ${parsed.why}: ${request.body}`);
        const found = parsed.alerts.find(fits);
        if (found !== undefined) return found;
      }
      return null;
    });
  }

  it('understands firing, repeats and the end of one episode, and the next episode as another', async () => {
    await post({ labels, startsAt, annotations: { summary: 'much to do' }, generatorURL: 'http://prom/graph' });
    const firing = await received('firing', (a) => a.status === 'firing');
    expect(firing).toMatchObject({ name: 'HighLoad', startsAtMs: Date.parse(startsAt), endsAtMs: null });
    expect({ ...firing.labels }).toEqual(labels);
    expect({ ...firing.annotations }).toEqual({ summary: 'much to do' });

    receiver.clear();
    expect((await received('a repeat', (a) => a.status === 'firing')).episode).toBe(firing.episode);

    await post({ labels, startsAt, endsAt: new Date(Date.now() - 1000).toISOString() });
    const resolved = await received('the end', (a) => a.status === 'resolved');
    expect(resolved.episode).toBe(firing.episode);
    expect(resolved.endsAtMs).toBeGreaterThan(firing.startsAtMs);

    receiver.clear();
    await post({ labels, startsAt: new Date().toISOString() });
    const next = await received('the next episode', (a) => a.status === 'firing' && a.episode !== firing.episode);
    expect(next.episode.split('/')[0]).toBe(firing.episode.split('/')[0]);
  });

  it('makes the same fingerprint from the labels as Alertmanager does', async () => {
    const firing = await received('any alert', () => true);
    expect(firing.episode.split('/')[0]).toBe(fingerprintOf(labels));
  });

  it('reads a message in which one alert fires and another has ended', async () => {
    receiver.clear();
    const two = (name: string) => ({ alertname: name, group: 'mixed' });
    const began = new Date(Date.now() - 30_000).toISOString();
    await post({ labels: two('A'), startsAt: began }, { labels: two('B'), startsAt: began });
    await received('both firing', (a) => a.name === 'B' && a.status === 'firing');
    await post({ labels: two('A'), startsAt: began, endsAt: new Date(Date.now() - 500).toISOString() });
    await until('a mixed message', async () =>
      receiver.seen.some((request) => {
        const parsed = alertmanagerFormat.parse(request.body, Date.now());
        return parsed.kind === 'alerts' && parsed.alerts.some((a) => a.status === 'resolved') && parsed.alerts.some((a) => a.status === 'firing');
      }),
    );
  });

  it('is believed by its bearer token and by no other', async () => {
    const request = receiver.seen[0];
    if (request === undefined) throw new Error('nothing was received');
    const { secrets } = realPorts();
    const check = (headers: typeof request.headers) =>
      verifyReceiver({ bearer: { env: 'DROVER_TEST_AM_TOKEN' } }, { headers, rawBody: request.body, nowMs: Date.now() }, secrets);
    expect(await check(request.headers)).toEqual({ ok: true, replayId: null });
    expect(await check({ ...request.headers, authorization: 'Bearer am-tokem' })).toMatchObject({ ok: false, status: 401 });
  });
});
