/** Who may do what: generated from the OpenAPI document, so that a new route cannot be forgotten. */
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, createTestClock, type TestClock } from '../../test/support/api-world.ts';
import type { contract, Route } from './contract.ts';
import { openapiDocument } from './openapi.ts';
import { type Api, type ApiDeps, createApi } from './server.ts';

interface Setup extends ApiWorld {
  readonly api: Api;
  readonly app: FastifyInstance;
  readonly clock: TestClock;
}
const open: Api[] = [];
async function setup(over: Partial<ApiDeps> = {}): Promise<Setup> {
  const clock = createTestClock();
  const world = createApiWorld(clock, over);
  const api = await createApi(world.deps);
  open.push(api);
  return { ...world, api, app: api.app, clock };
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((api) => api.close()));
});

/** Things that exist, so that 404 does not hide an answer. */
const THERE: Readonly<Record<string, string>> = {
  group: 'web',
  instance: 'web-1',
  decision: 'd_8kq2',
  metric: 'rps',
  token: 't_none',
  receiver: 'am',
};
const BODIES: Readonly<Record<string, object>> = {
  adopt: { machine: 'm-9' },
  scale: { size: 3 },
  approve: { size: 3 },
  validateConfig: { text: '' },
  planConfig: { text: '' },
  applyConfig: { text: '', confirm: ['web'] },
  createToken: { name: 'grafana', role: 'viewer' },
};

interface Operation {
  readonly name: keyof typeof contract;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly access: Route['access'];
}
const paths = openapiDocument('0')['paths'] as Record<string, Record<string, { operationId: keyof typeof contract; 'x-drover-access': Route['access'] }>>;
const operations: Operation[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, o]) => ({
    name: o.operationId,
    method: method.toUpperCase() as Operation['method'],
    url: path.replace(/\{(\w+)\}/g, (_, key: string) => THERE[key] ?? ''),
    access: o['x-drover-access'],
  })),
);
const guarded = operations.filter((o) => ['viewer', 'operator', 'admin'].includes(o.access));

