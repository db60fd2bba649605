import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Api, createApi } from '../../src/api/server.ts';
import { createHttp } from '../../src/platform/http.ts';
import { createApiWorld, createTestClock } from '../support/api-world.ts';
import { describeWith, find } from '../support/real.ts';
import { bearer, call, documentedRoutes, freshAddress, openBench } from './support.ts';

const FOREIGN = [
  'https://evil.example',
  'http://evil.example',
  'null',
  'https://drover.example.evil.example',
  'https://drover.example',
  'https://drover.example:8471',
  'file://',
  'chrome-extension://x',
  '',
];

/** There is no dashboard, no cookie and no WebSocket yet; what a page of another origin can do is send requests to the API of a machine it can reach. */
describe('S33 pages of other origins', () => {
  it.each(FOREIGN)('%s changes nothing, whatever credential the browser might add', async (origin) => {
    const { app, token, state } = await openBench();
    for (const route of documentedRoutes.filter((r) => r.method !== 'GET')) {
      for (const authorization of [`Bearer ${token.admin}`, 'Bearer s3cret']) {
        const reply = await app.inject({
          method: route.method,
          url: route.url,
          headers: { authorization, host: 'drover.example:8470', origin, 'content-type': 'application/json' },
          ...(route.method === 'POST' ? { payload: {} } : {}),
        });
        expect([reply.statusCode, reply.json().code], route.path).toEqual([403, 'cross-origin']);
      }
    }
    expect(state.calls).toEqual([]);
    expect(state.deliveries.size).toBe(0);
    const own = await app.inject({
      method: 'POST',
      url: '/api/v1/pause',
      headers: { ...bearer(token.admin), host: 'drover.example:8470', origin: 'https://drover.example:8470' },
      payload: {},
    });
    expect(own.statusCode).toBe(200);
  });

  it('none may read an answer, a stream included: no answer names an origin', async () => {
    const { app, api, token } = await openBench();
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
    const stop = new AbortController();
    const stream = await fetch(`${url}/api/v1/events/stream`, { headers: { ...bearer(token.viewer), origin: 'https://evil.example' }, signal: stop.signal });
    const answers = [Object.fromEntries(stream.headers)];
    stop.abort();
    for (const route of documentedRoutes.filter((r) => r.name !== 'stream')) {
      answers.push({ ...(await call(app, route, { ...bearer(token.viewer), host: 'localhost', origin: 'https://evil.example' })).headers } as Record<
        string,
        string
      >);
      const preflight = await app.inject({
        method: 'OPTIONS',
        url: route.url,
        headers: { origin: 'https://evil.example', 'access-control-request-method': route.method, 'access-control-request-headers': 'authorization' },
      });
      expect(preflight.statusCode).toBe(405);
      answers.push({ ...preflight.headers } as Record<string, string>);
    }
    for (const headers of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers).not.toHaveProperty('set-cookie');
      expect(headers['x-frame-options']).toBe('DENY');
      expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    }
  });

  it('a cookie is no credential, and a form is no request', async () => {
    const { app, token, state } = await openBench();
    const cookie = `token=${token.admin}; __Host-session=${token.admin}; authorization=Bearer ${token.admin}`;
    expect((await app.inject({ url: '/api/v1/fleet', headers: { cookie } })).statusCode).toBe(401);
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain']) {
      const headers = { ...bearer(token.admin), 'content-type': type };
      expect((await app.inject({ method: 'POST', url: '/api/v1/pause', headers, payload: '{}=' })).statusCode).toBe(415);
    }
    expect(state.calls).toEqual([]);
  });

  it('a page that gives this machine a name of its own reads nothing that is open here', async () => {
    const { app } = await openBench();
    for (const host of [
      'rebind.evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example:8470',
      '127.0.0.1@evil.example',
      '[::1].evil.example',
    ]) {
      for (const url of ['/metrics', '/sd'])
        expect((await app.inject({ url, headers: { host }, remoteAddress: freshAddress() })).statusCode, `${host} ${url}`).toBe(401);
      const open = await app.inject({ method: 'POST', url: '/hooks/lab', headers: { host, 'content-type': 'text/plain' }, payload: '{"alerts":[]}' });
      expect(open.statusCode).toBe(403);
    }
    for (const host of ['localhost', 'localhost:8470', '127.0.0.1:8470', '[::1]:8470'])
      expect((await app.inject({ url: '/sd', headers: { host } })).statusCode).toBe(200);
  });
});

const SAFE: Readonly<Record<string, RegExp>> = {
  'content-security-policy': /^default-src 'none';.*frame-ancestors 'none'/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^no-referrer$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'cache-control': /^no-store$/,
  'x-request-id': /^[0-9a-f]{16}$/,
  'content-type': /^(application\/json|application\/problem\+json|text\/plain|application\/openmetrics-text|text\/event-stream)\b.*charset=utf-8$/,
};

function expectSafe(headers: object, what: string): void {
  const all = headers as Record<string, string>;
  for (const [name, value] of Object.entries(SAFE)) expect(all[name], `${what}: ${name}`).toMatch(value);
  for (const name of ['x-powered-by', 'server', 'via', 'etag']) expect(all, what).not.toHaveProperty(name);
  expect(all['content-security-policy']).not.toMatch(/unsafe|\*|https?:/);
}

describe('S34 every answer bears the headers of safety', () => {
  it('of every route, with any role, right or wrong', async () => {
    const { app, token, state, clock } = await openBench();
    let answers = 0;
    for (const route of documentedRoutes.filter((r) => r.name !== 'stream')) {
      for (const headers of [{}, bearer(token.viewer), bearer(token.admin)]) {
        for (const method of [route.method, 'OPTIONS', 'PATCH', 'HEAD'] as const) {
          clock.advance(100);
          const reply = await app.inject({
            method,
            url: route.url,
            headers: { host: 'localhost', ...headers },
            remoteAddress: freshAddress(),
            ...(method === 'POST' ? { payload: {} } : {}),
          });
          expectSafe(reply.headers, `${method} ${route.url} ${reply.statusCode}`);
          expect(reply.headers).not.toHaveProperty('strict-transport-security');
          answers++;
        }
      }
    }
    state.fault = new Error('x');
    for (const url of ['/api/v1/fleet', '/nowhere', '/%zz', `/${'x'.repeat(9000)}`, '/api/v1/groups/%00', '/?token=x']) {
      expectSafe((await app.inject({ url, headers: bearer(token.admin) })).headers, url);
      answers++;
    }
    expect(answers).toBeGreaterThan(400);
  });
});

describeWith(['openssl'], 'S34 over TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'drover-hsts-'));
  let api: Api | null = null;
  afterAll(async () => {
    await api?.close();
    rmSync(dir, { recursive: true, force: true });
  });
  it('every answer also says that it stays so', async () => {
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=t',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    ];
    execFileSync(find('openssl') ?? 'openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const pem = readFileSync(cert, 'utf8');
    const world = createApiWorld(createTestClock());
    api = await createApi({ ...world.deps, tls: { cert: pem, key: readFileSync(key, 'utf8') } });
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 });
    const http = createHttp();
    for (const path of ['/healthz', '/nowhere', '/api/v1/fleet', '/metrics']) {
      const reply = await http.request({ method: 'GET', url: `${url}${path}`, timeoutMs: 5000, maxBytes: 1_000_000, ca: pem });
      expectSafe(reply.headers, path);
      expect(reply.headers['strict-transport-security']).toMatch(/^max-age=\d{8}/);
    }
    await http.close();
  });
});
