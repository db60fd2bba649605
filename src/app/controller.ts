import { createMetrics } from '../api/metrics.ts';
import { createReceiverListeners, type ReceiverListeners } from '../api/receiver-listeners.ts';
import type { Delivery } from '../api/receivers.ts';
import { type Api, createApi } from '../api/server.ts';
import { createToken } from '../api/tokens.ts';
import type { Diagnostic, LoadedConfig } from '../config/config.ts';
import { openSqliteStore } from '../drivers/stores/sqlite/driver.ts';
import type { Calendar } from '../engine/context.ts';
import { Engine } from '../engine/engine.ts';
import { Operating } from '../engine/operate.ts';
import { resolveFreezes, resolveSchedule } from '../kit/calendar.ts';
import { createAddressGuard } from '../platform/address-guard.ts';
import { realClock, realRandom } from '../platform/clock.ts';
import { databaseFiles } from '../platform/database-files.ts';
import { fileExists, realFiles } from '../platform/files.ts';
import { createHttp } from '../platform/http.ts';
import { createLog, type LogLevel } from '../platform/log.ts';
import { realProcesses } from '../platform/processes.ts';
import { createSecrets } from '../platform/secrets.ts';
import { createSockets } from '../platform/sockets.ts';
import { whyTlsIsUnchecked } from '../platform/tls-trust.ts';
import { type Crash, type DriverPorts, type Log, noCrash, type Store } from '../ports/ports.ts';
import { readConfig, readConfigText } from './config-file.ts';
import { FileConfiguration } from './file-configuration.ts';
import { vaultPlaceOf } from './kept-secrets.ts';
import { keepLeftBehind, type LeftBehind } from './left-behind.ts';
import { listensOf, type OpenedWorld, openWorld } from './open-world.ts';
import { readTokensFile } from './read-tokens-file.ts';
import { refuseMoves, syncGroups } from './sync-groups.ts';
import { VERSION } from './version.ts';
import { vetWorld } from './vet-world.ts';

/** The configuration has errors; nothing was started. */
export class ConfigInvalid extends Error {
  readonly diagnostics: readonly Diagnostic[];
  readonly text: string;
  constructor(file: string, diagnostics: readonly Diagnostic[], text: string) {
    super(`${file} has errors`);
    this.name = 'ConfigInvalid';
    this.diagnostics = diagnostics;
    this.text = text;
  }
}

export interface ControllerOptions {
  readonly configFile: string;
  /** Start with the last configuration that was good when the file is not. */
  readonly lastGood?: boolean;
  readonly insecureHttp?: boolean;
  /** Overrides `server.listen`. */
  readonly listen?: { readonly host: string; readonly port: number };
  readonly log?: { readonly level?: LogLevel; readonly format: 'json' | 'text'; readonly write?: (line: string) => void };
  readonly crash?: Crash;
}

export interface Controller {
  readonly url: string;
  readonly stateDir: string;
  /** The first admin token's file. */
  readonly tokenFile: string;
  readonly engine: Engine;
  readonly operations: Operating;
  readonly store: Store;
  readonly configuration: FileConfiguration;
  /** Finishes commits, starts nothing new, leaves machines and members as they are. Within 10 s. */
  stop(): Promise<void>;
}

const SYSTEM = { name: 'drover', role: 'system' } as const;
const RETENTION_MS = 3_600_000;
export const TOKEN_FILE = 'admin-token';
export const SERVER_FILE = 'server.json';
const LAST_GOOD = 'last-good.yaml';

const calendar: Calendar = {
  schedule: (options, atMs) => resolveSchedule(options as never, atMs),
  freezeUntil: (freezes, atMs) => resolveFreezes(freezes as never, atMs),
};

