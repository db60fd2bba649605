import { describe, expect, it } from 'vitest';
import type { Log } from '../../src/ports/ports.ts';
import { DriverError, StoreError } from '../../src/ports/ports.ts';
import { bearer, call, documentedRoutes, openBench } from './support.ts';

const INSIDE = 'SELECT hash FROM tokens at /var/lib/drover/state.db:42 version 9.9.9 canary-inside';
class Odd {
  toString(): string {
    return INSIDE;
  }
}
const FAULTS: Readonly<Record<string, unknown>> = {
  'an Error': new Error(INSIDE),
  'a TypeError': new TypeError(INSIDE),
  'an error of SQLite': Object.assign(new Error(INSIDE), { code: 'ERR_SQLITE_ERROR', errcode: 11 }),
  'an error with a status': Object.assign(new Error(INSIDE), { statusCode: 404, code: 'ENOENT' }),
  'a text': INSIDE,
  'an object': { message: INSIDE, statusCode: 200 },
  'something that prints itself': new Odd(),
  'a full disk': new StoreError('disk-full', INSIDE),
  'a damaged store': new StoreError('corrupt', INSIDE),
};

/** Two routes do without the store: they show that the fault is one, not the whole API. */
const WITHOUT_STORE = new Set(['healthz', 'openapi', 'version', 'readyz', 'stream']);
const WITHOUT_FAULT = new Set([...WITHOUT_STORE, 'config', 'validateConfig', 'planConfig', 'applyConfig', 'alerts', 'unmanaged', 'tokens']);

describe('S31 a failure inside', () => {
  it.each(Object.entries(FAULTS))('%s shows nothing of itself on any route, and is in the log under the id of the answer', async (_, fault) => {
    const logged: string[] = [];
    const log: Log = { debug() {}, info() {}, warn() {}, error: (fields, message) => void logged.push(`${JSON.stringify(fields)} ${message}`) };
    const { app, state, token, clock } = await openBench({ log });
    for (const role of Object.keys(token) as (keyof typeof token)[]) await app.inject({ url: '/api/v1/fleet', headers: bearer(token[role]) });
    let failed = 0;
    for (const route of documentedRoutes.filter((r) => !WITHOUT_STORE.has(r.name))) {
      // Tokens are kept for 2 s: those read before the fault still count, so that the fault is met behind the door.
      state.fault = null;
      clock.advance(3000);
      await app.inject({ url: '/api/v1/version', headers: bearer(token.admin) });
      state.fault = fault as Error;
      const authorization = route.access === 'receiver' ? 'Bearer s3cret' : `Bearer ${token.admin}`;
      const reply = await call(
        app,
        route,
        { authorization, host: 'localhost', 'content-type': 'application/json' },
        route.name === 'hook' ? { body: { alerts: [{ name: 'a', status: 'firing' }] } } : {},
      );
      const text = `${JSON.stringify(reply.headers)} ${reply.body}`;
      expect(text, route.path).not.toMatch(/canary-inside|SELECT|\/var\/lib|9\.9\.9|node_modules|\.ts:|at \w+ \(/);
      if (reply.statusCode < 400 || reply.statusCode === 404) continue;
      failed++;
      if (!WITHOUT_FAULT.has(route.name)) {
        const problem = reply.json();
        expect([500, 503], `${route.path}: ${reply.body}`).toContain(reply.statusCode);
        expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
        expect(Object.keys(problem).sort()).toEqual(['code', 'detail', 'request_id', 'status', 'title', 'type']);
        if (reply.statusCode === 500)
          expect(
            logged.some((line) => line.includes(problem.request_id)),
            route.path,
          ).toBe(true);
        else expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      }
    }
    expect(failed).toBeGreaterThan(25);
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
  });

  it('also while the credential is looked up', async () => {
    const { app, state, token } = await openBench();
    state.fault = new Error(INSIDE);
    const reply = await app.inject({ url: '/api/v1/fleet', headers: bearer(token.admin) });
    expect([reply.statusCode, reply.json().code]).toEqual([500, 'internal']);
    expect(reply.body).not.toContain('canary');
    state.fault = null;
    expect((await app.inject({ url: '/api/v1/fleet', headers: bearer(token.admin) })).statusCode).toBe(200);
  });

  it('a driver’s words reach the caller as the driver wrote them: they are made for people and hold no secret', async () => {
    const { app, state, token } = await openBench();
    await app.inject({ url: '/api/v1/version', headers: bearer(token.viewer) });
    state.fault = new DriverError('unreachable', 'no answer from the cloud');
    const reply = await app.inject({ url: '/api/v1/fleet', headers: bearer(token.viewer) });
    expect([reply.statusCode, reply.json().detail]).toEqual([503, 'no answer from the cloud']);
  });

  it('no answer names a version, but to who has a token', async () => {
    const { app } = await openBench({ version: '7.7.7' });
    for (const url of ['/', '/healthz', '/readyz', '/nowhere', '/api/v1/version', '/api/v1/openapi.json', '/hooks/am']) {
      const reply = await app.inject({ url, headers: { host: 'drover.example' } });
      expect(`${JSON.stringify(reply.headers)} ${reply.body}`, url).not.toMatch(/7\.7\.7|fastify|node\.js|express/i);
    }
  });
});
