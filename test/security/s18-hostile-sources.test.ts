import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DRIVERS } from '../../src/app/registry.ts';
import { realPorts } from '../support/ports.ts';

const MIB = 1_048_576;
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const signal = new AbortController().signal;

/** Both sources that take JSON from others, with the answer of the listener. */
async function readings(listener: RequestListener, timeout = '5s') {
  const url = await serve(listener);
  const http = (await DRIVERS['source/http']()).manifest;
  const prometheus = (await DRIVERS['source/prometheus']()).manifest;
  return [
    await (await http.open(http.options.parse({ url, timeout }), realPorts())).read(http.query.parse({ json_pointer: '/v' }), signal),
    await (await prometheus.open(prometheus.options.parse({ url, timeout }), realPorts())).read(prometheus.query.parse('up'), signal),
  ];
}

async function peak(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage();
  let most = 0;
  const timer = setInterval(() => {
    const now = process.memoryUsage();
    most = Math.max(most, now.rss - before.rss);
  }, 5);
  await work();
  clearInterval(timer);
  return most;
}

describe('S18 what a source may cost us', () => {
  const endless: RequestListener = (_, reply) => {
    const chunk = Buffer.alloc(65_536, '1');
    const more = (): void => {
      while (!reply.destroyed && reply.write(chunk));
      if (!reply.destroyed) reply.once('drain', more);
    };
    reply.on('error', () => {});
    more();
  };
  const cases: readonly (readonly [string, RequestListener])[] = [
    ['a body without end', endless],
    [
      'a body announced as 1 GB',
      (_, reply) => {
        reply.writeHead(200, { 'content-length': String(1024 * MIB) });
        reply.write('1');
      },
    ],
    [
      'a gzip bomb',
      (_, reply) => {
        reply.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' });
        reply.end(BOMB);
      },
    ],
    ['an array in an array, ten thousand deep', (_, reply) => void reply.end(`{"v":${'['.repeat(10_000)}1${']'.repeat(10_000)}}`)],
    ['deeper than 32, with a number at the bottom', (_, reply) => void reply.end(`{"v":1,"x":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`)],
    [
      'headers without end',
      (_, reply) => void reply.writeHead(200, Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`x-${i}`, 'y'.repeat(100)]))).end('{"v":1}'),
    ],
    ['a number beyond all numbers', (_, reply) => void reply.end('{"v":1e999}')],
    ['a text that looks like a number', (_, reply) => void reply.end('{"v":"Infinity"}')],
    ['null', (_, reply) => void reply.end('null')],
    ['nothing', (_, reply) => void reply.end()],
    ['something else than HTTP', (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n')],
  ];
  it.each(cases)('%s is a missing reading, within 64 MiB', async (_, listener) => {
    const bytes = await peak(async () => {
      for (const reading of await readings(listener)) expect(reading, JSON.stringify(reading)).toMatchObject({ kind: 'missing' });
    });
    expect(bytes).toBeLessThan(64 * MIB);
  });

  it('a byte now and then ends at the time limit of the whole answer', async () => {
    const trickle: RequestListener = (_, reply) => {
      reply.writeHead(200);
      const timer = setInterval(() => reply.write(' '), 20);
      reply.on('close', () => clearInterval(timer));
    };
    for (const reading of await readings(trickle, '1s')) expect(reading).toMatchObject({ kind: 'missing', reason: 'source-error' });
  });

  it('an honest answer is read all the same', async () => {
    const url = await serve((_, reply) => void reply.end(`{"v":42,"pad":"${'x'.repeat(4 * MIB)}"}`));
    const http = (await DRIVERS['source/http']()).manifest;
    const reading = await (await http.open(http.options.parse({ url }), realPorts())).read(http.query.parse({ json_pointer: '/v' }), signal);
    expect(reading).toMatchObject({ kind: 'value', value: 42 });
  });
});

const BOMB = gzipSync(Buffer.alloc(256 * MIB, ' '));
