import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SecretVault } from '../../src/platform/secrets-vault.ts';
import { until } from '../support/daemon.ts';
import { bearer, documentedRoutes, serveProcess, tempDir } from './support.ts';

const canary = (name: string): string => `canary-${name}-7d1f93ab`;
const SECRETS = ['cloud', 'source', 'notify', 'sign', 'hook', 'receiver', 'hmac', 'slack', 'environment', 'tokenfile', 'kept'] as const;
/** Given where no secret belongs: by mistake, or by someone who guesses. */
const MISPLACED = ['guess', 'query', 'open', 'wrongkey'] as const;

/** A text as it could stand somewhere: as it is, in base64 at each of the three offsets, in hex, for an address. */
function forms(text: string): readonly string[] {
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.from('x'.repeat(offset) + text)
      .toString('base64')
      .slice(Math.ceil((offset * 8) / 6), -4),
  );
  const hex = Buffer.from(text).toString('hex');
  return [text, ...base64, hex, hex.toUpperCase(), encodeURIComponent(text.replaceAll('-', '=')), text.replaceAll('-', '\\u002d')];
}

function found(where: string, content: string, secrets: readonly string[]): string[] {
  return secrets.flatMap((secret) => forms(secret).flatMap((form) => (content.includes(form) ? [`${where}: ${form}`] : [])));
}

const CLOUD = `#!NODE
const fs = require('node:fs');
const file = __dirname + '/machines.json';
const machines = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : [];
const save = (list) => fs.writeFileSync(file, JSON.stringify(list));
const { DROVER_CALL: call, API_KEY: key } = process.env;
if (key === undefined || !key.startsWith('canary')) process.exit(3);
fs.appendFileSync(__dirname + '/calls', call + '\\n');
if (call === 'create' && !fs.existsSync(__dirname + '/failed')) {
  fs.writeFileSync(__dirname + '/failed', '');
  console.error('login with ' + key + ' failed, ' + Buffer.from(key).toString('base64').slice(0, 0));
  process.exit(1);
}
if (call === 'list') console.log(JSON.stringify({ machines, complete: true }));
if (call === 'create') {
  const e = process.env;
  const old = machines.find((m) => m.token === e.DROVER_TOKEN);
  const one = old ?? { id: 'm' + (machines.length + 1), token: e.DROVER_TOKEN, install: e.DROVER_INSTALL, group: e.DROVER_GROUP, instance: e.DROVER_INSTANCE, template_id: e.DROVER_TEMPLATE_ID, name: e.DROVER_NAME, state: 'running', address: '127.0.0.1' };
  if (!old) save([...machines, one]);
  console.log(JSON.stringify(one));
}
if (call === 'delete') save(machines.filter((m) => m.id !== process.env.DROVER_MACHINE_ID));
`;

function textOf(port: number): string {
  return `version: 1
server: { listen: '127.0.0.1:0', state: ./state, log_level: debug, auth: { tokens_file: ./tokens } }
clouds:
  paper: { type: exec, list: [./cloud, list], create: [./cloud, create], delete: [./cloud, delete], idempotent: token, env: { API_KEY: { file: ./cloud-key } } }
sources:
  load: { type: http, url: "http://127.0.0.1:${port}/load", auth: { bearer: { file: ./source-key } } }
notify:
  ops: { type: webhook, url: "http://127.0.0.1:${port}/notify", auth: { header: { name: X-Key, value: { file: ./notify-key } } }, sign: { secret: { file: ./sign-key } } }
  chat: { type: slack, webhook: { file: ./slack-key } }
receivers:
  am: { format: generic, name: /name, auth: { bearer: [{ file: ./receiver-key }, { env: DROVER_CANARY }] } }
  kept: { format: generic, name: /name, auth: { bearer: { secret: kept } } }
  signed: { format: generic, name: /name, auth: { hmac: { secret: { file: ./hmac-key }, timestamp_header: X-Time } } }
groups:
  web:
    cloud: paper
    template: { size: small }
    health: none
    min: 1
    max: 3
    evaluate_every: 1s
    notify: [ops, chat]
    metrics: { load: { from: load, json_pointer: /load } }
    policies: [{ type: target, metric: load, per_instance: 10 }, { type: alert, alert: Busy, while_firing: { min: 2 } }]
    hooks: { before_attach: { exec: { command: [./hook, "{{instance}}"], env: { HOOK_KEY: { file: ./hook-key } } } } }
`;
}

