import { afterEach, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, createTestClock, type TestClock } from '../../test/support/api-world.ts';
import { OperationError, type Operations } from '../engine/operations.ts';
import { StoreError } from '../ports/ports.ts';
import { type Api, type ApiDeps, createApi } from './server.ts';

const open: Api[] = [];
async function setup(over: Partial<ApiDeps> | ((world: ApiWorld) => Partial<ApiDeps>) = {}): Promise<ApiWorld & { api: Api; clock: TestClock }> {
  const clock = createTestClock();
  const world = createApiWorld(clock);
  const deps = { ...world.deps, ...(typeof over === 'function' ? over(world) : over) };
  const api = await createApi(deps);
  open.push(api);
  return { ...world, deps, api, clock };
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((api) => api.close()));
});

const FIRING = JSON.stringify({ alerts: [{ name: 'HighLoad', status: 'firing' }] });
const GOOD = { authorization: 'Bearer s3cret', 'content-type': 'application/json' };

function post(api: Api, receiver: string, payload: string | Buffer = FIRING, headers: Record<string, string> = GOOD) {
  return api.app.inject({ method: 'POST', url: `/hooks/${receiver}`, headers: { host: 'localhost:8470', ...headers }, payload });
}

describe('a delivery', () => {
  it('is taken with 202 and says what it did', async () => {
    const { api, state } = await setup();
    const reply = await post(api, 'am');
    expect([reply.statusCode, reply.json()]).toEqual([
      202,
      { schema: 'drover.received/v1', duplicate: false, fired: 1, refreshed: 0, resolved: 0, ignored: 0, truncated: 0, groups: ['web'], note: null },
    ]);
    expect(state.rejected).toEqual([]);
  });

  it('that was seen before has no effect', async () => {
    const { api } = await setup();
    for (const id of [{ 'webhook-id': 'msg_1' }, { 'idempotency-key': 'msg_2' }, { 'x-signed-at': '1763818327' }]) {
      expect((await post(api, 'am', FIRING, { ...GOOD, ...id })).json().duplicate).toBe(false);
      const again = await post(api, 'am', FIRING, { ...GOOD, ...id });
      expect([again.statusCode, again.json().duplicate, again.json().fired]).toEqual([200, true, 0]);
    }
    // Without an id the episode decides, not we.
    expect((await post(api, 'am')).json().duplicate).toBe(false);
    expect((await post(api, 'am')).json().duplicate).toBe(false);
  });

  it('without meaning is understood with 200', async () => {
    const { api } = await setup();
    const reply = await post(api, 'am', '{"alerts":[]}');
    expect([reply.statusCode, reply.json().note]).toEqual([200, 'a test message']);
  });

  it('may come without a content type, or as text', async () => {
    const { api } = await setup();
    expect((await post(api, 'am', FIRING, { authorization: 'Bearer s3cret' })).statusCode).toBe(202);
    expect((await post(api, 'am', FIRING, { ...GOOD, 'content-type': 'text/plain; charset=utf-8' })).statusCode).toBe(202);
    expect((await post(api, 'am', FIRING, { ...GOOD, 'content-type': 'application/vnd.alerts+json' })).statusCode).toBe(202);
  });
});

