import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { realClock } from '../../src/platform/clock.ts';
import { until } from '../support/daemon.ts';
import { exchange } from '../support/raw-http.ts';
import { configOf, openBench, serveProcess } from './support.ts';

const GROUP = '  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n';

/** One request on a connection that is kept. */
function healthOn(port: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const ask = request({ host: '127.0.0.1', port, path: '/healthz', agent }, (reply) => {
      reply.resume();
      reply.once('end', () => resolve(reply.statusCode ?? 0));
    });
    ask.once('error', reject);
    ask.end();
  });
}

describe('S28 more than is taken', () => {
  const AUTH = 'host: localhost\r\nauthorization: Bearer TOKEN\r\ncontent-type: application/json\r\n';
  const BIG = 'x'.repeat(1_048_577);
  it.each([
    ['a body that says it is larger than 1 MiB', `POST /api/v1/pause HTTP/1.1\r\n${AUTH}content-length: 1048577\r\n\r\n`, 413],
    ['a body of 10 GB', `POST /hooks/am HTTP/1.1\r\n${AUTH}content-length: 10000000000\r\n\r\n`, 413],
    [
      'a larger one in pieces',
      `POST /api/v1/pause HTTP/1.1\r\n${AUTH}transfer-encoding: chunked\r\n\r\n${BIG.length.toString(16)}\r\n${BIG}\r\n0\r\n\r\n`,
      413,
    ],
    ['headers of more than 16 KiB', `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
    [
      'a thousand headers',
      `GET /healthz HTTP/1.1\r\nhost: localhost\r\n${Array.from({ length: 1000 }, (_, i) => `x-${i}: ${'a'.repeat(20)}\r\n`).join('')}\r\n`,
      431,
    ],
    ['an address of more than 8 KiB', `GET /healthz?${'a'.repeat(8300)} HTTP/1.1\r\n${AUTH}\r\n`, 414],
    ['a part of a path of more than 300', `GET /api/v1/groups/${'a'.repeat(400)} HTTP/1.1\r\n${AUTH}\r\n`, 414],
    ['a body where none belongs', `GET /healthz HTTP/1.1\r\n${AUTH}content-length: 2000000\r\n\r\n`, 200],
  ])('%s', async (_, text, status) => {
    const { api, token, state } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const answer = await exchange(port, text.replace('TOKEN', token.admin), /\r\n\r\n[\s\S]*\}$/);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(state.calls).toEqual([]);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it('slow senders are cut off: of headers after 10 s, of a body after 30 s', { timeout: 120_000 }, async () => {
    const { api, token } = await openBench({ clock: realClock });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    const drip = (start: string): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port }, () => socket.write(start));
      const timer = setInterval(() => socket.writable && socket.write('a'), 500);
      let got = '';
      return new Promise((resolve) => {
        socket.on('data', (chunk) => {
          got += chunk;
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          clearInterval(timer);
          resolve(got);
        });
      });
    };
    const body = `POST /api/v1/pause HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token.admin}\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{`;
    const slow = [...Array.from({ length: 50 }, () => drip('GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ')), drip(body)];
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('connections without end: those beyond the limit are dropped, the others go on, and it recovers by itself', { timeout: 120_000 }, async () => {
    // The heap cannot grow beyond this: what the flood costs must fit beside the program itself.
    const { url, pid, ask, said } = await serveProcess(configOf(GROUP), { flags: ['--max-old-space-size=96'] });
    const port = Number(new URL(url).port);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets: Socket[] = [];
    onTestFinished(() => {
      agent.destroy();
      for (const socket of sockets) socket.destroy();
    });
    expect(await healthOn(port, agent)).toBe(200);
    let dropped = 0;
    for (let i = 0; i < 2400; i++) {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => {});
      socket.on('close', () => {
        dropped++;
      });
      sockets.push(socket);
      if (i % 100 === 99) await new Promise((go) => setTimeout(go, 10));
      // Keeps the connection from falling asleep.
      if (i % 600 === 599) expect(await healthOn(port, agent)).toBe(200);
    }
    await until('the surplus is dropped', async () => dropped >= 300);
    expect(await healthOn(port, agent)).toBe(200);
    // Who connects and says nothing is put out, so that others come in again.
    await until('the silent ones are put out', async () => dropped >= 1500, 60_000);
    expect((await ask('GET', '/readyz')).status).toBe(200);
    expect(said()).not.toContain('heap out of memory');
    expect(process.kill(pid, 0)).toBe(true);
  });
});
