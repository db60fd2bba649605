import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answer,
  answerEndless,
  answerHalf,
  answerHtml,
  answerNothing,
  type Handler,
  type HttpBench,
  openHttpBench,
} from '../../../../test/support/http-bench.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import type { Reading } from '../../../core/model/reading.ts';
import { type SourceBench, type SourceWorld, sourceContract } from '../../../testing/source-contract.ts';
import { manifest } from './driver.ts';
import type { PrometheusQuery } from './options.ts';
import { defaultFreshness, lintQuery } from './promql.ts';

const ports = realPorts();
const never = new AbortController().signal;
process.env['DROVER_TEST_PROM_TOKEN'] = 'tok-5ecret';

const options = (url: string, more: object = {}) =>
  manifest.options.parse({ url, timeout: '1s', auth: { bearer: { env: 'DROVER_TEST_PROM_TOKEN' } }, ...more });

interface Sample {
  readonly metric?: Record<string, string>;
  readonly value?: string;
  readonly histogram?: object;
}
function vector(samples: readonly Sample[], more: object = {}): string {
  const result = samples.map((s) => ({
    metric: s.metric ?? {},
    ...(s.value === undefined ? {} : { value: [1732282327.123, s.value] }),
    ...(s.histogram ? { histogram: s.histogram } : {}),
  }));
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result }, ...more });
}

/** Answers instant and range queries alike with one constant series. */
function constant(value: string): Handler {
  return (request, response) => {
    const form = new URLSearchParams(request.body);
    const values: [number, string][] = [];
    for (let t = Number(form.get('start')); t <= Number(form.get('end') ?? -1); t += Number(form.get('step'))) values.push([t, value]);
    const range = JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values }] } });
    answer(200, request.url.endsWith('query_range') ? range : vector([{ value }]))(request, response);
  };
}
const emptyAnswer: Handler = (request, response) =>
  answer(200, JSON.stringify({ status: 'success', data: { resultType: request.url.endsWith('query_range') ? 'matrix' : 'vector', result: [] } }))(
    request,
    response,
  );

function handlerOf(world: SourceWorld): Handler {
  switch (world.kind) {
    case 'value':
      return constant(String(world.value));
    case 'empty':
      return emptyAnswer;
    case 'nan':
      return constant('NaN');
    case 'several':
      return answer(
        200,
        vector([
          { metric: { a: '1' }, value: '1' },
          { metric: { a: '2' }, value: '2' },
        ]),
      );
    case 'garbage':
      return answerHtml;
    case 'cut-off':
      return answerHalf(vector([{ value: '1' }]));
    case 'failing':
      return answer(422, '{"status":"error","errorType":"execution","error":"bad tok-5ecret"}');
    case 'huge':
      return answerEndless;
    default:
      return answerNothing;
  }
}

async function openBench(): Promise<SourceBench<PrometheusQuery>> {
  const bench = await openHttpBench();
  return {
    source: await manifest.open(options(bench.url), ports),
    arrange: async (world) => {
      if (world.kind === 'down') await bench.down();
      else await bench.handle(handlerOf(world));
      return 'rate(up[1m])';
    },
    nowMs: () => Date.now(),
    secrets: ['tok-5ecret'],
    close: () => bench.close(),
  };
}
sourceContract('prometheus', openBench, { nan: true, several: true, range: true });

