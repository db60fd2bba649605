import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from '../support/daemon.ts';
import { exchange } from '../support/raw-http.ts';
import { bearer, configOf, documentedRoutes, loadText, openBench, serveProcess, tempDir, validBodies } from './support.ts';

const BODIES = [
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"a":{"b":[{"__proto__":{"polluted":1}}]}}',
  '{"prototype":{"polluted":1}}',
  '{"\\u005f_proto__":{"polluted":1}}',
  '{"reason":"x","__proto__":null}',
];
const YAML = [
  '__proto__: { polluted: 1 }',
  'constructor: { prototype: { polluted: 1 } }',
  '"__proto__": { polluted: 1 }',
  'groups: { __proto__: { polluted: 1 } }',
  'groups: { web: { <<: { max: 1 } } }',
];

function unpolluted(): void {
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(([] as { polluted?: unknown }).polluted).toBeUndefined();
  expect((() => {}) as { polluted?: unknown }).not.toHaveProperty('polluted');
  expect(Object.keys(Object.prototype)).toEqual([]);
}

describe('S23 names that reach prototypes', () => {
  it.each(BODIES)('%s is a 400 on every route that takes a body', async (payload) => {
    const { app, token, state } = await openBench();
    for (const route of documentedRoutes.filter((r) => r.method === 'POST' && r.name !== 'hook')) {
      const headers = { ...bearer(token.admin), 'content-type': 'application/json' };
      const reply = await app.inject({ method: 'POST', url: route.url, headers, payload });
      expect([reply.statusCode, reply.json().code], route.path).toEqual([400, 'malformed']);
    }
    expect(state.calls).toEqual([]);
    unpolluted();
  });

  it('in maps whose keys are anybody’s, in queries, paths, headers and deliveries they are nothing special', async () => {
    const { app, token, state } = await openBench();
    const headers = { ...bearer(token.admin), 'content-type': 'application/json' };
    for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      const query = await app.inject({ url: `/api/v1/events?${name}=1&${name}[polluted]=1`, headers: bearer(token.admin) });
      expect(query.statusCode).toBe(422);
      for (const kind of ['groups', 'instances', 'decisions']) {
        expect((await app.inject({ url: `/api/v1/${kind}/${name}`, headers: bearer(token.admin) })).statusCode).toBe(404);
      }
      expect((await app.inject({ method: 'POST', url: `/api/v1/groups/web/metrics/${name}/test`, headers, payload: '{}' })).statusCode).toBe(422);
      expect((await app.inject({ method: 'POST', url: `/hooks/${name}`, headers, payload: '{}' })).statusCode).toBe(404);
      expect((await app.inject({ url: `/${name}` })).statusCode).toBe(404);
      const odd = await app.inject({ url: '/api/v1/fleet', headers: { ...bearer(token.viewer), [name]: '{"polluted":1}' } });
      expect(odd.statusCode).toBe(200);
    }
    const set = await app.inject({ method: 'POST', url: '/api/v1/groups/web/evaluate', headers, payload: '{"set":{"toString":1,"valueOf":2}}' });
    expect(set.statusCode).toBe(200);
    expect(state.calls).toEqual([]);
    unpolluted();
  });

  it('a header of that name over the wire is only a header', async () => {
    const { api, token } = await openBench();
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const text = `GET /api/v1/fleet HTTP/1.1\r\nhost: localhost\r\n__proto__: x\r\n__proto__: y\r\nconstructor: z\r\nauthorization: Bearer ${token.viewer}\r\nconnection: close\r\n\r\n`;
    expect(await exchange(port, text)).toMatch(/^HTTP\/1\.1 200 /);
    const hook = `POST /hooks/am HTTP/1.1\r\nhost: localhost\r\n__proto__: x\r\nauthorization: Bearer s3cret\r\ncontent-length: 33\r\nconnection: close\r\n\r\n{"alerts":[],"__proto__":{"a":1}}`;
    expect(await exchange(port, hook)).toMatch(/^HTTP\/1\.1 (200|400) /);
    unpolluted();
  });

  it.each(YAML)('the configuration %j is refused', async (text) => {
    await expect(loadText(`version: 1\n${text.startsWith('groups') ? '' : 'groups: {}\n'}${text}\n`, tempDir())).rejects.toThrow(/E0003/);
    unpolluted();
  });

  /** `Object.prototype` that takes nothing more, and no `__proto__` at all: any write through one ends the process or shows as a 5xx. */
  it('the whole controller runs where prototypes can neither be reached nor added to', async () => {
    const dir = tempDir();
    const preload = join(dir, 'closed.mjs');
    writeFileSync(preload, 'for (const each of [Object, Array, Function, String, Map]) Object.preventExtensions(each.prototype);\n');
    const text = configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 1, max: 2 }\n');
    const { ask, said, stop } = await serveProcess(text, { dir, flags: ['--disable-proto=throw', '--import', preload] });
    await until('its machine serves', async () => ((await (await ask('GET', '/api/v1/groups/web')).json()) as { serving: number }).serving === 1, 50_000);
    for (const route of documentedRoutes) {
      if (['stream', 'hook', 'backup', 'removeGroup', 'applyConfig'].includes(route.name)) continue;
      const reply = await ask(route.method, route.url, route.method === 'POST' ? (validBodies[route.name] ?? {}) : undefined);
      expect(reply.status, `${route.path}: ${await reply.text()}`).toBeLessThan(500);
      for (const body of route.method === 'POST' ? BODIES : []) expect((await ask('POST', route.url, body)).status).toBe(400);
    }
    expect((await ask('GET', '/healthz')).status).toBe(200);
    expect(said()).not.toContain('should not happen');
    expect(await stop()).toBe(0);
  });
});
