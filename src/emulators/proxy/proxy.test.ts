import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendRequests, startTestMember, type TestMember } from '../../../test/support/member.ts';
import { Figures } from '../balancing/figures.ts';
import { type RunningProxy, startProxy } from './proxy.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

describe('proxy', () => {
  let proxy: RunningProxy;
  let members: TestMember[];
  beforeEach(async () => {
    proxy = await startProxy({ listen: LOOPBACK, admin: LOOPBACK });
    members = [];
  });
  afterEach(async () => {
    await proxy.close();
    await Promise.all(members.map((m) => m.stop()));
  });

  const admin = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const reply = await fetch(`${proxy.adminUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  const list = async () => (await admin('GET', '/members')).body['members'] as Record<string, unknown>[];
  const stateOf = async (ref: string) => (await list()).find((m) => m['ref'] === ref);
  const join = async (member: TestMember, ref = member.name) => {
    const reply = await admin('PUT', `/members/${ref}`, { owner: 'me', address: member.address, port: member.port, check: '/healthz' });
    expect(reply.status).toBe(200);
    await until(async () => (await stateOf(ref))?.['health'] === 'up');
  };
  const start = async (name: string) => {
    const member = await startTestMember(name);
    members.push(member);
    return member;
  };

  it('answers 503 without a member, and counts it as failed', async () => {
    expect(await sendRequests(proxy.url, 3)).toMatchObject({ failed: 3, byStatus: { 503: 3 } });
    expect((await admin('GET', '/stats')).body).toMatchObject({ requests: 3, failed: 3, members: [] });
  });

  it('spreads requests evenly, and by weight when they are slow', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await join(a);
    await join(b);
    const sent = await sendRequests(proxy.url, 100);
    expect(sent.failed).toBe(0);
    expect(sent.byMember['a']).toBeGreaterThan(30);
    expect(sent.byMember['b']).toBeGreaterThan(30);
    const c = await start('c');
    await admin('PUT', '/members/c', { owner: 'me', address: c.address, port: c.port, weight: 8 });
    await until(async () => (await stateOf('c'))?.['state'] === 'ready');
    const slow = await sendRequests(`${proxy.url}/wait?ms=150`, 40, 20);
    expect(slow.byMember['c']).toBeGreaterThan((slow.byMember['a'] ?? 0) * 3);
  });

  it('passes bodies both ways, headers, status and repeated headers', async () => {
    await join(await start('a'));
    const body = 'x'.repeat(3_000_000);
    const reply = await fetch(proxy.url, { method: 'POST', body });
    expect(await reply.text()).toBe(body);
    expect((await fetch(`${proxy.url}/?code=404`)).status).toBe(404);
    expect((await fetch(proxy.url, { method: 'HEAD' })).headers.get('x-member')).toBe('a');
    expect((await sendRequests(`${proxy.url}/?code=500`, 2)).byStatus).toEqual({ 500: 2 });
    expect((await admin('GET', '/stats')).body).toMatchObject({ failed: 0, answers_5xx: 2 });
  });

  it('sends a GET once more to another member when one dies, and a POST not', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await join(a);
    await join(b);
    await sendRequests(proxy.url, 20); // connections are open to both
    const slow = sendRequests(`${proxy.url}/wait?ms=400`, 8);
    await until(async () => a.open() > 0 && b.open() > 0);
    await a.stop();
    expect(await slow).toMatchObject({ failed: 0, byMember: { b: 8 } });
    expect(await sendRequests(proxy.url, 50)).toMatchObject({ failed: 0, byMember: { b: 50 } });
    expect((await admin('GET', '/stats')).body['retried']).toBeGreaterThan(0);
    const post = fetch(`${proxy.url}/wait?ms=5000`, { method: 'GET' });
    await until(async () => b.open() > 0);
    await b.stop();
    expect((await post).status).toBe(502); // nobody is left to try
    expect((await fetch(proxy.url, { method: 'POST', body: 'x' })).status).toBeGreaterThanOrEqual(502);
  });

  it('cuts an answer that its member cut, and counts it as failed', async () => {
    const half = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => setTimeout(() => socket.destroy(), 30)));
    });
    await new Promise<void>((resolve) => half.listen(0, '127.0.0.1', resolve));
    try {
      const address = half.address();
      await admin('PUT', '/members/half', { owner: 'me', address: '127.0.0.1', port: typeof address === 'object' ? address?.port : 0 });
      await until(async () => (await stateOf('half'))?.['health'] === 'up');
      await expect(fetch(proxy.url).then((r) => r.text())).rejects.toThrow();
      await until(async () => (await admin('GET', '/stats')).body['failed'] === 1);
    } finally {
      half.close();
    }
  });

  it('ends the request at the member when the client goes away, and counts no failure', async () => {
    const a = await start('a');
    await join(a);
    const client = httpRequest(`${proxy.url}/wait?ms=20000`).on('error', () => {});
    client.end();
    await until(async () => a.open() === 1);
    client.destroy();
    await until(async () => a.open() === 0 && (await stateOf('a'))?.['sessions'] === 0);
    expect((await admin('GET', '/stats')).body).toMatchObject({ failed: 0 });
  });

  it('takes a member out when its check fails, and in again when it passes', async () => {
    const a = await start('a');
    await join(a);
    a.setReady(false);
    await until(async () => (await stateOf('a'))?.['health'] === 'down');
    expect(await stateOf('a')).toMatchObject({ last_check: 'answered 503' });
    expect((await sendRequests(proxy.url, 2)).byStatus).toEqual({ 503: 2 });
    a.setReady(true);
    await until(async () => (await stateOf('a'))?.['health'] === 'up');
    expect((await sendRequests(proxy.url, 2)).failed).toBe(0);
  });

  it('refuses what is wrong, and changes nothing by it', async () => {
    const good = { owner: 'me', address: '127.0.0.1', port: 9 };
    for (const bad of [{ ...good, port: 0 }, { ...good, address: 'web.example' }, { ...good, weight: 1000 }, { ...good, check: 'healthz' }, [], null])
      expect((await admin('PUT', '/members/x', bad)).status).toBe(400);
    expect((await admin('PUT', '/members/a%2Fb', good)).status).toBe(400);
    expect((await admin('PUT', '/members/%E0', good)).status).toBe(400);
    expect((await admin('PUT', '/members/x', { ...good, owner: 'x'.repeat(20_000) })).status).toBe(413);
    expect((await admin('PUT', '/members/x', good, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await admin('GET', '/nothing')).status).toBe(404);
    expect((await admin('DELETE', '/members/x')).status).toBe(404);
    expect(await list()).toEqual([]);
    expect((await admin('PUT', '/members/x', good)).status).toBe(200);
    expect((await admin('PUT', '/members/x', { ...good, port: 10 })).status).toBe(409);
    expect((await admin('POST', '/members/x/drain?owner=other')).status).toBe(404);
    await expect(startProxy({ listen: LOOPBACK, admin: { host: '0.0.0.0', port: 0 } })).rejects.toThrow('loopback');
  });

  it('tells its figures to Prometheus, and leaves out what it does not know', async () => {
    const text = async () => (await fetch(`${proxy.adminUrl}/metrics`)).text();
    expect(await text()).toMatch(/^proxy_requests_total 0$/m);
    expect(await text()).not.toMatch(/proxy_latency_seconds/);
    await join(await start('a'));
    await sendRequests(proxy.url, 10);
    expect(await text()).toMatch(/^proxy_requests_total 10$/m);
    expect(await text()).toMatch(/^proxy_members\{state="ready"\} 1$/m);
    expect(await text()).toMatch(/^proxy_member_sessions\{member="a"\} 0$/m);
    await until(async () => /^proxy_request_rate [1-9]/m.test(await text()));
    expect(await text()).toMatch(/^proxy_latency_seconds\{quantile="0.99"\} 0\.\d+$/m);
  });
});

describe('figures', () => {
  it('takes rate and latency over the last whole seconds', () => {
    let nowMs = 10_000;
    const figures = new Figures(() => nowMs);
    const requests = (n: number, latencyMs: number) => {
      for (let i = 0; i < n; i++) {
        figures.received();
        figures.answered(200, latencyMs);
      }
    };
    requests(10, 5);
    expect(figures.snapshot()).toMatchObject({ requests: 10, request_rate: null, latency_p50_ms: null });
    nowMs += 1000;
    requests(30, 5);
    expect(figures.snapshot().request_rate).toBe(10);
    nowMs += 1000;
    requests(1, 800);
    nowMs += 1000;
    const seen = figures.snapshot();
    expect(seen.request_rate).toBeCloseTo(41 / 3);
    expect(seen.latency_p50_ms).toBeGreaterThanOrEqual(5);
    expect(seen.latency_p50_ms).toBeLessThan(5.3);
    expect(seen.latency_p99_ms).toBeGreaterThanOrEqual(800);
    expect(seen.latency_p99_ms).toBeLessThan(841);
    // Five quiet seconds: no requests is a rate of zero, and no latency at all.
    nowMs += 8000;
    expect(figures.snapshot()).toMatchObject({ requests: 41, request_rate: 0, latency_p50_ms: null, latency_p99_ms: null });
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !(await holds()); ) {
    if (performance.now() > end) throw new Error('did not come true within 10 s');
    await new Promise((go) => setTimeout(go, 10));
  }
}