/** Asks what has secrets in it, and says them back in its refusals: the worst neighbour one can have. */
async function echoing(): Promise<{ readonly port: number; readonly asked: Set<string> }> {
  const asked = new Set<string>();
  let n = 0;
  const server = createServer((request, reply) => {
    asked.add(`${request.url}`);
    n++;
    if (n % 2 === 0) reply.writeHead(500).end(`who are you? ${JSON.stringify(request.headers)}`);
    else reply.end('{"load":5}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

describe('S35 secrets after a whole run', () => {
  it('are in no database, log, backup, event, answer, argument or environment of others, and in no heap', { timeout: 240_000 }, async () => {
    const dir = tempDir();
    const put = (name: string, content: string, mode = 0o600) => writeFileSync(join(dir, name), content, { mode });
    for (const name of ['cloud', 'source', 'notify', 'sign', 'hook', 'receiver', 'hmac']) put(`${name}-key`, `${canary(name)}\n`);
    put('slack-key', `https://127.0.0.1:9/services/${canary('slack')}`);
    put('tokens', `operator ${canary('tokenfile')} robot\n`);
    put('cloud', CLOUD.replace('NODE', process.execPath), 0o700);
    put('hook', '#!/bin/sh\necho "using $HOOK_KEY" >&2\ntest -e hooked && exit 0\ntouch hooked\nexit 1\n', 0o700);
    const vault = new SecretVault({ stateDir: join(dir, 'state'), key: null });
    await vault.set('kept', canary('before'), 0);
    const { port, asked } = await echoing();
    const { pid, url, ask, said, admin, stop } = await serveProcess(textOf(port), {
      dir,
      env: { DROVER_CANARY: canary('environment') },
      flags: ['--heapsnapshot-signal=SIGUSR2'],
    });
    const hits: string[] = [];
    const children = new Map<string, string>();
    const watch = setInterval(() => lookAtChildren(pid, children), 5);
    onTestFinished(() => clearInterval(watch));
    const post = (receiver: string, headers: Record<string, string>, body = '{"name":"Busy"}') =>
      fetch(`${url}/hooks/${receiver}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

    expect((await post('am', bearer(canary('receiver')))).status).toBe(202);
    expect((await post('am', bearer(canary('environment')))).status).toBe(202);
    expect((await post('am', bearer(canary('guess')))).status).toBe(401);
    // Set anew by the command, while the controller runs: it counts at the next use.
    expect((await post('kept', bearer(canary('before')))).status).toBe(202);
    hits.push(...(await setByCommand(dir, children)));
    expect((await post('kept', bearer(canary('kept')))).status).toBe(202);
    expect((await post('kept', bearer(canary('before')))).status).toBe(401);
    const at = String(Math.floor(Date.now() / 1000));
    const sign = (key: string) => createHmac('sha256', key).update(`${at}:{"name":"Busy"}`).digest('hex');
    expect((await post('signed', { 'x-time': at, 'x-drover-signature': sign(canary('hmac')) })).status).toBe(202);
    expect((await post('signed', { 'x-time': at, 'x-drover-signature': sign(canary('wrongkey')), 'x-key': canary('wrongkey') })).status).toBe(401);
    expect((await fetch(`${url}/api/v1/fleet`, { headers: bearer(canary('guess')) })).status).toBe(401);
    expect((await fetch(`${url}/api/v1/fleet?token=${canary('query')}`)).status).toBe(401);
    expect((await fetch(`${url}/api/v1/fleet`, { headers: bearer(canary('tokenfile')) })).status).toBe(200);
    const open = textOf(port).replace('{ file: ./source-key }', canary('open'));
    expect((await ask('POST', '/api/v1/config/apply', { text: open })).status).toBe(422);
    const made = (await (await ask('POST', '/api/v1/tokens', { name: 'grafana', role: 'viewer' })).json()) as { token: string };
    await until('two serve', async () => ((await (await ask('GET', '/api/v1/groups/web')).json()) as { serving: number }).serving >= 2, 60_000);
    await until('people were told', async () => asked.has('/notify') && asked.has('/load'), 60_000);
    await ask('POST', '/api/v1/groups/web/metrics/load/test', {});
    await ask('POST', '/api/v1/groups/web/scale', { size: 1 });
    expect((await ask('POST', '/api/v1/config/apply', { text: `${textOf(port)}# once more\n` })).status).toBe(200);
    expect((await ask('POST', '/api/v1/backup', { name: 'b.db' })).status).toBe(201);
    expect(readFileSync(join(dir, 'calls'), 'utf8')).toContain('create');

    const secrets = [...SECRETS, ...MISPLACED].map(canary);
    const minted = [admin, made.token];
    for (const route of documentedRoutes.filter((r) => r.method === 'GET' && r.name !== 'stream')) {
      const reply = await ask('GET', route.url);
      hits.push(...found(route.path, `${JSON.stringify([...reply.headers])}${await reply.text()}`, [...secrets, ...minted]));
    }
    clearInterval(watch);
    expect(children.size).toBeGreaterThan(1);
    for (const [what, content] of children) hits.push(...found(what, content, content.includes('API_KEY') || content.includes('HOOK_KEY') ? [] : secrets));
    for (const what of ['cmdline', 'comm']) hits.push(...found(`/proc ${what}`, readFileSync(`/proc/${pid}/${what}`, 'latin1'), [...secrets, ...minted]));
    hits.push(...found('log', said(), [...secrets, ...minted]));
    expect(said()).toContain('***');
    // While it runs (with its write-ahead log), and after it has stopped.
    const scanState = (): void => {
      for (const name of readdirSync(join(dir, 'state'), { recursive: true, encoding: 'utf8' })) {
        if (name === 'backups') continue;
        const content = readFileSync(join(dir, 'state', name), 'latin1');
        // The first token's own file is where it is meant to be.
        hits.push(...found(name, content, name === 'admin-token' ? secrets : [...secrets, ...minted]));
      }
    };
    scanState();
    hits.push(...(await heldInHeap(pid, dir)));
    expect(await stop()).toBe(0);
    scanState();
    expect(hits).toEqual([]);
  });
});

/** Secrets in the heap. One that is in use at this very moment (a call, a pause before its next try) is there; none may be there for long. */
async function heldInHeap(pid: number, dir: string): Promise<string[]> {
  for (let tries = 1; ; tries++) {
    process.kill(pid, 'SIGUSR2');
    const snapshot = await until(
      'the heap is written',
      async () => {
        const name = readdirSync(dir).find((each) => each.endsWith('.heapsnapshot'));
        const text = name === undefined ? '' : readFileSync(join(dir, name), 'latin1');
        return text.trimEnd().endsWith('}') ? { name: name as string, text } : null;
      },
      60_000,
    );
    const held = found(
      'heap',
      snapshot.text,
      SECRETS.map(canary).filter((s) => !HELD.includes(s)),
    );
    if (held.length === 0 || tries === 5) return held;
    rmSync(join(dir, snapshot.name));
    await new Promise((done) => setTimeout(done, 1_500));
  }
}

/** What `drover secret set` shows of the value to others while it runs, and says. */
async function setByCommand(dir: string, seen: Map<string, string>): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'secret', 'set', 'kept'], { cwd: dir });
  let said = '';
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<number | null>((done) => child.once('close', done));
  child.stdin.end(`${canary('kept')}\n`);
  const watch = setInterval(() => {
    for (const what of ['cmdline', 'environ']) {
      try {
        seen.set(`${what} of secret set`, readFileSync(`/proc/${child.pid}/${what}`, 'latin1'));
      } catch {}
    }
  }, 5);
  try {
    expect(await ended, said).toBe(0);
  } finally {
    clearInterval(watch);
  }
  expect(said).toContain('kept is set (version 2)');
  return found('output of secret set', said, [canary('kept')]);
}

/** Read anew for every evaluation, so once a second: one may be in use at the very moment of the snapshot. */
const HELD: readonly string[] = [canary('source'), canary('cloud')];

/** Arguments and environments of what the controller has started, while it is there. */
function lookAtChildren(parent: number, into: Map<string, string>): void {
  const own = readFileSync(`/proc/${parent}/cmdline`, 'latin1');
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [, , ppid] = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /, '0 ')
        .split(' ');
      if (Number(ppid) !== parent) continue;
      const environment = readFileSync(`/proc/${name}/environ`, 'latin1');
      const argv = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      // Between fork and exec it is still a copy of the controller.
      if (argv === own) continue;
      into.set(`argv of ${name}`, argv);
      into.set(`environment of ${name}`, environment);
    } catch {}
  }
}
