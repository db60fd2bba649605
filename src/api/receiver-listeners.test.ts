import { request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ApiWorld, createApiWorld, createTestClock } from '../../test/support/api-world.ts';
import { realClock } from '../platform/clock.ts';
import { freePort } from '../platform/free-port.ts';
import { createReceiverListeners, type ReceiverListen, type ReceiverListeners, type ReceiverListenersDeps } from './receiver-listeners.ts';

const open: ReceiverListeners[] = [];
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((l) => l.close()));
  await Promise.all(closers.splice(0).map((close) => close()));
});

function setup(over: Partial<ReceiverListenersDeps> = {}): ApiWorld & { listeners: ReceiverListeners } {
  const world = createApiWorld(createTestClock());
  const listeners = createReceiverListeners({ ...world.deps, clock: realClock, ...over });
  open.push(listeners);
  return { ...world, listeners };
}
async function serve(listeners: ReceiverListeners, ...wanted: ReceiverListen[]): Promise<string[]> {
  await (await listeners.prepare(wanted)).take();
  return wanted.map((w) => listeners.urlOf(w.receiver) ?? '');
}
const at = (receiver: string, port = 0, host = '127.0.0.1'): ReceiverListen => ({ receiver, host, port });
const portOf = (url: string | undefined): number => Number(new URL(url ?? '').port);

const FIRING = JSON.stringify({ alerts: [{ name: 'HighLoad', status: 'firing' }] });
const TOKEN = { authorization: 'Bearer s3cret' };

