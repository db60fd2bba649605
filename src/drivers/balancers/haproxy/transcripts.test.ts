/**
 * Conversations with HAProxy of several versions, word for word, and the driver's part in them replayed: every line it sends must be the
 * recorded one. They differ in replies, columns, and in when a change shows.
 * To record anew: DROVER_RECORD_HAPROXY=/path/to/haproxy npx vitest run --project unit src/drivers/balancers/haproxy/transcripts.test.ts
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startTestMember } from '../../../../test/support/member.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { realSockets } from '../../../platform/sockets.ts';
import type { Balancer } from '../../../ports/balancer.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { DriverError } from '../../../ports/errors.ts';
import type { Sockets } from '../../../ports/sockets.ts';
import { manifest } from './driver.ts';

const FOLDER = new URL('./transcripts/', import.meta.url);
const signal = () => AbortSignal.timeout(15_000);

interface Turn {
  readonly sent: string;
  readonly reply: string;
}
interface Transcript {
  readonly version: string;
  readonly port: number;
  readonly turns: readonly Turn[];
}

/** What is done in every conversation, and what came of each step. */
async function scenario(ports: DriverPorts, socket: string, port: number): Promise<Record<string, unknown>> {
  const open = (given: object): Promise<Balancer> => manifest.open(manifest.options.parse({ socket, ...given }), ports);
  const outcome: Record<string, unknown> = {};
  const step = async (name: string, run: () => Promise<unknown>) => {
    outcome[name] = await run().catch((e: unknown) => (e instanceof DriverError ? `${e.code}: ${e.message}` : String(e)));
  };
  const listed = async (balancer: Balancer) => (await balancer.members(signal())).items.map((m) => `${m.ref} ${m.state} ${m.health} ${m.sessions}`);
  const walk = async (name: string, balancer: Balancer, weight: number | null) => {
    let ref = '';
    await step(`${name} attach`, async () => {
      ref = await balancer.attach({ instance: 'web-1', address: '127.0.0.1', port, weight }, signal());
      return ref;
    });
    await step(`${name} attached`, () => listed(balancer));
    await step(`${name} drain`, () => balancer.drain(ref, signal()));
    await step(`${name} drained`, () => listed(balancer));
    await step(`${name} detach`, () => balancer.detach(ref, signal()));
    await step(`${name} detached`, () => listed(balancer));
  };
  await walk('slots', await open({ backend: 'web' }), 7);
  await walk('dynamic', await open({ backend: 'api', server_options: 'inter 100ms' }), null);
  await walk('unchecked', await open({ backend: 'api', check: false }), null);
  await step('no backend', () => open({ backend: 'nope' }).then(listed));
  await step('static', async () =>
    (await open({ backend: 'fixed', mode: 'dynamic' })).attach({ instance: 'web-1', address: '127.0.0.1', port, weight: null }, signal()),
  );
  return outcome;
}

/** A long line that was there before stands as `@N`, N counted from the first such line: headers repeat with every read. */
const LONG = 150;

function format({ version, port, turns }: Transcript): string {
  const known: string[] = [];
  const shorten = (line: string): string => {
    if (line.length < LONG) return line;
    const at = known.indexOf(line);
    if (at < 0) known.push(line);
    return at < 0 ? line : `@${at}`;
  };
  const lines = [`HAProxy ${version}, member on port ${port}`];
  for (const { sent, reply } of turns) {
    lines.push(`> ${sent.replace(/\n$/, '')}`, ...reply.split('\n').map((line) => `< ${shorten(line)}`.trimEnd()));
  }
  return `${lines.join('\n')}\n`;
}

function parse(text: string): Transcript {
  const [head = '', ...lines] = text.replace(/\n$/, '').split('\n');
  const known: string[] = [];
  const turns: { sent: string; lines: string[] }[] = [];
  for (const line of lines) {
    const said = line.slice(2);
    if (line.startsWith('>')) turns.push({ sent: `${said}\n`, lines: [] });
    else turns.at(-1)?.lines.push(/^@\d+$/.test(said) ? (known[Number(said.slice(1))] ?? '') : said);
    if (line.startsWith('<') && said.length >= LONG) known.push(said);
  }
  const [, version = '', port = ''] = /^HAProxy (\S+), member on port (\d+)$/.exec(head) ?? [];
  return { version, port: Number(port), turns: turns.map((turn) => ({ sent: turn.sent, reply: turn.lines.join('\n') })) };
}

