import { describe, expect, it } from 'vitest';
import { bearer, call, documentedRoutes, openBench, validBodies } from './support.ts';

/** Fields of our own books that no caller may set. Where a route has a field of that name itself (`role` of a new token) it is left out. */
const INSIDE = {
  tenantId: 't1',
  ownerTag: 'someone',
  owner: 'someone',
  epoch: 99,
  role: 'admin',
  createdAt: 0,
  created_at: 0,
  secretHash: 'ff',
  hash: 'ff',
  id: 't_1',
  actor: 'root',
  state: 'serving',
  untilMs: 1,
};

describe('S3 no request sets what belongs to us', () => {
  const posts = documentedRoutes.filter((r) => r.method === 'POST' && r.fields !== null && r.name !== 'hook');
  it.each(posts.map((r) => [`${r.method} ${r.path}`, r] as const))('%s names every field that is not its own, and changes nothing', async (_, route) => {
    const { app, state, token } = await openBench();
    const strays = Object.fromEntries(Object.entries(INSIDE).filter(([key]) => !(route.fields ?? []).includes(key)));
    const before = JSON.stringify([...state.groups, ...state.instances, ...state.tokens]);
    const reply = await call(app, route, bearer(token.admin), { body: { ...validBodies[route.name], ...strays } });
    expect(reply.statusCode, reply.body).toBe(422);
    const named = (reply.json().errors as { field: string }[]).map((e) => e.field);
    expect(named).toEqual(expect.arrayContaining(Object.keys(strays)));
    expect(state.calls).toEqual([]);
    expect(state.events).toEqual([]);
    expect(JSON.stringify([...state.groups, ...state.instances, ...state.tokens])).toBe(before);
  });

  it.each(
    documentedRoutes
      .filter((r) => r.access !== 'receiver' && !['metrics', 'openapi', 'healthz'].includes(r.name))
      .map((r) => [`${r.method} ${r.path}`, r] as const),
  )('%s takes no parameter that it does not document', async (_, route) => {
    const { app, state, token } = await openBench();
    const reply = await call(app, route, { ...bearer(token.admin), host: 'localhost' }, { query: 'role=admin&epoch=9' });
    expect(reply.statusCode, reply.body).toBe(422);
    expect((reply.json().errors as { field: string }[]).map((e) => e.field)).toEqual(expect.arrayContaining(['role', 'epoch']));
    expect(state.calls).toEqual([]);
  });

  it('a delivery brings nothing but alerts: whatever else is in it has no effect', async () => {
    const { app, state } = await openBench();
    const alerts = [{ name: 'HighLoad', status: 'firing' }];
    const send = (body: object) =>
      app.inject({ method: 'POST', url: '/hooks/am', headers: { ...bearer('s3cret'), host: 'localhost', 'content-type': 'application/json' }, payload: body });
    const [plain, loaded] = [await send({ alerts }), await send({ ...INSIDE, alerts, group: 'batch', receiver: 'lab' })];
    expect([loaded.statusCode, loaded.json()]).toEqual([plain.statusCode, plain.json()]);
    expect(state.calls).toEqual([]);
  });
});
