import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answer, answerEndless, answerHalf, answerHtml, answerNothing, type Handler, type HttpBench, openHttpBench } from '../../test/support/http-bench.ts';
import { realPorts } from '../../test/support/ports.ts';
import { DriverError } from '../ports/errors.ts';
import { CallBudget } from './call-budget.ts';
import { retryAfterMs } from './http-call.ts';
import { httpJson, type JsonCall } from './http-json.ts';

const ports = realPorts();
const schema = z.object({ n: z.number() });
let bench: HttpBench;
beforeAll(async () => {
  bench = await openHttpBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench.close());

async function call(handler: Handler, more: Partial<JsonCall<typeof schema>> = {}) {
  await bench.handle(handler);
  return httpJson(ports, { method: 'GET', url: `${bench.url}/secret-path`, timeoutMs: 1000, schema, ...more });
}
async function failure(handler: Handler, more: Partial<JsonCall<typeof schema>> = {}): Promise<DriverError> {
  const e = await call(handler, more).then(
    () => null,
    (error: unknown) => error,
  );
  expect(e).toBeInstanceOf(DriverError);
  expect((e as DriverError).message.length).toBeLessThan(320);
  return e as DriverError;
}

describe('httpJson', () => {
  it('sends and reads JSON', async () => {
    const reply = await call(answer(201, '{"n":1,"more":2}', { 'x-left': '9' }), { method: 'POST', json: { a: 'ü' }, headers: { Authorization: 'Bearer x' } });
    expect(reply).toMatchObject({ status: 201, body: { n: 1 } });
    expect(reply.headers['x-left']).toBe('9');
    expect(bench.seen[0]).toMatchObject({ method: 'POST', body: '{"a":"ü"}' });
    expect(bench.seen[0]?.headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json', authorization: 'Bearer x' });
  });

  it('gives an empty body to the schema as null', async () => {
    await bench.handle(answer(204, ''));
    expect(await httpJson(ports, { method: 'DELETE', url: bench.url, timeoutMs: 1000, schema: z.null() })).toMatchObject({ status: 204, body: null });
  });

  it.each([
    [400, 'bad-request', true],
    [401, 'unauthorized', true],
    [403, 'unauthorized', true],
    [404, 'not-found', true],
    [405, 'bad-request', true],
    [408, 'unreachable', false],
    [409, 'conflict', true],
    [410, 'not-found', true],
    [422, 'bad-request', true],
    [429, 'throttled', true],
    [500, 'unknown', false],
    [501, 'unknown', false],
    [502, 'unreachable', false],
    [503, 'unreachable', false],
    [504, 'unreachable', false],
    [302, 'bad-reply', false],
  ] as const)('maps status %d to %s', async (status, code, definite) => {
    const e = await failure(answer(status, '{"message":"because"}'));
    expect([e.code, e.definite]).toEqual([code, definite]);
    expect(e.message).toContain(`answered ${status}`);
    expect(e.message).toContain('because');
    expect(e.message).not.toContain('secret-path');
  });

  it('obeys Retry-After, in seconds and as a date', () => {
    const nowMs = Date.UTC(2026, 10, 22, 12, 0, 0);
    expect(retryAfterMs('30', nowMs)).toBe(30_000);
    expect(retryAfterMs('1.5', nowMs)).toBe(1500);
    expect(retryAfterMs('Sun, 22 Nov 2026 12:01:00 GMT', nowMs)).toBe(60_000);
    expect(retryAfterMs('Sun, 22 Nov 2026 11:00:00 GMT', nowMs)).toBe(0);
    expect(retryAfterMs('99999999', nowMs)).toBe(86_400_000);
    expect(retryAfterMs('soon', nowMs)).toBeNull();
    expect(retryAfterMs(undefined, nowMs)).toBeNull();
  });

  it.each<[string, Handler, string]>([
    ['HTML', answerHtml, 'bad-reply'],
    ['cut-off JSON', answer(200, '{"n":'), 'bad-reply'],
    ['a cut-off answer', answerHalf('{"n":1}'), 'unreachable'],
    ['the wrong shape', answer(200, '{"n":"1"}'), 'bad-reply'],
    ['nothing', answer(200, ''), 'bad-reply'],
    ['deep JSON', answer(200, `{"n":1,"x":${'['.repeat(33)}${']'.repeat(33)}}`), 'bad-reply'],
    ['an endless answer', answerEndless, 'bad-reply'],
    ['no answer', answerNothing, 'unreachable'],
  ])('refuses %s', async (_title, handler, code) => {
    expect((await failure(handler, { timeoutMs: 400, maxBytes: 100_000 })).code).toBe(code);
  });

  it('accepts brackets inside texts and 32 levels', async () => {
    expect((await call(answer(200, `{"n":1,"s":"${'[{'.repeat(50)}\\"","x":${'['.repeat(31)}${']'.repeat(31)}}`))).body).toEqual({ n: 1 });
  });

  it('quotes at most 200 characters, on one line, without our secrets', async () => {
    const e = await failure(answer(400, `tok-5ecret\n\u001b[31m${'y'.repeat(190)} tok-5ecret tok%205ecret ${'z'.repeat(10_000)}`), {
      redact: ['tok-5ecret', 'tok 5ecret'],
    });
    expect(e.message).toContain('***');
    expect(e.message).not.toMatch(/5ecret|\n/);
    expect(e.message).not.toContain('\u001b');
  });

  it('finds the sentence of an error body where it is told how', async () => {
    const e = await failure(answer(400, '{"error":{"reason":"no such index"}}'), { who: 'Elasticsearch', explain: (body) => JSON.parse(body).error.reason });
    expect(e.message).toBe('Elasticsearch answered 400: no such index');
  });
});

describe('retry', () => {
  it('tries again after trouble that may pass, never after a refusal, and within the whole time', async () => {
    let calls = 0;
    const flaky: Handler = (request, response) => (++calls < 3 ? answer(503, '') : answer(200, '{"n":3}'))(request, response);
    expect((await call(flaky, { retry: { attempts: 3, totalMs: 5000, pauseMs: 5 } })).body).toEqual({ n: 3 });
    bench.clear();
    await failure(answer(404, ''), { retry: { attempts: 3, totalMs: 5000, pauseMs: 5 } });
    expect(bench.seen).toHaveLength(1);
    bench.clear();
    const e = await failure(answer(429, '', { 'retry-after': '60' }), {
      retry: { attempts: 3, totalMs: 5000 },
    });
    expect([bench.seen.length, e.code, e.retryAfterMs]).toEqual([1, 'throttled', 60_000]);
  });

  it('ends all tries at the total deadline', async () => {
    const startMs = performance.now();
    await failure(answerNothing, { timeoutMs: 10_000, retry: { attempts: 5, totalMs: 300, pauseMs: 5 } });
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});

describe('CallBudget', () => {
  /** A clock that only sleep moves. */
  function clock() {
    const slept: number[] = [];
    let nowMs = 1000;
    return {
      slept,
      move: (ms: number) => {
        nowMs += ms;
      },
      mono: () => nowMs,
      sleep: async (ms: number) => {
        slept.push(ms);
        nowMs += ms;
      },
    };
  }

  it('lets a burst through, then spaces the calls', async () => {
    const time = clock();
    const budget = new CallBudget(time, { perMinute: 60, burst: 3, maxWaitMs: 10_000 });
    for (let i = 0; i < 5; i++) await budget.take();
    expect(time.slept).toEqual([1000, 1000]);
    time.move(60_000);
    for (let i = 0; i < 3; i++) await budget.take();
    expect(time.slept).toHaveLength(2);
  });

  it('refuses a wait that is too long, without using anything up', async () => {
    const time = clock();
    const budget = new CallBudget(time, { perMinute: 1, burst: 1, maxWaitMs: 100 });
    await budget.take();
    await expect(budget.take()).rejects.toMatchObject({ code: 'throttled', definite: true, retryAfterMs: 60_000 });
    time.move(60_000);
    await budget.take();
    expect(time.slept).toEqual([]);
  });

  it('starts nothing while the other side wants rest', async () => {
    const time = clock();
    const budget = new CallBudget(time, { perMinute: 600, burst: 10, maxWaitMs: 10_000 });
    budget.close(3000);
    await budget.take();
    expect(time.slept).toEqual([3000]);
  });

  it('is obeyed and closed by httpJson', async () => {
    const time = clock();
    const budget = new CallBudget(time, { perMinute: 600, burst: 10, maxWaitMs: 1000 });
    await failure(answer(429, '', { 'retry-after': '60' }), { budget });
    expect(await failure(answer(200, '{"n":1}'), { budget })).toMatchObject({ code: 'throttled', definite: true });
    expect(bench.seen).toHaveLength(1);
  });
});
