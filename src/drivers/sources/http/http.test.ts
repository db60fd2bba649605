import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
import type { HttpSourceQuery } from './options.ts';

const ports = realPorts();
const never = new AbortController().signal;
process.env['DROVER_TEST_HTTP_KEY'] = 'key-5ecret';
const options = (url: string) =>
  manifest.options.parse({ url, timeout: '1s', auth: { header: { name: 'X-Api-Key', value: { env: 'DROVER_TEST_HTTP_KEY' } } } });

const TEXT_TYPE = { 'content-type': 'text/plain; version=0.0.4' };

function jsonHandler(world: SourceWorld): Handler {
  if (world.kind === 'value') return answer(200, JSON.stringify({ queue: { ready: world.value } }));
  if (world.kind === 'empty') return answer(200, '{"queue":{"ready":null}}');
  if (world.kind === 'nan') return answer(200, '{"queue":{"ready":1e999}}');
  return trouble(world, '{"queue":{"ready":1234}}');
}
function textHandler(world: SourceWorld): Handler {
  if (world.kind === 'value') return answer(200, `# TYPE load gauge\nload{host="a"} ${world.value}\nother 1\n`, TEXT_TYPE);
  if (world.kind === 'empty') return answer(200, 'other 1\n', TEXT_TYPE);
  if (world.kind === 'nan') return answer(200, 'load NaN\n', TEXT_TYPE);
  if (world.kind === 'several') return answer(200, 'load{host="a"} 1\nload{host="b"} 2\n', TEXT_TYPE);
  return trouble(world, 'load 12345678\n');
}
function trouble(world: SourceWorld, whole: string): Handler {
  if (world.kind === 'garbage') return answerHtml;
  if (world.kind === 'cut-off') return answerHalf(whole);
  if (world.kind === 'failing') return answer(500, 'boom key-5ecret');
  return world.kind === 'huge' ? answerEndless : answerNothing;
}

function benchOf(query: HttpSourceQuery, handlerOf: (world: SourceWorld) => Handler): () => Promise<SourceBench<HttpSourceQuery>> {
  return async () => {
    const bench = await openHttpBench();
    return {
      source: await manifest.open(options(bench.url), ports),
      arrange: async (world) => {
        if (world.kind === 'down') await bench.down();
        else await bench.handle(handlerOf(world));
        return query;
      },
      nowMs: () => Date.now(),
      secrets: ['key-5ecret'],
      close: () => bench.close(),
    };
  };
}
sourceContract('http, JSON pointer', benchOf({ json_pointer: '/queue/ready' }, jsonHandler), { nan: true, several: false, range: false });
sourceContract('http, Prometheus text', benchOf({ prometheus_text: 'load' }, textHandler), { nan: true, several: true, range: false });

