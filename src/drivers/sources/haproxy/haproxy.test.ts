import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answer, answerEndless, answerHalf, answerHtml, answerNothing, openHttpBench } from '../../../../test/support/http-bench.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import type { Clock } from '../../../ports/clock.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Sockets } from '../../../ports/sockets.ts';
import { type SourceBench, type SourceWorld, sourceContract } from '../../../testing/source-contract.ts';
import { manifest } from './driver.ts';
import type { HaproxySourceQuery } from './options.ts';

const COLUMNS = ['pxname', 'svname', 'qcur', 'scur', 'stot', 'bin', 'bout', 'status', 'type', 'req_tot', 'hrsp_2xx', 'hrsp_5xx', 'qtime', 'rtime'] as const;
type Row = Partial<Record<(typeof COLUMNS)[number], string | number>>;
const csv = (rows: readonly Row[]) => `# ${COLUMNS.join(',')},\n${rows.map((row) => `${COLUMNS.map((c) => row[c] ?? '').join(',')},`).join('\n')}\n`;
const backend = (row: Row): Row => ({ pxname: 'web', svname: 'BACKEND', type: 1, status: 'UP', ...row });
const server = (name: string, status: string): Row => ({ pxname: 'web', svname: name, type: 2, status });

const never = new AbortController().signal;
const CONNECTIONS: HaproxySourceQuery = { metric: 'connections', backend: 'web', window: '10s' };

/** What a world answers on the Runtime API; null: nothing, ever. */
function runtimeReply(world: SourceWorld): string | null {
  if (world.kind === 'value') return `${csv([backend({ scur: world.value })])}\n`;
  if (world.kind === 'empty') return 'No such proxy.\n\n';
  if (world.kind === 'garbage') return 'SSH-2.0-OpenSSH_9.2\n\n';
  if (world.kind === 'cut-off') return csv([backend({ scur: 7 })]).slice(0, -12);
  if (world.kind === 'failing') return 'Permission denied\n\n';
  return null;
}

