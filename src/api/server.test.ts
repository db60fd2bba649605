import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, createTestClock, statusOf, type TestClock } from '../../test/support/api-world.ts';
import { exchange } from '../../test/support/raw-http.ts';
import { OperationError } from '../engine/operations.ts';
import { realClock } from '../platform/clock.ts';
import { DriverError, StoreError } from '../ports/ports.ts';
import { type Api, type ApiDeps, createApi } from './server.ts';

const open: Api[] = [];
async function setup(over: Partial<ApiDeps> = {}): Promise<ApiWorld & { api: Api; clock: TestClock }> {
  const clock = createTestClock();
  const world = createApiWorld(clock, over);
  const api = await createApi(world.deps);
  open.push(api);
  return { ...world, api, clock };
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((api) => api.close()));
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function expectSafe(headers: Record<string, unknown>): void {
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['referrer-policy']).toBe('no-referrer');
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['x-request-id']).toMatch(/^[0-9a-f]{16}$/);
  expect(headers['content-type']).toMatch(/charset=utf-8$/);
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('server');
}

describe('problems', () => {
  const cases: readonly (readonly [string, number, string, (w: ApiWorld, api: Api) => Promise<{ statusCode: number; headers: object; body: string }>])[] = [
    [
      'a body that is not JSON',
      400,
      'malformed',
      (w, { app }) =>
        app.inject({ method: 'POST', url: '/api/v1/pause', headers: { ...bearer(w.token.admin), 'content-type': 'application/json' }, payload: '{' }),
    ],
    [
      'a prototype in the body',
      400,
      'malformed',
      (w, { app }) =>
        app.inject({
          method: 'POST',
          url: '/api/v1/pause',
          headers: { ...bearer(w.token.admin), 'content-type': 'application/json' },
          payload: '{"__proto__":{"polluted":1}}',
        }),
    ],
    ['a path that is not encoded', 400, 'malformed', (w, { app }) => app.inject({ url: '/api/v1/groups/%zz', headers: bearer(w.token.viewer) })],
    ['no token', 401, 'unauthenticated', (_, { app }) => app.inject({ url: '/api/v1/fleet' })],
    ['too low a role', 403, 'forbidden', (w, { app }) => app.inject({ url: '/api/v1/tokens', headers: bearer(w.token.operator) })],
    ['an unknown address', 404, 'no-such-route', (_, { app }) => app.inject({ url: '/api/v2/fleet' })],
    ['an unknown group', 404, 'no-such-group', (w, { app }) => app.inject({ url: '/api/v1/groups/nowhere', headers: bearer(w.token.viewer) })],
    ['an unknown instance', 404, 'no-such-instance', (w, { app }) => app.inject({ url: '/api/v1/instances/x', headers: bearer(w.token.viewer) })],
    ['an unknown decision', 404, 'no-such-decision', (w, { app }) => app.inject({ url: '/api/v1/decisions/x', headers: bearer(w.token.viewer) })],
    [
      'an object’s own property as a name',
      404,
      'no-such-group',
      (w, { app }) => app.inject({ url: '/api/v1/groups/constructor', headers: bearer(w.token.viewer) }),
    ],
    ['another method', 405, 'method-not-allowed', (w, { app }) => app.inject({ method: 'DELETE', url: '/api/v1/groups/web', headers: bearer(w.token.admin) })],
    [
      'what is refused',
      409,
      'refused',
      (w, { app }) => app.inject({ method: 'POST', url: '/api/v1/groups/web/remove', headers: bearer(w.token.admin), payload: {} }),
    ],
    [
      'a deletion without its confirmation',
      409,
      'unconfirmed',
      (w, { app }) =>
        app.inject({ method: 'POST', url: '/api/v1/groups/web/remove', headers: bearer(w.token.admin), payload: { drain: true, confirm: 'wep' } }),
    ],
    [
      'a body that is too large',
      413,
      'too-large',
      (w, { app }) => app.inject({ method: 'POST', url: '/api/v1/pause', headers: bearer(w.token.admin), payload: { reason: 'x'.repeat(1_100_000) } }),
    ],
    [
      'an address that is too long',
      414,
      'uri-too-long',
      (w, { app }) => app.inject({ url: `/api/v1/decisions?before=${'x'.repeat(9000)}`, headers: bearer(w.token.viewer) }),
    ],
    ['an address that is too long and unknown', 414, 'uri-too-long', (_, { app }) => app.inject({ url: `/${'x'.repeat(9000)}` })],
    [
      'a body that is not sent as JSON',
      415,
      'unsupported-type',
      (w, { app }) => app.inject({ method: 'POST', url: '/api/v1/pause', headers: { ...bearer(w.token.admin), 'content-type': 'text/plain' }, payload: '{}' }),
    ],
    [
      'a wrong field',
      422,
      'invalid',
      (w, { app }) => app.inject({ method: 'POST', url: '/api/v1/pause', headers: bearer(w.token.admin), payload: { for_s: 0 } }),
    ],
    ['a page size beyond reason', 422, 'invalid', (w, { app }) => app.inject({ url: '/api/v1/decisions?limit=1000000000', headers: bearer(w.token.viewer) })],
    ['an unknown parameter', 422, 'invalid', (w, { app }) => app.inject({ url: '/api/v1/fleet?sort=name;drop', headers: bearer(w.token.viewer) })],
  ];
  it.each(cases)('%s: %i %s', async (_, status, code, ask) => {
    const { api, ...world } = await setup();
    const reply = await ask(world, api);
    expect(reply.statusCode, reply.body).toBe(status);
    const problem = JSON.parse(reply.body);
    expect(problem).toMatchObject({ type: `urn:drover:problem:${code}`, status, code });
    expect(problem.title.length * problem.detail.length).toBeGreaterThan(0);
    expectSafe(reply.headers as Record<string, unknown>);
    expect((reply.headers as Record<string, unknown>)['x-request-id']).toBe(problem.request_id);
    expect(world.state.calls).toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('names each wrong field, mass assignment included', async () => {
    const { api, token } = await setup();
    const payload = { name: 'x y', role: 'root', hash: 'ff', created_at: 0 };
    const reply = await api.app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload });
    expect(reply.statusCode).toBe(422);
    expect(
      reply
        .json()
        .errors.map((e: { field: string }) => e.field)
        .sort(),
    ).toEqual(['created_at', 'hash', 'name', 'role']);
  });

  it('says which methods an address takes', async () => {
    const { api } = await setup();
    const allow = async (method: 'DELETE' | 'OPTIONS' | 'TRACE', url: string) => {
      const reply = await api.app.inject({ method: method as 'DELETE', url });
      return [reply.statusCode, reply.headers['allow']];
    };
    expect(await allow('DELETE', '/api/v1/fleet')).toEqual([405, 'GET, HEAD']);
    expect(await allow('OPTIONS', '/api/v1/tokens')).toEqual([405, 'GET, HEAD, POST']);
    expect(await allow('TRACE', '/api/v1/pause')).toEqual([405, 'POST']);
    expect(await allow('DELETE', '/hooks/am')).toEqual([405, 'POST']);
  });

  it.each([
    [new StoreError('disk-full', 'ENOSPC /var/lib/drover/secret-path.db'), 503, 'store-disk-full'],
    [new StoreError('io', 'SELECT * FROM tokens'), 503, 'store-io'],
    [new OperationError('unavailable', 'The engine is starting.'), 503, 'unavailable'],
    [new DriverError('unreachable', 'no answer from the cloud'), 503, 'driver-unreachable'],
    [new DriverError('throttled', 'slow down', { retryAfterMs: 31_000 }), 503, 'driver-throttled'],
    [new Error('SELECT secret FROM /var/lib/drover at line 7'), 500, 'internal'],
    [new TypeError('x is undefined'), 500, 'internal'],
  ])('%s: %i %s, with nothing of the inside', async (fault, status, code) => {
    const { api, token, state } = await setup();
    await api.app.inject({ url: '/api/v1/version', headers: bearer(token.viewer) });
    state.fault = fault;
    const reply = await api.app.inject({ url: '/api/v1/fleet', headers: bearer(token.viewer) });
    expect([reply.statusCode, reply.json().code]).toEqual([status, code]);
    expect(reply.body).not.toMatch(/SELECT|var.lib|line 7|undefined|stack/);
    if (status === 503) expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expectSafe(reply.headers);
  });

  it('logs an unexpected failure under the request id it answers with', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (fields: Record<string, unknown>) => void lines.push(fields) };
    const { api, token, state } = await setup({ log });
    state.groups.set('web', statusOf('web', { running: Number.NaN }));
    const reply = await api.app.inject({ url: '/api/v1/fleet', headers: bearer(token.viewer) });
    expect(reply.statusCode).toBe(500);
    expect(lines).toEqual([expect.objectContaining({ request: reply.json().request_id, route: '/api/v1/fleet' })]);
  });
});

