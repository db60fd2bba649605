import { describe, expect, it } from 'vitest';
import { JENKINS_ROUTES } from '../../src/api/jenkins/jenkins-routes.ts';
import { bearer, call, documentedRoutes, freshAddress, openBench } from './support.ts';

/** Tokens have no end date: they live until they are revoked, so `expired` is the revoked one. */
describe('S1 no route answers without a live credential', () => {
  it('the document names every route that the server has', async () => {
    const { app } = await openBench();
    // One line a route: the tree with its branches drawn in front of path segments.
    const at: string[] = [];
    const served = app
      .printRoutes({ commonPrefix: false })
      .split('\n')
      .flatMap((line) => {
        const found = /^([│├└─\s]*)(\S.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
        if (found === null || found[2] === undefined || found[2].startsWith('(empty')) return [];
        const depth = (found[1] ?? '').length / 4;
        at.length = Math.max(0, depth - 1);
        at.push(found[2]);
        return (found[3]?.split(', ') ?? []).map((method) => `${method} ${at.join('').replace(/:(\w+)/g, '{$1}')}`);
      });
    const documented = documentedRoutes.map((r) => `${r.method} ${r.path}`);
    expect(documented.length).toBeGreaterThan(40);
    // Those of Jenkins stand in a table of their own; their tests are beside them. The tree shows a wildcard without what stands before it.
    const ofJenkins = JENKINS_ROUTES.map(({ method, url }) => `${method} ${url.replace(/^.*\*$/, '*').replace(/:(\w+)/g, '{$1}')}`);
    for (const { method, url } of JENKINS_ROUTES) expect(app.hasRoute({ method, url }), url).toBe(true);
    for (const url of ['*', '/*']) expect(['GET', 'POST'].some((method) => app.hasRoute({ method: method as 'GET', url }))).toBe(false);
    expect(served.filter((route) => !route.startsWith('HEAD ')).sort()).toEqual([...documented, ...ofJenkins].sort());
  });

  it('only /healthz and /readyz are open', async () => {
    const { app } = await openBench();
    // `/metrics` and `/sd` are open to names of this machine only (ruling 18), so they are asked under another one.
    const answered: string[] = [];
    for (const route of documentedRoutes) {
      const reply = await call(app, route, { host: 'drover.example' }, { remoteAddress: freshAddress() });
      if (reply.statusCode !== 401) answered.push(`${route.method} ${route.path}`);
    }
    expect(answered).toEqual(['GET /healthz', 'GET /readyz']);
  });

  const closed = documentedRoutes.filter((r) => r.access !== 'open');
  it.each(closed.map((r) => [`${r.method} ${r.path}`, r] as const))('%s', async (_, route) => {
    const { app, state, token, clock } = await openBench();
    for (const [id, row] of state.tokens) if (row.role === 'admin') state.tokens.set(id, { ...row, revokedAtMs: clock.wall() });
    const half = token.operator.slice(0, -1);
    const attempts: readonly Record<string, string>[] = [
      {},
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: 'Bearer null' },
      { authorization: token.operator },
      { authorization: `Basic ${btoa(`admin:${token.operator}`)}` },
      { authorization: `Bearer ${token.operator} ${token.operator}` },
      { cookie: `token=${token.operator}`, 'x-api-key': token.operator },
      bearer(half),
      bearer(`${half}0${token.operator.slice(-1)}`),
      bearer(token.operator.toUpperCase()),
      bearer(`drv_${'0'.repeat(64)}`),
      bearer('x'.repeat(5000)),
      bearer(token.admin), // revoked
    ];
    for (const method of route.method === 'GET' && route.name !== 'stream' ? (['GET', 'HEAD'] as const) : ([route.method] as const)) {
      for (const headers of attempts) {
        const reply = await app.inject({
          method,
          url: route.url,
          headers: { host: 'drover.example', ...headers },
          remoteAddress: freshAddress(),
          ...(method === 'POST' ? { payload: {} } : {}),
        });
        expect(reply.statusCode, `${method} ${JSON.stringify(headers).slice(0, 60)}`).toBe(401);
        expect(reply.headers['www-authenticate']).toMatch(/^Bearer realm=/);
        expect(reply.body).not.toContain(half);
      }
    }
    expect(state.calls).toEqual([]);
  });

  it('a token revoked on another controller is dead within 5 s here, and ends the streams it opened', async () => {
    const { api, state, token, clock, app } = await openBench();
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
    const stream = await fetch(`${url}/api/v1/events/stream`, { headers: bearer(token.viewer) });
    expect(stream.status).toBe(200);
    const ended = stream.text();
    for (const [id, row] of state.tokens) if (row.role === 'viewer') state.tokens.set(id, { ...row, revokedAtMs: clock.wall() });
    clock.advance(5000);
    expect((await app.inject({ url: '/api/v1/fleet', headers: bearer(token.viewer) })).statusCode).toBe(401);
    await ended;
  });
});
