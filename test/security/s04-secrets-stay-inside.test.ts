import { describe, expect, it } from 'vitest';
import { append, T0 } from '../support/api-world.ts';
import { bearer, call, documentedRoutes, openBench } from './support.ts';

/** A value under a secret's key is shown as `***`. The row asks for a fingerprint beside it; the product shows none: a reference says which secret it is. */
describe('S4 a secret is never read back', () => {
  it('through no route, with any role', async () => {
    const bench = await openBench();
    const { app, state, token, clock } = bench;
    append(state, { atMs: T0, group: 'web', type: 'config.changed', actor: 'drover', data: { hash: 'abc' } });
    const created = await app.inject({ method: 'POST', url: '/api/v1/tokens', headers: bearer(token.admin), payload: { name: 'canary', role: 'viewer' } });
    const value: string = created.json().token;
    const hashes = [...state.tokens.values()].map((row) => row.hash);
    const never = [value, ...Object.values(token), ...hashes, 's3cret', 'canary-literal'];
    let read = 0;
    for (const role of ['viewer', 'operator', 'admin'] as const) {
      for (const route of documentedRoutes) {
        if (route.name === 'stream' || route.name === 'createToken' || route.name === 'revokeToken') continue;
        const reply = await call(app, route, { ...bearer(token[role]), host: 'localhost' });
        clock.advance(1000);
        if (reply.statusCode < 300) read++;
        const text = `${JSON.stringify(reply.headers)} ${reply.body}`;
        for (const secret of never) expect(text.includes(secret), `${role} ${route.method} ${route.path} shows ${secret.slice(0, 14)}…`).toBe(false);
      }
    }
    expect(read).toBeGreaterThan(80);
    expect(JSON.stringify([state.events, state.calls])).not.toContain(value);
  });

  it('the configuration of a group shows *** for a text under a secret’s name, and references as they are', async () => {
    const { app, token } = await openBench();
    const { spec } = (await app.inject({ url: '/api/v1/groups/web/spec', headers: bearer(token.viewer) })).json();
    expect(spec.template.options).toEqual({ image: 'debian-12', env: { DB_PASSWORD: '***' }, token: { file: '/etc/drover/token' } });
  });

  it('a token is shown once: the list has its name, and neither value nor hash', async () => {
    const { app, token, state } = await openBench();
    const list = await app.inject({ url: '/api/v1/tokens', headers: bearer(token.admin) });
    expect(Object.keys(list.json().tokens[0]).sort()).toEqual(['created', 'id', 'name', 'revoked', 'role']);
    for (const row of state.tokens.values()) expect(list.body).not.toContain(row.hash);
  });
});
