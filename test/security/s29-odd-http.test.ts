import { describe, expect, it } from 'vitest';
import { realClock } from '../../src/platform/clock.ts';
import { exchange } from '../support/raw-http.ts';
import { openBench } from './support.ts';

/** Behind each hides a second request, which must not be carried out. */
const HIDDEN =
  'POST /api/v1/pause HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer TOKEN\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}';
const POST = 'POST /hooks/am HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer s3cret\r\ncontent-type: application/json\r\n';
const MALFORMED: Readonly<Record<string, string>> = {
  'a length and pieces': `${POST}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'pieces and a length': `${POST}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'two lengths': `${POST}content-length: 2\r\ncontent-length: 200\r\n\r\n{}${HIDDEN}`,
  'two lengths in one': `${POST}content-length: 2, 200\r\n\r\n{}${HIDDEN}`,
  'a negative length': `${POST}content-length: -1\r\n\r\n${HIDDEN}`,
  'a length with a sign': `${POST}content-length: +2\r\n\r\n{}${HIDDEN}`,
  'a length in hex': `${POST}content-length: 0x2\r\n\r\n{}${HIDDEN}`,
  'another coding': `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'chunked not last': `${POST}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${HIDDEN}`,
  'a blank before the colon': `${POST}transfer-encoding : chunked\r\ncontent-length: 2\r\n\r\n{}${HIDDEN}`,
  'a piece with a bad size': `${POST}transfer-encoding: chunked\r\n\r\nZZ\r\n${HIDDEN}`,
  'a piece longer than it says': `${POST}transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n${HIDDEN}`,
  'lines that end in LF alone': `POST /hooks/am HTTP/1.1\nhost: localhost\ncontent-length: 0\n\n${HIDDEN}`,
  'a header that ends in LF alone': `${POST}x: a\ncontent-length: 2\r\n\r\n{}${HIDDEN}`,
  'a CR inside a header': `${POST}x: a\rtransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n{}${HIDDEN}`,
  'a folded header': `${POST}x: a\r\n b\r\ncontent-length: 2\r\n\r\n{}${HIDDEN}`,
  'a NUL in a header': `${POST}x: a\0b\r\ncontent-length: 2\r\n\r\n{}${HIDDEN}`,
  'a header without a name': `${POST}: a\r\ncontent-length: 2\r\n\r\n{}${HIDDEN}`,
  'no host': 'GET /healthz HTTP/1.1\r\n\r\n',
  'HTTP/0.9': `GET /healthz\r\n${HIDDEN}`,
  'HTTP/3.7': `GET /healthz HTTP/3.7\r\nhost: localhost\r\n\r\n${HIDDEN}`,
  'the beginning of HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${HIDDEN}`,
  'an unknown method': `PAUSE /api/v1/pause HTTP/1.1\r\nhost: localhost\r\n\r\n${HIDDEN}`,
  'the beginning of TLS': `\u0016\u0003\u0001\u0002\u0000\u0001${HIDDEN}`,
  'two proofs': `POST /api/v1/pause HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer TOKEN\r\nauthorization: Bearer x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
};

describe('S29 requests that proxies and servers read differently', () => {
  it.each(Object.entries(MALFORMED))('%s is a 400, ends the connection, and nothing behind it is carried out', async (_, text) => {
    const { api, token, state } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(port, text.replaceAll('TOKEN', token.admin));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1);
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('x-content-type-options: nosniff');
    expect(state.calls).toEqual([]);
    expect(state.deliveries.size).toBe(0);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it('an expectation that nobody knows is answered as any request', async () => {
    const { api } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(port, 'GET /nowhere HTTP/1.1\r\nhost: localhost\r\nexpect: the-unexpected\r\nconnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).toContain('x-content-type-options: nosniff');
  });

  it('the hidden request by itself would have been carried out', async () => {
    const { api, token, state } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    expect(await exchange(port, HIDDEN.replace('TOKEN', token.admin))).toMatch(/^HTTP\/1\.1 200 /);
    expect(state.calls).toHaveLength(1);
  });

  it.each(['TRACE', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])('%s where it is not taken is a 405 that says what is', async (method) => {
    const { api } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(
      port,
      `${method} /api/v1/fleet HTTP/1.1\r\nhost: localhost\r\nx-echo: canary\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toMatch(/^allow: GET, HEAD\r$/im);
    expect(answer).not.toContain('canary');
  });

  it('CONNECT and Upgrade open nothing', async () => {
    const { api } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const tunnel = await exchange(port, 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: 169.254.169.254\r\n\r\n');
    expect(tunnel).not.toMatch(/^HTTP\/1\.1 2/);
    const upgrade = await exchange(
      port,
      'GET /api/v1/events/stream HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n',
      /\}$/,
    );
    expect(upgrade).toMatch(/^HTTP\/1\.1 401 /);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/jsonp',
    'application/json-patch+json',
    'application/json, text/plain',
  ])('a body of type %s is a 415', async (type) => {
    const { app, token, state } = await openBench();
    const headers = { authorization: `Bearer ${token.admin}`, 'content-type': type };
    expect((await app.inject({ method: 'POST', url: '/api/v1/pause', headers, payload: '{}' })).statusCode).toBe(415);
    expect(state.calls).toEqual([]);
  });

  it('X-Forwarded-For, -Host and -Proto are ignored: they make nobody local, trusted or another source', async () => {
    const { app, state } = await openBench();
    const spoofed = {
      'x-forwarded-for': '127.0.0.1',
      'x-real-ip': '127.0.0.1',
      forwarded: 'for=127.0.0.1;host=localhost',
      'x-forwarded-host': 'localhost',
      'x-forwarded-proto': 'https',
    };
    const reply = await app.inject({ url: '/metrics', headers: { host: 'drover.example', ...spoofed }, remoteAddress: '203.0.113.9' });
    expect(reply.statusCode).toBe(401);
    expect(state.events.at(-1)?.data).toMatchObject({ source: '203.0.113.9' });
    expect(
      (await app.inject({ url: '/', headers: { 'x-http-method-override': 'DELETE', 'x-original-url': '/api/v1/fleet', 'x-rewrite-url': '/metrics' } }))
        .statusCode,
    ).toBe(404);
  });

  it('a whole address as the target is taken for its path alone', async () => {
    const { api } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(port, 'GET http://169.254.169.254/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400|404) /);
    expect(answer).not.toContain('169.254');
  });
});