describe('prometheus source', () => {
  let bench: HttpBench;
  const read = async (query: PrometheusQuery, more: object = {}): Promise<Reading> => (await manifest.open(options(bench.url, more), ports)).read(query, never);
  beforeAll(async () => {
    bench = await openHttpBench();
  });
  beforeEach(() => bench.clear());
  afterAll(() => bench.close());

  it('posts a form with the query, the credentials and the headers of the tenant', async () => {
    await bench.handle(answer(200, vector([{ value: '3' }])));
    await read('sum(rate(a{b="c&d"}[1m])) > 1', { headers: { 'X-Scope-OrgID': 'team-a' } });
    const [request] = bench.seen;
    expect(request).toMatchObject({ method: 'POST', url: '/api/v1/query' });
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer tok-5ecret',
      'x-scope-orgid': 'team-a',
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(new URLSearchParams(request?.body).get('query')).toBe('sum(rate(a{b="c&d"}[1m])) > 1');
  });

  it('keeps a path prefix of the address', async () => {
    await bench.handle(answer(200, vector([{ value: '3' }])));
    await (await manifest.open(options(`${bench.url}/prometheus/`), ports)).read('rate(x[1m])', never);
    expect(bench.seen[0]?.url).toBe('/prometheus/api/v1/query');
  });

  const missingCases: readonly [string, string, string, RegExp][] = [
    ['no series', vector([]), 'empty', /no series/],
    ['NaN', vector([{ value: 'NaN' }]), 'nan', /NaN/],
    ['+Inf', vector([{ value: '+Inf' }]), 'nan', /\+Inf/],
    ['-Inf', vector([{ value: '-Inf' }]), 'nan', /-Inf/],
    ['scalar NaN', '{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}', 'nan', /NaN/],
    ['an empty text for a number', vector([{ value: '' }]), 'source-error', /not a number/],
    ['a hexadecimal number', vector([{ value: '0x10' }]), 'source-error', /not a number/],
    ['three series', vector([{ value: '1' }, { value: '2' }, { value: '3' }]), 'multiple-series', /gives 3 series.*sum\(…\)/],
    ['a native histogram', vector([{ histogram: { count: '1' } }]), 'source-error', /native histogram/],
    ['a text', '{"status":"success","data":{"resultType":"string","result":[1,"x"]}}', 'source-error', /text/],
    ['a range', '{"status":"success","data":{"resultType":"matrix","result":[]}}', 'source-error', /range/],
    ['another shape', '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}', 'source-error', /not what was expected/],
    ['another JSON', '{"hello":1}', 'source-error', /not what was expected/],
    ['nothing', '', 'source-error', /not what was expected/],
  ];
  it.each(missingCases)('calls %s missing', async (_title, body, reason, detail) => {
    await bench.handle(answer(200, body));
    const reading = await read('rate(x[1m])');
    expect(reading).toMatchObject({ kind: 'missing', reason });
    expect(reading.kind === 'missing' && reading.detail).toMatch(detail);
  });

  it.each([
    [400, 'bad_data: 1:4: parse error'],
    [422, 'execution: too many'],
    [503, 'timeout: query timed out'],
    [500, 'internal: boom'],
  ])('gives the words of the server for a %d', async (status, words) => {
    const [errorType, error] = words.split(': ', 2);
    await bench.handle(answer(status, JSON.stringify({ status: 'error', errorType, error: words.slice(String(errorType).length + 2) })));
    expect(error).toBeTruthy();
    expect(await read('rate(x[1m])')).toMatchObject({ kind: 'missing', reason: 'source-error', detail: `Prometheus answered ${status}: ${words}` });
  });

  it('asks again once after a 503 and not after a 400', async () => {
    let calls = 0;
    await bench.handle((request, response) => answer(++calls === 1 ? 503 : 200, calls === 1 ? '' : vector([{ value: '4' }]))(request, response));
    expect(await read('rate(x[1m])')).toMatchObject({ kind: 'value', value: 4 });
    bench.clear();
    await bench.handle(answer(400, '{}'));
    await read('rate(x[1m])');
    expect(bench.seen).toHaveLength(1);
  });

  it('calls values with warnings or of a part of the storage partial, and infos nothing', async () => {
    for (const more of [{ warnings: ['a store did not answer'] }, { isPartial: true }]) {
      await bench.handle(answer(200, vector([{ value: '1' }], more)));
      expect(await read('rate(x[1m])')).toMatchObject({ kind: 'value', partial: true });
    }
    await bench.handle(answer(200, vector([{ value: '1' }], { infos: ['might not be a counter'], warnings: [], isPartial: false })));
    expect(await read('rate(x[1m])')).not.toHaveProperty('partial');
  });

  it('reads the age of a plain selector by itself, and says unknown for others', async () => {
    await bench.handle((request, response) => {
      const query = new URLSearchParams(request.body).get('query');
      answer(200, vector([{ value: query === 'time() - max(timestamp(load{job="web"}))' ? '12.5' : '7' }]))(request, response);
    });
    const before = Date.now();
    const reading = await read('sum(load{job="web"})');
    expect(reading).toMatchObject({ kind: 'value', value: 7, ageMs: 12_500 });
    expect(reading.atMs).toBeGreaterThanOrEqual(before - 12_500);
    expect(reading.atMs).toBeLessThanOrEqual(Date.now() - 12_500);
    expect(await read('sum(rate(load[1m]))')).toMatchObject({ kind: 'value', ageMs: null });
  });

  it('uses the freshness query of the operator and takes no value whose age it cannot learn', async () => {
    const ages = new Map([
      ['good', vector([{ value: '3' }])],
      ['none', vector([])],
      ['future', vector([{ value: '-60' }])],
      ['broken', '<html>'],
    ]);
    await bench.handle((request, response) =>
      answer(200, ages.get(new URLSearchParams(request.body).get('query') ?? '') ?? vector([{ value: '7' }]))(request, response),
    );
    expect(await read({ query: 'x', freshness: 'good' })).toMatchObject({ kind: 'value', ageMs: 3000 });
    expect(await read({ query: 'x', freshness: 'none' })).toMatchObject({ kind: 'missing', reason: 'stale' });
    expect(await read({ query: 'x', freshness: 'future' })).toMatchObject({ kind: 'missing', reason: 'future' });
    expect(await read({ query: 'x', freshness: 'broken' })).toMatchObject({ kind: 'missing', reason: 'source-error' });
  });

  it('measures how much of the window had an answer', async () => {
    await bench.handle((request, response) => {
      const query = new URLSearchParams(request.body).get('query') ?? '';
      answer(200, vector([{ value: query.startsWith('count_over_time') ? '4' : '7' }]))(request, response);
    });
    expect(await read({ query: 'rate(x[2m])', window: '2m' })).toMatchObject({ kind: 'value', value: 7, coverage: 0.4 });
    expect(bench.seen.map((r) => new URLSearchParams(r.body).get('query'))).toContain('count_over_time((rate(x[2m])\n)[120000ms:12000ms])');
  });

  it('splits a long range into calls of at most 11,000 points, and refuses endless ones', async () => {
    await bench.handle(constant('5'));
    const source = await manifest.open(options(bench.url, { timeout: '20s' }), ports);
    const readings = (await source.readRange?.('x', { fromMs: 0, toMs: 11_500_000, stepMs: 1000 }, never)) ?? [];
    expect(readings).toHaveLength(11_501);
    expect(readings.every((r, i) => r.kind === 'value' && r.value === 5 && r.atMs === i * 1000)).toBe(true);
    expect(bench.seen).toHaveLength(2);
    await expect(source.readRange?.('x', { fromMs: 0, toMs: 1e9, stepMs: 1000 }, never)).rejects.toThrow(/points/);
    await expect(source.readRange?.('x', { fromMs: 0, toMs: 10, stepMs: 0 }, never)).rejects.toThrow(/step/);
  });

  it('keeps holes and NaN of a range as missing', async () => {
    const values = [
      [0, '1'],
      [30, 'NaN'],
    ];
    await bench.handle(answer(200, JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values }] } })));
    const source = await manifest.open(options(bench.url), ports);
    const readings = (await source.readRange?.('x', { fromMs: 0, toMs: 30_000, stepMs: 15_000 }, never)) ?? [];
    expect(readings.map((r) => (r.kind === 'value' ? r.value : r.reason))).toEqual([1, 'empty', 'nan']);
  });
});