/** `fetch` sends no body with GET, and chooses the Host itself. */
function send(url: string, method: string, path: string, body: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, agent: false, headers: { 'content-length': String(Buffer.byteLength(body)), ...headers } }, (reply) => {
      let text = '';
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('a receiver on a listener of its own', () => {
  it.each([
    ['POST', '/'],
    ['POST', '/any/path?x=1'],
    ['GET', '/'],
    ['PUT', '/alerts'],
  ])('takes %s %s', async (method, path) => {
    const { listeners, state } = setup();
    const [url = ''] = await serve(listeners, at('lab'));
    expect((await send(url, method, path, FIRING)).status).toBe(202);
    expect(state.rejected).toEqual([]);
  });

  it('serves plain HTTP on loopback, whatever the API speaks', async () => {
    const { listeners } = setup({ tls: { cert: 'not looked at', key: 'not looked at' } });
    const [url = ''] = await serve(listeners, at('lab'));
    expect(url).toMatch(/^http:/);
    expect((await send(url, 'POST', '/', FIRING)).status).toBe(202);
  });

  it('asks for the same proof as elsewhere', async () => {
    const { listeners } = setup();
    const [url = ''] = await serve(listeners, at('am'));
    expect((await send(url, 'POST', '/', FIRING)).status).toBe(401);
    expect((await send(url, 'POST', '/', FIRING, TOKEN)).status).toBe(202);
  });

  it('without proof answers only to a name of this machine, and to no page of another origin', async () => {
    const { listeners } = setup();
    const [url = ''] = await serve(listeners, at('lab'));
    expect((await send(url, 'POST', '/', FIRING, { host: 'evil.example' })).status).toBe(403);
    expect((await send(url, 'POST', '/', FIRING, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await send(url, 'DELETE', '/', '')).status).toBe(405);
  });

  it('tells its health and what became of deliveries, in the names of am-executor', async () => {
    const { listeners } = setup();
    const [url = ''] = await serve(listeners, at('lab'));
    expect(await send(url, 'GET', '/_health', '')).toEqual({ status: 200, body: 'ok\n' });
    expect((await send(url, 'POST', '/', '{"alert')).status).toBe(400);
    expect((await send(url, 'POST', '/', FIRING, { 'content-type': 'text/xml' })).status).toBe(415);
    expect((await send(url, 'POST', '/', '{"alerts":[]}')).status).toBe(200);
    const { body } = await send(url, 'GET', '/metrics', '');
    expect(body).toContain('am_executor_errors_total{stage="unmarshal"} 1');
    expect(body).toContain('am_executor_errors_total{stage="read"} 1');
    expect(body).toContain('am_executor_errors_total{stage="start"} 0');
    expect(body).toContain('am_executor_skipped_total{reason="nomatch"} 1');
    expect((await send(url, 'GET', '/metrics', '', { host: 'evil.example' })).status).toBe(401);
  });

  it('is told to the sender as busy while nothing is decided yet', async () => {
    const { listeners } = setup();
    const port = await freePort();
    const prepared = await listeners.prepare([at('lab', port)]);
    expect((await send(`http://127.0.0.1:${port}`, 'POST', '/', FIRING)).status).toBe(503);
    await prepared.take();
    expect((await send(`http://127.0.0.1:${port}`, 'POST', '/', FIRING)).status).toBe(202);
  });
});

describe('a change', () => {
  it('adds, removes and renames without touching the others', async () => {
    const { listeners } = setup();
    const [kept = '', gone = ''] = await serve(listeners, at('lab', await freePort()), at('am', await freePort()));
    await serve(listeners, at('lab', portOf(kept)), at('other', 0));
    expect((await send(kept, 'POST', '/', FIRING)).status).toBe(202);
    await expect(send(gone, 'POST', '/', FIRING)).rejects.toThrow('ECONNREFUSED');
    expect(listeners.urlOf('am')).toBeNull();
    const [renamed] = await serve(listeners, at('am', portOf(kept)));
    expect(renamed).toBe(kept);
    expect((await send(kept, 'POST', '/', FIRING)).status).toBe(401);
  });

  it('that cannot have an address leaves all as it was', async () => {
    const { listeners } = setup();
    const other = await occupied();
    const [url = ''] = await serve(listeners, at('lab', await freePort()));
    const free = await freePort();
    await expect(listeners.prepare([at('am', free), at('lab', other)])).rejects.toThrow(
      `The receiver lab cannot listen on 127.0.0.1:${other}: the address is in use`,
    );
    expect((await send(url, 'POST', '/', FIRING)).status).toBe(202);
    await expect(send(`http://127.0.0.1:${free}`, 'POST', '/', FIRING)).rejects.toThrow('ECONNREFUSED');
  });

  it('may be given up', async () => {
    const { listeners } = setup();
    const [url = ''] = await serve(listeners, at('lab', await freePort()));
    const free = await freePort();
    await (await listeners.prepare([at('lab', free)])).drop();
    await expect(send(`http://127.0.0.1:${free}`, 'POST', '/', FIRING)).rejects.toThrow('ECONNREFUSED');
    expect((await send(url, 'POST', '/', FIRING)).status).toBe(202);
  });

  it('moves a port to more addresses and back, and back again where it fails', async () => {
    const { listeners } = setup({ insecureHttp: true });
    const port = await freePort();
    const [url = ''] = await serve(listeners, at('lab', port));
    await serve(listeners, at('am', port, '0.0.0.0'));
    expect((await send(url, 'POST', '/', FIRING, TOKEN)).status).toBe(202);
    await (await listeners.prepare([at('lab', port)])).drop();
    expect((await send(url, 'POST', '/', FIRING, TOKEN)).status).toBe(202);
    await expect(listeners.prepare([at('lab', port), at('am', await occupied())])).rejects.toThrow('is in use');
    expect((await send(url, 'POST', '/', FIRING, TOKEN)).status).toBe(202);
    expect(listeners.urlOf('am')).toBe(url);
  });

  it('beyond loopback needs TLS', async () => {
    const { listeners } = setup();
    await expect(listeners.prepare([at('am', 0, '0.0.0.0')])).rejects.toThrow('without TLS');
  });
});

async function occupied(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(() => new Promise((done) => server.close(() => done())));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
