import { mkdtempSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { DriverError } from '../ports/errors.ts';
import type { HttpRequest } from '../ports/http.ts';
import { createHttp } from './http.ts';

const http = createHttp();
const open: { close(): void }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  open.push({ close: () => closeHard(server) });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function closeHard(server: Server): void {
  server.close();
  server.closeAllConnections();
}

const call = (url: string, more: Partial<HttpRequest> = {}) => http.request({ method: 'GET', url, timeoutMs: 5000, maxBytes: 1000, ...more });

async function failure(promise: Promise<unknown>): Promise<DriverError> {
  const e = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  expect(e).toBeInstanceOf(DriverError);
  return e as DriverError;
}

describe('createHttp', () => {
  it('sends method, headers, body and the user agent, and gives status, joined headers and body', async () => {
    let seen: { method: string | undefined; agent: string | undefined; extra: unknown; body: string } | null = null;
    const url = await serve(async (req: IncomingMessage, res: ServerResponse) => {
      let body = '';
      for await (const chunk of req) body += chunk;
      seen = { method: req.method, agent: req.headers['user-agent'], extra: req.headers['x-extra'], body };
      res.writeHead(418, { 'Set-Cookie': ['a=1', 'b=2'], 'X-One': 'yes' });
      res.end('tea');
    });
    const reply = await call(`${url}/x`, { method: 'PUT', headers: { 'X-Extra': 'plain' }, body: 'häuser' });
    expect(reply.status).toBe(418);
    expect(reply.headers['set-cookie']).toBe('a=1, b=2');
    expect(reply.headers['x-one']).toBe('yes');
    expect(new TextDecoder().decode(reply.body)).toBe('tea');
    expect(seen).toEqual({ method: 'PUT', agent: expect.stringMatching(/^drover\/\d+\.\d+\.\d+/), extra: 'plain', body: 'häuser' });
  });

  it('does not follow redirects', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(302, { location: '/elsewhere' });
      res.end();
    });
    expect((await call(url)).status).toBe(302);
  });

  it('keeps connections alive between calls', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((req, res) => {
      ports.add(req.socket.remotePort);
      res.end('ok');
    });
    for (let i = 0; i < 20; i++) await call(url);
    // Not always one: a call right after the last byte of another may find its connection not yet free.
    expect(ports.size).toBeLessThan(5);
  });

  it('unpacks gzip', async () => {
    const url = await serve((req, res) => {
      expect(req.headers['accept-encoding']).toBe('gzip');
      res.writeHead(200, { 'content-encoding': 'gzip' });
      res.end(gzipSync('hello'));
    });
    expect(new TextDecoder().decode((await call(url)).body)).toBe('hello');
  });

  it('counts bytes after unpacking: a gzip bomb is bad-reply', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-encoding': 'gzip' });
      res.end(gzipSync(Buffer.alloc(50_000_000)));
    });
    expect((await failure(call(url, { maxBytes: 100_000 }))).code).toBe('bad-reply');
  });

  it('cuts an endless body off at maxBytes', async () => {
    let written = 0;
    const url = await serve((_req, res) => {
      const more = (): void => {
        while (!res.destroyed) {
          written += 1000;
          if (!res.write('x'.repeat(1000))) {
            res.once('drain', more);
            return;
          }
        }
      };
      more();
    });
    const e = await failure(call(url, { maxBytes: 10_000 }));
    expect(e.code).toBe('bad-reply');
    expect(e.message).toContain('larger than 10000 bytes');
    expect(written).toBeLessThan(100_000_000);
  });

  it('refuses an announced length above maxBytes and other encodings', async () => {
    const url = await serve((req, res) => {
      res.writeHead(200, req.url === '/br' ? { 'content-encoding': 'br' } : {});
      res.end(req.url === '/br' ? 'xx' : 'x'.repeat(2000));
    });
    expect((await failure(call(url))).code).toBe('bad-reply');
    expect((await failure(call(`${url}/br`))).code).toBe('bad-reply');
  });

  it('ends a body that drips or never comes at the deadline', async () => {
    const url = await serve((req, res) => {
      if (req.url !== '/drip') return;
      res.write('a');
      const timer = setInterval(() => res.write('a'), 50);
      res.on('close', () => clearInterval(timer));
    });
    for (const path of ['/hang', '/drip']) {
      const e = await failure(call(url + path, { timeoutMs: 300 }));
      expect(e.code).toBe('unreachable');
      expect(e.definite).toBe(false);
      expect(e.message).toContain('within 300 ms');
    }
  });

  it('obeys the signal, before and during the call', async () => {
    const url = await serve(() => {});
    const abort = new AbortController();
    const pending = failure(call(url, { signal: abort.signal }));
    abort.abort(new Error('enough'));
    expect((await pending).message).toContain('cancelled');
    expect((await failure(call(url, { signal: abort.signal }))).code).toBe('unreachable');
  });

  it('a cut-off answer is unreachable, a refused connection is so definitely', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-length': '100' });
      res.write('half');
      setImmediate(() => res.destroy());
    });
    const cut = await failure(call(url));
    expect([cut.code, cut.definite]).toEqual(['unreachable', false]);
    const server = createTcpServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const port = (server.address() as AddressInfo).port;
    await new Promise((done) => server.close(done));
    const refused = await failure(call(`http://127.0.0.1:${port}/path?token=hush`));
    expect([refused.code, refused.definite]).toEqual(['unreachable', true]);
    expect(refused.message).not.toContain('hush');
  });

  it('something that is no HTTP is bad-reply', async () => {
    const server = createTcpServer((socket) => socket.on('error', () => {}).write('220 smtp ready\r\n'));
    open.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    expect((await failure(call(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))).code).toBe('bad-reply');
  });

  it('speaks to unix sockets', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'drover-http-')), 's.sock');
    const server = createServer((req, res) => res.end(`you asked ${req.url}`));
    open.push({ close: () => closeHard(server) });
    await new Promise<void>((done) => server.listen(path, done));
    const reply = await call('http://docker/v1/info', { socketPath: path });
    expect(new TextDecoder().decode(reply.body)).toBe('you asked /v1/info');
    expect((await failure(call('http://docker/', { socketPath: `${path}.no` }))).definite).toBe(true);
  });

  it('refuses bad URLs and bad header values without printing them', async () => {
    expect((await failure(call('ftp://host/'))).code).toBe('bad-request');
    const url = await serve((_req, res) => res.end());
    const e = await failure(call(url, { headers: { authorization: 'Bearer hush\nhush' } }));
    expect(e.code).toBe('bad-request');
    expect(e.message).not.toContain('hush');
  });
});