describe('defaultFreshness', () => {
  it.each([
    ['up', 'up'],
    [' node_load1{instance="a:1", job=~"x|y"} ', 'node_load1{instance="a:1", job=~"x|y"}'],
    ['{__name__="up"}', '{__name__="up"}'],
    ['sum(rabbitmq_queue_messages_ready{queue="a}b"})', 'rabbitmq_queue_messages_ready{queue="a}b"}'],
    ['max ( a:b:c )', 'a:b:c'],
  ])('is known for %s', (query, selector) => {
    expect(defaultFreshness(query)).toBe(`time() - max(timestamp(${selector}))`);
  });
  it.each([
    'sum(rate(x[1m]))',
    'x offset 5m',
    'x + y',
    'sum by (a) (x)',
    'sum(x) by (a)',
    'time()',
    'vector(1)',
    '42',
    'Inf',
    'NaN',
    'x[5m]',
    'sum(x) / sum(y)',
    'count(x)',
    'x @ end()',
  ])('is unknown for %s', (query) => {
    expect(defaultFreshness(query)).toBeNull();
  });
});

describe('lintQuery', () => {
  it.each(['sum(rate(x[1m])) or vector(0)', 'sum(x) OR on() vector(0)', 'sum(x) or vector( 0.0 )', '(sum(x) or\n vector(0)) * 2', 'sum(x) or 0 * up'])(
    'warns of an outage turned into zero: %s',
    (query) => {
      expect(lintQuery(query).join()).toContain('outage into zero load');
    },
  );
  it.each([
    ['sum by (host) (x)', 'several series'],
    ['sum(x) by (host)', 'several series'],
    ['topk(3, x)', 'several series'],
    ['x{a="b"}', 'exactly one series'],
    ['absent(x)', 'no load figure'],
    ['x[5m]', 'many values'],
  ])('warns of %s', (query, words) => {
    expect(lintQuery(query).join()).toContain(words);
  });
  it.each([
    'sum(rate(haproxy_backend_http_requests_total{proxy="web"}[1m]))',
    'max(sum by (host) (x))',
    'histogram_quantile(0.95, sum by (le) (rate(x_bucket[2m])))',
    'sum(x{query="a or vector(0)"})',
    'sum(x) # or vector(0)',
    'sum(x) or vector(0.5)',
    '100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[2m])))',
    'scalar(x) > 1',
    'sum(x) or sum(y)',
  ])('has nothing against %s', (query) => {
    expect(lintQuery(query)).toEqual([]);
  });
});

describe('options', () => {
  it('stay the same when parsed twice', () => {
    const once = manifest.options.parse({ url: 'https://prom.example.org/prometheus', auth: { basic: { username: 'u', password: { file: 'p' } } } });
    expect(manifest.options.parse(once)).toEqual(once);
    const query = manifest.query.parse({ query: ' sum(x) ', window: '2m' });
    expect(manifest.query.parse(query)).toEqual(query);
    expect(manifest.query.parse('up')).toBe('up');
  });
  it.each([
    { url: 'prometheus:9090' },
    { url: 'http://u:p@prom' },
    { url: 'http://prom', timeout: '5' },
    { url: 'http://prom', timeout: '2h' },
    { url: 'http://prom', tiemout: '5s' },
  ])('refuse %j', (wrong) => {
    expect(manifest.options.safeParse(wrong).success).toBe(false);
  });
});