/** Starts one Drover process: configuration, store, world, engine, API. Throws ConfigInvalid, StoreError, DriverError or a plain Error with the cause in words. */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const unchecked = whyTlsIsUnchecked();
  if (unchecked !== null) throw new Error(unchecked);
  const files = realFiles;
  const configFile = files.resolve(options.configFile);
  const baseDir = files.resolve(configFile, '..');
  const first = await firstConfig(configFile, options.configFile, baseDir, createSecrets(baseDir), options.lastGood ?? false);
  const { config } = first;
  const secrets = createSecrets(baseDir, vaultPlaceOf(config.server, baseDir));
  const log = createLog({
    level: options.log?.level ?? config.server.logLevel,
    format: options.log?.format ?? 'json',
    ...(options.log?.write ? { write: options.log.write } : {}),
  });
  const stateDir = files.resolve(baseDir, config.server.stateDir);
  await files.ensureDir(stateDir, 0o700);
  await files.ensureDir(files.resolve(stateDir, 'backups'), 0o700);
  const crash = options.crash ?? noCrash;
  const store = await openSqliteStore({
    path: files.resolve(stateDir, 'drover.db'),
    clock: realClock,
    secrets,
    log,
    files: databaseFiles,
    crash,
    ...(config.server.installId === null ? {} : { installId: config.server.installId }),
  });
  const guard = createAddressGuard(config.server.outbound);
  const http = createHttp({ guard });
  const sockets = createSockets(guard);
  try {
    const { installId } = store;
    const ports: DriverPorts = {
      clock: realClock,
      random: realRandom,
      http,
      sockets,
      processes: realProcesses,
      files,
      secrets,
      log,
      baseDir,
      stateDir,
      installId,
    };
    const metrics = createMetrics(realClock, VERSION);
    const before = await previousConfig(files.resolve(stateDir, LAST_GOOD), options.configFile, baseDir, secrets);
    const openVetted = async (next: LoadedConfig, left: LeftBehind, nothing: string): Promise<OpenedWorld> => {
      const world = await openWorld(next, ports, metrics.instrument, left);
      await vetWorld(world.world, next.groups, log, nothing);
      return world;
    };
    const opened = await openVetted(config, await keepLeftBehind(store, config, before), 'Nothing was started.');
    await syncGroups(store, config, SYSTEM, realClock.wall());
    await files.writeAtomic(files.resolve(stateDir, LAST_GOOD), config.source.text, 0o600);
    const engine = new Engine({
      controllerId: `c-${secrets.randomHex(6)}`,
      clock: realClock,
      random: realRandom,
      crash,
      log,
      store,
      instrument: metrics.instrument,
      http,
      sockets,
      calendar,
      installId,
      world: opened.world,
    });
    const operations = new Operating(engine);
    let { receivers } = opened;
    const use = async (next: LoadedConfig, world: OpenedWorld): Promise<void> => {
      const changed = await syncGroups(store, next, SYSTEM, realClock.wall());
      receivers = world.receivers;
      engine.setWorld(world.world);
      await world.listeners?.take();
      await files.writeAtomic(files.resolve(stateDir, LAST_GOOD), next.source.text, 0o600);
      await engine.takeGroups();
      for (const group of changed) await engine.refresh(group);
    };
    const configuration: FileConfiguration = new FileConfiguration({
      file: configFile,
      shown: options.configFile,
      running: config,
      files,
      secrets,
      clock: realClock,
      log,
      operations,
      instrument: metrics.instrument,
      check: (next) => refuseMoves(store, next),
      guard,
      open: async (next) => ({
        ...(await openVetted(next, await keepLeftBehind(store, next, configuration.config), 'Nothing was applied.')),
        listeners: await listeners.prepare(listensOf(next)),
      }),
      use,
      error: first.error,
    });
    const extra =
      config.server.tokensFile === null ? [] : await readTokensFile(files, files.resolve(baseDir, config.server.tokensFile), secrets, realClock.wall());
    const inbound = {
      operations,
      receivers: {
        find: (name: string) => receivers.find(name),
        withTriggers: () => receivers.withTriggers?.() ?? [],
        verify: (name: string, delivery: Delivery) => receivers.verify(name, delivery),
      },
      store: { tokens: async () => [...(await store.tokens()), ...extra], control: store.control.bind(store) },
      secrets,
      clock: realClock,
      log,
      tls: config.server.tls
        ? {
            cert: await files.readText(files.resolve(baseDir, config.server.tls.cert), 1_048_576),
            key: await files.readText(files.resolve(baseDir, config.server.tls.key), 1_048_576),
          }
        : null,
      insecureHttp: options.insecureHttp ?? config.server.insecureHttp,
      openScrapes: config.server.open,
    };
    const listeners = createReceiverListeners(inbound);
    // First of all: an address that cannot be had ends the start before anything is begun.
    const prepared = await listeners.prepare(listensOf(config));
    await engine.start();
    metrics.instrument.reload(first.error === null);
    const tokenFile = await firstToken(store, secrets, stateDir, files);
    const api = await createApi({
      ...inbound,
      config: configuration,
      metrics,
      version: VERSION,
      installId,
      backupDir: files.resolve(stateDir, 'backups'),
      trustedProxies: [],
    });
    const { url } = await api.listen(options.listen ?? { host: config.server.host, port: config.server.port });
    await prepared.take();
    await files.writeAtomic(files.resolve(stateDir, SERVER_FILE), `${JSON.stringify({ url, pid: process.pid, version: VERSION })}\n`, 0o600);
    const stopRetention = keepRetention(store, config, log);
    const stopWatching = configuration.watch();
    return {
      url,
      stateDir,
      tokenFile,
      engine,
      operations,
      store,
      configuration,
      stop: () => stopAll({ stopWatching, stopRetention, api, listeners, engine, store, http, log }),
    };
  } catch (e) {
    await store.close().catch(() => {});
    throw e;
  }
}

