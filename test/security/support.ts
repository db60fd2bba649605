/** What the security tests share: an API over a fake engine, the routes of the OpenAPI document, receivers and controllers as a file makes them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { onTestFinished } from 'vitest';
import type { contract, Route } from '../../src/api/contract.ts';
import { openapiDocument } from '../../src/api/openapi.ts';
import type { Receivers } from '../../src/api/receivers.ts';
import { type Api, type ApiDeps, createApi } from '../../src/api/server.ts';
import { readConfig } from '../../src/app/config-file.ts';
import { type Controller, type ControllerOptions, startController } from '../../src/app/controller.ts';
import { openWorld } from '../../src/app/open-world.ts';
import type { LoadedConfig } from '../../src/config/config.ts';
import { noInstrument } from '../../src/engine/instrument.ts';
import { realProcesses } from '../../src/platform/processes.ts';
import { createSecrets } from '../../src/platform/secrets.ts';
import { type ApiWorld, createApiWorld, createTestClock, type TestClock } from '../support/api-world.ts';
import { until } from '../support/daemon.ts';
import { realPorts } from '../support/ports.ts';

export interface Bench extends ApiWorld {
  readonly api: Api;
  readonly app: FastifyInstance;
  readonly clock: TestClock;
}

/** The API over a fake engine; closed when the test ends. */
export async function openBench(over: Partial<ApiDeps> = {}): Promise<Bench> {
  const clock = createTestClock();
  const world = createApiWorld(clock, over);
  const api = await createApi(world.deps);
  onTestFinished(() => api.close());
  return { ...world, api, app: api.app, clock };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A directory of the test's own, removed when it ends. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'drover-security-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface DocumentedRoute {
  readonly name: keyof typeof contract;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With names of things that exist, so that 404 hides nothing. */
  readonly url: string;
  readonly path: string;
  readonly access: Route['access'];
  /** Fields of its body; null: it takes none. */
  readonly fields: readonly string[] | null;
}
interface Described {
  readonly operationId: DocumentedRoute['name'];
  readonly 'x-drover-access': DocumentedRoute['access'];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: { readonly properties?: object } } } };
}

const THERE: Readonly<Record<string, string>> = {
  group: 'web',
  instance: 'web-1',
  decision: 'd_8kq2',
  metric: 'rps',
  token: 't_none',
  receiver: 'am',
};

/** Every route of the OpenAPI document as it is published. */
export const documentedRoutes: readonly DocumentedRoute[] = Object.entries(openapiDocument('0')['paths'] as Record<string, Record<string, Described>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({
      name: it.operationId,
      method: method.toUpperCase() as DocumentedRoute['method'],
      url: path.replace(/\{(\w+)\}/g, (_, key: string) => THERE[key] ?? ''),
      path,
      access: it['x-drover-access'],
      fields: it.requestBody === undefined ? null : Object.keys(it.requestBody.content['application/json'].schema.properties ?? {}),
    })),
);

/** A body that each route takes. */
export const validBodies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  adopt: { machine: 'm-9' },
  scale: { size: 3 },
  approve: { size: 3 },
  validateConfig: { text: '' },
  planConfig: { text: '' },
  applyConfig: { text: '', confirm: ['web'] },
  createToken: { name: 'grafana', role: 'viewer' },
};

export function call(
  app: FastifyInstance,
  route: DocumentedRoute,
  headers: Record<string, string>,
  more: { readonly body?: unknown; readonly query?: string; readonly remoteAddress?: string } = {},
): Promise<LightMyRequestResponse> {
  return app.inject({
    method: route.method,
    url: more.query === undefined ? route.url : `${route.url}?${more.query}`,
    headers,
    ...(route.method === 'POST' ? { payload: (more.body ?? validBodies[route.name] ?? {}) as object } : {}),
    ...(more.remoteAddress === undefined ? {} : { remoteAddress: more.remoteAddress }),
  });
}

/** An address that no request of this file came from before: failures are counted by source. */
export function freshAddress(): string {
  issued++;
  return `10.${(issued >> 16) & 255}.${(issued >> 8) & 255}.${issued & 255}`;
}
let issued = 0;

