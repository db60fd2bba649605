import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiWorld, append, createApiWorld, createTestClock, T0 } from '../../test/support/api-world.ts';
import { createHttp } from '../platform/http.ts';
import { ApiError, type Client, createClient, requestOf, streamEvents } from './client.ts';
import { contract, type Route, type RouteName } from './contract.ts';
import { type Api, createApi } from './server.ts';

const open: { close(): unknown }[] = [];
async function setup(role: 'admin' | 'viewer' = 'admin'): Promise<ApiWorld & { api: Api; url: string; client: Client }> {
  const world = createApiWorld(createTestClock());
  const api = await createApi(world.deps);
  open.push(api);
  const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
  return { ...world, api, url, client: createClient({ url: `${url}/`, token: world.token[role], http: createHttp() }) };
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((it) => it.close()));
});

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => null,
    (e: unknown) => e,
  );
  if (!(error instanceof ApiError)) throw new Error(`not an ApiError: ${String(error)}`);
  return error;
}

describe('the client', () => {
  it('has a method for every route that answers with a document', async () => {
    const { client } = await setup();
    for (const name of Object.keys(contract) as RouteName[]) {
      const route: Route = contract[name];
      if (route.reply.schema !== null && name !== 'hook') expect(client).toHaveProperty(name);
    }
  });

  it('reads and acts with one object of parameters, query and body', async () => {
    const { client, state } = await setup();
    expect((await client.fleet()).groups.map((g) => g.group)).toEqual(['web', 'batch']);
    expect((await client.decisions({ group: 'web', limit: 1 })).next).toBe('d_8kq2');
    expect((await client.why({ group: 'web' })).decision.id).toBe('d_8kq2');
    const { manual } = await client.scale({ group: 'web', size: 6, for_s: 60, reason: 'sale' });
    expect(manual).toEqual([{ kind: 'exact', size: 6, until: '2026-11-22T13:33:07.000Z', by: 'the-admin', reason: 'sale' }]);
    expect((await client.pause({ group: 'web', for_s: null })).pause.until).toBeNull();
    expect((await client.protect({ instance: 'web-1' })).protected).toBe(true);
    expect(state.calls.map((c) => c.name)).toEqual(['scale', 'pause', 'protect']);
    expect(await client.metricsText()).toContain('drover_build_info');
    expect(await client.openapiDocument()).toMatchObject({ openapi: '3.1.0' });
  });

  it('encodes names, so that none can leave its place in the path', async () => {
    expect(requestOf('group', { group: '../tokens?x=1#' }).path).toBe('/api/v1/groups/..%2Ftokens%3Fx%3D1%23');
    const { client } = await setup();
    expect((await failure(client.group({ group: '../tokens' }))).problem?.code).toBe('no-such-group');
  });

  it('refuses what the route does not take before it is sent', () => {
    expect(() => requestOf('pause', { group: 'web', for: '2h' })).toThrow(/takes no "for"/);
    expect(() => requestOf('pause', {})).toThrow(/needs "group"/);
  });

  it('turns a problem into an ApiError with all of it', async () => {
    const { client } = await setup('viewer');
    expect(await failure(client.group({ group: 'nowhere' }))).toMatchObject({
      status: 404,
      message: 'There is no group nowhere.',
      problem: { code: 'no-such-group' },
    });
    expect(await failure(client.pauseAll({}))).toMatchObject({ status: 403 });
    expect((await failure(client.decisions({ limit: 5000 }))).problem?.errors).toEqual([{ field: 'limit', message: expect.any(String) }]);
  });

  it('takes "not ready" for an answer and "overloaded" for an error with its time', async () => {
    const { client, state, api } = await setup();
    state.notReady = ['store'];
    expect(await client.readyz()).toMatchObject({ ready: false, not_ready: ['store'] });
    const { StoreError } = await import('../ports/store.ts');
    await client.version();
    state.fault = new StoreError('io', 'x');
    expect(await failure(client.fleet())).toMatchObject({ status: 503, retryAfterS: 5 });
    expect(api.app.server.listening).toBe(true);
  });

  it.each([
    [200, 'text/html', '<html>login</html>'],
    [200, 'application/json', '[1'],
    [200, 'application/json', 'null'],
    [404, 'text/html', '<html>'],
    [502, 'application/problem+json', '{"status":1}'],
  ])('says so when something else answers: %i %s %s', async (status, type, body) => {
    const server = createServer((_, reply) => void reply.writeHead(status, { 'content-type': type }).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => void server.close() });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = await failure(createClient({ url, token: 'drv_x', http: createHttp() }).fleet());
    expect([error.status, error.problem, error.message]).toEqual([status, null, `What answers at ${url} is not Drover (status ${status}).`]);
  });
});

describe('streamEvents', () => {
  const event = { atMs: T0, group: 'web', type: 'decision', actor: 'drover', data: {} };

  it('yields events until stopped, from where it was told', async () => {
    const { url, token, state } = await setup();
    append(state, event, event);
    const stop = new AbortController();
    const seen: number[] = [];
    const run = async () => {
      for await (const it of streamEvents({ url, token: token.viewer, fetch, afterSeq: 1, group: 'web', signal: stop.signal })) {
        if (it.kind === 'event') seen.push(it.event.seq);
        if (seen.length === 1) append(state, event);
        if (seen.length === 2) stop.abort();
      }
    };
    await expect(run()).rejects.toThrow();
    expect(seen).toEqual([2, 3]);
  });

  it('throws an ApiError when it is not let in', async () => {
    const { url } = await setup();
    expect(await failure(streamEvents({ url, token: 'drv_wrong', fetch }).next())).toMatchObject({ status: 401, problem: { code: 'unauthenticated' } });
  });
});