function call(app: FastifyInstance, o: Operation, headers: Record<string, string>) {
  const body = BODIES[o.name];
  return app.inject({ method: o.method, url: o.url, headers, ...(o.method === 'POST' ? { payload: body ?? {} } : {}) });
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('authentication', () => {
  it('is asked on every route of the document but /healthz and /readyz', () => {
    expect(operations.filter((o) => o.access === 'open').map((o) => o.url)).toEqual(['/healthz', '/readyz']);
    expect(guarded.length).toBeGreaterThan(40);
  });

  it.each(operations.filter((o) => o.access !== 'open' && o.access !== 'scrape').map((o) => [`${o.method} ${o.url}`, o] as const))(
    '%s answers 401 with a challenge to no, a malformed, an unknown and a revoked credential',
    async (_, o) => {
      const { app, state, token, clock } = await setup();
      for (const [id, row] of state.tokens) if (row.role === 'admin') state.tokens.set(id, { ...row, revokedAtMs: clock.wall() });
      const attempts = [
        {},
        { authorization: 'Basic YTpi' },
        { authorization: 'Bearer' },
        bearer(`drv_${'0'.repeat(64)}`),
        bearer('x'.repeat(5000)),
        bearer(token.admin),
      ];
      for (const headers of attempts) {
        const reply = await call(app, o, headers);
        expect(reply.statusCode, JSON.stringify(headers).slice(0, 80)).toBe(401);
        expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
        expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
      }
      expect(state.calls).toEqual([]);
    },
  );

  it('ends within 2 s of a revocation made elsewhere, and at once when made here', async () => {
    const { app, state, token, clock } = await setup();
    const ask = async () => (await app.inject({ url: '/api/v1/version', headers: bearer(token.viewer) })).statusCode;
    expect(await ask()).toBe(200);
    const viewer = [...state.tokens.values()].find((t) => t.role === 'viewer');
    if (viewer === undefined) throw new Error('no viewer');
    state.tokens.set(viewer.id, { ...viewer, revokedAtMs: clock.wall() });
    clock.advance(2001);
    expect(await ask()).toBe(401);
    state.tokens.set(viewer.id, viewer);
    clock.advance(2001);
    expect(await ask()).toBe(200);
    expect((await app.inject({ method: 'DELETE', url: `/api/v1/tokens/${viewer.id}`, headers: bearer(token.admin) })).statusCode).toBe(200);
    expect(await ask()).toBe(401);
  });

  it('answers 429 with Retry-After to many failures of one source, and lets valid tokens of the same source pass', async () => {
    const { app, token, clock, state } = await setup();
    const wrong = () => app.inject({ url: '/api/v1/fleet', headers: bearer('drv_guess') });
    const codes: number[] = [];
    for (let i = 0; i < 40; i++) codes.push((await wrong()).statusCode);
    expect(codes.slice(0, 20)).toEqual(Array(20).fill(401));
    expect(codes.slice(20)).toEqual(Array(20).fill(429));
    expect(Number((await wrong()).headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await app.inject({ url: '/api/v1/fleet', headers: bearer(token.viewer) })).statusCode).toBe(200);
    const elsewhere = await app.inject({ url: '/api/v1/fleet', headers: bearer('drv_guess'), remoteAddress: '203.0.113.9' });
    expect(elsewhere.statusCode).toBe(401);
    clock.advance(60_000);
    expect((await wrong()).statusCode).toBe(401);
    const denied = state.events.filter((e) => e.type === 'access.denied');
    expect(denied.length).toBeGreaterThanOrEqual(5);
    expect(denied.length).toBeLessThan(10);
    expect(JSON.stringify(denied)).not.toContain('drv_guess');
    // Those that were not written one by one are counted.
    expect(denied.reduce((n, e) => n + Number(e.data['unwritten']), denied.length)).toBeGreaterThanOrEqual(20);
  });

  it('does not believe X-Forwarded-For unless it comes from a trusted proxy', async () => {
    const flood = async (app: FastifyInstance) => {
      const codes = new Set<number>();
      for (let i = 0; i < 30; i++) {
        codes.add((await app.inject({ url: '/api/v1/fleet', headers: { ...bearer('drv_guess'), 'x-forwarded-for': `198.51.100.${i}` } })).statusCode);
      }
      return codes;
    };
    expect(await flood((await setup()).app)).toEqual(new Set([401, 429]));
    expect(await flood((await setup({ trustedProxies: ['127.0.0.1'] })).app)).toEqual(new Set([401]));
  });

  it('refuses a credential in the address, even a valid one', async () => {
    const { app, token } = await setup();
    for (const url of [`/api/v1/fleet?token=${token.admin}`, `/healthz?access_token=${token.admin}`, `/hooks/am?token=s3cret`]) {
      const reply = await app.inject({ method: url.startsWith('/hooks') ? 'POST' : 'GET', url, headers: bearer(token.admin) });
      expect([reply.statusCode, reply.json().code], url).toEqual([401, 'credential-in-query']);
      expect(reply.body).not.toContain(token.admin);
    }
  });

  it('refuses changes asked for by a page of another origin', async () => {
    const { app, token, state } = await setup();
    const ask = (origin: string) =>
      app.inject({ method: 'POST', url: '/api/v1/pause', headers: { ...bearer(token.admin), host: 'drover.example:8470', origin }, payload: {} });
    expect((await ask('https://evil.example')).statusCode).toBe(403);
    expect((await ask('null')).statusCode).toBe(403);
    expect(state.calls).toEqual([]);
    expect((await ask('https://drover.example:8470')).statusCode).toBe(200);
  });
});

describe('roles', () => {
  const rank = { viewer: 1, operator: 2, admin: 3 } as const;
  it.each(guarded.filter((o) => o.name !== 'stream').map((o) => [`${o.method} ${o.url}`, o] as const))(
    '%s: each role, and a token of a receiver',
    async (_, o) => {
      for (const role of ['viewer', 'operator', 'admin', 'receiver'] as const) {
        const { app, token, state } = await setup();
        const reply = await call(app, o, bearer(token[role]));
        const allowed = role !== 'receiver' && rank[role] >= rank[o.access as keyof typeof rank];
        if (!allowed) {
          expect([reply.statusCode, reply.json().code], role).toEqual([403, 'forbidden']);
          expect(state.calls).toEqual([]);
        } else {
          // The fake has nothing frozen, and no token of that id.
          const expected = { unfreeze: 409, removeGroup: 409, revokeToken: 404, createToken: 201, backup: 201 }[o.name as string] ?? 200;
          expect(reply.statusCode, `${role}: ${reply.body}`).toBe(expected);
        }
      }
    },
  );

  it('says 403 before it says whether a thing exists', async () => {
    const { app, token } = await setup();
    const ask = async (group: string) => {
      const reply = await app.inject({ method: 'POST', url: `/api/v1/groups/${group}/pause`, headers: bearer(token.viewer), payload: {} });
      return { status: reply.statusCode, detail: reply.json().detail };
    };
    expect(await ask('web')).toEqual(await ask('nowhere'));
  });

  it('records who did what', async () => {
    const { app, token, state } = await setup();
    await app.inject({ method: 'POST', url: '/api/v1/groups/web/pause', headers: bearer(token.operator), payload: { reason: 'release day' } });
    expect(state.calls).toEqual([{ name: 'pause', actor: { name: 'the-operator', role: 'operator' }, args: ['web', 7_200_000, 'release day'] }]);
  });
});

describe('/metrics and /sd', () => {
  const scrape = async (app: FastifyInstance, headers: Record<string, string> = {}) =>
    Promise.all(['/metrics', '/sd'].map(async (url) => (await app.inject({ url, headers: { host: 'localhost:8470', ...headers } })).statusCode));

  it('are open on loopback, but not through a name of somebody else', async () => {
    const { app } = await setup();
    expect(await scrape(app)).toEqual([200, 200]);
    expect(await scrape(app, { host: 'rebound.example' })).toEqual([401, 401]);
  });

  it('need a token on another listener unless the operator opens them; a token of a receiver is none', async () => {
    const { api, app, token } = await setup({ insecureHttp: true });
    await api.listen({ host: '0.0.0.0', port: 0 });
    expect(await scrape(app)).toEqual([401, 401]);
    expect(await scrape(app, bearer(token.viewer))).toEqual([200, 200]);
    expect(await scrape(app, bearer(token.receiver))).toEqual([403, 403]);
    const opened = await setup({ insecureHttp: true, openScrapes: ['sd', 'metrics'] });
    await opened.api.listen({ host: '0.0.0.0', port: 0 });
    expect(await scrape(opened.app)).toEqual([200, 200]);
    const half = await setup({ insecureHttp: true, openScrapes: ['metrics'] });
    await half.api.listen({ host: '0.0.0.0', port: 0 });
    expect(new Set(await scrape(half.app))).toEqual(new Set([200, 401]));
  });
});