async function runtimeBench(): Promise<SourceBench<HaproxySourceQuery>> {
  const dir = mkdtempSync(join(tmpdir(), 'drover-source-'));
  const path = join(dir, 'admin.sock');
  let world: SourceWorld = { kind: 'empty' };
  const open = new Set<Socket>();
  const serve = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    const reply = runtimeReply(world);
    socket.once('data', () => {
      if (reply !== null) socket.end(reply);
      else if (world.kind === 'huge') flood(socket);
    });
  };
  let listening: Server | null = null;
  const down = async () => {
    const server = listening;
    listening = null;
    for (const socket of open) socket.destroy();
    if (server) await new Promise((resolve) => server.close(resolve));
  };
  const up = async () => {
    if (listening) return;
    const server = createServer(serve);
    listening = server;
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  };
  return {
    source: await manifest.open(manifest.options.parse({ socket: path, timeout: '1s' }), realPorts()),
    arrange: async (next) => {
      world = next;
      if (next.kind === 'down') await down();
      else await up();
      return CONNECTIONS;
    },
    nowMs: () => Date.now(),
    secrets: [],
    close: async () => {
      await down();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
function flood(socket: Socket): void {
  const chunk = 'x'.repeat(1_000_000);
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', more);
  more();
}

process.env['DROVER_TEST_STATS_PASSWORD'] = 'stats-5ecret';
async function pageBench(): Promise<SourceBench<HaproxySourceQuery>> {
  const bench = await openHttpBench();
  const auth = { basic: { username: 'admin', password: { env: 'DROVER_TEST_STATS_PASSWORD' } } };
  return {
    source: await manifest.open(manifest.options.parse({ url: `${bench.url}/stats`, auth, timeout: '1s' }), realPorts()),
    arrange: async (world) => {
      if (world.kind === 'down') await bench.down();
      else if (world.kind === 'value') await bench.handle(answer(200, csv([backend({ scur: world.value })]), { 'content-type': 'text/plain' }));
      else if (world.kind === 'empty') await bench.handle(answer(200, csv([{ pxname: 'other', svname: 'BACKEND', scur: 1 }])));
      else if (world.kind === 'garbage') await bench.handle(answerHtml);
      else if (world.kind === 'cut-off') await bench.handle(answerHalf(csv([backend({ scur: 7 })])));
      else if (world.kind === 'failing') await bench.handle(answer(401, 'who are you, stats-5ecret?'));
      else await bench.handle(world.kind === 'huge' ? answerEndless : answerNothing);
      return CONNECTIONS;
    },
    nowMs: () => Date.now(),
    secrets: ['stats-5ecret'],
    close: () => bench.close(),
  };
}

sourceContract('haproxy, Runtime API', runtimeBench, { nan: false, several: false, range: false, negative: false });
sourceContract('haproxy, statistics page', pageBench, { nan: false, several: false, range: false, negative: false });

/** A source whose world is one text and whose clock stands until it is moved. */
async function scripted() {
  let atMs = 1_000_000;
  let reply = '';
  const lines: string[] = [];
  const clock: Clock = { wall: () => atMs, mono: () => atMs, sleep: async () => {}, after: () => () => {} };
  const sockets: Sockets = {
    exchange: async (_target, text) => {
      lines.push(text);
      if (reply === '') throw new DriverError('unreachable', 'refused');
      return reply;
    },
    canConnect: async () => true,
  };
  const source = await manifest.open(manifest.options.parse({ socket: '/run/haproxy.sock' }), realPorts({ clock, sockets }));
  return {
    lines,
    /** Time passes, then the rows are these, then the metric is read. */
    async after(ms: number, rows: readonly Row[], query: Record<string, unknown>) {
      atMs += ms;
      reply = rows.length === 0 ? '' : `${csv(rows)}\n`;
      return source.read(manifest.query.parse({ backend: 'web', ...query }), never);
    },
  };
}

describe('haproxy source', () => {
  it('asks for one section by name', async () => {
    const world = await scripted();
    await world.after(0, [backend({ scur: 1 })], { metric: 'connections' });
    expect(world.lines).toEqual(['show stat web 7 -1\n']);
  });

  it('reads the queue from the BACKEND row, and counts the servers that are up', async () => {
    const world = await scripted();
    const rows = [
      server('a', 'UP'),
      server('b', 'UP 1/3'),
      server('c', 'MAINT'),
      server('d', 'DOWN'),
      server('e', 'no check'),
      backend({ qcur: 12, scur: 30 }),
    ];
    expect(await world.after(0, rows, { metric: 'queue' })).toMatchObject({ kind: 'value', value: 12, members: 3 });
    expect(await world.after(0, rows, { metric: 'sessions_per_server' })).toMatchObject({ kind: 'value', value: 10, members: 3 });
    expect(await world.after(0, [backend({ scur: 30 })], { metric: 'sessions_per_server' })).toMatchObject({ kind: 'missing', reason: 'empty' });
  });

  it('takes rates from growth: nothing at first, then per second of the time between', async () => {
    const world = await scripted();
    const read = (ms: number, req_tot: number, more: Row = {}) => world.after(ms, [backend({ req_tot, stot: req_tot, ...more })], { metric: 'request_rate' });
    expect(await read(0, 5000)).toMatchObject({ kind: 'missing', reason: 'absent', detail: expect.stringContaining('second reading') });
    expect(await read(400, 5100)).toMatchObject({ kind: 'missing', reason: 'absent' });
    expect(await read(14_600, 6500)).toMatchObject({ kind: 'value', value: 100 });
    expect(await read(15_000, 6500)).toMatchObject({ kind: 'value', value: 0 });
    // Another group reads a moment later: still over at least the window, not over that moment.
    expect(await read(100, 6520)).toMatchObject({ kind: 'value', value: expect.closeTo(20 / 15.1) });
  });

  it('says missing once when the counters begin anew, and is never negative', async () => {
    const world = await scripted();
    const read = (ms: number, req_tot: number, bin: number) =>
      world.after(ms, [backend({ req_tot, bin, hrsp_5xx: req_tot, hrsp_2xx: 0 })], { metric: 'errors_5xx' });
    await read(0, 100, 9000);
    expect(await read(10_000, 200, 18_000)).toMatchObject({ value: 10 });
    expect(await read(10_000, 3, 300)).toMatchObject({ kind: 'missing', reason: 'absent', detail: expect.stringContaining('anew') });
    expect(await read(10_000, 23, 2300)).toMatchObject({ kind: 'value', value: 2 });
    // The requests have caught up within one interval; the bytes tell.
    expect(await read(10_000, 24, 100)).toMatchObject({ kind: 'missing', reason: 'absent' });
  });

  it('gives the share of errors, and none when nothing was answered', async () => {
    const world = await scripted();
    const read = (hrsp_2xx: number, hrsp_5xx: number) => world.after(10_000, [backend({ hrsp_2xx, hrsp_5xx })], { metric: 'error_ratio' });
    await read(100, 10);
    expect(await read(175, 35)).toMatchObject({ kind: 'value', value: 0.25 });
    expect(await read(175, 35)).toMatchObject({ kind: 'missing', reason: 'empty' });
  });

  it.each([
    ['response_time', 80],
    ['queue_time', 4],
  ])('gives %s only while requests come: the average is frozen when idle', async (metric, expected) => {
    const world = await scripted();
    const read = (req_tot: number) => world.after(15_000, [backend({ req_tot, rtime: 80, qtime: 4 })], { metric });
    expect(await read(10)).toMatchObject({ kind: 'missing', reason: 'absent' });
    expect(await read(20)).toMatchObject({ kind: 'value', value: expected });
    expect(await read(20)).toMatchObject({ kind: 'missing', reason: 'stale' });
    expect(await read(21)).toMatchObject({ kind: 'value', value: expected });
  });

  it('does not take what is not told for zero', async () => {
    const world = await scripted();
    const tcp = () => world.after(15_000, [backend({ stot: 5, req_tot: '', hrsp_5xx: '' })], { metric: 'request_rate' });
    await tcp();
    expect(await tcp()).toMatchObject({ kind: 'missing', reason: 'absent', detail: expect.stringContaining('mode http') });
    expect(await world.after(0, [backend({})], { metric: 'connections' })).toMatchObject({ kind: 'missing', reason: 'absent' });
    expect(await world.after(0, [backend({ scur: 1 })], { metric: 'connections', backend: 'api' })).toMatchObject({ kind: 'missing', reason: 'absent' });
    expect(await world.after(0, [], { metric: 'connections' })).toMatchObject({ kind: 'missing', reason: 'source-error' });
  });

  it('goes on after an outage of its own, over the time that passed, and forgets what is long ago', async () => {
    const world = await scripted();
    const read = (ms: number, req_tot: number) => world.after(ms, [backend({ req_tot })], { metric: 'request_rate' });
    await read(0, 0);
    expect(await world.after(15_000, [], { metric: 'request_rate' })).toMatchObject({ reason: 'source-error' });
    expect(await read(15_000, 300)).toMatchObject({ kind: 'value', value: 10 });
    expect(await read(3_600_000, 100_000)).toMatchObject({ kind: 'missing', reason: 'absent' });
  });

  it('refuses options and queries that cannot be', () => {
    for (const bad of [
      {},
      { socket: '/a', url: 'http://a' },
      { address: 'host' },
      { socket: '/a', auth: { bearer: { env: 'X' } } },
      { socket: '/a', sockets: 1 },
    ])
      expect(manifest.options.safeParse(bad).success).toBe(false);
    for (const bad of [
      { metric: 'connections' },
      { metric: 'queue', frontend: 'www' },
      { metric: 'cpu', backend: 'web' },
      { metric: 'connections', backend: 'web; shutdown' },
      { metric: 'connections', backend: 'a', frontend: 'b' },
      { metric: 'request_rate', backend: 'web', window: '1h' },
    ])
      expect(manifest.query.safeParse(bad).success).toBe(false);
  });
});