describe('http source', () => {
  let bench: HttpBench;
  beforeAll(async () => {
    bench = await openHttpBench();
  });
  afterAll(() => bench.close());
  async function read(body: string, query: HttpSourceQuery, headers?: Record<string, string>): Promise<Reading> {
    await bench.handle(answer(200, body, headers));
    return (await manifest.open(options(bench.url), ports)).read(query, never);
  }

  it('sends its credentials and puts the path behind the address', async () => {
    bench.clear();
    await read('1', { json_pointer: '', path: '/api/queues/%2F/jobs?columns=messages' });
    expect(bench.seen[0]).toMatchObject({ method: 'GET', url: '/api/queues/%2F/jobs?columns=messages' });
    expect(bench.seen[0]?.headers['x-api-key']).toBe('key-5ecret');
  });

  it.each<[string, string, boolean, object]>([
    ['/a/0/b', '{"a":[{"b":5}]}', false, { kind: 'value', value: 5, ageMs: null }],
    ['', '7', false, { kind: 'value', value: 7 }],
    ['/a~1b', '{"a/b":1}', false, { kind: 'value', value: 1 }],
    ['/a', '{"b":1}', false, { kind: 'missing', reason: 'absent' }],
    ['/a/01', '{"a":[1,2]}', false, { kind: 'missing', reason: 'absent' }],
    ['/constructor/length', '{}', false, { kind: 'missing', reason: 'absent' }],
    ['/__proto__/a', '{}', false, { kind: 'missing', reason: 'absent' }],
    ['/a', '{"a":null}', false, { kind: 'missing', reason: 'empty' }],
    ['/a', '{"a":"5"}', false, { kind: 'missing', reason: 'source-error', detail: expect.stringContaining('allow_strings') }],
    ['/a', '{"a":"5"}', true, { kind: 'value', value: 5 }],
    ['/a', '{"a":""}', true, { kind: 'missing', reason: 'source-error' }],
    ['/a', '{"a":"NaN"}', true, { kind: 'missing', reason: 'nan' }],
    ['/a', '{"a":"0x10"}', true, { kind: 'missing', reason: 'source-error' }],
    ['/a', '{"a":true}', true, { kind: 'missing', reason: 'source-error' }],
    ['/a', '{"a":[]}', true, { kind: 'missing', reason: 'source-error' }],
    ['/a', '', false, { kind: 'missing', reason: 'source-error' }],
    ['/a', `${'['.repeat(40)}${']'.repeat(40)}`, false, { kind: 'missing', reason: 'source-error', detail: expect.stringContaining('deeper than 32') }],
  ])('JSON %s of %s', async (json_pointer, body, allow_strings, expected) => {
    expect(await read(body, { json_pointer, ...(allow_strings ? { allow_strings } : {}) })).toMatchObject(expected);
  });

  const page = [
    '# HELP q Ready messages. # with a mark',
    'q{name="a\\"b",x="1"} 3',
    'q{name="c", x="1", } 4 ',
    'q_total 100',
    'qq 5',
    'q {name="d",x="2"} +Inf',
    '',
  ].join('\n');
  it.each<[object, object]>([
    [{ labels: { name: 'c' } }, { kind: 'value', value: 4 }],
    [{ labels: { name: 'a"b' } }, { kind: 'value', value: 3 }],
    [
      { labels: { x: '1' }, combine: 'sum' },
      { kind: 'value', value: 7 },
    ],
    [
      { labels: { x: '1' }, combine: 'avg' },
      { kind: 'value', value: 3.5 },
    ],
    [
      { labels: { x: '1' }, combine: 'max' },
      { kind: 'value', value: 4 },
    ],
    [
      { labels: { x: '1' }, combine: 'min' },
      { kind: 'value', value: 3 },
    ],
    [{ labels: { x: '1' } }, { kind: 'missing', reason: 'multiple-series', detail: expect.stringContaining('combine') }],
    [{ labels: { x: '2' } }, { kind: 'missing', reason: 'nan' }],
    [{ combine: 'min' }, { kind: 'value', value: 3 }],
    [
      { labels: { x: '3' }, combine: 'sum' },
      { kind: 'missing', reason: 'absent', detail: expect.stringContaining('3 samples') },
    ],
  ])('Prometheus text %j', async (query, expected) => {
    expect(await read(page, { prometheus_text: 'q', ...query }, TEXT_TYPE)).toMatchObject(expected);
  });

  it('takes the age from the time an exporter wrote, in ms or (OpenMetrics) in s', async () => {
    const atMs = Date.now() - 30_000;
    for (const body of [`q 1 ${atMs}\n`, `q 1 ${atMs / 1000} # {trace_id="x"} 1\n# EOF\n`]) {
      const reading = await read(body, { prometheus_text: 'q' }, TEXT_TYPE);
      expect(reading.kind === 'value' && reading.ageMs).toBeGreaterThanOrEqual(30_000);
      expect(reading.kind === 'value' && reading.ageMs).toBeLessThan(35_000);
    }
    expect(await read(`q 1 ${Date.now() + 60_000}\n`, { prometheus_text: 'q' }, TEXT_TYPE)).toMatchObject({ kind: 'missing', reason: 'future' });
  });

  it.each(['q 1\nq 2', 'q{a="b} 1\n', 'q one\n', 'q\n', 'q 1 2 3\n', '{"q":1}\n'])('refuses the broken page %j', async (body) => {
    const reading = await read(body, { prometheus_text: 'q' }, TEXT_TYPE);
    expect(reading).toMatchObject({ kind: 'missing', reason: expect.stringMatching(/source-error/) });
  });
});