describe('configuration', () => {
  const post = (api: Api, token: string, what: string, payload: object) =>
    api.app.inject({ method: 'POST', url: `/api/v1/config/${what}`, headers: bearer(token), payload });

  it('is validated, planned and applied, all or nothing', async () => {
    const { api, token } = await setup();
    const bad = await post(api, token.admin, 'validate', { text: 'maxx: 3' });
    expect(bad.json()).toMatchObject({
      schema: 'drover.config-check/v1',
      valid: false,
      problems: [{ code: 'E0104', line: 9, end_column: 9, suggestion: 'max' }],
    });
    const refused = await post(api, token.admin, 'apply', { text: 'maxx: 3' });
    expect([refused.statusCode, refused.json().code, refused.json().problems.length]).toEqual([422, 'config-invalid', 1]);
    const unconfirmed = await post(api, token.admin, 'apply', { text: 'max: 1' });
    expect([unconfirmed.statusCode, unconfirmed.json().code, unconfirmed.json().confirm]).toEqual([409, 'unconfirmed', ['web']]);
    const applied = await post(api, token.admin, 'apply', { text: 'max: 1', confirm: ['web'] });
    expect(applied.json()).toMatchObject({ schema: 'drover.config-applied/v1', applied: true, next: '3f9c2a1', effects: [{ group: 'web', removals: 6 }] });
  });

  it('is not taken when larger than 256 KiB', async () => {
    const { api, token } = await setup();
    expect((await post(api, token.admin, 'validate', { text: 'x'.repeat(262_145) })).statusCode).toBe(422);
  });
});

