import type { PreparedListeners, ReceiverListen } from '../api/receiver-listeners.ts';
import type { Delivery, FoundReceiver, Receivers, ReceiverTriggers, Verdict } from '../api/receivers.ts';
import type { LoadedConfig, ManifestRegistry } from '../config/config.ts';
import { openBalancer } from '../engine/balancer-access.ts';
import { openCloud } from '../engine/cloud-access.ts';
import type { ConfiguredNotifier, World } from '../engine/context.ts';
import type { Instrument } from '../engine/instrument.ts';
import { type ReceiverAuth, verifyReceiver } from '../kit/receiver-auth.ts';
import { type AlertFormat, type AlertFormatManifest, DriverError, type DriverPorts, type Hook, type Log, type Source } from '../ports/ports.ts';
import { loadRegistry } from './config-file.ts';
import { type LeftBehind, NOTHING_LEFT } from './left-behind.ts';
import { openTriggers } from './open-triggers.ts';

export interface OpenedWorld {
  readonly world: World;
  readonly receivers: Receivers;
  /** Listeners of receivers, opened for this world; absent: they stay as they are. */
  readonly listeners?: PreparedListeners;
}

/** Opens every driver the configuration names. Throws DriverError naming the part that could not be opened; nothing of the running world is touched. */
export async function openWorld(config: LoadedConfig, ports: DriverPorts, instrument: Instrument, left: LeftBehind = NOTHING_LEFT): Promise<OpenedWorld> {
  const some = Object.keys(left.clouds).length + Object.keys(left.balancers).length > 0;
  const registry = await loadRegistry(some ? 'every' : config.source);
  const { clock, installId } = ports;
  const clouds: [string, ReturnType<typeof openCloud>][] = [];
  for (const [name, { driver, options }] of Object.entries({ ...left.clouds, ...config.clouds })) {
    const manifest = need(registry.clouds, driver, `cloud ${name}`);
    const cloud = await opening(`cloud ${name}`, () => manifest.open(options, { ...ports, log: logFor(ports.log, name) }));
    clouds.push([name, openCloud(name, cloud, manifest.abilities?.(options) ?? manifest.can, clock, instrument, installId)]);
  }
  const balancers: [string, ReturnType<typeof openBalancer>][] = [];
  for (const [name, { driver, options }] of Object.entries({ ...left.balancers, ...config.balancers })) {
    const manifest = need(registry.balancers, driver, `balancer ${name}`);
    const balancer = await opening(`balancer ${name}`, () => manifest.open(options, { ...ports, log: logFor(ports.log, name) }));
    balancers.push([name, openBalancer(name, balancer, manifest.can, clock, instrument)]);
  }
  const sources: [string, Source][] = [];
  for (const [name, { driver, options }] of Object.entries(config.sources)) {
    const manifest = need(registry.sources, driver, `source ${name}`);
    sources.push([name, await opening(`source ${name}`, () => manifest.open(options, { ...ports, log: logFor(ports.log, name) }))]);
  }
  const notifiers: [string, ConfiguredNotifier][] = [];
  for (const [name, { driver, options, atOnce, digest }] of Object.entries(config.notifiers)) {
    const manifest = need(registry.notifiers, driver, `notifier ${name}`);
    notifiers.push([name, { notifier: await opening(`notifier ${name}`, () => manifest.open(options, ports)), atOnce, digest }]);
  }
  const world: World = {
    clouds: new Map(clouds),
    balancers: new Map(balancers),
    sources: new Map(sources),
    notifiers: new Map(notifiers),
    openHook: (spec): Promise<Hook> => {
      const manifest = need(registry.hooks, spec.driver, `hook ${spec.name}`);
      return manifest.open(spec.options, ports);
    },
  };
  return { world, receivers: await openReceivers(config, registry, ports) };
}

/** Receivers with a listener of their own. */
export function listensOf(config: LoadedConfig): readonly ReceiverListen[] {
  return Object.entries(config.receivers).flatMap(([receiver, { listen }]) => (listen === undefined ? [] : [{ receiver, ...listen }]));
}

function need<M>(table: Readonly<Record<string, M>>, id: string, what: string): M {
  const manifest = Object.hasOwn(table, id) ? table[id] : undefined;
  if (!manifest) throw new DriverError('bad-request', `${what}: there is no driver ${id}`);
  return manifest;
}

async function opening<T>(what: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (e) {
    if (e instanceof DriverError) throw new DriverError(e.code, `${what}: ${e.message}`, { cause: e });
    throw e;
  }
}

function logFor(log: Log, driver: string): Log {
  return {
    debug: (fields, message) => log.debug({ driver, ...fields }, message),
    info: (fields, message) => log.info({ driver, ...fields }, message),
    warn: (fields, message) => log.warn({ driver, ...fields }, message),
    error: (fields, message) => log.error({ driver, ...fields }, message),
  };
}

async function openReceivers(config: LoadedConfig, registry: ManifestRegistry, ports: DriverPorts): Promise<Receivers> {
  interface Opened {
    readonly format: AlertFormat;
    readonly manifest: AlertFormatManifest;
    readonly auth: LoadedConfig['receivers'][string]['auth'];
    readonly triggers: ReceiverTriggers | null;
  }
  const table = new Map<string, Opened>();
  for (const [name, r] of Object.entries(config.receivers)) {
    const manifest = need(registry.alertFormats, r.format, `receiver ${name}`);
    table.set(name, { format: manifest.open(r.options), manifest, auth: r.auth, triggers: await openTriggers(manifest, r.options) });
  }
  const withTriggers = [...table].filter(([, r]) => r.triggers !== null).map(([name]) => name);
  return {
    find: (name): FoundReceiver | null => {
      const r = table.get(name);
      return r ? { format: r.format, open: r.auth === 'none', ...(r.triggers === null ? {} : { triggers: r.triggers }) } : null;
    },
    withTriggers: () => withTriggers,
    verify: async (name: string, delivery: Delivery): Promise<Verdict> => {
      const r = table.get(name);
      if (!r) return { ok: false, status: 401, why: 'there is no such receiver' };
      if (r.auth === 'token') return { ok: false, status: 401, why: 'no token of the role receiver was presented' };
      return verifyReceiver(r.auth as ReceiverAuth, delivery, ports.secrets, r.manifest.hmac);
    },
  };
}
