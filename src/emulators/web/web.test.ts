import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { startWeb, type Web, type WebOptions } from './web.ts';

const open: Web[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const web of open.splice(0)) await web.close(0);
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

async function start(options: Partial<WebOptions> = {}): Promise<Web & { url: string }> {
  const web = await startWeb({ host: '127.0.0.1', port: 0, ...options });
  open.push(web);
  return Object.assign(web, { url: `http://127.0.0.1:${web.port}` });
}

describe('web emulator', () => {
  it('works, is healthy and counts', async () => {
    const { url } = await start({ name: 'web-1', workMs: 20 });
    const reply = await fetch(`${url}/?x=1`);
    expect([reply.status, await reply.text(), reply.headers.get('x-instance')]).toEqual([200, 'hello from web-1\n', 'web-1']);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('http_requests_total{code="200"} 1\n');
    expect(metrics).toContain('http_requests_in_flight 0\n');
    // Its work (a timer may be a millisecond early), and not in milliseconds.
    const seconds = Number(/^http_request_duration_seconds_sum (\S+)$/m.exec(metrics)?.[1]);
    expect(seconds).toBeGreaterThan(0.015);
    expect(seconds).toBeLessThan(10);
  });

  it('listens only after its boot', async () => {
    const controller = new AbortController();
    const booting = startWeb({ host: '127.0.0.1', port: 0, bootMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(booting).rejects.toThrow();
    const startMs = performance.now();
    await start({ bootMs: 100 });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(95);
  });

  it('gets slower above its capacity, and refuses when the queue is too long', async () => {
    const web = await start({ workMs: 0, capacityRps: 50, maxWaitMs: 300 });
    const startMs = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const { status } = await fetch(web.url);
        return { status, ms: performance.now() - startMs };
      }),
    );
    const served = replies.filter((r) => r.status === 200);
    // 20 ms each: those that need not wait more than 300 ms get through, the last of them after about that.
    expect(served.length).toBeGreaterThanOrEqual(16);
    expect(served.length).toBeLessThan(40);
    expect(Math.max(...served.map((r) => r.ms))).toBeGreaterThanOrEqual(290);
    expect(replies.filter((r) => r.status === 503)).toHaveLength(40 - served.length);
    expect(web.served.get(200)).toBe(served.length);
  });

  it('turns sick and well', async () => {
    const web = await start();
    expect((await fetch(`${web.url}/sick`, { method: 'POST' })).status).toBe(200);
    expect((await fetch(`${web.url}/healthz`)).status).toBe(503);
    expect((await fetch(web.url)).status).toBe(200);
    await fetch(`${web.url}/well`, { method: 'POST' });
    expect((await fetch(`${web.url}/healthz`)).status).toBe(200);
  });

  it('takes its time over a download, and refuses one without limits', async () => {
    const { url } = await start({ name: 'web-1', version: 'v2' });
    const startMs = performance.now();
    const reply = await fetch(`${url}/download?seconds=0.5&bytes=12345`);
    expect((await reply.arrayBuffer()).byteLength).toBe(12_345);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(495);
    expect([reply.headers.get('x-instance'), reply.headers.get('x-version')]).toEqual(['web-1', 'v2']);
    for (const query of ['seconds=1000', 'seconds=x', 'seconds=-1', 'bytes=0', 'bytes=1000000001', 'bytes=1.5'])
      expect((await fetch(`${url}/download?${query}`)).status).toBe(400);
  });

  it('listens on several addresses, and on one more later', async () => {
    const web = await start({ alsoOn: ['127.0.0.8'] });
    const at = async (host: string) => (await fetch(`http://${host}:${web.port}/`)).status;
    expect([await at('127.0.0.1'), await at('127.0.0.8')]).toEqual([200, 200]);
    await expect(at('127.0.0.9')).rejects.toThrow();
    await web.listenOn('127.0.0.9');
    expect(await at('127.0.0.9')).toBe(200);
    expect(web.served.get(200)).toBe(3);
    await expect(web.listenOn('127.0.0.9')).rejects.toThrow('EADDRINUSE');
    // Given time, it takes the address as soon as its owner lets go.
    const next = startWeb({ host: '127.0.0.9', port: web.port, busyPortMs: 10_000 });
    await web.close();
    open.push(await next);
  });

  it('leaves its work to another when told so', async () => {
    let free = true;
    const { url } = await start({ serve: () => Promise.resolve(free) });
    expect((await fetch(url)).status).toBe(200);
    free = false;
    const refused = await fetch(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('finishes what is in flight and closes kept connections', async () => {
    const web = await start({ workMs: 200 });
    const agent = new Agent({ keepAlive: true });
    const answer = new Promise<string>((resolve, reject) => {
      get(web.url, { agent }, (reply) => {
        reply.resume();
        reply.on('end', () => resolve(`${reply.statusCode} ${reply.headers.connection}`));
      }).on('error', reject);
    });
    await expect.poll(() => web.inFlight, { timeout: 5000, interval: 5 }).toBe(1);
    await web.close();
    expect(await answer).toBe('200 close');
    await expect(fetch(web.url)).rejects.toThrow();
    agent.destroy();
  });

  it('cuts what does not end in time', async () => {
    const web = await start({ workMs: 60_000 });
    const cut = new Promise((resolve) => request(web.url).on('error', resolve).end());
    await expect.poll(() => web.inFlight, { timeout: 5000, interval: 5 }).toBe(1);
    await web.close(50);
    expect(await cut).toBeInstanceOf(Error);
  });
});

describe('its process', () => {
  const main = new URL('./main.ts', import.meta.url).pathname;
  function run(args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    return child;
  }
  const firstLine = async (child: ChildProcess) => String((await once(child.stdout as NodeJS.EventEmitter, 'data'))[0]).trim();

  it('takes address, port and name from the environment and ends politely', async () => {
    const child = run(['--work-ms', '300'], { ADDRESS: '127.0.0.7', PORT: '0', DROVER_INSTANCE: 'web-9' });
    const url = (await firstLine(child)).replace('listening on ', '');
    expect(url).toContain('127.0.0.7');
    const answer = fetch(url).then((r) => r.text());
    await expect.poll(async () => await (await fetch(`${url}/metrics`)).text(), { timeout: 5000 }).toContain('http_requests_in_flight 1\n');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await answer).toBe('hello from web-9\n');
    expect(await exit).toEqual([0, null]);
  });

  it('ends at once while it boots', async () => {
    const child = run(['--boot-ms', '60000', '--port', '0']);
    // The handler is there when Node has loaded the file; before that SIGTERM ends it by itself.
    child.kill('SIGTERM');
    const [code, signal] = await once(child, 'exit');
    expect(code === 0 || signal === 'SIGTERM').toBe(true);
  });

  it('refuses wrong arguments', async () => {
    const child = run(['--port', 'many']);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    expect(await once(child, 'close')).toEqual([2, null]);
    expect(said).toContain('port must be a number');
  });
});
