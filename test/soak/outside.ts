/** What stands around the controller for ten minutes: a cloud asked by commands, balancers and a Prometheus asked by HTTP. Cheap, and true. */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Socket, type Server as SocketServer } from 'node:net';

interface Machine {
  readonly id: string;
  readonly install: string;
  readonly token: string;
  readonly group: string;
  readonly instance: string;
  readonly template: string;
  readonly address: string;
  readonly port: number;
  readonly created_at: number;
}
interface Member {
  readonly ref: string;
  readonly owner: string;
  readonly address: string;
  readonly port: number;
  readonly state: 'ready' | 'draining';
  readonly health: 'up';
  readonly sessions: 0;
  readonly last_check: null;
}

/** Every machine is asked at the address of the source when its group has checks; else nobody asks it anything. */
export const hasChecks = (group: number): boolean => group % 10 === 5;
/** Few groups grow and shrink. */
export const swings = (group: number): boolean => group % 50 === 0;
export const groupName = (i: number): string => `g${String(i).padStart(5, '0')}`;
export const balancerOf = (i: number): string => `lb${i % 20}`;
const numberOf = (group: string): number => Number(group.slice(1));

/** Two machines of 100 carry most groups; the others want one to three, in turns of two minutes. */
export function loadOf(i: number, atMs: number): number {
  const turn = Math.sin(2 * Math.PI * (atMs / 120_000 + ((i * 0.618) % 1)));
  return 150 + (swings(i) ? 140 : 25) * turn;
}

export class Outside {
  readonly install: string;
  readonly #web: Server;
  readonly #commands: SocketServer;
  readonly #sockets = new Set<Socket>();
  readonly #machines = new Map<string, Machine>();
  readonly #members = new Map<string, Map<string, Member>>();
  #next = 1;
  creates = 0;
  deletes = 0;
  lists = 0;
  webPort = 0;
  commandPort = 0;

  constructor(install: string) {
    this.install = install;
    this.#web = createHttpServer((request, response) => void this.#answer(request, response).catch(() => response.destroy()));
    // Longer than the controller keeps a connection that it does not use: the end that asks is the one that ends it.
    this.#web.keepAliveTimeout = 60_000;
    this.#commands = createSocketServer((socket) => this.#command(socket));
  }

  async open(): Promise<void> {
    const listening = (server: Server | SocketServer): Promise<number> =>
      new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));
    this.webPort = await listening(this.#web);
    this.commandPort = await listening(this.#commands);
  }

  async close(): Promise<void> {
    this.#web.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([this.#web, this.#commands].map((server) => new Promise((done) => server.close(done))));
  }

  get size(): number {
    return this.#machines.size;
  }

  make(token: string, group: string, instance: string, template: string): Machine {
    const twin = [...this.#machines.values()].find((m) => m.token === token);
    if (twin) return twin;
    const n = this.#next++;
    const [address, port] = hasChecks(numberOf(group)) ? ['127.0.0.1', this.webPort] : [`127.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`, 8080];
    const machine = { id: `m-${n}`, install: this.install, token, group, instance, template, address, port, created_at: Math.floor(Date.now() / 1000) };
    this.#machines.set(machine.id, machine);
    return machine;
  }

  /** A member that is there already, under the name that the driver would give it. */
  attach(balancer: string, ref: string, address: string, port: number): void {
    this.#of(balancer).set(ref, { ref, owner: this.install, address, port, state: 'ready', health: 'up', sessions: 0, last_check: null });
  }

  #of(balancer: string): Map<string, Member> {
    let members = this.#members.get(balancer);
    if (!members) {
      members = new Map();
      this.#members.set(balancer, members);
    }
    return members;
  }

  /** What Prometheus would say: the newest sample is five seconds old. */
  #read(query: string): unknown {
    const second = Date.now() / 1_000;
    const value = query.includes('time()') ? 5 : loadOf(numberOf(/load_(g\d+)/.exec(query)?.[1] ?? 'g0'), Date.now());
    return { status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [second, String(value)] }] } };
  }

  #command(socket: Socket): void {
    this.#sockets.add(socket);
    let line = '';
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // the command was killed
    socket.on('data', (chunk) => {
      line += chunk.toString();
      if (line.endsWith('\n')) socket.end(this.#obey(line.trimEnd().split('|')));
    });
  }

  #obey([call = '', id = '', token = '', group = '', instance = '', template = '']: readonly string[]): string {
    const machine = this.#machines.get(id);
    switch (call) {
      case 'list':
        this.lists++;
        return `0\n${JSON.stringify({ machines: [...this.#machines.values()], complete: true })}`;
      case 'create':
        this.creates++;
        return `0\n${JSON.stringify(this.make(token, group, instance, template))}`;
      case 'get':
        return machine ? `0\n${JSON.stringify(machine)}` : '11\n';
      default:
        this.deletes++;
        this.#machines.delete(id);
        return '0\n';
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (value: unknown, status = 200): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const url = new URL(request.url ?? '/', 'http://outside');
    const [, what = '', name = '', , ref = '', verb] = url.pathname.split('/');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (what === 'prometheus') return json(this.#read(url.searchParams.get('query') ?? new URLSearchParams(text).get('query') ?? ''));
    if (what !== 'lb') return json({}); // a machine's check, a message
    const members = this.#of(name);
    if (ref === '') return json({ members: [...members.values()] });
    if (request.method === 'PUT') {
      const { address, port } = JSON.parse(text) as { address: string; port: number };
      this.attach(name, decodeURIComponent(ref), address, port);
    }
    const member = members.get(decodeURIComponent(ref));
    if (!member) return json({ error: 'no such member' }, 404);
    if (verb === 'drain') members.set(member.ref, { ...member, state: 'draining' });
    if (request.method === 'DELETE') members.delete(member.ref);
    return json(members.get(member.ref) ?? member);
  }
}