/** Answers as recorded, in order; anything else said is a failure. Time passes only in sleeps. */
function replay(turns: readonly Turn[]): { readonly ports: DriverPorts; left(): number } {
  let at = 0;
  let nowMs = 0;
  const sockets: Sockets = {
    exchange: async (_target, sent) => {
      const turn = turns[at++];
      expect(sent).toBe(turn?.sent);
      return turn?.reply ?? '';
    },
    canConnect: async () => true,
  };
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const clock: Clock = { wall: () => nowMs, mono: () => nowMs, sleep, after: () => () => {} };
  return { ports: realPorts({ sockets, clock }), left: () => turns.length - at };
}

function expected(version: string, port: number): Record<string, unknown> {
  const at = `127.0.0.1:${port}`;
  const [slot, server] = [`app1@${at}`, 'drover-web-1'];
  const walked = (name: string, ref: string, health: string) => ({
    [`${name} attach`]: ref,
    [`${name} attached`]: [`${ref} ready ${health} 0`],
    [`${name} drain`]: undefined,
    [`${name} drained`]: [`${ref} draining ${health} 0`],
    [`${name} detach`]: undefined,
    [`${name} detached`]: [],
  });
  const refused = expect.stringMatching(/^bad-request: this HAProxy \(2\.4\) cannot check servers/);
  const old = version.startsWith('2.4');
  return {
    ...walked('slots', slot, 'up'),
    ...(old ? { ...walked('dynamic', server, ''), 'dynamic attach': refused, 'dynamic attached': [], 'dynamic drained': [] } : walked('dynamic', server, 'up')),
    ...walked('unchecked', server, 'unknown'),
    'no backend': expect.stringMatching(/^not-found: HAProxy has no such backend/),
    static: expect.stringMatching(/^bad-request: servers cannot be added to this backend/),
  };
}

const program = process.env['DROVER_RECORD_HAPROXY'];
if (program === undefined) {
  describe('recorded conversations', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
    it('are there for old and new versions', () => {
      expect(files.length).toBeGreaterThanOrEqual(4);
    });
    it.each(files)('%s', async (file) => {
      const { version, port, turns } = parse(readFileSync(new URL(file, FOLDER), 'utf8'));
      const { ports, left } = replay(turns);
      expect(await scenario(ports, '/run/haproxy/admin.sock', port)).toEqual(expected(version, port));
      expect(left()).toBe(0);
    });
  });
} else {
  it('records a conversation', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'drover-record-'));
    const socket = join(dir, 's');
    const member = await startTestMember('m-1');
    let child: ChildProcess | null = null;
    try {
      writeFileSync(join(dir, 'cfg'), recordConfig(socket));
      child = spawn(program, ['-db', '-f', join(dir, 'cfg')], { stdio: 'ignore' });
      while (!(await realSockets.canConnect({ path: socket }, 100))) await new Promise((go) => setTimeout(go, 20));
      const turns: Turn[] = [];
      const sockets: Sockets = {
        ...realSockets,
        exchange: async (target, sent, limits) => {
          const reply = await realSockets.exchange(target, sent, limits);
          turns.push({ sent, reply });
          return reply;
        },
      };
      const version = /version (\d+\.\d+\.\d+)/.exec(execFileSync(program, ['-v'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
      const outcome = await scenario(realPorts({ sockets }), socket, member.port);
      writeFileSync(new URL(`${version}.txt`, FOLDER), format({ version, port: member.port, turns }));
      expect(outcome).toEqual(expected(version, member.port));
    } finally {
      child?.kill('SIGKILL');
      await member.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
}

function recordConfig(socket: string): string {
  return `
global
  stats socket ${socket} level admin
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
backend web
  option httpchk GET /healthz
  default-server inter 100ms rise 2
  server theirs 127.0.0.1:9 disabled
  server-template app 1-2 127.0.0.1:1 disabled check weight 100
backend api
  balance roundrobin
  option httpchk GET /healthz
backend fixed
  balance static-rr
`;
}
