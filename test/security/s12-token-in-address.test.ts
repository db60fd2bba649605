import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/ports/ports.ts';
import { bearer, documentedRoutes, freshAddress, openBench } from './support.ts';

const NAMES = ['token', 'access_token', 'ACCESS_TOKEN', 'auth_token', 'api_key', 'apikey', 'key', 'password', 'secret', 't%6Fken'];

function keepingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  return { lines, log: { debug: keep, info: keep, warn: keep, error: keep } };
}

describe('S12 a credential in the address', () => {
  it.each(NAMES)('as ?%s= is refused on every route, even a valid one beside a valid header', async (name) => {
    const { lines, log } = keepingLog();
    const { app, token, state } = await openBench({ log });
    for (const route of documentedRoutes) {
      const reply = await app.inject({
        method: route.method,
        url: `${route.url}?x=1&${name}=${token.admin}`,
        headers: { ...bearer(token.admin), host: 'localhost' },
        remoteAddress: freshAddress(),
        ...(route.method === 'POST' ? { payload: {} } : {}),
      });
      expect([reply.statusCode, reply.json().code], route.path).toEqual([401, 'credential-in-query']);
      expect(reply.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(reply.body).not.toContain(token.admin);
    }
    expect(state.calls).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain(token.admin);
    expect(JSON.stringify(state.events) + JSON.stringify(state.rejected)).not.toContain(token.admin);
  });

  it('under any other name is not stored either: no record has a query string', async () => {
    const { lines, log } = keepingLog();
    const { app, token, state } = await openBench({ log });
    for (const route of documentedRoutes) {
      if (route.name === 'stream') continue;
      await app.inject({
        method: route.method,
        url: `${route.url}?x=canary-in-query`,
        headers: { ...bearer(token.viewer), host: 'localhost' },
        ...(route.method === 'POST' ? { payload: {} } : {}),
      });
    }
    await app.inject({ url: '/nowhere?x=canary-in-query' });
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.join('\n')).not.toContain('canary-in-query');
    expect(JSON.stringify(state.events) + JSON.stringify(state.rejected)).not.toContain('canary-in-query');
  });
});