async function firstConfig(
  configFile: string,
  shown: string,
  baseDir: string,
  secrets: ReturnType<typeof createSecrets>,
  lastGood: boolean,
): Promise<{ config: LoadedConfig; error: string | null }> {
  const there = (path: string): boolean => fileExists(realFiles.resolve(baseDir, path));
  const text = await readConfigText(realFiles, configFile);
  const read = await readConfig({ file: shown, text }, { secrets, fileExists: there });
  if (read.ok) return { config: read.config, error: null };
  if (lastGood) {
    // Where the state is kept stands in the file that has errors: what looks like it, then the default place, then beside the file.
    const written = /\bstate:\s*['"]?([^\s'",}]+)/.exec(text)?.[1];
    for (const dir of [...(written === undefined ? [] : [written]), 'drover-state', '.']) {
      const path = realFiles.resolve(baseDir, dir, LAST_GOOD);
      const old = await realFiles.readText(path, 1_048_576).catch(() => null);
      const again = old === null ? null : await readConfig({ file: shown, text: old }, { secrets, fileExists: there });
      if (again?.ok) return { config: again.config, error: `${shown} has ${read.diagnostics.length} errors; running with the last good one` };
    }
  }
  throw new ConfigInvalid(shown, read.diagnostics, text);
}

/** What ran before this start, as far as it can still be read. */
async function previousConfig(path: string, shown: string, baseDir: string, secrets: ReturnType<typeof createSecrets>): Promise<LoadedConfig | null> {
  const text = await realFiles.readText(path, 1_048_576).catch(() => null);
  if (text === null) return null;
  const read = await readConfig({ file: shown, text }, { secrets, fileExists: (file) => fileExists(realFiles.resolve(baseDir, file)) });
  return read.ok ? read.config : null;
}

async function firstToken(store: Store, secrets: ReturnType<typeof createSecrets>, stateDir: string, files: typeof realFiles): Promise<string> {
  const path = files.resolve(stateDir, TOKEN_FILE);
  const tokens = await store.tokens();
  const kept = await files.readText(path, 4096).catch(() => null);
  const hash = kept === null ? null : secrets.sha256(kept.trim());
  if (tokens.some((t) => t.hash === hash && t.revokedAtMs === null)) return path;
  if (tokens.some((t) => t.role === 'admin' && t.revokedAtMs === null)) return path; // someone took the file away on purpose
  const now = realClock.wall();
  const { value, row } = createToken(secrets, 'first-admin', 'admin', now);
  await store.control(
    [{ kind: 'token', token: row }],
    [{ atMs: now, group: null, type: 'token.created', actor: 'drover', data: { id: row.id, name: row.name, role: row.role } }],
  );
  await files.writeAtomic(path, `${value}\n`, 0o600);
  return path;
}

function keepRetention(store: Store, config: LoadedConfig, log: Log): () => void {
  let cancel = realClock.after(60_000, round);
  function round(): void {
    store
      .retain(config.server.retain)
      .catch((e) => log.error({ err: e instanceof Error ? e.message : String(e) }, 'old history could not be removed'))
      .finally(() => {
        cancel = realClock.after(RETENTION_MS, round);
      });
  }
  return () => cancel();
}

async function stopAll(parts: {
  stopWatching: () => void;
  stopRetention: () => void;
  api: Api;
  listeners: ReceiverListeners;
  engine: Engine;
  store: Store;
  http: { close?(): Promise<void> };
  log: Log;
}): Promise<void> {
  parts.stopWatching();
  parts.stopRetention();
  await Promise.all([parts.api.close(), parts.listeners.close(), parts.engine.stop()]);
  await parts.store.close();
  await parts.http.close?.();
  parts.log.info({}, 'stopped; machines and balancer members stay as they are');
}
