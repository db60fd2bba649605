import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { realPorts } from '../../../../test/support/ports.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import type { HookContext } from '../../../ports/hook.ts';
import { hookContract, type Received } from '../../../testing/hook-contract.ts';
import { manifest } from './driver.ts';
import { fillUrl } from './url.ts';

const open = (options: unknown, ports: DriverPorts) => manifest.open(manifest.options.parse(options), ports);

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function serve(answer: (seen: Seen, response: ServerResponse) => void): Promise<{ server: Server; url: string; port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    seen.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}`, port, seen };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

hookContract('http', async () => {
  const ports = realPorts();
  writeFileSync(join(ports.baseDir, 'key'), 'canary-51c0', { mode: 0o600 });
  const { server, url, seen } = await serve((one, response) => {
    if (one.url === '/hang') return;
    if (one.url === '/fail') response.writeHead(403).end(`who is ${one.headers.authorization}?`);
    else response.writeHead(204).end();
  });
  const closed = await serve(() => {});
  await stop(closed.server);
  return {
    openSucceeding: () => open(`${url}/warm`, ports),
    openFailing: () => open({ url: `${url}/fail`, auth: { bearer: { file: join(ports.baseDir, 'key') } } }, ports),
    openHanging: () => open(`${url}/hang`, ports),
    openMissing: () => open(closed.url, ports),
    received: async () =>
      seen
        .filter((one) => one.url === '/warm')
        .map((one): Received => {
          const { machine_id: machineId, port, zone, ...rest } = JSON.parse(one.body);
          return { ...rest, machineId, port: port === null ? '' : String(port), zone: zone ?? '' };
        }),
    canary: 'canary-51c0',
    teardown: async () => {
      await stop(server);
      rmSync(ports.baseDir, { recursive: true, force: true });
    },
  };
});

describe('http hook', () => {
  const servers: Server[] = [];
  const directories: string[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await stop(server);
    for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
  });
  async function world(answer: (seen: Seen, response: ServerResponse) => void = (_, response) => response.end()) {
    const ports = realPorts();
    directories.push(ports.baseDir);
    const served = await serve(answer);
    servers.push(served.server);
    return { ports, ...served };
  }
  const context: HookContext = {
    group: 'web',
    instance: 'web-7',
    machineId: 'm/1?x=y&z#é',
    address: '127.0.0.1',
    port: 80,
    zone: null,
    step: 'before_attach',
    token: 'tok-1',
  };
  const signal = new AbortController().signal;

  it('fills the URL, encoded, with any method, header and expected status', async () => {
    const w = await world((_, response) => response.writeHead(304).end());
    writeFileSync(join(w.ports.baseDir, 'key'), 'k-1\n', { mode: 0o600 });
    const hook = await open(
      {
        url: 'http://{{ip}}:{{port}}/machines/{{id}}?g={{group}}',
        method: 'GET',
        headers: { 'X-Key': { file: join(w.ports.baseDir, 'key') } },
        expect: [304, 200],
      },
      w.ports,
    );
    await hook.run({ ...context, port: w.port }, signal);
    expect(w.seen).toHaveLength(1);
    expect(w.seen[0]).toMatchObject({ method: 'GET', url: '/machines/m%2F1%3Fx%3Dy%26z%23%C3%A9?g=web', body: '' });
    expect(w.seen[0]?.headers).toMatchObject({ 'x-key': 'k-1', 'idempotency-key': 'tok-1' });
  });

  it('sends texts and JSON with values that cannot break out', async () => {
    const w = await world();
    const odd = { ...context, instance: '"}, "admin": true, {{group}}' };
    await (await open({ url: w.url, body: { text: 'new {{instance}}', list: ['{{ip}}', 3, null] } }, w.ports)).run(odd, signal);
    await (await open({ url: w.url, method: 'PUT', body: '{{instance}}!' }, w.ports)).run(odd, signal);
    expect(JSON.parse(w.seen[0]?.body ?? '')).toEqual({ text: `new ${odd.instance}`, list: ['127.0.0.1', 3, null] });
    expect(w.seen[0]?.headers['content-type']).toBe('application/json');
    expect(w.seen[1]).toMatchObject({ method: 'PUT', body: `${odd.instance}!` });
  });

  it.each([
    [301, 'bad-reply'],
    [401, 'unauthorized'],
    [404, 'not-found'],
    [409, 'conflict'],
    [422, 'bad-request'],
    [429, 'throttled'],
    [500, 'unknown'],
    [503, 'unreachable'],
  ])('takes status %i for %s', async (status, code) => {
    const w = await world((_, response) => response.writeHead(status, { 'retry-after': '7' }).end('because\nof this'));
    const e = await (await open(w.url, w.ports)).run(context, signal).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(e).toMatchObject({ code, message: `127.0.0.1:${w.port} answered ${status}: because of this`, retryAfterMs: 7000 });
    expect(w.seen).toHaveLength(1); // no retry of its own
  });

  it('never lets a value choose the host', async () => {
    const w = await world();
    const hook = await open('http://{{ip}}/warm', w.ports);
    await expect(hook.run({ ...context, address: `127.0.0.1:${w.port}/x?` }, signal)).rejects.toMatchObject({ code: 'bad-request' });
    await expect(hook.run({ ...context, address: `good@127.0.0.1` }, signal)).rejects.toMatchObject({ code: 'bad-request' });
    expect(w.seen).toEqual([]);
    expect(fillUrl('http://{{ip}}:1/{{ip}}', { ip: '::1' })).toBe('http://[::1]:1/%3A%3A1');
  });

  it('refuses wrong options by name', () => {
    const message = (options: unknown) => JSON.stringify(manifest.options.safeParse(options).error?.issues ?? 'fine');
    expect(message('http://{{ip}}:8080/warm')).toBe('"fine"');
    expect(message('ftp://{{ip}}/')).toContain('http://');
    expect(message('http://{{adress}}/')).toContain('{{ip}}');
    expect(message({ url: 'http://x/', body: { a: ['{{nope}}'] } })).toContain('{{nope}}');
    expect(message({ url: 'http://x/', retries: 3 })).toContain('retries');
  });
});