describe('tokens', () => {
  it('are shown once, kept as a hash, and work with their role', async () => {
    const { api, token, state } = await setup();
    const reply = await api.app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload: { name: 'grafana', role: 'viewer' } });
    expect(reply.statusCode).toBe(201);
    const { token: value, id } = reply.json();
    expect(value).toMatch(/^drv_[0-9a-f]{64}$/);
    expect((await api.app.inject({ url: '/api/v1/fleet', headers: bearer(value) })).statusCode).toBe(200);
    const list = await api.app.inject({ url: '/api/v1/tokens', headers: bearer(token.admin) });
    expect(list.json().tokens.find((t: { id: string }) => t.id === id)).toEqual({
      id,
      name: 'grafana',
      role: 'viewer',
      created: expect.any(String),
      revoked: null,
    });
    expect(JSON.stringify([...state.tokens.values()]) + JSON.stringify(state.events) + list.body).not.toContain(value);
    expect(list.body).not.toContain(state.tokens.get(id)?.hash ?? '-');
    expect(state.events.at(-1)).toMatchObject({ type: 'token.created', actor: 'the-admin' });
  });

  it('have unique names while they live, but for receivers, whose tokens are changed without a gap', async () => {
    const { api, token } = await setup();
    const create = async (name: string, role: string) =>
      (await api.app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload: { name, role } })).statusCode;
    expect(await create('grafana', 'viewer')).toBe(201);
    expect(await create('grafana', 'operator')).toBe(409);
    expect([await create('am', 'receiver'), await create('am', 'receiver')]).toEqual([201, 201]);
  });

  it('cannot all be revoked: the last admin stays', async () => {
    const { api, token, state } = await setup();
    const admin = [...state.tokens.values()].find((t) => t.role === 'admin');
    const revoke = (id: string | undefined, by: string) => api.app.inject({ method: 'DELETE', url: `/api/v1/tokens/${id}`, headers: bearer(by) });
    expect((await revoke(admin?.id, token.admin)).statusCode).toBe(409);
    const second = await api.app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload: { name: 'second', role: 'admin' } });
    expect((await revoke(admin?.id, second.json().token)).statusCode).toBe(200);
    expect((await revoke(admin?.id, second.json().token)).statusCode).toBe(200);
    expect((await api.app.inject({ url: '/api/v1/fleet', headers: bearer(token.admin) })).statusCode).toBe(401);
  });
});