describe('a refused delivery', () => {
  it.each([
    ['forged', 'am', FIRING, { ...GOOD, authorization: 'Bearer wrong' }, 401, 'unauthenticated', 'the bearer token is wrong'],
    ['without a proof', 'am', FIRING, { 'content-type': 'application/json' }, 401, 'unauthenticated', 'the bearer token is wrong'],
    ['malformed', 'am', '{"alert', GOOD, 400, 'malformed', 'not JSON'],
    ['empty', 'am', '', GOOD, 400, 'malformed', 'not JSON'],
    ['without alerts', 'am', '{}', GOOD, 400, 'malformed', 'alerts is missing'],
    ['not UTF-8', 'am', Buffer.from([0x7b, 0xff, 0x7d]), GOOD, 400, 'malformed', 'The delivery is not valid UTF-8.'],
    ['too large', 'am', 'x'.repeat(1_048_577), GOOD, 413, 'too-large', 'The body is larger than 1 MiB.'],
    [
      'a form',
      'am',
      'a=b',
      { ...GOOD, 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported-type',
      'Send the delivery as application/json.',
    ],
    ['compressed', 'am', FIRING, { ...GOOD, 'content-encoding': 'gzip' }, 415, 'unsupported-encoding', 'Send the delivery uncompressed.'],
  ])('%s: right status, no effect, a record', async (_, receiver, body, headers, status, code, why) => {
    let received = 0;
    const { api, state } = await setup((world) => ({
      operations: {
        ...world.deps.operations,
        receive: async (...args: Parameters<Operations['receive']>) => {
          received++;
          return world.deps.operations.receive(...args);
        },
      },
    }));
    const reply = await post(api, receiver, body, headers);
    expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
    expect(received).toBe(0);
    expect(state.rejected).toEqual([{ receiver, why, details: { status, code, source: '127.0.0.1', suppressed: 0 } }]);
  });

  it('for a receiver that does not exist is 404, recorded under one name for all of them', async () => {
    const { api, state } = await setup();
    expect((await post(api, 'nobody')).statusCode).toBe(404);
    expect((await post(api, '__proto__')).statusCode).toBe(404);
    expect(state.rejected.map((r) => [r.receiver, (r.details as { asked: string }).asked])).toEqual([
      ['(unknown)', 'nobody'],
      ['(unknown)', '__proto__'],
    ]);
  });

  it('tells the sender nothing of why the proof failed', async () => {
    const { api } = await setup();
    expect((await post(api, 'am', FIRING, { ...GOOD, authorization: 'Bearer wrong' })).body).not.toContain('bearer token is wrong');
  });

  it('cannot fill the disk: records are few, the rest is counted', async () => {
    const { api, state, clock } = await setup();
    for (let i = 0; i < 200; i++) await post(api, 'am', '{', GOOD);
    expect(state.rejected).toHaveLength(20);
    clock.advance(30_000);
    await post(api, 'am', '{', GOOD);
    expect(state.rejected).toHaveLength(21);
    expect(state.rejected.at(-1)?.details).toMatchObject({ suppressed: 180 });
    // One receiver's noise does not hide another's.
    await post(api, 'other', '{', GOOD);
    expect(state.rejected.at(-1)?.receiver).toBe('other');
  });

  it('many times from one source is told to wait, while the right sender passes', async () => {
    const { api } = await setup();
    const codes: number[] = [];
    for (let i = 0; i < 30; i++) codes.push((await post(api, 'am', FIRING, { ...GOOD, authorization: 'Bearer wrong' })).statusCode);
    expect(codes.filter((c) => c === 401)).toHaveLength(20);
    expect(codes.filter((c) => c === 429)).toHaveLength(10);
    expect((await post(api, 'am')).statusCode).toBe(202);
  });
});

describe('a token of the role receiver', () => {
  it('opens the receiver it is named for and no other', async () => {
    const { api, token } = await setup();
    const headers = { ...GOOD, authorization: `Bearer ${token.receiver}` };
    expect((await post(api, 'am', FIRING, headers)).statusCode).toBe(202);
    expect((await post(api, 'other', FIRING, headers)).statusCode).toBe(404);
  });

  it('is what it takes: tokens of people open no receiver', async () => {
    const { api, token } = await setup();
    expect((await post(api, 'am', FIRING, { ...GOOD, authorization: `Bearer ${token.admin}` })).statusCode).toBe(401);
  });
});

describe('a receiver without a proof', () => {
  it('serves this machine under its own names only', async () => {
    const { api } = await setup();
    expect((await post(api, 'lab', FIRING, { 'content-type': 'application/json' })).statusCode).toBe(202);
    expect((await post(api, 'lab', FIRING, { host: 'rebound.example' })).statusCode).toBe(403);
    expect((await post(api, 'lab', FIRING, { origin: 'https://evil.example', 'content-type': 'text/plain' })).statusCode).toBe(403);
  });

  it('serves nobody on a listener others reach', async () => {
    const { api } = await setup({ insecureHttp: true });
    await api.listen({ host: '0.0.0.0', port: 0 });
    expect((await post(api, 'lab')).statusCode).toBe(403);
  });
});

describe('when we cannot', () => {
  it.each([
    ['the store cannot write', new StoreError('disk-full', 'ENOSPC'), 503],
    ['the engine says so', new OperationError('unavailable', 'starting'), 503],
  ])('%s: 503 with Retry-After, because Alertmanager repeats only 5xx', async (_, fault, status) => {
    const { api, state } = await setup();
    state.fault = fault;
    const reply = await post(api, 'am');
    expect(reply.statusCode).toBe(status);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(state.rejected).toEqual([]);
  });

  it('read our own secret: 503, and the name of the secret stays inside', async () => {
    const { api } = await setup();
    const reply = await post(api, 'am', FIRING, { ...GOOD, authorization: 'Bearer unreadable' });
    expect(reply.statusCode).toBe(503);
    expect(reply.body).not.toContain('environment');
  });

  it('take more at once: 503, and all is well afterwards', async () => {
    const release = Promise.withResolvers<void>();
    const { api } = await setup((world) => ({
      operations: {
        ...world.deps.operations,
        receive: async (...args: Parameters<Operations['receive']>) => {
          await release.promise;
          return world.deps.operations.receive(...args);
        },
      },
    }));
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
    const send = () => fetch(`${url}/hooks/am`, { method: 'POST', headers: GOOD, body: FIRING });
    const first = Array.from({ length: 80 }, send);
    const statuses = await new Promise<number[]>((resolve) => {
      const early: number[] = [];
      for (const reply of first) {
        void reply.then((r) => {
          early.push(r.status);
          if (early.length === 16) resolve([...early]);
        });
      }
    });
    expect(statuses).toEqual(Array(16).fill(503));
    release.resolve();
    expect((await Promise.all(first)).filter((r) => r.status === 202)).toHaveLength(64);
    expect((await send()).status).toBe(202);
  });
});
