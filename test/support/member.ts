/** A small HTTP server that stands for a machine behind a balancer, as the balancer contract wants it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestMember {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  setReady(ready: boolean): void;
  /** Requests under way, checks apart. */
  open(): number;
  /** Requests ever seen, checks apart. */
  seen(): number;
  stop(): Promise<void>;
}

/** Answers `/healthz` (the check) and everything else with 200 and its name in `x-member`; `/wait?ms=N` after N ms, `/status?code=N`
 *  with that status, POST with the bytes it got. Not ready: 503 to everything. */
export async function startTestMember(name: string, ready = true, host = '127.0.0.1'): Promise<TestMember> {
  let isReady = ready;
  let open = 0;
  let seen = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://member');
    response.setHeader('x-member', name);
    const check = url.pathname === '/healthz';
    if (!check) {
      seen++;
      open++;
      response.on('close', () => open--);
    }
    if (!isReady) return void response.writeHead(503).end('starting');
    if (request.method === 'POST') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      return void request.pipe(response);
    }
    const answer = () => void response.writeHead(Number(url.searchParams.get('code') ?? 200)).end(name);
    const waitMs = Number(url.searchParams.get('ms') ?? 0);
    if (waitMs === 0) return answer();
    const timer = setTimeout(answer, waitMs);
    response.on('close', () => clearTimeout(timer));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    name,
    address: host,
    port,
    setReady: (now) => {
      isReady = now;
    },
    open: () => open,
    seen: () => seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface SentReport {
  readonly total: number;
  readonly failed: number;
  readonly byMember: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
}

/** Sends n GET requests to a URL, at most `atOnce` at a time, each over a connection of its own choosing, and counts who answered. */
export async function sendRequests(url: string, n: number, atOnce = 8): Promise<SentReport> {
  const byMember: Record<string, number> = {};
  const byStatus: Record<string, number> = {};
  let failed = 0;
  let next = 0;
  const worker = async () => {
    while (next < n) {
      next++;
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(20_000) });
        await response.arrayBuffer();
        const member = response.headers.get('x-member') ?? 'balancer';
        byMember[member] = (byMember[member] ?? 0) + 1;
        byStatus[response.status] = (byStatus[response.status] ?? 0) + 1;
        if (!response.ok) failed++;
      } catch {
        byStatus['none'] = (byStatus['none'] ?? 0) + 1;
        failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(n, atOnce) }, worker));
  return { total: n, failed, byMember, byStatus };
}