describe('backups', () => {
  it('go to the directory of the controller and nowhere else', async () => {
    const { api, token, state } = await setup();
    const backup = (name: unknown) => api.app.inject({ method: 'POST', url: '/api/v1/backup', headers: bearer(token.admin), payload: { name } });
    for (const name of ['../../etc/passwd', '/etc/passwd', 'a/b', '..', '.hidden', 'a\u0000b', '']) expect((await backup(name)).statusCode, name).toBe(422);
    expect(state.calls).toEqual([]);
    expect((await backup('monday.db')).json()).toEqual({ schema: 'drover.backup/v1', file: '/var/lib/drover/backups/monday.db' });
    expect((await backup(null)).json().file).toBe('/var/lib/drover/backups/drover-20261122T133207-000Z.db');
  });
});

describe('readiness', () => {
  it('lists what is not ready', async () => {
    const { api, state } = await setup();
    expect((await api.app.inject({ url: '/readyz' })).json()).toEqual({ schema: 'drover.ready/v1', ready: true, not_ready: [] });
    state.notReady = ['store: cannot write'];
    const reply = await api.app.inject({ url: '/readyz' });
    expect([reply.statusCode, reply.json().not_ready]).toEqual([503, ['store: cannot write']]);
    expect((await api.app.inject({ url: '/healthz' })).json()).toEqual({ schema: 'drover.health/v1', alive: true });
  });
});

describe('/sd', () => {
  it('lists every instance that has an address, with its labels', async () => {
    const { api } = await setup();
    const list = (await api.app.inject({ url: '/sd' })).json();
    expect(list.map((t: { targets: string[] }) => t.targets)).toEqual([['10.0.0.7:8080'], ['[2001:db8::7]:8080'], ['10.0.0.7']]);
    expect(list[0].labels).toEqual({
      __meta_drover_group: 'web',
      __meta_drover_instance: 'web-1',
      __meta_drover_state: 'serving',
      __meta_drover_zone: 'fsn1',
      __meta_drover_template: 'tpl1',
      __meta_drover_cloud: 'hetzner',
    });
    expect((await api.app.inject({ url: '/sd?group=batch' })).json()).toHaveLength(1);
    const none = await api.app.inject({ url: '/sd?group=nowhere' });
    expect([none.statusCode, none.headers['content-type'], none.body]).toEqual([200, 'application/json; charset=utf-8', '[]']);
  });

  it('adds what the cloud says of its machines, with its age, and lists all of a cloud', async () => {
    const { api, state } = await setup();
    const labels = (id: string) => ({ __meta_linode_instance_id: id, __meta_linode_tags: ',web,' });
    state.clouds.set('hetzner', {
      ageMs: 12_900,
      targets: [
        { machineId: 'm-web-1', target: '203.0.113.7:80', labels: labels('m-web-1') },
        { machineId: 'm-theirs', target: '203.0.113.8:80', labels: labels('m-theirs') },
      ],
    });
    const ours = await api.app.inject({ url: '/sd?group=web' });
    expect(ours.headers['age']).toBe('12');
    expect(ours.json()[0]).toMatchObject({ targets: ['10.0.0.7:8080'], labels: { __meta_drover_instance: 'web-1', ...labels('m-web-1') } });
    expect(ours.json()[1].labels).not.toHaveProperty('__meta_linode_tags');
    const all = (await api.app.inject({ url: '/sd?cloud=hetzner' })).json();
    expect(all.map((t: { targets: string[] }) => t.targets)).toEqual([['203.0.113.7:80'], ['203.0.113.8:80']]);
    expect(all[0].labels).toMatchObject({ ...labels('m-web-1'), __meta_drover_group: 'web', __meta_drover_cloud: 'hetzner' });
    expect(all[1].labels).toEqual(labels('m-theirs'));
    expect((await api.app.inject({ url: '/sd?cloud=hetzner&group=web' })).json()).toHaveLength(1);
    // A cloud without discovery of its own lists what is ours there.
    const local = await api.app.inject({ url: '/sd?cloud=local' });
    expect([local.headers['age'], local.json().length]).toEqual([undefined, 1]);
    expect((await api.app.inject({ url: '/sd?cloud=nowhere' })).statusCode).toBe(422);
  });
});

