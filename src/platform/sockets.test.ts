import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realSockets } from './sockets.ts';

describe('sockets', () => {
  let server: Server;
  let serve: (socket: Socket) => void;
  let port: number;
  let path: string;
  let dir: string;
  const open = new Set<Socket>();
  const limits = (over: object = {}) => ({ timeoutMs: 5000, maxBytes: 1000, ...over });

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'drover-sockets-'));
    path = join(dir, 's');
    server = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => {}).on('close', () => open.delete(socket));
      serve(socket);
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  afterEach(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });
  const target = () => ({ host: '127.0.0.1', port });

  it('says its text and reads until the peer closes', async () => {
    serve = (socket) => socket.once('data', (text) => socket.write(`you said ${text}`, () => setImmediate(() => socket.end('· bye'))));
    expect(await realSockets.exchange(target(), 'hello', limits())).toBe('you said hello· bye');
  });

  it('does the same over a unix socket', async () => {
    const unix = createServer((socket) => socket.once('data', (text) => socket.end(`${text}!`)));
    await new Promise<void>((resolve) => unix.listen(path, resolve));
    expect(await realSockets.exchange({ path }, 'hello', limits())).toBe('hello!');
    expect(await realSockets.canConnect({ path }, 1000)).toBe(true);
    await new Promise((resolve) => unix.close(resolve));
  });

  it('does not half-close: the peer may answer late', async () => {
    let ended = false;
    serve = (socket) => {
      socket.once('end', () => {
        ended = true;
      });
      socket.once('data', () => setImmediate(() => socket.end(ended ? 'half-closed' : 'open')));
    };
    expect(await realSockets.exchange(target(), 'x', limits())).toBe('open');
  });

  it('keeps characters whole that are cut between two packets', async () => {
    const bytes = Buffer.from('größe');
    serve = (socket) => socket.once('data', () => socket.write(bytes.subarray(0, 3), () => setImmediate(() => socket.end(bytes.subarray(3)))));
    expect(await realSockets.exchange(target(), 'x', limits())).toBe('größe');
  });

  it('ends at the time limit, however often a byte comes', async () => {
    serve = (socket) => {
      const drip = setInterval(() => socket.write('.'), 10);
      socket.on('close', () => clearInterval(drip));
    };
    await expect(realSockets.exchange(target(), 'x', limits({ timeoutMs: 150 }))).rejects.toMatchObject({ code: 'unreachable', definite: false });
  });

  it('ends when the caller gives up', async () => {
    serve = () => {};
    const abort = new AbortController();
    const call = realSockets.exchange(target(), 'x', limits({ signal: abort.signal }));
    abort.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({ code: 'unreachable' });
    await expect(realSockets.exchange(target(), 'x', limits({ signal: abort.signal }))).rejects.toMatchObject({ code: 'unreachable', definite: true });
  });

  it('refuses an answer that is too long', async () => {
    serve = (socket) => socket.once('data', () => socket.end('x'.repeat(1001)));
    await expect(realSockets.exchange(target(), 'x', limits())).rejects.toMatchObject({ code: 'bad-reply' });
    serve = (socket) => socket.once('data', () => socket.end('x'.repeat(1000)));
    expect(await realSockets.exchange(target(), 'x', limits())).toHaveLength(1000);
  });

  it('says unreachable, and that nothing was changed, where nothing listens', async () => {
    await new Promise((resolve) => server.close(resolve));
    await expect(realSockets.exchange(target(), 'x', limits())).rejects.toMatchObject({ code: 'unreachable', definite: true });
    await expect(realSockets.exchange({ path }, 'x', limits())).rejects.toMatchObject({
      code: 'unreachable',
      definite: true,
      message: expect.stringContaining(path),
    });
    expect(await realSockets.canConnect(target(), 1000)).toBe(false);
    expect(await realSockets.canConnect({ path }, 1000)).toBe(false);
  });

  it('leaves the outcome open when the peer cuts the connection after our text', async () => {
    serve = (socket) => socket.once('data', () => socket.resetAndDestroy());
    await expect(realSockets.exchange(target(), 'x', limits())).rejects.toMatchObject({ code: 'unreachable', definite: false });
  });
});
