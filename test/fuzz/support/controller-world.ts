/** A whole controller in memory, as the API sees it: the production engine and store on virtual time, the real configuration, receivers and server. */
import { createMetrics } from '../../../src/api/metrics.ts';
import { type Api, createApi } from '../../../src/api/server.ts';
import { createToken } from '../../../src/api/tokens.ts';
import { readConfig } from '../../../src/app/config-file.ts';
import { FileConfiguration } from '../../../src/app/file-configuration.ts';
import { type OpenedWorld, openWorld } from '../../../src/app/open-world.ts';
import { refuseMoves, syncGroups } from '../../../src/app/sync-groups.ts';
import type { LoadedConfig } from '../../../src/config/config.ts';
import type { MemoryData } from '../../../src/drivers/stores/memory/data.ts';
import type { MemoryStore } from '../../../src/drivers/stores/memory/memory.ts';
import { openCloud } from '../../../src/engine/cloud-access.ts';
import { noInstrument } from '../../../src/engine/instrument.ts';
import { createAddressGuard } from '../../../src/platform/address-guard.ts';
import { realFiles } from '../../../src/platform/files.ts';
import { createSecrets } from '../../../src/platform/secrets.ts';
import { silentLog, type TokenRow } from '../../../src/ports/ports.ts';
import { realPorts } from '../../support/ports.ts';
import { SimGroup } from '../../support/sim-group.ts';

export const SECRET = 'canary-5ecret-of-the-senders';
process.env['DROVER_FUZZ_SECRET'] = SECRET;

const auth = '{ bearer: { env: DROVER_FUZZ_SECRET } }';
const policies = '[{ type: target, metric: load, per_instance: 100 }, { type: alert, alert: HighLoad, while_firing: { min: 3 } }]';
const group = (more: string) =>
  `{ cloud: local, template: { command: [./web] }, evaluate_every: 1s, metrics: { load: { json_pointer: /load } }, policies: ${policies}, ${more} }`;

/** What runs at first. */
export const CONFIG = `version: 1
sources: { default: { type: http, url: "http://127.0.0.1:1" } }
receivers:
  am: { format: alertmanager, auth: ${auth} }
  grafana: { auth: ${auth} }
  pager: { format: generic, auth: ${auth}, name: /title, status: { at: /state, firing: [triggered], resolved: [recovered] }, labels: { service: /service } }
  tickets: { format: generic, auth: ${auth}, alerts: /items, name: /title, fingerprint: /id, starts_at: /since, status: { at: /state, firing: [open], resolved: [closed] } }
  lab: { format: alertmanager, auth: none }
  token: { format: alertmanager, auth: token }
groups:
  web: ${group('min: 1, max: 10')}
  watched: ${group('mode: observe, min: 0, max: 5')}
  left: ${group('min: 0, max: 4')}
`;

export interface ControllerWorld {
  readonly api: Api;
  readonly sim: SimGroup;
  readonly data: MemoryData;
  readonly token: Readonly<Record<TokenRow['role'], string>>;
  readonly configuration: FileConfiguration;
  close(): Promise<void>;
}

const ports = realPorts();
const secrets = createSecrets(ports.baseDir);

async function receiversOf(config: LoadedConfig): Promise<OpenedWorld> {
  return openWorld({ ...config, clouds: {}, sources: {}, balancers: {}, notifiers: {} }, ports, noInstrument);
}

async function load(text: string): Promise<LoadedConfig> {
  const read = await readConfig({ file: 'drover.yaml', text }, { secrets, fileExists: () => true });
  if (!read.ok) throw new Error(read.diagnostics.map((d) => `${d.line}: ${d.message} (${d.label})`).join('\n'));
  return read.config;
}

const running = await load(CONFIG);

/** Some machines serve, some decisions were made, one group has left the file. */
export async function openControllerWorld(): Promise<ControllerWorld> {
  const [first] = running.groups;
  if (first === undefined) throw new Error('no group');
  const sim = await SimGroup.open(first);
  const { store, clock } = sim;
  await syncGroups(store, running, { name: 'drover', role: 'system' }, clock.wall());
  await sim.start();
  let { receivers } = await receiversOf(running);
  const { world } = sim.engine.ctx;
  const sims = world();
  const cloud = openCloud('sim', sim.cloud, sim.cloud.can, clock, noInstrument, sim.installId);
  // Whatever a configuration names is there: what is tried is the API, not the want of a cloud.
  const worldOf = (config: LoadedConfig) => ({
    ...sims,
    clouds: new Map(Object.keys(config.clouds).map((name) => [name, cloud])),
    sources: new Map(Object.keys(config.sources).map((name) => [name, [...sims.sources.values()][0] as never])),
    balancers: new Map(Object.keys(config.balancers).map((name) => [name, [...sims.balancers.values()][0] as never])),
  });
  sim.engine.setWorld(worldOf(running));
  sim.load = 250;
  await sim.seconds(12);
  await store.control([{ kind: 'unmanage', group: 'left' }], []);
  let text = CONFIG;
  const keep = async (_path: string, next: string): Promise<void> => {
    text = next;
  };
  const metrics = createMetrics(clock, '0.0.0');
  const configuration = new FileConfiguration({
    file: '/etc/drover/drover.yaml',
    shown: 'drover.yaml',
    running,
    files: { ...realFiles, readText: async () => text, writeAtomic: keep },
    secrets,
    clock,
    log: silentLog,
    operations: sim.operating,
    instrument: noInstrument,
    check: (config) => refuseMoves(store, config),
    open: async (config) => ({ ...(await receiversOf(config)), world: worldOf(config) }),
    use: async (config, opened) => {
      const changed = await syncGroups(store, config, { name: 'drover', role: 'system' }, clock.wall());
      receivers = opened.receivers;
      sim.engine.setWorld(opened.world);
      await sim.engine.takeGroups();
      for (const name of changed) await sim.engine.refresh(name);
    },
    guard: createAddressGuard(running.server.outbound),
    error: null,
  });
  const rows = (['admin', 'operator', 'viewer', 'receiver'] as const).map((role) =>
    createToken(secrets, role === 'receiver' ? 'token' : `the-${role}`, role, clock.wall()),
  );
  await store.control(
    rows.map(({ row }) => ({ kind: 'token', token: row })),
    [],
  );
  const api = await createApi({
    operations: sim.operating,
    config: configuration,
    receivers: { find: (name) => receivers.find(name), verify: (name, delivery) => receivers.verify(name, delivery) },
    store,
    secrets,
    clock,
    log: silentLog,
    metrics,
    version: '0.0.0',
    installId: sim.installId,
    backupDir: '/backups',
    tls: null,
    insecureHttp: false,
    openScrapes: [],
    trustedProxies: [],
  });
  return {
    api,
    sim,
    data: (store as MemoryStore).data,
    token: Object.fromEntries(rows.map(({ row, value }) => [row.role, value])) as ControllerWorld['token'],
    configuration,
    close: async () => {
      await api.close();
      sim.kill();
    },
  };
}

/** The books as one list: rows are frozen and replaced whole, so a change of anything is another object. Events apart: refusals are recorded. */
export function booksOf(data: MemoryData): readonly unknown[] {
  const entries = [data.meta, data.groups, data.instances, data.alerts, data.tokens, data.once].flatMap((map: ReadonlyMap<string, unknown>) => [
    map.size,
    ...map.values(),
  ]);
  return [...entries, data.specs.size, data.templates.size, data.backups.size, data.decisions.length, data.decisions.at(-1)?.row];
}

export function sameBooks(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
