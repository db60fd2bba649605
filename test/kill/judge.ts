/**
 * `node judge.ts SEED NETWORK PORT [tokens]`: a cloud, a balancer, a source of load and the other end of hooks in one process, which outlives every
 * controller. It holds the truth and writes down every call. NETWORK: the first two bytes of its machines' addresses, PORT: where they answer;
 * `tokens`: a create with a token it knows gives the machine of the first time.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { Figures } from '../../src/emulators/balancing/figures.ts';
import { serveAdmin } from '../../src/emulators/proxy/admin.ts';
import { Members, type MemberView } from '../../src/emulators/proxy/members.ts';
import { Dice } from './dice.ts';
import { type Call, type Entry, JudgeCloud, type JudgeMachine } from './judge-cloud.ts';

export interface JudgeReady {
  readonly url: string;
  readonly commandPort: number;
  readonly memberPort: number;
}
/** What the harness may change. */
export interface Orders {
  readonly load?: number;
  readonly calm?: boolean;
}
export interface Truth {
  readonly machines: readonly JudgeMachine[];
  readonly members: readonly MemberView[];
  readonly violations: readonly string[];
  readonly diary: readonly Entry[];
}

const [seedText = '', network = '', portText = '', tokens] = process.argv.slice(2);
const seed = Number(seedText);
const memberPort = Number(portText);
const dice = new Dice(seed * 104_729);
/** Open sessions that a member still has when it is told to drain, ms. */
const sessionsMs = dice.between(0, 1) * dice.between(0, 150);
const hookMs = dice.between(0, 60);
const loseHook = dice.next() * 0.3;

const members = new Members(0);
const figures = new Figures(() => performance.now());
const attached = new Set<string>();
const drained = new Set<string>();
const unheard = new Set<string>();
let load = 0;

const cloud = new JudgeCloud(seed, { network, port: memberPort, knowsTokens: tokens === 'tokens' }, (machine) => {
  if (members.all().some((m) => m.spec.address === machine.address)) return 'the balancer still has it';
  return attached.has(machine.address) && !drained.has(machine.address) ? 'it was in the balancer and never drained' : null;
});
members.add({ ref: 'theirs', owner: 'somebody-else', address: '127.0.0.1', port: 9, weight: 3, check: null });

/** Every change of the balancer is written down before it is made. */
function noteChange(request: IncomingMessage): void {
  const found = /^\/members\/([^/?]+)(\/drain)?/.exec(request.url ?? '');
  if (!found) return;
  const ref = decodeURIComponent(found[1] ?? '');
  const member = members.get(ref);
  if (request.method === 'POST' && member) {
    cloud.note('drain', ref);
    drained.add(member.spec.address);
    if (sessionsMs === 0 || member.state === 'draining') return;
    member.sessions = 1;
    setTimeout(() => {
      member.sessions = 0;
    }, sessionsMs);
  } else if (request.method === 'DELETE') cloud.note('detach', ref);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://judge');
  const json = (value: unknown): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  switch (url.pathname) {
    case '/load':
      return json({ load });
    case '/truth':
      return json(truth(Number(url.searchParams.get('from') ?? 0)));
    case '/orders': {
      const orders = JSON.parse(await text(request)) as Orders;
      load = orders.load ?? load;
      cloud.calm = orders.calm ?? cloud.calm;
      return json({});
    }
    case '/hook': {
      const token = url.searchParams.get('token') ?? '';
      cloud.note('hook', token);
      await text(request);
      await new Promise((done) => setTimeout(done, hookMs));
      if (cloud.calm || unheard.has(token) || !dice.chance(loseHook)) return json({});
      unheard.add(token);
      return void response.destroy();
    }
  }
  noteChange(request);
  await serveAdmin(request, response, members, figures);
  for (const { spec } of members.all()) {
    if (spec.owner === 'somebody-else' || attached.has(spec.address)) continue;
    attached.add(spec.address);
    cloud.note('attach', spec.ref);
  }
}

function truth(from: number): Truth {
  return { machines: [...cloud.machines.values()], members: members.all().map((m) => m.view()), violations: cloud.violations, diary: cloud.diary.slice(from) };
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const web = createHttpServer((request, response) => {
  answer(request, response).catch((e) => {
    cloud.violations.push(`the judge itself failed: ${String(e)}`);
    response.destroy();
  });
});

const commands = createSocketServer((socket) => {
  let line = '';
  socket.on('error', () => {}); // the command was killed
  socket.on('data', (chunk) => {
    line += chunk.toString();
    if (!line.endsWith('\n')) return;
    const [name = '', id = '', token = '', group = '', install = '', instance = '', template = ''] = line.trimEnd().split('|');
    const call: Call = { name, id, token, group, install, instance, template };
    void cloud.answer(call).then((reply) => (reply === null ? socket.destroy() : socket.end(`${reply.code}\n${reply.body}`)));
  });
});

const listening = (server: typeof web | typeof commands): Promise<number> =>
  new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));
const [port, commandPort] = await Promise.all([listening(web), listening(commands)]);
process.once('disconnect', () => process.exit(0));
const ready: JudgeReady = { url: `http://127.0.0.1:${port}`, commandPort, memberPort };
process.send?.(ready);
