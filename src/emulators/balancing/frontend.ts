import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Backend, Backends } from './backends.ts';
import type { BackendSpec, BackendView, Frontend, FrontendFigures, FrontendSpec } from './balancing.ts';
import { Figures } from './figures.ts';
import { forward, type Router } from './forward.ts';
import { relay } from './relay.ts';

const MAX_CONNECTIONS = 20_000;
const REQUEST_TIMEOUT_MS = 120_000;
/** How long requests and connections that are under way may go on after their listener changed. */
const LINGER_MS = 120_000;

export interface FrontendOptions {
  /** Name of the cookie of stickiness `http-cookie`. Default `SERVERID`. */
  readonly cookieName?: string;
}

/** Resolves once it listens; rejects when it cannot. Port 0: any free one, which `spec` then tells. */
export async function openFrontend(spec: FrontendSpec, options: FrontendOptions = {}): Promise<Frontend> {
  const frontend = new RunningFrontend(spec, options);
  await frontend.open();
  return frontend;
}

class RunningFrontend implements Frontend {
  spec: FrontendSpec;
  readonly #backends: Backends;
  readonly #figures = new Figures(() => performance.now());
  readonly #router: Router<Backend>;
  #listener: Listener | null = null;
  readonly #leaving = new Set<Listener>();
  #change: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(spec: FrontendSpec, options: FrontendOptions) {
    this.spec = spec;
    this.#backends = new Backends(spec);
    const name = options.cookieName ?? 'SERVERID';
    this.#router = {
      tellsProtocol: true,
      choose: (request, not) => this.#backends.choose(request.socket.remoteAddress ?? 'unknown', cookieOf(request, name), not),
      cookie: (request, target) =>
        this.spec.stickiness === 'http-cookie' && cookieOf(request, name) !== target.id ? `${name}=${encodeURIComponent(target.id)}; path=/; HttpOnly` : null,
    };
  }

  async open(): Promise<void> {
    this.#listener = await this.#listen(this.spec);
    this.spec = { ...this.spec, port: this.#listener.port };
  }

  /** One change after the other. */
  update(spec: FrontendSpec): Promise<void> {
    const change = this.#change.then(() => this.#update(spec));
    this.#change = change.catch(() => {});
    return change;
  }

  put(backend: BackendSpec): void {
    if (this.#closed) throw new Error('the frontend is closed');
    this.#backends.put(backend);
  }

  remove(id: string): boolean {
    return this.#backends.remove(id);
  }

  backends(): readonly BackendView[] {
    return this.#backends.all().map((backend) => backend.view());
  }

  figures(): FrontendFigures {
    const { requests, failed, request_rate: requestRate } = this.#figures.snapshot();
    return { requests, failed, sessions: this.#backends.all().reduce((sum, backend) => sum + backend.sessions, 0), requestRate };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#change;
    const listeners = [this.#listener, ...this.#leaving].filter((listener) => listener !== null);
    await Promise.all([...listeners.map((listener) => listener.cut()), this.#backends.destroy()]);
  }

  async #update(spec: FrontendSpec): Promise<void> {
    if (this.#closed) throw new Error('the frontend is closed');
    const before = this.spec;
    const moved = spec.address !== before.address || spec.port !== before.port;
    const spoken = spec.protocol !== before.protocol;
    if (moved || spoken) await this.#relisten(spec, moved);
    this.spec = { ...spec, port: this.#listener?.port ?? spec.port };
    this.#backends.setFrontend(this.spec, moved || spoken || JSON.stringify(spec.check) !== JSON.stringify(before.check));
  }

  async #relisten(spec: FrontendSpec, moved: boolean): Promise<void> {
    const old = this.#listener;
    if (moved) {
      this.#listener = await this.#listen(spec);
      if (old) this.#leave(old);
      return;
    }
    // The same place in another protocol: the old listener has to go first.
    if (old) this.#leave(old);
    try {
      this.#listener = await this.#listen(spec);
    } catch (e) {
      this.#listener = await this.#listen(this.spec);
      throw e;
    }
  }

  #leave(listener: Listener): void {
    this.#leaving.add(listener);
    void listener.finish().then(() => this.#leaving.delete(listener));
  }

  #listen(spec: FrontendSpec): Promise<Listener> {
    const server =
      spec.protocol === 'http'
        ? createHttpServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => forward(request, response, this.#router, this.#figures))
        : createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => relay(socket, this.#backends, this.#figures));
    return Listener.open(server, spec);
  }
}

class Listener {
  readonly #server: Server | HttpServer;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server | HttpServer) {
    this.#server = server;
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(server: Server | HttpServer, { address, port }: FrontendSpec): Promise<Listener> {
    const listener = new Listener(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, address, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nothing new; what is under way goes on for a while. */
  async finish(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if ('closeIdleConnections' in this.#server) this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#cutAll(), LINGER_MS);
    await closed;
    clearTimeout(cut);
  }

  async cut(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#cutAll();
    await closed;
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function cookieOf(request: IncomingMessage, name: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at < 0 || pair.slice(0, at).trim() !== name) continue;
    try {
      return decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      return null;
    }
  }
  return null;
}
