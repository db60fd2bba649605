/** One judge and the controllers that serve it, one after the other, over one state directory. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { freePort } from '../../src/platform/free-port.ts';
import { createHttp } from '../../src/platform/http.ts';

import { Child } from './child.ts';
import type { FromController } from './controller.ts';
import type { JudgeReady, Orders, Truth } from './judge.ts';
import { Witness } from './witness.ts';

export const GROUP = 'web';
export const SIZE = { min: 2, max: 5, per: 10 };
const HERE = import.meta.dirname;
/** Compiled code of the controller, so that all starts but the first cost half. */
const CACHE = mkdtempSync(join(tmpdir(), 'drover-kill-cache-'));
export const removeCache = (): void => rmSync(CACHE, { recursive: true, force: true });
/** A start that takes longer is no start; generous, because the machine may be busy. */
const START_MS = 60_000;

function configOf(judge: JudgeReady, knowsTokens: boolean): string {
  const command = `[bash, ./cloud.bash]`;
  return `version: 1
server: { listen: '127.0.0.1:0', state: ./state }
sources: { judge: { type: http, url: '${judge.url}' } }
receivers: { chat: { format: generic, auth: none, name: /name, status: { at: /state, firing: [on], resolved: [off] }, fingerprint: /id } }
clouds:
  mine: { type: exec, list: ${command}, create: ${command}, delete: ${command}, get: ${command}, env: { JUDGE_PORT: '${judge.commandPort}' }, idempotent: ${knowsTokens ? 'token' : 'none'}, consistency: 0s, timeout: ${knowsTokens ? '10s' : '8s'} }
balancers: { edge: { type: proxy, admin: '${judge.url}', check_path: / } }
groups:
  ${GROUP}:
    cloud: mine
    template: { size: small }
    balancer: edge
    min: ${SIZE.min}
    max: ${SIZE.max}
    evaluate_every: 1s
    metrics: { load: { from: judge, path: /load, json_pointer: /load } }
    policies: [{ type: target, metric: load, per_instance: ${SIZE.per} }]
    limits:
      scale_out: { step: ${SIZE.max}, every: 0s }
      scale_in: { step: ${SIZE.max}, every: 0s, after_quiet: 0s }
      collapse_guard: off
      flap_check: false
      destruction: { window: 10s, replace: 'max(10, 100%)', all: 'max(10, 100%)' }
    health: { http: { path: /, every: 1s, timeout: 1s, healthy_after: 1 }, grace: 0s }
    lifecycle: { boot_timeout: 60s, drain: 300ms }
    hooks:
      before_attach: { http: '${judge.url}/hook?token={{token}}' }
      before_delete: { http: '${judge.url}/hook?token={{token}}' }
`;
}

export class World {
  readonly dir: string;
  readonly seed: number;
  readonly witness: Witness;
  readonly #http = createHttp();
  readonly #judge: Child<JudgeReady>;
  readonly #judgeUrl: string;
  #controller: Child<FromController> | null = null;
  #client: Client | null = null;
  #url = '';
  /** How long the last start took, ms: the pace of the machine at that time. */
  startMs = 0;
  /** Ticks of the controllers before this one. */
  #ticksBefore = 0;

  constructor(seed: number, dir: string, judge: Child<JudgeReady>, ready: JudgeReady, knowsTokens: boolean) {
    this.seed = seed;
    this.dir = dir;
    this.#judge = judge;
    this.#judgeUrl = ready.url;
    this.witness = new Witness();
    writeFileSync(join(dir, 'drover.yaml'), configOf(ready, knowsTokens));
  }

