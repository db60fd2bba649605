import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAddressGuard } from '../../src/platform/address-guard.ts';
import { createHttp } from '../../src/platform/http.ts';
import { createSockets } from '../../src/platform/sockets.ts';
import { configOf, startReal } from './support.ts';

/** Networks that a strict operator denies, so that every spelling can be tried against a server that really is there. */
const STRICT = ['127.0.0.0/8', '::1', '0.0.0.0/8', '::', '10.0.0.0/8', '100.64.0.0/10', 'fd00::/8'];
const METADATA = ['169.254.169.254', '[::ffff:169.254.169.254]', '[fe80::1]', '[fd00:ec2::254]', '100.100.100.200', '[64:ff9b::a9fe:a9fe]', '168.63.129.16'];

async function victim(): Promise<{ readonly port: number; readonly heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((request, reply) => {
    heard.push(`${request.headers.host} ${request.url}`);
    reply.end('{"secret":"credentials"}');
  });
  server.on('connection', () => heard.push('connected'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, heard };
}
const answering =
  (...answers: readonly (readonly { address: string; family: number }[])[]) =>
  (_name: string, _options: object, callback: (error: null, found: { address: string; family: number }[]) => void): void => {
    callback(null, [...(answers.length > 1 ? ((answers as unknown as (typeof answers)[number][]).shift() ?? []) : (answers[0] ?? []))]);
  };
type Resolve = Parameters<typeof createAddressGuard>[1];
const PUBLIC = { address: '192.0.2.7', family: 4 };
const LOCAL = { address: '127.0.0.1', family: 4 };

/**
 * Rulings and reliability.md §3: the operator's own file is trusted, and a Prometheus on 10.x is normal there, so private networks are
 * denied only where `server.outbound.deny` says so. Metadata services answer with credentials: they are denied unless `server.outbound.allow` names them.
 */
describe('S15 an address that may not be called is not connected to', () => {
  it.each(METADATA)('%s, without anything configured', async (host) => {
    const guard = createAddressGuard({ deny: [], allow: [] });
    const http = createHttp({ guard });
    onTestFinished(() => http.close());
    const call = http.request({ method: 'GET', url: `http://${host}/latest/meta-data/`, timeoutMs: 5000, maxBytes: 1000 });
    await expect(call).rejects.toMatchObject({ code: 'bad-request', definite: true, message: expect.stringContaining('server.outbound') });
    expect(await createSockets(guard).canConnect({ host: host.replace(/[[\]]/g, ''), port: 80 }, 5000)).toBe(false);
    const said = createSockets(guard).exchange({ host: host.replace(/[[\]]/g, ''), port: 80 }, 'x', { timeoutMs: 5000, maxBytes: 10 });
    await expect(said).rejects.toMatchObject({ code: 'bad-request', definite: true });
  });

  it.each([
    '127.0.0.1',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '127.1',
    '0',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '%6c%6fcalhost',
  ])('however it is spelt: %s', async (host) => {
    const { port, heard } = await victim();
    const http = createHttp({ guard: createAddressGuard({ deny: STRICT, allow: [] }) });
    onTestFinished(() => http.close());
    const url = `http://${host}:${port}/`;
    await expect(http.request({ method: 'GET', url, timeoutMs: 5000, maxBytes: 1000 })).rejects.toMatchObject({ code: 'bad-request', definite: true });
    expect(heard).toEqual([]);
    // The address is where it would have led.
    const free = createHttp();
    onTestFinished(() => free.close());
    expect((await free.request({ method: 'GET', url, timeoutMs: 5000, maxBytes: 1000 })).status).toBe(200);
  });

  it.each(['localhost', 'localhost.', 'LOCALHOST', 'metadata.google.internal', 'innocent.example'])('whatever name leads there: %s', async (name) => {
    const { port, heard } = await victim();
    const resolve = answering([LOCAL]) as unknown as Resolve;
    const guard = createAddressGuard({ deny: STRICT, allow: [] }, resolve);
    const http = createHttp({ guard });
    onTestFinished(() => http.close());
    await expect(http.request({ method: 'GET', url: `http://${name}:${port}/`, timeoutMs: 5000, maxBytes: 1000 })).rejects.toMatchObject({
      code: 'bad-request',
      definite: true,
    });
    expect(await createSockets(guard).canConnect({ host: name, port }, 5000)).toBe(false);
    expect(heard).toEqual([]);
    const allowed = createHttp({ guard: createAddressGuard({ deny: STRICT, allow: ['127.0.0.1'] }, resolve) });
    onTestFinished(() => allowed.close());
    expect((await allowed.request({ method: 'GET', url: `http://${name}:${port}/`, timeoutMs: 5000, maxBytes: 1000 })).status).toBe(200);
  });

  it('private networks are the operator’s own and are called without more', () => {
    const guard = createAddressGuard({ deny: [], allow: [] });
    for (const host of ['127.0.0.1', '::1', '10.0.0.7', '172.16.0.1', '192.168.1.1', '100.64.0.1', 'fd00::1']) expect(guard.refusal(host), host).toBeNull();
  });

  describe('in a configuration that comes in through the API', () => {
    const GROUP = '  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n';
    it.each([...METADATA, '0xa9fea9fe', '2852039166', 'metadata.google.internal', 'METADATA.google.internal.'])(
      'http://%s/ is a 422 and changes nothing',
      async (host) => {
        const { ask, dir, controller } = await startReal(configOf(GROUP));
        const text = configOf(GROUP, `sources: { s: { type: http, url: "http://${host}/latest/meta-data/" } }\n`);
        const reply = await ask('POST', '/api/v1/config/apply', { text });
        expect([reply.status, ((await reply.json()) as { errors: { field: string }[] }).errors[0]?.field]).toEqual([422, 'sources.s.url']);
        expect(controller.configuration.config.source.text).toBe(configOf(GROUP));
        expect(dir).not.toBe('');
      },
    );

    it('a token cannot widen what it may call: `server.outbound` is the file’s alone', async () => {
      const { ask, controller } = await startReal(configOf(GROUP));
      const text = configOf(GROUP).replace('log_level: debug', "log_level: debug, outbound: { allow: ['169.254.169.254'] }");
      const reply = await ask('POST', '/api/v1/config/apply', { text });
      expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([409, 'refused']);
      expect(controller.configuration.config.server.outbound).toEqual({ deny: [], allow: [] });
    });

    it('validating and planning one calls nothing at all', async () => {
      const { port, heard } = await victim();
      const { ask } = await startReal(configOf(GROUP));
      const url = `http://127.0.0.1:${port}/x`;
      const more = `sources: { s: { type: http, url: "${url}" } }\nnotify: { n: { type: webhook, url: "${url}" } }\nbalancers: { b: { type: proxy, url: "${url}" } }\n`;
      for (const what of ['validate', 'plan']) expect((await ask('POST', `/api/v1/config/${what}`, { text: configOf(GROUP, more) })).status).toBe(200);
      expect(heard).toEqual([]);
    });

    it('a denied address is not reached by any driver of the running controller, and the answer stays a missing reading', async () => {
      const { port, heard } = await victim();
      const text = configOf(
        GROUP.replace('min: 0', `min: 0, metrics: { m: { from: s, json_pointer: /secret } }`),
        `sources: { s: { type: http, url: "http://localhost:${port}/" } }\n`,
      ).replace('log_level: debug', "log_level: debug, outbound: { deny: ['127.0.0.0/8', '::1'] }");
      const { ask } = await startReal(text);
      const reply = await ask('POST', '/api/v1/groups/web/metrics/m/test', {});
      const { reading } = (await reply.json()) as { reading: { kind: string; detail: string } };
      expect([reply.status, reading.kind, reading.detail]).toEqual([200, 'missing', expect.stringContaining('server.outbound')]);
      expect(heard).toEqual([]);
    });
  });
});

describe('S16 a name that changes its answer', () => {
  it('is connected to at the address that was checked, and checked at each connect', async () => {
    const { port, heard } = await victim();
    // First it is harmless, then it points inside.
    const answers = [[PUBLIC], [LOCAL], [LOCAL]];
    let asked = 0;
    const resolve = ((_n: string, _o: object, callback: (error: null, found: object[]) => void) => {
      callback(null, answers[Math.min(asked++, answers.length - 1)] ?? []);
    }) as unknown as Resolve;
    const http = createHttp({ guard: createAddressGuard({ deny: STRICT, allow: [] }, resolve) });
    onTestFinished(() => http.close());
    const call = () => http.request({ method: 'GET', url: `http://rebind.example:${port}/`, timeoutMs: 300, maxBytes: 1000 });
    // 192.0.2.0/24 leads nowhere (RFC 5737): no answer, and above all none of the victim’s.
    await expect(call()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(call()).rejects.toMatchObject({ code: 'bad-request' });
    expect(asked).toBe(2);
    expect(heard).toEqual([]);
  });

  it('of several addresses only those that may be called are tried', async () => {
    const { port, heard } = await victim();
    const mixed = [LOCAL, { address: '127.0.0.2', family: 4 }];
    const resolve = answering(mixed) as unknown as Resolve;
    const http = createHttp({ guard: createAddressGuard({ deny: ['127.0.0.1'], allow: [] }, resolve) });
    onTestFinished(() => http.close());
    // Nobody listens on 127.0.0.2.
    await expect(http.request({ method: 'GET', url: `http://mixed.example:${port}/`, timeoutMs: 5000, maxBytes: 1000 })).rejects.toMatchObject({
      code: 'unreachable',
    });
    expect(heard).toEqual([]);
  });
});
