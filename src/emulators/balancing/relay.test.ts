import { get } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { backendOf, CHECK, closeLater, NO_CHECK, openTestFrontend, POLL, startMember, untilUp } from '../../../test/support/emulated-frontend.ts';
import { sendRequests } from '../../../test/support/member.ts';

describe('plain TCP', () => {
  /** Answers with all it got, reversed, when the client has ended. */
  async function startReverser(): Promise<{ server: Server; port: number; open: Set<Socket> }> {
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      open.add(socket);
      const chunks: Buffer[] = [];
      socket.on('error', () => {});
      socket.on('close', () => open.delete(socket));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat(chunks).reverse()));
    });
    closeLater(() => new Promise((resolve) => server.close(resolve)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, port: (server.address() as AddressInfo).port, open };
  }
  const tcp = () => openTestFrontend({ protocol: 'tcp', check: { ...CHECK, kind: 'connection' } });
  const dial = (port: number) => connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const readAll = async (socket: Socket): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  it('passes bytes both ways, and the end of each on its own', async () => {
    const frontend = await tcp();
    frontend.put(backendOf({ name: 'a', address: '127.0.0.1', port: (await startReverser()).port }));
    await untilUp(frontend, 'a');
    const socket = dial(frontend.spec.port);
    const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));
    socket.end(sent);
    expect((await readAll(socket)).equals(Buffer.from(sent).reverse())).toBe(true);
    await expect.poll(() => frontend.figures(), POLL).toMatchObject({ requests: 1, failed: 0, sessions: 0 });
  });

  it('is as slow as the slower side', async () => {
    const frontend = await tcp();
    let written = 0;
    const pump = createServer((socket) => {
      socket.on('error', () => {});
      const go = () => {
        while (socket.write(Buffer.alloc(65_536))) written += 65_536;
      };
      socket.on('drain', go);
      socket.once('data', go);
    });
    closeLater(() => new Promise((resolve) => pump.close(resolve)));
    await new Promise<void>((resolve) => pump.listen(0, '127.0.0.1', resolve));
    frontend.put(backendOf({ name: 'a', address: '127.0.0.1', port: (pump.address() as AddressInfo).port }));
    await untilUp(frontend, 'a');
    const socket = dial(frontend.spec.port);
    socket.pause();
    socket.write('go');
    await expect.poll(() => written, POLL).toBeGreaterThan(0);
    // It stops by itself when the buffers are full: some megabytes, not all there is.
    let before = -1;
    await expect
      .poll(
        () => {
          const still = written === before;
          before = written;
          return still;
        },
        { timeout: 10_000, interval: 200 },
      )
      .toBe(true);
    expect(written).toBeLessThan(64_000_000);
    socket.destroy();
    await expect.poll(() => frontend.figures(), POLL).toMatchObject({ requests: 1, failed: 0, sessions: 0 });
  });

  it('tries another when one cannot be reached, and none once bytes flowed', async () => {
    const frontend = await openTestFrontend({ protocol: 'tcp', check: NO_CHECK });
    const reverser = await startReverser();
    const dead = await startMember('dead');
    await dead.stop();
    frontend.put(backendOf(dead));
    frontend.put(backendOf({ name: 'a', address: '127.0.0.1', port: reverser.port }));
    for (let i = 0; i < 4; i++) {
      const socket = dial(frontend.spec.port);
      socket.end('abc');
      expect(String(await readAll(socket))).toBe('cba');
    }
    expect(frontend.figures()).toMatchObject({ requests: 4, failed: 0 });
    const socket = dial(frontend.spec.port);
    socket.write('abc');
    const [served] = await expect
      .poll(() => [...reverser.open], POLL)
      .toHaveLength(1)
      .then(() => [...reverser.open]);
    served?.resetAndDestroy();
    await expect(readAll(socket)).rejects.toThrow();
    await expect.poll(() => frontend.figures(), POLL).toMatchObject({ requests: 5, failed: 1, sessions: 0 });
    frontend.remove('a');
    await expect(readAll(dial(frontend.spec.port)).then((got) => got.length)).resolves.toBe(0);
    expect(frontend.figures()).toMatchObject({ requests: 6, failed: 2 });
  });

  it('cuts nobody when its backend is drained or removed, and counts sessions', async () => {
    const frontend = await tcp();
    frontend.put(backendOf({ name: 'a', address: '127.0.0.1', port: (await startReverser()).port }));
    await untilUp(frontend, 'a');
    const socket = dial(frontend.spec.port);
    socket.write('ab');
    await expect.poll(() => frontend.backends()[0]?.sessions, POLL).toBe(1);
    frontend.remove('a');
    socket.end('c');
    expect(String(await readAll(socket))).toBe('cba');
  });

  it('becomes HTTP and back on the same port', async () => {
    const frontend = await tcp();
    const a = await startMember('a');
    frontend.put(backendOf(a));
    await untilUp(frontend, 'a');
    const { port } = frontend.spec;
    expect(await sendRequests(frontend.url, 2)).toMatchObject({ failed: 0 });
    await frontend.update({ ...frontend.spec, protocol: 'http', stickiness: 'http-cookie' });
    expect(frontend.spec.port).toBe(port);
    await untilUp(frontend, 'a');
    // On a connection of its own: those kept from before are still relayed.
    const cookies = await new Promise((resolve, reject) => {
      get(frontend.url, { agent: false }, (reply) => resolve(reply.resume().headers['set-cookie'])).on('error', reject);
    });
    expect(cookies).toEqual(['SERVERID=a; path=/; HttpOnly']);
    await frontend.update({ ...frontend.spec, protocol: 'tcp' });
    await untilUp(frontend, 'a');
    expect(await sendRequests(frontend.url, 2)).toMatchObject({ failed: 0 });
  });
});
