import { describe, expect, it } from 'vitest';
import { alertFormatContract } from '../../../testing/alert-format-contract.ts';
import { manifest } from './driver.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const format = (options: object) => manifest.open(manifest.options.parse(options));

// A list of alerts with everything told.
const full = format({
  alerts: '/items',
  name: '/title',
  status: { at: '/state', firing: ['open', 1], resolved: ['closed'] },
  fingerprint: '/id',
  starts_at: '/since',
  labels: { team: '/tags/team', level: '/level' },
});
const item = (over: object = {}) => ({ title: 'HighLoad', state: 'open', id: 'a1', since: '2026-11-22T11:00:00Z', level: 3, tags: { team: 'shop' }, ...over });
const items = (...all: object[]) => JSON.stringify({ items: all });
alertFormatContract(
  'generic, everything mapped',
  full,
  {
    firing: items(item()),
    repeat: items(item({ level: 4 })),
    resolved: items(item({ state: 'closed' })),
    nextEpisode: items(item({ since: 1_763_900_000 })),
    ignored: [items(), items(item({ state: 'acknowledged' }))],
    foreign: ['{}', '[]', '{"items":{}}', items({}), items(item({ since: 'soon' }))],
    many: (count) => items(...Array.from({ length: count }, (_, i) => item({ id: i }))),
    name: 'HighLoad',
    label: ['team', 'shop'],
  },
  { starts: true },
);

// ElastAlert's http_post: one match a message, no state, no end.
const elastalert = format({ name: '/rule', labels: { team: '/team' } });
alertFormatContract(
  'generic, as ElastAlert sends',
  elastalert,
  {
    firing: '{"rule":"HighLoad","team":"shop","num_hits":12,"@timestamp":"2026-11-22T11:00:00Z"}',
    repeat: '{"rule":"HighLoad","team":"shop","num_hits":14,"@timestamp":"2026-11-22T11:01:00Z"}',
    resolved: null,
    nextEpisode: '{"rule":"HighLoad","team":"shop","num_hits":1}',
    ignored: [],
    foreign: ['{}', '[]', '{"rule":7}', '{"rule":""}'],
    many: null,
    name: 'HighLoad',
    label: ['team', 'shop'],
  },
  { starts: false },
);

describe('generic format', () => {
  const first = (of: typeof full, body: unknown) => {
    const parsed = of.parse(JSON.stringify(body), NOW_MS);
    if (parsed.kind !== 'alerts') throw new Error(parsed.why);
    return parsed.alerts[0];
  };

  it('reads a webhook of Datadog by its cycle key', () => {
    const datadog = format({
      name: '/title',
      status: { at: '/transition', firing: ['Triggered', 'Re-Triggered'], resolved: ['Recovered'] },
      fingerprint: '/cycle',
    });
    const body = { title: 'High load', transition: 'Triggered', cycle: 8_842_123, date: '1763812800000' };
    expect(first(datadog, body)).toMatchObject({ status: 'firing', episode: '8842123', startUnknown: true });
    expect(first(datadog, { ...body, transition: 'Recovered' })).toMatchObject({ status: 'resolved', episode: '8842123' });
    expect(datadog.parse(JSON.stringify({ ...body, transition: 'No Data' }), NOW_MS)).toMatchObject({ kind: 'ignored' });
  });

  it('takes a list that is the whole body, a fixed name, and starts in every spelling', () => {
    const of = format({ alerts: '', name: { value: 'Nagios' }, starts_at: '/t' });
    for (const t of ['2026-11-22T11:00:00Z', 1_795_345_200, 1_795_345_200_000, '1795345200', '1795345200000']) {
      expect(first(of, [{ t }])).toMatchObject({ name: 'Nagios', startsAtMs: Date.UTC(2026, 10, 22, 11), labels: { alertname: 'Nagios' } });
    }
  });

  it('makes the fingerprint from name and labels where none is mapped', () => {
    const of = format({ name: '/n', labels: { host: '/h' } });
    const episode = (h: string) => first(of, { n: 'A', h })?.episode;
    expect(episode('x')).toBe(episode('x'));
    expect(episode('x')).not.toBe(episode('y'));
  });

  it('takes labels of text, number and truth, leaves missing ones out, refuses others', () => {
    const of = format({ name: '/n', labels: { a: '/a', b: '/b', c: '/c', d: '/d' } });
    expect({ ...first(of, { n: 'A', a: 'x', b: 5, c: false, d: null })?.labels }).toEqual({ alertname: 'A', a: 'x', b: '5', c: 'false' });
    expect(of.parse('{"n":"A","a":{}}', NOW_MS)).toMatchObject({ kind: 'malformed', why: expect.stringContaining('/a') });
  });

  it('refuses options that cannot work', () => {
    for (const wrong of [
      {},
      { name: 'title' },
      { name: '/t', status: { at: '/s', firing: [] } },
      { name: '/t', labels: { a: 'b' } },
      { name: '/t', more: 1 },
    ]) {
      expect(manifest.options.safeParse(wrong).success).toBe(false);
    }
  });
});