describe('why', () => {
  it('gives the sentence, the arithmetic and why nothing more is done, with times in the zone of the reader', async () => {
    const { api, token, state } = await setup();
    const ask = async (url: string) => (await api.app.inject({ url, headers: bearer(token.viewer) })).json();
    const newest = await ask('/api/v1/groups/web/why');
    expect(newest).toMatchObject({ schema: 'drover.why/v1', sentence: 'traffic wanted 6, the step limit allowed 5.', decision: { id: 'd_8kq2' } });
    expect(newest.lines.join('\n')).toContain('13:32:07 UTC');
    expect(newest.lines.join('\n')).toContain('1064 req/s / 200 = 5.3 → 6');
    expect(newest.why_not.length).toBeGreaterThan(0);
    expect((await ask('/api/v1/groups/web/why?zone=Europe/Berlin')).lines.join('\n')).toContain('14:32:07');
    expect(await ask('/api/v1/decisions/d_8kq2/why?zone=Middle/Earth')).toMatchObject({ status: 422, errors: [{ field: 'zone' }] });
    expect(await ask('/api/v1/decisions/d_hold/why')).toMatchObject({ decision: { id: 'd_hold', count: 4 } });
    state.decisions.length = 0;
    expect(await ask('/api/v1/groups/web/why')).toMatchObject({ status: 404, code: 'no-such-decision' });
  });
});

describe('pages', () => {
  it('go through a list without a hole, and refuse a foreign cursor', async () => {
    const { api, token } = await setup();
    const page = async (query: string) => (await api.app.inject({ url: `/api/v1/decisions?${query}`, headers: bearer(token.viewer) })).json();
    const first = await page('limit=1');
    expect([first.decisions[0].id, first.next]).toEqual(['d_8kq2', 'd_8kq2']);
    const second = await page(`limit=1&before=${first.next}`);
    expect([second.decisions[0].id, second.decisions[0].count, second.decisions[0].last_at]).toEqual(['d_hold', 4, '2026-11-22T13:31:52.000Z']);
    expect(await page('limit=10')).toMatchObject({ next: null });
  });
});

describe('the listener', () => {
  it('refuses to serve plain HTTP beyond this machine', async () => {
    const { api } = await setup();
    await expect(api.listen({ host: '0.0.0.0', port: 0 })).rejects.toThrow(/TLS/);
    await expect(api.listen({ host: '192.0.2.1', port: 0 })).rejects.toThrow(/TLS/);
    expect((await api.listen({ host: '127.0.0.1', port: 0 })).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('can try another port when one is taken', async () => {
    const first = await setup();
    const { port } = await first.api.listen({ host: '127.0.0.1', port: 0 });
    const second = await setup();
    await expect(second.api.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const { url } = await second.api.listen({ host: '127.0.0.1', port: 0 });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([
    ['headers larger than 16 KiB', `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['two lengths of one body', 'POST /hooks/am HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['a folded header', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n', 400],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    ['no HTTP at all', 'EHLO mail\r\n\r\n', 400],
    ['two Authorization headers', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nauthorization: a\r\nauthorization: b\r\nconnection: close\r\n\r\n', 400],
    ['TRACE', 'TRACE /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 405],
    ['PROPFIND', 'PROPFIND /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 405],
  ])('answers %s with %i', async (_, text, status) => {
    const { api } = await setup({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it('cuts off who sends a request without end', { timeout: 40_000 }, async () => {
    const { api } = await setup({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const slow = exchange(port, 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ', undefined, 30_000);
    const answer = await slow;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('"code":"too-slow"');
  });

  it('closes within its grace although a request never ends', async () => {
    const { api, clock } = await setup();
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect({ host: '127.0.0.1', port });
    await new Promise((resolve) => socket.once('connect', resolve));
    const seen = new Promise((resolve) => api.app.server.once('request', resolve));
    socket.on('error', () => {});
    socket.write('POST /hooks/am HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{');
    await seen;
    const ended = new Promise((resolve) => socket.once('close', resolve));
    let closed = false;
    const closing = api.close().then(() => {
      closed = true;
    });
    open.length = 0;
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    clock.advance(5000);
    await closing;
    await ended;
  });
});
