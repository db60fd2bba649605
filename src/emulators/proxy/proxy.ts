/** A small HTTP load balancer for demos and tests: it runs in a process of its own, so that it outlives the controller. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../../ports/clock.ts';
import { Figures } from '../balancing/figures.ts';
import { forward } from '../balancing/forward.ts';
import { serveAdmin } from './admin.ts';
import { Members, type ProxyMember } from './members.ts';

export interface ProxyAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface ProxyOptions {
  /** Where requests come in. */
  readonly listen: ProxyAddress;
  /** Where it is told what to do. Without a password, so loopback only. */
  readonly admin: ProxyAddress;
  /** Where the rotation among equals begins. Default: at the first. */
  readonly random?: Random;
}

export interface RunningProxy {
  readonly url: string;
  readonly adminUrl: string;
  /** Ends at once; requests under way are cut. */
  close(): Promise<void>;
}

export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  if (!/^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(options.admin.host)) throw new Error('the admin port of the proxy has no password: bind it to loopback');
  const figures = new Figures(() => performance.now());
  const members = new Members((options.random?.u32() ?? 0) % 1024);
  const router = { choose: (_: unknown, not: ProxyMember | null) => members.choose(not) };
  const data = await listen(options.listen, (request, response) => forward(request, response, router, figures));
  try {
    const admin = await listen(options.admin, (request, response) => void serveAdmin(request, response, members, figures));
    return {
      url: urlOf(data),
      adminUrl: urlOf(admin),
      close: async () => {
        const closed = [data, admin].map((server) => new Promise((resolve) => server.close(resolve)));
        data.closeAllConnections();
        admin.closeAllConnections();
        await Promise.all([...closed, members.destroy()]);
      },
    };
  } catch (e) {
    data.close();
    throw e;
  }
}

async function listen(address: ProxyAddress, listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  server.requestTimeout = 120_000;
  server.maxConnections = 20_000;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address.port, address.host, resolve));
  return server;
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
