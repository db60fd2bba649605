import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createPlainHttp } from './plain-http.ts';
import { createStreamFetch } from './stream-fetch.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listening<S extends Pick<Server, 'listen' | 'address' | 'close'>>(server: S): Promise<number> {
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  closing.push(() => {
    if ('closeAllConnections' in server) (server as unknown as Server).closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
const serve = async (handler: RequestListener): Promise<string> => `http://127.0.0.1:${await listening(createServer(handler))}`;
const get = (url: string, over: { timeoutMs?: number; maxBytes?: number; ca?: string } = {}) =>
  createPlainHttp().request({ method: 'GET', url, timeoutMs: 5_000, maxBytes: 1_000_000, ...over });

describe('an exchange', () => {
  it('carries method, headers and body both ways', async () => {
    const url = await serve(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += String(chunk);
      res.writeHead(201, { 'x-seen': `${req.method} ${req.url} ${req.headers['x-a']}` }).end(`${body}!`);
    });
    const reply = await createPlainHttp().request({
      method: 'POST',
      url: `${url}/p?q=1`,
      headers: { 'x-a': 'b' },
      body: 'hé',
      timeoutMs: 5_000,
      maxBytes: 100,
    });
    expect([reply.status, reply.headers['x-seen'], new TextDecoder().decode(reply.body)]).toEqual([201, 'POST /p?q=1 b', 'hé!']);
  });
  it.each<[string, RequestListener, object]>([
    ['silence', () => {}, { code: 'unreachable', message: expect.stringContaining('within 100 ms') }],
    ['an answer that stops', (_, res) => void res.writeHead(200).write('x'), { code: 'unreachable', message: expect.stringContaining('within 100 ms') }],
    ['an answer that is cut off', (_, res) => void res.writeHead(200, { 'content-length': '9' }).write('x', () => res.destroy()), { code: 'unreachable' }],
    ['too much', (_, res) => void res.end('x'.repeat(2_000)), { code: 'bad-reply', message: expect.stringContaining('larger than 1000 bytes') }],
  ])('%s', async (_, handler, expected) => {
    await expect(get(await serve(handler), { timeoutMs: 100, maxBytes: 1_000 })).rejects.toMatchObject(expected);
  });
  it('what is not HTTP, not there, or no URL', async () => {
    const port = await listening(createTcpServer((socket) => void socket.end('SSH-2.0-x\r\n\r\n')) as never);
    await expect(get(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'bad-reply' });
    await expect(get('http://127.0.0.1:1/secret?token=1')).rejects.toMatchObject({
      code: 'unreachable',
      message: 'cannot reach http://127.0.0.1:1 (ECONNREFUSED)',
    });
    await expect(get('nonsense')).rejects.toMatchObject({ code: 'bad-request' });
  });
});

describe('a stream', () => {
  it('gives pieces as they come, and gives up on silence', async () => {
    const url = await serve((_, res) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).write('first'));
    const { body } = await createStreamFetch({ ca: null, silenceMs: 200 })(url, { headers: {} });
    const got: string[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of body ?? []) got.push(new TextDecoder().decode(chunk));
    };
    await expect(read()).rejects.toMatchObject({ code: 'unreachable' });
    expect(got).toEqual(['first']);
  });
});
