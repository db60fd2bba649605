import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answer, answerHtml, type Handler, type HttpBench, openHttpBench } from '../../test/support/http-bench.ts';
import { realPorts } from '../../test/support/ports.ts';
import { DriverError } from '../ports/errors.ts';
import { Secret } from '../ports/secrets.ts';
import { LinodeApi, linodeApiOptions, linodeTimeMs, requireScope } from './linode-api.ts';
import { judgeLinodeError } from './linode-errors.ts';

const plain = realPorts();
const ports = { ...plain, secrets: { ...plain.secrets, resolve: async () => new Secret('canary-token') } };
const FOREVER = new AbortController().signal;
const item = z.object({ id: z.int() });
let bench: HttpBench;
beforeAll(async () => {
  bench = await openHttpBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench.close());

const api = (timeout = '2s') => new LinodeApi({ token: { env: 'T' }, url: bench.url, api_version: 'v4', timeout }, ports, { listsPerMinute: 1000 });
const page = (data: unknown[], more: object = {}) => JSON.stringify({ data, page: 1, pages: 1, results: data.length, ...more });
const errors = (...list: object[]) => JSON.stringify({ errors: list });

async function failure(handler: Handler, method: 'POST' | 'DELETE' = 'POST'): Promise<DriverError> {
  await bench.handle(handler);
  const e = await api()
    .call(method, '/x', { schema: z.unknown(), signal: FOREVER, redact: ['canary-password'] })
    .then(
      () => null,
      (error: unknown) => error,
    );
  expect(e).toBeInstanceOf(DriverError);
  return e as DriverError;
}

describe('errors', () => {
  it.each([
    [400, 'Linode busy.', undefined, 'conflict', true],
    [400, 'Label must be unique among your linodes', 'label', 'conflict', true],
    [400, 'Label must be 3 to 64 characters', 'label', 'bad-request', true],
    [400, 'You have reached your account limit for Linodes. Please contact Support to request an increase.', undefined, 'quota', true],
    [400, 'There are no open slots for this plan in this region', undefined, 'no-capacity', true],
    [400, 'region is not valid', 'region', 'bad-request', true],
    [401, 'Invalid Token', undefined, 'unauthorized', true],
    [403, 'Unauthorized', undefined, 'unauthorized', true],
    [404, 'Not found', undefined, 'not-found', true],
    [429, 'Too many requests', undefined, 'throttled', true],
    [500, 'Internal Server Error', undefined, 'unknown', false],
    [503, 'Service unavailable', undefined, 'unreachable', false],
  ])('%i %s is %s %s', async (status, reason, field, code, definite) => {
    const e = await failure(answer(status, errors({ reason, ...(field === undefined ? {} : { field }) })));
    expect([e.code, e.definite]).toEqual([code, definite]);
    expect(e.message).toContain(reason.slice(0, 40));
  });

  it('a page of the edge leaves the outcome open, maintenance does not, and is not knocked at again at once', async () => {
    const html = (status: number) => answer(status, '<html><h1>Bad Request</h1></html>', { 'content-type': 'text/html', server: 'nginx' });
    for (const status of [400, 502]) {
      const e = await failure(html(status));
      expect([e.code, e.definite]).toEqual(['unreachable', false]);
    }
    const closed = await failure(answer(503, errors({ reason: 'Maintenance' }), { 'x-maintenance-mode': 'on' }));
    expect([closed.code, closed.definite, closed.retryAfterMs]).toEqual(['unreachable', true, 60_000]);
    expect((await failure(answerHtml)).code).toBe('bad-reply');
  });

  it('a 429 says how long by itself, by its reset time, or we choose', async () => {
    expect((await failure(answer(429, '{}', { 'retry-after': '7' }))).retryAfterMs).toBe(7_000);
    const now = 1_700_000_000_000;
    const reply = (headers: Record<string, string>) => ({ status: 429, headers, text: '{}' });
    expect(judgeLinodeError(reply({ 'x-ratelimit-reset': String(now / 1000 + 9) }), now, 5_000)?.retryAfterMs).toBe(9_000);
    expect(judgeLinodeError(reply({ 'x-ratelimit-reset': '1' }), now, 5_000)?.retryAfterMs).toBe(5_000);
    expect((await failure(answer(429, '{}'))).retryAfterMs).toBe(5_000);
  });

  it('waits longer after each 429 in a row that does not say how long', async () => {
    await bench.handle(answer(429, errors({ reason: 'Too many requests' })));
    const one = api();
    const waits: (number | null)[] = [];
    for (const kind of ['create', 'list', 'other'] as const) {
      const given = kind === 'other' ? {} : { kind };
      const e = await one.call('POST', '/x', { schema: z.unknown(), signal: FOREVER, ...given }).catch((error: unknown) => error as DriverError);
      waits.push((e as DriverError).retryAfterMs);
    }
    expect(waits).toEqual([5_000, 10_000, 20_000]);
  });

  it('never shows the token or what else is secret', async () => {
    const e = await failure((request, response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(errors({ reason: `bad: ${request.headers.authorization} canary-password` }));
    });
    expect(e.message).toContain('bad: Bearer *** ***');
  });
});

describe('lists', () => {
  /** Ids of a collection that changes between calls. */
  const world = (ids: number[], between: () => void = () => {}): Handler => {
    return (request, response) => {
      const filter = JSON.parse(String(request.headers['x-filter'] ?? '{}')) as { id?: { '+gt': number } };
      const size = Number(new URL(request.url, 'http://x').searchParams.get('page_size'));
      const left = ids.filter((id) => id > (filter.id?.['+gt'] ?? 0)).sort((a, b) => a - b);
      response.setHeader('content-type', 'application/json');
      response.end(
        page(
          left.slice(0, size).map((id) => ({ id })),
          { pages: Math.max(1, Math.ceil(left.length / size)), results: left.length },
        ),
      );
      between();
    };
  };
  const list = () => api().listById('/x', item, { filter: { tags: 'a' }, pageSize: 25, signal: FOREVER });
  const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

  it('goes from id to id, and misses nothing that was there all the time', async () => {
    const ids = count(60);
    let calls = 0;
    await bench.handle(
      world(ids, () => {
        // One of the first page goes, a new one comes: page numbers would skip one that stays.
        calls++;
        ids.splice(0, 1);
        ids.push(100 + calls);
      }),
    );
    const found = await list();
    expect(found.complete).toBe(true);
    expect(found.items.map((each) => each.id)).toEqual(expect.arrayContaining(count(60).slice(3)));
    expect(JSON.parse(String(bench.seen[1]?.headers['x-filter']))).toEqual({ tags: 'a', id: { '+gt': 25 }, '+order_by': 'id', '+order': 'asc' });
    expect(bench.seen[0]?.headers).toMatchObject({ authorization: 'Bearer canary-token' });
  });

  it('is complete with none, with one page, and not when the counts do not fit', async () => {
    await bench.handle(world([]));
    expect(await list()).toEqual({ items: [], complete: true });
    await bench.handle(world(count(25)));
    expect((await list()).complete).toBe(true);
    for (const wrong of [page([{ id: 1 }], { results: 2 }), page([{ id: 2 }, { id: 1 }]), page([], { pages: 2, results: 30 }), page([{ id: 1 }, { id: 1 }])]) {
      await bench.handle(answer(200, wrong));
      expect((await list()).complete).toBe(false);
    }
  });

  it('takes several pages for complete only when they were the same twice', async () => {
    let calls = 0;
    const serve = (moves: boolean): Handler => {
      return (request, response) => {
        const n = Number(new URL(request.url, 'http://x').searchParams.get('page'));
        calls++;
        const shift = moves && calls > 2 ? 1 : 0;
        const data = Array.from({ length: n === 1 ? 500 : 3 }, (_, i) => ({ id: shift + (n - 1) * 500 + i }));
        response.setHeader('content-type', 'application/json');
        response.end(page(data, { page: n, pages: 2, results: 503 }));
      };
    };
    await bench.handle(serve(false));
    const still = await api().list('/x', item, (each) => each.id, FOREVER);
    expect([still.complete, still.items.length, calls]).toEqual([true, 503, 4]);
    calls = 0;
    await bench.handle(serve(true));
    expect((await api().list('/x', item, (each) => each.id, FOREVER)).complete).toBe(false);
  });

  it('asks for a page once more after a hiccup', async () => {
    let calls = 0;
    await bench.handle((_request, response) => {
      if (++calls === 1) return void response.destroy();
      response.setHeader('content-type', 'application/json');
      response.end(page([{ id: 1 }]));
    });
    expect(await list()).toEqual({ items: [{ id: 1 }], complete: true });
  });
});

describe('scopes', () => {
  it('are those of the last answer', async () => {
    const one = api();
    expect(one.scopes).toBeNull();
    await bench.handle(answer(200, '{}', { 'content-type': 'application/json', 'x-oauth-scopes': 'linodes:read_only events:read_only' }));
    await one.call('GET', '/x', { schema: z.unknown(), signal: FOREVER });
    expect(one.scopes).toBe('linodes:read_only events:read_only');
  });

  it.each([
    ['*', 'act', true],
    [null, 'act', true],
    ['linodes:read_write', 'act', true],
    ['events:read_only,linodes:read_only', 'read', true],
    ['linodes:read_write', 'read', true],
    ['events:read_only,linodes:read_only', 'act', false],
    ['nodebalancers:read_write', 'read', false],
    ['', 'read', false],
  ] as const)('%s is enough to %s: %s', (scopes, need, enough) => {
    const look = () => requireScope(scopes, 'linodes', need);
    if (enough) return expect(look).not.toThrow();
    expect(look).toThrow(need === 'act' ? /needs linodes:read_write\. Make a token .* Linodes: Read\/Write.*mode: observe/ : /needs linodes:read_only/);
  });
});

it('takes times as UTC', () => {
  expect(linodeTimeMs('2018-01-02T03:04:05')).toBe(Date.UTC(2018, 0, 2, 3, 4, 5));
  expect(linodeTimeMs('2018-01-02')).toBeNull();
  expect(linodeTimeMs(null)).toBeNull();
});

it('sends a token in the clear to this machine only', () => {
  const { url } = linodeApiOptions;
  expect(url.parse(undefined)).toBe('https://api.linode.com');
  for (const good of ['https://api.linode.com', 'http://127.0.0.1:8490', 'http://localhost:1', 'http://[::1]:1'])
    expect(url.safeParse(good).success, good).toBe(true);
  for (const bad of ['http://api.linode.com', 'http://10.0.0.1', 'http://127.0.0.1.evil.example', 'https://api.linode.com/v4', 'ftp://x', 'https://u:p@x'])
    expect(url.safeParse(bad).success, bad).toBe(false);
});
