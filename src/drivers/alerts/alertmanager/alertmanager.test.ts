import { describe, expect, it } from 'vitest';
import { alertFormatContract } from '../../../testing/alert-format-contract.ts';
import { alertmanagerFormat } from './alertmanager.ts';
import { manifest } from './driver.ts';

interface Over {
  readonly status?: string;
  readonly startsAt?: string;
  readonly endsAt?: string;
  readonly labels?: object;
  readonly fingerprint?: string | undefined;
}
function alert(over: Over = {}): object {
  return {
    status: 'firing',
    labels: { alertname: 'HighLoad', team: 'shop' },
    annotations: { summary: 'much to do' },
    startsAt: '2026-11-22T11:59:30.123456789Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prom:9090/graph?g0.expr=x',
    fingerprint: '5ef77f1f8a3ecfb8',
    ...over,
  };
}
function message(alerts: readonly object[], more: object = {}): string {
  return JSON.stringify({
    receiver: 'drover',
    status: 'firing',
    alerts,
    groupLabels: { alertname: 'HighLoad' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://am:9093',
    version: '4',
    groupKey: '{}:{alertname="HighLoad"}',
    truncatedAlerts: 0,
    ...more,
  });
}
const resolved = { status: 'resolved', endsAt: '2026-11-22T12:05:00Z' };

alertFormatContract(
  'alertmanager',
  alertmanagerFormat,
  {
    firing: message([alert()]),
    repeat: message([alert({ endsAt: '2026-11-22T12:03:30Z' })], { notification_reason: 'repeat interval elapsed', routeLabels: {} }),
    resolved: message([alert(resolved)], { status: 'resolved' }),
    nextEpisode: message([alert({ startsAt: '2026-11-23T08:00:00Z' })]),
    ignored: [message([])],
    foreign: [
      '{}',
      '[]',
      message([alert()], { version: '1' }),
      message([alert()], { version: '5' }),
      '{"ruleId":1,"ruleName":"x","state":"alerting"}',
      '{"text":"my own payload template"}',
      message([alert({ status: 'suppressed' })]),
    ],
    many: (count) => message(Array.from({ length: count }, (_, i) => alert({ fingerprint: i.toString(16).padStart(16, '0') }))),
    name: 'HighLoad',
    label: ['team', 'shop'],
  },
  { starts: true },
);

describe('alertmanager format', () => {
  const NOW_MS = Date.UTC(2026, 10, 22, 12, 6);
  const parse = (body: string) => {
    const parsed = alertmanagerFormat.parse(body, NOW_MS);
    if (parsed.kind !== 'alerts') throw new Error(parsed.why);
    return parsed;
  };

  it('reads each alert by its own status, not by the status of the message', () => {
    const { alerts } = parse(message([alert(), alert({ ...resolved, fingerprint: 'aaaaaaaaaaaaaaaa' })], { status: 'firing' }));
    expect(alerts.map((a) => a.status)).toEqual(['firing', 'resolved']);
    expect(alerts.map((a) => a.endsAtMs)).toEqual([null, Date.UTC(2026, 10, 22, 12, 5)]);
  });

  it('names the episode after fingerprint and start, whatever the time zone it is written in', () => {
    const at = Date.UTC(2026, 10, 22, 11, 59, 30, 123);
    expect(parse(message([alert()])).alerts[0]).toMatchObject({ episode: `5ef77f1f8a3ecfb8/${at}`, startsAtMs: at });
    expect(parse(message([alert({ startsAt: '2026-11-22T12:59:30.123+01:00' })])).alerts[0]?.episode).toBe(`5ef77f1f8a3ecfb8/${at}`);
  });

  it('makes the fingerprint from the labels, in any order, where there is none', () => {
    const one = parse(message([alert({ fingerprint: undefined, labels: { alertname: 'A', b: '1', a: '2' } })])).alerts[0];
    const two = parse(message([alert({ fingerprint: '', labels: { a: '2', alertname: 'A', b: '1' } })])).alerts[0];
    const other = parse(message([alert({ fingerprint: '', labels: { a: '2', alertname: 'A', b: '2' } })])).alerts[0];
    expect(one?.episode).toMatch(/^[0-9a-f]{16}\/\d+$/);
    expect(two?.episode).toBe(one?.episode);
    expect(other?.episode).not.toBe(one?.episode);
  });

  it('counts the alerts that the sender cut off', () => {
    expect(parse(message([alert()], { truncatedAlerts: 7 })).truncated).toBe(7);
    expect(parse(message([alert()], { truncatedAlerts: -1 })).truncated).toBe(0);
  });

  it('does not need a version, a fingerprint or an alertname', () => {
    expect(parse(JSON.stringify({ alerts: [alert({ labels: { job: 'x' }, fingerprint: undefined })] })).alerts[0]?.name).toBe('unnamed');
  });

  it.each<[string, object]>([
    ['neither', { status: 'pending' }],
    ['startsAt', { startsAt: 'yesterday' }],
    ['startsAt', { startsAt: '0001-01-01T00:00:00Z' }],
    ['labels is missing', { labels: undefined }],
    ['not text', { labels: { a: 1 } }],
    ['at most 128', { labels: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`l${i}`, 'x'])) }],
    ['longer than', { labels: { alertname: 'x'.repeat(5000) } }],
  ])('says what is malformed: %s', (words, over) => {
    const parsed = alertmanagerFormat.parse(message([alert(), alert(over)]), NOW_MS);
    expect(parsed).toMatchObject({ kind: 'malformed', why: expect.stringContaining(words) });
    expect(parsed).toMatchObject({ why: expect.stringContaining('alerts[1]') });
  });

  it('cuts long annotations and leaves those that are no text out', () => {
    const [first] = parse(JSON.stringify({ alerts: [{ ...alert(), annotations: { long: 'x'.repeat(9000), number: 1, __proto__: 'x' } }] })).alerts;
    expect(Object.keys(first?.annotations ?? {})).toEqual(['long']);
    expect(first?.annotations['long']).toHaveLength(4096);
  });

  it('keeps what the message says around the alert, and nothing that is no text', () => {
    const [first] = parse(message([alert()])).alerts;
    expect(first?.origin).toMatchObject({ receiver: 'drover', externalUrl: 'http://am:9093', generatorUrl: 'http://prom:9090/graph?g0.expr=x' });
    expect({ ...first?.origin?.groupLabels }).toEqual({ alertname: 'HighLoad' });
    const odd = parse(message([{ ...alert(), generatorURL: 7 }], { receiver: 'x'.repeat(5000), externalURL: '', groupLabels: [] })).alerts[0];
    expect({ ...odd?.origin }).toEqual({ receiver: null, externalUrl: null, generatorUrl: null, groupLabels: Object.create(null) });
  });

  it('takes every version where it is told to, and nothing else that is wrong', () => {
    const format = manifest.open(manifest.options.parse({ any_version: true }));
    expect(format.parse(message([alert()], { version: '5' }), NOW_MS).kind).toBe('alerts');
    expect(format.parse(message([alert({ status: 'pending' })], { version: '5' }), NOW_MS).kind).toBe('malformed');
    expect(manifest.open(manifest.options.parse({})).parse(message([alert()], { version: '5' }), NOW_MS).kind).toBe('malformed');
  });

  it('cannot be signed', () => {
    expect(manifest.hmac).toBeNull();
  });
});
