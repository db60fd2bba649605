import { describe, expect, it } from 'vitest';
import { append, decisionOf, instanceOf, statusOf, T0 } from '../support/api-world.ts';
import { bearer, documentedRoutes, openBench } from './support.ts';

describe('S30 as much as one can ask for', () => {
  it.each(['1000000000', '-1', '0', '1e9', '1.5', '', 'all', 'NaN', '9007199254740993', '١٠'])('a page of %s is a 422', async (limit) => {
    const { app, token } = await openBench();
    for (const path of ['events', 'decisions']) {
      const reply = await app.inject({ url: `/api/v1/${path}?limit=${encodeURIComponent(limit)}`, headers: bearer(token.viewer) });
      expect(reply.statusCode, reply.body).toBe(422);
      expect(reply.json().errors[0].field).toBe('limit');
    }
    const victims = await app.inject({ url: `/api/v1/groups/web/victims?count=${encodeURIComponent(limit)}`, headers: bearer(token.viewer) });
    expect(victims.statusCode).toBe(422);
  });

  it('a parameter twice, or a thousand of them, is a 422', async () => {
    const { app, token } = await openBench();
    for (const query of ['limit=1&limit=1000000', 'group=web&group=batch', Array.from({ length: 1000 }, (_, i) => `x${i}=1`).join('&')]) {
      const reply = await app.inject({ url: `/api/v1/events?${query}`, headers: bearer(token.viewer) });
      expect(reply.statusCode).toBe(422);
      expect(reply.body.length).toBeLessThan(5000);
    }
  });

  it('what an answer costs grows with what is there, not with its square', async () => {
    const timeFor = async (groups: number): Promise<number> => {
      const { app, token, state } = await openBench();
      state.groups.clear();
      state.instances.clear();
      for (let i = 0; i < groups; i++) {
        state.groups.set(`g${i}`, statusOf(`g${i}`));
        for (let n = 0; n < 5; n++) state.instances.set(`g${i}-${n}`, instanceOf(`g${i}-${n}`, { group: `g${i}` }));
      }
      const decision = decisionOf();
      for (let i = 0; i < groups; i++) state.decisions.push({ decision: { ...decision, id: `d${i}` }, count: 1, last: decision });
      for (let i = 0; i < groups; i++) append(state, { atMs: T0, group: 'g1', type: 't', actor: 'a', data: {} });
      const ask = async () => {
        for (const route of documentedRoutes.filter((r) => r.method === 'GET' && !['stream', 'openapi'].includes(r.name))) {
          const url = route.url.replace('web-1', 'g1-1').replace('/web', '/g1');
          const reply = await app.inject({ url, headers: { ...bearer(token.admin), host: 'localhost' } });
          expect(reply.statusCode, `${url}: ${reply.body.slice(0, 200)}`).toBeLessThan(500);
          if (route.name === 'events' || route.name === 'decisions') expect(reply.body.length).toBeLessThan(1_000_000);
        }
      };
      await ask();
      const startMs = performance.now();
      await ask();
      return performance.now() - startMs;
    };
    const [small, large] = [await timeFor(200), await timeFor(4000)];
    // Twenty times as much is there: linear is 20, quadratic would be 400.
    expect(large / Math.max(small, 1)).toBeLessThan(120);
  }, 120_000);

  it('a hundred streams are open at once and no more; the next is told to come again', async () => {
    const { api, token } = await openBench();
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
    const stop = new AbortController();
    const open = () => fetch(`${url}/api/v1/events/stream`, { headers: bearer(token.viewer), signal: stop.signal });
    const statuses = (await Promise.all(Array.from({ length: 110 }, open))).map((r) => r.status);
    expect(statuses.filter((s) => s === 200)).toHaveLength(100);
    expect(statuses.filter((s) => s === 503 || s === 429)).toHaveLength(10);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    stop.abort();
  });

  it('a thousand live tokens and no more', async () => {
    const { app, token, state } = await openBench();
    const [any] = state.tokens.values();
    for (let i = 0; state.tokens.size < 1000; i++)
      state.tokens.set(`t${i}`, { ...(any as NonNullable<typeof any>), id: `t${i}`, name: `n${i}`, hash: `h${i}` });
    const reply = await app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload: { name: 'one-more', role: 'viewer' } });
    expect(reply.statusCode).toBe(409);
  });
});
