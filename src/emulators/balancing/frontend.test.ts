import { request as httpRequest } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { backendOf, CHECK, closeLater, NO_CHECK, openTestFrontend, POLL, startMember, statusOf, untilUp } from '../../../test/support/emulated-frontend.ts';
import { sendRequests } from '../../../test/support/member.ts';
import { startWeb } from '../web/web.ts';
import type { BackendSpec } from './balancing.ts';
import { openFrontend } from './frontend.ts';

describe('checks of a balancer', () => {
  it('let no request through to a backend before one passed', async () => {
    const frontend = await openTestFrontend();
    const [a, b] = [await startMember('a'), await startMember('b', false)];
    frontend.put(backendOf(a));
    frontend.put(backendOf(b));
    expect(statusOf(frontend, 'a')).toBe('unknown');
    expect((await sendRequests(frontend.url, 1)).byStatus[503]).toBeLessThanOrEqual(1);
    await untilUp(frontend, 'a');
    await expect.poll(() => statusOf(frontend, 'b'), POLL).toBe('down');
    expect(await sendRequests(frontend.url, 20)).toMatchObject({ failed: 0, byMember: { a: 20 } });
    expect(b.seen()).toBe(0);
    b.setReady(true);
    await untilUp(frontend, 'b');
    expect(await sendRequests(frontend.url, 20)).toMatchObject({ failed: 0, byMember: { a: 10, b: 10 } });
  });

  it('take a backend out after as many failures as they are told', async () => {
    /** What was known at each failing check, before it was answered. */
    const known: (string | undefined)[] = [];
    let failing = false;
    const counted = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        if (failing) known.push(statusOf(frontend, 'a'));
        socket.end(`HTTP/1.1 ${failing ? 500 : 200} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
      });
    });
    closeLater(() => new Promise((resolve) => counted.close(resolve)));
    await new Promise<void>((resolve) => counted.listen(0, '127.0.0.1', resolve));
    const frontend = await openTestFrontend({ check: { ...CHECK, attempts: 4 } });
    frontend.put(backendOf({ name: 'a', address: '127.0.0.1', port: (counted.address() as AddressInfo).port }));
    await untilUp(frontend, 'a');
    failing = true;
    await expect.poll(() => statusOf(frontend, 'a'), POLL).toBe('down');
    expect(known.slice(0, 4)).toEqual(['up', 'up', 'up', 'up']);
    await expect.poll(() => known[4], POLL).toBe('down');
  });

  it('look for a text in the body, or for a connection only', async () => {
    const body = await openTestFrontend({ check: { ...CHECK, kind: 'http-body', path: '/', body: 'good' } });
    const plain = await openTestFrontend({ check: { ...CHECK, kind: 'connection' } });
    const [good, bad] = [await startMember('good'), await startMember('bad')];
    body.put(backendOf(good));
    body.put(backendOf(bad));
    await untilUp(body, 'good');
    await expect.poll(() => statusOf(body, 'bad'), POLL).toBe('down');
    bad.setReady(false);
    plain.put(backendOf(bad));
    plain.put(backendOf({ name: 'none', address: '127.0.0.1', port: 1 }));
    await untilUp(plain, 'bad');
    await expect.poll(() => statusOf(plain, 'none'), POLL).toBe('down');
  });

  it('are not needed: without them a backend serves at once, and is never known to be up', async () => {
    const frontend = await openTestFrontend({ check: { ...NO_CHECK, passive: true } });
    const a = await startMember('a');
    frontend.put(backendOf(a));
    expect((await sendRequests(`${frontend.url}/?code=500`, 2)).byStatus).toEqual({ 500: 2 });
    expect(await sendRequests(frontend.url, 5)).toMatchObject({ failed: 0 });
    expect(statusOf(frontend, 'a')).toBe('unknown');
  });

  it('run also over requests: one 5xx takes a backend out until its next good check', async () => {
    const frontend = await openTestFrontend({ check: { ...CHECK, intervalMs: 400, passive: true } });
    const [a, b] = [await startMember('a'), await startMember('b')];
    frontend.put(backendOf(a));
    frontend.put(backendOf(b, { mode: 'reject' }));
    await untilUp(frontend, 'a', 'b');
    await sendRequests(`${frontend.url}/?code=503`, 1);
    expect(statusOf(frontend, 'a')).toBe('down');
    expect((await sendRequests(frontend.url, 1)).byMember).toEqual({ balancer: 1 });
    await untilUp(frontend, 'a');
    expect((await sendRequests(frontend.url, 3)).failed).toBe(0);
    const other = await openTestFrontend();
    other.put(backendOf(a));
    await untilUp(other, 'a');
    await sendRequests(`${other.url}/?code=503`, 1);
    expect(statusOf(other, 'a')).toBe('up');
  });
});

describe('who gets a request', () => {
  it('goes by weight in turns', async () => {
    const frontend = await openTestFrontend();
    frontend.put(backendOf(await startMember('a'), { weight: 3 }));
    frontend.put(backendOf(await startMember('b')));
    await untilUp(frontend, 'a', 'b');
    expect((await sendRequests(frontend.url, 40, 1)).byMember).toEqual({ a: 30, b: 10 });
    const { address, port } = frontend.backends().find((each) => each.id === 'b') as BackendSpec;
    frontend.put({ id: 'b', address, port, weight: 3, mode: 'accept' });
    expect(statusOf(frontend, 'b')).toBe('up');
    expect((await sendRequests(frontend.url, 40, 1)).byMember).toEqual({ a: 20, b: 20 });
    expect(frontend.backends().map((each) => each.requests)).toEqual([50, 30]);
  });

  it('goes to the one with the fewest connections', async () => {
    const frontend = await openTestFrontend({ algorithm: 'leastconn', check: NO_CHECK });
    const [a, b] = [await startMember('a'), await startMember('b')];
    frontend.put(backendOf(a));
    const slow = sendRequests(`${frontend.url}/?ms=600`, 3, 3);
    await expect.poll(() => a.open(), POLL).toBe(3);
    expect(frontend.figures().sessions).toBe(3);
    frontend.put(backendOf(b));
    expect((await sendRequests(frontend.url, 10, 1)).byMember).toEqual({ b: 10 });
    expect((await slow).failed).toBe(0);
  });

  it('stays with the address of the client', async () => {
    for (const how of [{ algorithm: 'source' }, { stickiness: 'table' }] as const) {
      const frontend = await openTestFrontend({ ...how, check: NO_CHECK });
      for (const name of ['a', 'b', 'c']) frontend.put(backendOf(await startMember(name)));
      expect(Object.values((await sendRequests(frontend.url, 10)).byMember)).toEqual([10]);
    }
  });

  it('stays with the cookie of the client, also while its backend drains', async () => {
    const frontend = await openTestFrontend({ stickiness: 'http-cookie' }, { cookieName: 'PIN' });
    const [a, b] = [await startMember('a'), await startMember('b')];
    frontend.put(backendOf(a));
    frontend.put(backendOf(b));
    await untilUp(frontend, 'a', 'b');
    const first = await fetch(frontend.url);
    const cookie = first.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^PIN=[ab]; path=\/; HttpOnly$/);
    const pinned = first.headers.get('x-member');
    const again = async () => {
      const reply = await fetch(frontend.url, { headers: { cookie: `x=1; ${cookie.split(';')[0]}` } });
      return [reply.headers.get('x-member'), reply.headers.get('set-cookie')];
    };
    for (let i = 0; i < 4; i++) expect(await again()).toEqual([pinned, null]);
    const own = pinned === 'a' ? a : b;
    const other = pinned === 'a' ? b : a;
    frontend.put(backendOf(own, { mode: 'drain' }));
    expect(await again()).toEqual([pinned, null]);
    expect((await sendRequests(frontend.url, 6)).byMember).toEqual({ [other.name]: 6 });
    frontend.put(backendOf(own, { mode: 'reject' }));
    expect(await again()).toEqual([other.name, `PIN=${other.name}; path=/; HttpOnly`]);
  });

  it('is a backup only while nobody else is up, and none that rejects', async () => {
    const frontend = await openTestFrontend();
    const [a, b, c] = [await startMember('a'), await startMember('b'), await startMember('c')];
    frontend.put(backendOf(a));
    frontend.put(backendOf(b, { mode: 'backup' }));
    frontend.put(backendOf(c, { mode: 'reject' }));
    await untilUp(frontend, 'a', 'b', 'c');
    expect((await sendRequests(frontend.url, 6)).byMember).toEqual({ a: 6 });
    a.setReady(false);
    await expect.poll(() => statusOf(frontend, 'a'), POLL).toBe('down');
    expect(await sendRequests(frontend.url, 6)).toMatchObject({ failed: 0, byMember: { b: 6 } });
    expect(c.seen()).toBe(0);
  });
});

describe('a backend that goes', () => {
  it('finishes what is under way when it drains and when it is removed', async () => {
    const frontend = await openTestFrontend();
    const web = await startWeb({ host: '127.0.0.1', port: 0, name: 'a' });
    closeLater(() => web.close(0));
    const other = await startMember('b');
    const spec = backendOf({ name: 'a', address: '127.0.0.1', port: web.port });
    frontend.put(spec);
    await untilUp(frontend, 'a');
    const download = fetch(`${frontend.url}/download?seconds=1&bytes=50000`).then(async (reply) => (await reply.arrayBuffer()).byteLength);
    await expect.poll(() => web.inFlight, POLL).toBe(1);
    frontend.put(backendOf(other));
    await untilUp(frontend, 'b');
    frontend.put({ ...spec, mode: 'drain' });
    expect(await sendRequests(frontend.url, 20)).toMatchObject({ failed: 0, byMember: { b: 20 } });
    expect(frontend.backends()[0]).toMatchObject({ mode: 'drain', sessions: 1 });
    expect([frontend.remove('a'), frontend.remove('a')]).toEqual([true, false]);
    expect(await download).toBe(50_000);
    expect(frontend.figures()).toMatchObject({ failed: 0, requests: 21 });
  });

  it('costs no request that may be repeated when it dies', async () => {
    const frontend = await openTestFrontend({ check: NO_CHECK });
    const [a, b] = [await startMember('a'), await startMember('b')];
    frontend.put(backendOf(a));
    frontend.put(backendOf(b));
    await a.stop();
    expect(await sendRequests(frontend.url, 20)).toMatchObject({ failed: 0, byMember: { b: 20 } });
    frontend.put(backendOf(b, { mode: 'reject' }));
    expect((await fetch(frontend.url)).status).toBe(502);
    frontend.remove('a');
    expect((await fetch(frontend.url)).status).toBe(503);
    expect(frontend.figures()).toMatchObject({ requests: 22, failed: 2 });
  });

  it('is told who the client is, whatever the client says of its protocol', async () => {
    const frontend = await openTestFrontend({ check: NO_CHECK });
    let seen = '';
    const echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        seen += chunk;
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      });
    });
    closeLater(() => new Promise((resolve) => echo.close(resolve)));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    frontend.put(backendOf({ name: 'a', address: '127.0.0.1', port: (echo.address() as AddressInfo).port }));
    await fetch(frontend.url, { headers: { 'x-forwarded-for': '10.1.1.1', 'x-forwarded-proto': 'https' } });
    expect(seen).toContain('x-forwarded-for: 10.1.1.1, 127.0.0.1\r\n');
    expect(seen.match(/x-forwarded-proto: .*/g)).toEqual(['x-forwarded-proto: http']);
  });
});

describe('changes of a frontend', () => {
  it('keep what is known of backends unless check, protocol or address change', async () => {
    const frontend = await openTestFrontend({ check: { ...CHECK, intervalMs: 60_000 } });
    const a = await startMember('a');
    frontend.put(backendOf(a));
    await untilUp(frontend, 'a');
    await frontend.update({ ...frontend.spec, algorithm: 'leastconn', stickiness: 'table' });
    expect(statusOf(frontend, 'a')).toBe('up');
    a.setReady(false);
    await frontend.update({ ...frontend.spec, check: { ...CHECK, attempts: 5 } });
    expect(statusOf(frontend, 'a')).toBe('unknown');
    await expect.poll(() => statusOf(frontend, 'a'), POLL).toBe('down');
  });

  it('move it to another port, and finish what is under way at the old one', async () => {
    const frontend = await openTestFrontend();
    const a = await startMember('a');
    frontend.put(backendOf(a));
    await untilUp(frontend, 'a');
    const slow = sendRequests(`${frontend.url}/?ms=400`, 1);
    await expect.poll(() => a.open(), POLL).toBe(1);
    await frontend.update({ ...frontend.spec, port: 0 });
    expect(`http://127.0.0.1:${frontend.spec.port}`).not.toBe(frontend.url);
    await untilUp(frontend, 'a');
    expect((await sendRequests(`http://127.0.0.1:${frontend.spec.port}`, 2)).failed).toBe(0);
    expect((await slow).failed).toBe(0);
    await expect(fetch(frontend.url)).rejects.toThrow();
  });

  it('leave the old one alone when the new one cannot listen', async () => {
    const taken = await openTestFrontend();
    const frontend = await openTestFrontend();
    frontend.put(backendOf(await startMember('a')));
    await untilUp(frontend, 'a');
    const before = frontend.spec;
    await expect(frontend.update({ ...before, port: taken.spec.port })).rejects.toThrow('EADDRINUSE');
    expect(frontend.spec).toEqual(before);
    expect((await sendRequests(frontend.url, 3)).failed).toBe(0);
    await expect(openFrontend({ ...before, port: taken.spec.port })).rejects.toThrow('EADDRINUSE');
  });

  it('are refused when it is closed, and closing cuts', async () => {
    const frontend = await openTestFrontend({ check: NO_CHECK });
    const a = await startMember('a');
    frontend.put(backendOf(a));
    const cut = new Promise((resolve) => httpRequest(`${frontend.url}/?ms=20000`).on('error', resolve).end());
    await expect.poll(() => a.open(), POLL).toBe(1);
    await frontend.close();
    await frontend.close();
    expect(await cut).toBeInstanceOf(Error);
    expect(() => frontend.put(backendOf(a))).toThrow('closed');
    await expect(frontend.update(frontend.spec)).rejects.toThrow('closed');
    await expect.poll(() => a.open(), POLL).toBe(0);
  });
});
