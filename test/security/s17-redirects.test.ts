import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DRIVERS } from '../../src/app/registry.ts';
import { realPorts } from '../support/ports.ts';
import { configOf, loadText, tempDir } from './support.ts';

async function serve(answer: (request: IncomingMessage) => { status: number; headers?: Record<string, string>; body?: string }) {
  const heard: IncomingMessage['headers'][] = [];
  const server = createServer((request, reply) => {
    heard.push(request.headers);
    const { status, headers = {}, body = '' } = answer(request);
    request.resume();
    reply.writeHead(status, headers).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}
const signal = new AbortController().signal;
const MACHINE = { group: 'web', instance: 'web-1', machineId: 'm1', address: '127.0.0.1', port: 80, zone: null, step: 'before_attach', token: 't' } as const;

describe('S17 redirects', () => {
  const targets = ['http://TARGET/inside', 'http://169.254.169.254/latest/', 'file:///etc/passwd', 'gopher://TARGET/_x', 'data:text/plain,7', '//TARGET/x'];
  it.each(targets.flatMap((to) => [301, 302, 303, 307, 308].map((status) => [status, to] as const)))(
    '%i to %s is not followed by a source or a hook',
    async (status, to) => {
      const inside = await serve(() => ({ status: 200, body: '{"v":7}' }));
      const location = to.replace('TARGET', inside.url.replace('http://', ''));
      const outside = await serve(() => ({ status, headers: { location } }));
      const dir = tempDir();
      writeFileSync(join(dir, 'key'), 'canary-credential', { mode: 0o600 });
      const ports = realPorts({ baseDir: dir });
      const auth = { bearer: { file: join(dir, 'key') } };
      const source = (await DRIVERS['source/http']()).manifest;
      const reading = await (await source.open(source.options.parse({ url: outside.url, auth }), ports)).read(
        source.query.parse({ json_pointer: '/v' }),
        signal,
      );
      expect(reading).toMatchObject({ kind: 'missing', reason: 'source-error' });
      const hook = (await DRIVERS['hook/http']()).manifest;
      await expect((await hook.open(hook.options.parse({ url: outside.url, auth }), ports)).run(MACHINE, signal)).rejects.toMatchObject({ code: 'bad-reply' });
      const prometheus = (await DRIVERS['source/prometheus']()).manifest;
      const found = await (await prometheus.open(prometheus.options.parse({ url: outside.url, auth }), ports)).read(prometheus.query.parse('up'), signal);
      expect(found.kind).toBe('missing');
      expect(outside.heard.length).toBeGreaterThanOrEqual(3);
      expect(outside.heard[0]?.authorization).toBe('Bearer canary-credential');
      expect(inside.heard).toEqual([]);
    },
  );

  it.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'data:text/plain,7',
    'ftp://127.0.0.1/x',
    'javascript:alert(1)',
    'unix:/run/docker.sock',
    '//host/x',
    'http://user:pass@host/',
  ])('%s is no URL of a source, a notifier or a hook', async (url) => {
    const group = '  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1HOOK }\n';
    const written = (more: string, hook = ''): string => configOf(group.replace('HOOK', hook), more);
    const dir = tempDir();
    await expect(loadText(written(`sources: { s: { type: http, url: '${url}' } }\n`), dir)).rejects.toThrow(/E\d{4}/);
    await expect(loadText(written(`sources: { s: { type: prometheus, url: '${url}' } }\n`), dir)).rejects.toThrow(/E\d{4}/);
    await expect(loadText(written('', `, hooks: { before_attach: { http: { url: '${url}' } } }`), dir)).rejects.toThrow(/E\d{4}/);
    await expect(loadText(written(`sources: { s: { type: http, url: 'http://good.example/' } }\n`), dir)).resolves.toBeDefined();
  });

  it('nor does the client itself take one', async () => {
    for (const url of ['file:///etc/passwd', 'data:text/plain,7', 'gopher://127.0.0.1/']) {
      await expect(realPorts().http.request({ method: 'GET', url, timeoutMs: 1000, maxBytes: 100 })).rejects.toMatchObject({ code: 'bad-request' });
    }
  });
});