  /** `knowsTokens`: a create that is repeated gives the same machine, not a second one. `index`: another one for each world of the process. */
  static async open(seed: number, index: number, knowsTokens: boolean): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), `drover-kill-${seed}-`));
    copyFileSync(join(HERE, 'cloud.bash'), join(dir, 'cloud.bash'));
    // Addresses of the loopback network that no other world has, so that none is used twice.
    const args = [String(seed), `127.${20 + index}`, String(await freePort()), ...(knowsTokens ? ['tokens'] : [])];
    const judge = new Child<JudgeReady>({ file: join(HERE, 'judge.ts'), args, cwd: dir, env: {}, log: join(dir, 'judge.log') });
    const ready = await judge.message();
    if (ready === null) throw new Error(`the judge did not start\n${judge.output()}`);
    return new World(seed, dir, judge, ready, knowsTokens);
  }

  get client(): Client {
    if (this.#client === null) throw new Error('the controller was never ready');
    return this.#client;
  }

  /** Where the controller answers. */
  get url(): string {
    return this.#url;
  }

  /** When the controller of now is dead. */
  get ended(): Promise<unknown> {
    return this.#controller?.ended ?? Promise.resolve();
  }

  /** Starts a controller; `crashAt` is LABEL:NTH. False: it was killed before it was ready. */
  async start(crashAt: string | null): Promise<boolean> {
    this.#ticksBefore = this.#lines('tick ').length;
    const env = {
      TICKS: this.#tickFile,
      NODE_COMPILE_CACHE: CACHE,
      ...(crashAt === null ? {} : { CRASH_AT: crashAt }),
    };
    const args = [join(this.dir, 'drover.yaml')];
    const controller = new Child<FromController>({ file: join(HERE, 'controller.ts'), args, cwd: this.dir, env, log: this.#log });
    this.#controller = controller;
    const begun = performance.now();
    const late = setTimeout(() => void controller.kill(), START_MS);
    const ready = await controller.message();
    clearTimeout(late);
    this.startMs = performance.now() - begun;
    if (ready === null) {
      if (crashAt === null || (await controller.ended) !== 'SIGKILL') throw new Error('the controller did not start');
      return false;
    }
    if (ready.kind !== 'ready') throw new Error('the controller said something else first');
    const token = readFileSync(ready.tokenFile, 'utf8').trim();
    this.#url = ready.url;
    this.#client = createClient({ url: ready.url, token, http: this.#http, timeoutMs: 20_000 });
    this.witness.watch(ready.url, token);
    return true;
  }

  /** From now on the controller dies at the nth time of this label. */
  async arm(at: string): Promise<void> {
    if (!this.#controller) throw new Error('there is no controller');
    const told = this.#controller.message();
    this.#controller.tell({ arm: at });
    if ((await told) === null) throw new Error('the controller ended by itself');
  }

  get alive(): boolean {
    return this.#controller?.alive ?? false;
  }

  /** Waits until the controller ended and everything it said has been read; the label it says it died at. */
  async died(): Promise<string> {
    const signal = await this.#controller?.ended;
    if (signal !== 'SIGKILL') throw new Error(`the controller ended by itself (${signal ?? 'no signal'})`);
    await this.witness.rest();
    return this.#lines('killed ').at(-1) ?? 'nowhere';
  }

  /** Ends a controller that lived on. */
  async stop(): Promise<void> {
    await this.#controller?.kill();
    await this.witness.rest();
  }

  /** Wall times of the ticks of this controller. */
  ticks(): number[] {
    return this.#lines('tick ').slice(this.#ticksBefore).map(Number);
  }

  async order(orders: Orders): Promise<void> {
    await fetch(`${this.#judgeUrl}/orders`, { method: 'POST', body: JSON.stringify(orders), signal: AbortSignal.timeout(20_000) });
  }

  /** What is true; of the diary only from this entry on. */
  async truth(from = Number.MAX_SAFE_INTEGER): Promise<Truth> {
    return (await (await fetch(`${this.#judgeUrl}/truth?from=${from}`, { signal: AbortSignal.timeout(20_000) })).json()) as Truth;
  }

  log(): string {
    return this.#controller?.output() ?? '(no controller)';
  }

  async close(): Promise<void> {
    await this.#controller?.kill();
    await this.#judge.kill();
    await this.witness.rest();
    await this.#http.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #lines(prefix: string): string[] {
    const text = readFileSync(this.#tickFile, { encoding: 'utf8', flag: 'a+' });
    return text.split('\n').flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length)] : []));
  }
  get #tickFile(): string {
    return join(this.dir, 'ticks');
  }
  get #log(): string {
    return join(this.dir, 'controller.log');
  }
}