/** Reads a configuration as the controller does; throws with what is wrong. */
export async function loadText(text: string, dir: string): Promise<LoadedConfig> {
  const read = await readConfig({ file: 'drover.yaml', text }, { secrets: createSecrets(dir), fileExists: () => true });
  if (!read.ok) throw new Error(read.diagnostics.map((d) => `${d.code} ${d.line}: ${d.message}`).join('; '));
  return read.config;
}

/** The receivers that a file declares, wired as the controller wires them. `secrets`: files beside it. */
export async function openReceivers(text: string, secrets: Readonly<Record<string, string>>): Promise<{ readonly receivers: Receivers; readonly dir: string }> {
  const dir = tempDir();
  for (const [name, value] of Object.entries(secrets)) writeFileSync(join(dir, name), value, { mode: 0o600 });
  const config = await loadText(text, dir);
  const { receivers } = await openWorld(config, realPorts({ secrets: createSecrets(dir), baseDir: dir }), noInstrument);
  return { receivers, dir };
}

export interface RealController {
  readonly controller: Controller;
  readonly dir: string;
  readonly admin: string;
  /** Every line of its log so far. */
  readonly log: readonly string[];
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  stop(): Promise<void>;
}

export const configOf = (groups: string, more = ''): string =>
  `version: 1\nserver: { listen: '127.0.0.1:0', state: ./state, log_level: debug }\n${more}groups:\n${groups}`;

/** A controller of its own on SQLite, as `drover serve` starts it; stopped, and its machines ended, when the test ends. */
export async function startReal(text: string, over: Partial<ControllerOptions> & { readonly dir?: string } = {}): Promise<RealController> {
  const { dir = tempDir(), ...options } = over;
  const configFile = join(dir, 'drover.yaml');
  writeFileSync(configFile, text, { mode: 0o600 });
  const log: string[] = [];
  const controller = await startController({ configFile, log: { format: 'json', write: (line) => void log.push(line) }, ...options });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= controller.stop();
    return stopped;
  };
  onTestFinished(async () => {
    await stop();
    for (const p of await realProcesses.findByEnv('DROVER_INSTALL')) {
      if (p.env['DROVER_INSTALL'] === controller.store.installId) await realProcesses.kill(p, 'SIGKILL');
    }
  });
  const admin = readFileSync(controller.tokenFile, 'utf8').trim();
  const ask: RealController['ask'] = (method, path, body, headers = {}) =>
    fetch(`${controller.url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...bearer(admin), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  return { controller, dir, admin, log, ask, stop };
}

export interface ServingProcess {
  readonly pid: number;
  readonly url: string;
  readonly dir: string;
  readonly admin: string;
  /** What it has printed and logged. */
  said(): string;
  ask(method: string, path: string, body?: unknown): Promise<Response>;
  /** Its exit code. */
  stop(): Promise<number | null>;
}

/** `drover serve` in a process of its own, with flags of Node; ended, with its machines, when the test ends. */
export async function serveProcess(
  text: string,
  {
    dir = tempDir(),
    flags = [],
    env = {},
  }: { readonly dir?: string; readonly flags?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ServingProcess> {
  writeFileSync(join(dir, 'drover.yaml'), text, { mode: 0o600 });
  const bin = new URL('../../bin/drover.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [...flags, bin, 'serve', 'drover.yaml', '--log', 'json'], { cwd: dir, env: { ...process.env, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const ended = new Promise<number | null>((done) => child.once('exit', done));
  let installId = '';
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    for (const p of await realProcesses.findByEnv('DROVER_INSTALL')) {
      if (p.env['DROVER_INSTALL'] === installId) await realProcesses.kill(p, 'SIGKILL');
    }
  });
  const dead = ended.then((code) => Promise.reject(new Error(`it ended with ${code}: ${said}`)));
  dead.catch(() => {});
  const stateFile = (name: string): string => readFileSync(join(dir, 'state', name), 'utf8');
  const { url } = await Promise.race([dead, until('it serves', async () => JSON.parse(stateFile('server.json')) as { url: string }, 50_000)]);
  const admin = stateFile('admin-token').trim();
  const ask: ServingProcess['ask'] = (method, path, body) =>
    fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...bearer(admin), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  installId = ((await (await ask('GET', '/api/v1/version')).json()) as { install: string }).install;
  return {
    pid: child.pid ?? -1,
    url,
    dir,
    admin,
    said: () => said,
    ask,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
