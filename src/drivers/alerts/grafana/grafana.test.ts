import { describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import { verifyReceiver } from '../../../kit/receiver-auth.ts';
import { Secret } from '../../../ports/secrets.ts';
import { alertFormatContract } from '../../../testing/alert-format-contract.ts';
import { manifest } from './driver.ts';
import { grafanaFormat } from './grafana.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

function alert(over: object = {}): object {
  return {
    status: 'firing',
    labels: { alertname: 'HighLoad', grafana_folder: 'shop', team: 'shop' },
    annotations: { summary: 'much to do' },
    startsAt: '2026-11-22T12:59:30+01:00',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'https://grafana/alerting/x/edit',
    fingerprint: 'c6eadffa33fcdf37',
    silenceURL: 'https://grafana/alerting/silence/new',
    dashboardURL: '',
    panelURL: '',
    values: { B: 44.2, C: 1 },
    valueString: "[ var='B' labels={} value=44.2 ]",
    ...over,
  };
}
function message(alerts: readonly object[], more: object = {}): string {
  return JSON.stringify({
    receiver: 'drover',
    status: 'firing',
    alerts,
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'https://grafana/',
    version: '1',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    orgId: 1,
    title: '[FIRING:1]',
    state: 'alerting',
    message: 'x',
    ...more,
  });
}
const noData = alert({ labels: { alertname: 'DatasourceNoData', rulename: 'HighLoad', datasource_uid: 'u' } });
const dataError = alert({ labels: { alertname: 'DatasourceError', rulename: 'HighLoad' } });
const test = alert({ labels: { alertname: 'TestAlert', instance: 'Grafana' } });

alertFormatContract(
  'grafana, unified',
  grafanaFormat,
  {
    firing: message([alert()]),
    repeat: message([alert({ values: { B: 50 } })], { appVersion: '13.0.0' }),
    resolved: message([alert({ status: 'resolved', endsAt: '2026-11-22T13:10:00+01:00', values: null })], { status: 'resolved', state: 'ok' }),
    nextEpisode: message([alert({ startsAt: '2026-11-23T08:00:00Z' })]),
    ignored: [
      message([]),
      message([noData]),
      message([dataError, noData]),
      message([test]),
      message([alert({ annotations: { grafana_state_reason: 'NoData' } })]),
    ],
    foreign: ['{}', '[]', message([alert()], { version: '4' }), message([alert()], { version: 1 }), '{"text":"own payload"}'],
    many: (count) => message(Array.from({ length: count }, (_, i) => alert({ fingerprint: `f${i}` }))),
    name: 'HighLoad',
    label: ['team', 'shop'],
  },
  { starts: true },
);

function legacy(over: object = {}): string {
  return JSON.stringify({
    dashboardId: 1,
    evalMatches: [{ value: 100, metric: 'High value', tags: null }],
    imageUrl: 'https://grafana/x.png',
    message: 'much to do',
    orgId: 2,
    panelId: 2,
    ruleId: 17,
    ruleName: 'High load',
    ruleUrl: 'https://grafana/d/x',
    state: 'alerting',
    tags: { team: 'shop' },
    title: '[Alerting] High load',
    ...over,
  });
}
alertFormatContract(
  'grafana, legacy dashboards',
  grafanaFormat,
  {
    firing: legacy(),
    repeat: legacy({ evalMatches: [] }),
    resolved: legacy({ state: 'ok', title: '[OK] High load' }),
    nextEpisode: legacy({ evalMatches: [{ value: 120 }] }),
    ignored: ['no_data', 'pending', 'paused', 'keep_state', 'unknown'].map((state) => legacy({ state })),
    foreign: ['{}', legacy({ state: 'burning' }), legacy({ ruleId: 'x' }), legacy({ ruleName: undefined })],
    many: null,
    name: 'High load',
    label: ['team', 'shop'],
  },
  { starts: false },
);

describe('grafana format', () => {
  const parse = (body: string) => {
    const parsed = grafanaFormat.parse(body, NOW_MS);
    if (parsed.kind !== 'alerts') throw new Error(parsed.why);
    return parsed.alerts;
  };

  it('keeps the alerts about load of a message that also tells of missing data', () => {
    expect(parse(message([noData, alert(), dataError])).map((a) => a.name)).toEqual(['HighLoad']);
  });

  it('says why it ignores', () => {
    expect(grafanaFormat.parse(message([noData]), NOW_MS)).toMatchObject({ kind: 'ignored', why: expect.stringContaining('DatasourceNoData') });
    expect(grafanaFormat.parse(legacy({ state: 'no_data' }), NOW_MS)).toMatchObject({ kind: 'ignored', why: expect.stringContaining('no data') });
  });

  it('lets the end of an alert through, also when its series has vanished', () => {
    expect(parse(message([alert({ status: 'resolved', annotations: { grafana_state_reason: 'MissingSeries' } })]))[0]?.status).toBe('resolved');
  });

  it('keeps the organisations apart', () => {
    const one = parse(message([alert()], { orgId: 1 }))[0]?.episode;
    const two = parse(message([alert()], { orgId: 2 }))[0]?.episode;
    expect(one).toMatch(/^org1\/c6eadffa33fcdf37\/\d+$/);
    expect(two).not.toBe(one);
  });

  it('is verified by the signature of Grafana, with and without a time', async () => {
    const secrets = { ...realPorts().secrets, resolve: async () => new Secret('hush') };
    const body = message([alert()]);
    const request = (headers: Record<string, string>) => ({ headers, rawBody: new TextEncoder().encode(body), nowMs: NOW_MS });
    const plain = secrets.hmacSha256(new Secret('hush'), body);
    const auth = { hmac: { secret: { env: 'X' } } };
    expect(await verifyReceiver(auth, request({ 'x-grafana-alerting-signature': plain }), secrets, manifest.hmac)).toEqual({ ok: true, replayId: null });
    const seconds = String(NOW_MS / 1000);
    const timed = secrets.hmacSha256(new Secret('hush'), `${seconds}:${body}`);
    const timedAuth = { hmac: { secret: { env: 'X' }, timestamp_header: 'X-Grafana-Alerting-Timestamp' } };
    const headers = { 'x-grafana-alerting-signature': timed, 'x-grafana-alerting-timestamp': seconds };
    expect(await verifyReceiver(timedAuth, request(headers), secrets, manifest.hmac)).toMatchObject({
      ok: true,
      replayId: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await verifyReceiver(timedAuth, request({ ...headers, 'x-grafana-alerting-signature': plain }), secrets, manifest.hmac)).toMatchObject({
      ok: false,
      status: 401,
    });
  });
});
