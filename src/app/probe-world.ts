/** Looks at every part a configuration names, from this process and without a controller. Reads only. */
import { issueText } from '../api/issue-text.ts';
import { readingView } from '../api/view.ts';
import type { ConfiguredDriver, LoadedConfig } from '../config/config.ts';
import type { Json } from '../core/model/model.ts';
import { lintQuery } from '../drivers/sources/prometheus/promql.ts';
import { withDeadline } from '../engine/deadline.ts';
import { noInstrument } from '../engine/instrument.ts';
import { createAddressGuard } from '../platform/address-guard.ts';
import { realClock, realRandom } from '../platform/clock.ts';
import { realFiles } from '../platform/files.ts';
import { createHttp } from '../platform/http.ts';
import { realProcesses } from '../platform/processes.ts';
import { createSecrets } from '../platform/secrets.ts';
import { createSockets } from '../platform/sockets.ts';
import { asDriverError, type DriverPorts, type SourceManifest, silentLog } from '../ports/ports.ts';
import { vaultPlaceOf } from './kept-secrets.ts';
import { type OpenedWorld, openWorld } from './open-world.ts';
import { probeGroups } from './probe-groups.ts';
import { loadManifest } from './registry.ts';

export type ReadingJson = ReturnType<typeof readingView>;

/** One finding. `at`: where the configuration says it, `file:line:column`. */
export interface Finding {
  readonly status: 'ok' | 'warn' | 'FAIL';
  readonly subject: string;
  readonly text: string;
  readonly more: readonly string[];
  readonly at: string | null;
}

/** A source that counts between two readings has nothing to tell the first time: it is asked again after this. */
const AGAIN_MS = 1_200;

/** All in turn; what is absent is read once more a little later. */
async function readTwice(reads: readonly (() => Promise<ReadingJson>)[]): Promise<ReadingJson[]> {
  const found: ReadingJson[] = [];
  for (const read of reads) found.push(await read());
  const absent = (r: ReadingJson): boolean => r.kind === 'missing' && r.missing === 'absent';
  if (!found.some(absent)) return found;
  await realClock.sleep(AGAIN_MS);
  for (const [i, read] of reads.entries()) if (found[i] !== undefined && absent(found[i])) found[i] = await read();
  return found;
}

/** Clocks this far apart mislead: ages of samples, leases. */
const MAX_SKEW_MS = 2_000;

interface Probe {
  readonly config: LoadedConfig;
  readonly ports: DriverPorts;
  readonly timeoutMs: number;
}

function openProbe(config: LoadedConfig, configFile: string, timeoutMs: number, installId: string | null): Probe & { close(): Promise<void> } {
  const guard = createAddressGuard(config.server.outbound);
  const http = createHttp({ guard });
  const baseDir = realFiles.resolve(configFile, '..');
  const ports: DriverPorts = {
    clock: realClock,
    random: realRandom,
    http,
    sockets: createSockets(guard),
    processes: realProcesses,
    files: realFiles,
    secrets: createSecrets(baseDir, vaultPlaceOf(config.server, baseDir)),
    log: silentLog,
    baseDir,
    stateDir: realFiles.resolve(baseDir, config.server.stateDir),
    installId: config.server.installId ?? installId ?? 'none',
  };
  return { config, ports, timeoutMs, close: () => http.close() };
}

const NOTHING = { clouds: {}, balancers: {}, sources: {}, receivers: {}, notifiers: {} } as const;

/** Opens one part alone, so that one that cannot be opened hides no other. */
function openOnly(probe: Probe, section: 'clouds' | 'balancers' | 'sources', name: string): Promise<OpenedWorld> {
  const part = probe.config[section][name] as ConfiguredDriver;
  return openWorld({ ...probe.config, ...NOTHING, [section]: { [name]: part } }, probe.ports, noInstrument);
}

const finding = (status: Finding['status'], subject: string, text: string, more: readonly string[] = [], at: string | null = null): Finding => ({
  status,
  subject,
  text,
  more,
  at,
});

async function failing(subject: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (e) {
    const error = asDriverError(e);
    return [finding('FAIL', subject, `${error.code}: ${error.message}`)];
  }
}

const took = (startMono: number): string => `${Math.max(1, Math.round(realClock.mono() - startMono))} ms`;
const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

/** Clouds list, balancers tell their members, every metric is read once. In the order of the file. */
export async function probeWorld(config: LoadedConfig, configFile: string, timeoutMs: number, installId: string | null): Promise<Finding[]> {
  const probe = openProbe(config, configFile, timeoutMs, installId);
  try {
    const parts = [
      ...Object.keys(config.clouds).map((name) => failing(name, () => probeCloud(probe, name))),
      ...Object.keys(config.balancers).map((name) => failing(name, () => probeBalancer(probe, name))),
      ...Object.keys(config.sources).map((name) => failing(name, () => probeSource(probe, name))),
      probeGroups(config, probe.ports).then((found) => found.map(({ group, refused, text }) => finding(refused ? 'FAIL' : 'warn', group, text))),
    ];
    return (await Promise.all(parts)).flat();
  } finally {
    await probe.close();
  }
}

async function probeCloud(probe: Probe, name: string): Promise<Finding[]> {
  const { world } = await openOnly(probe, 'clouds', name);
  const start = realClock.mono();
  const facts = await world.clouds.get(name)?.view.list(0);
  if (facts === undefined) return [];
  const ours = [...facts.byGroup.values()].reduce((sum, machines) => sum + machines.length, 0);
  // Most clouds list nothing but what is ours: then a number of all would look like that of the account.
  const all = facts.byId.size === ours ? '' : `${count(facts.byId.size, 'machine')}, `;
  const text = `${all}${all === '' ? count(ours, 'machine') : ours} of this installation, listed in ${took(start)}`;
  if (!facts.complete) return [finding('warn', name, `${text}; the list is not complete, so nothing is concluded from what is missing in it`)];
  return [finding('ok', name, text)];
}

async function probeBalancer(probe: Probe, name: string): Promise<Finding[]> {
  const { world } = await openOnly(probe, 'balancers', name);
  const start = realClock.mono();
  const facts = await world.balancers.get(name)?.view.members(0);
  if (facts === undefined) return [];
  const members = [...facts.byRef.values()];
  const down = members.filter((m) => m.health === 'down');
  const text = `${count(members.length, 'member')}, ${members.filter((m) => m.state === 'ready').length} ready, told in ${took(start)}`;
  if (down.length > 0) return [finding('warn', name, `${text}; down: ${down.map((m) => m.ref).join(', ')}`)];
  return [finding('ok', name, text)];
}

/** A source is as good as what is asked of it: every metric of every group, once. */
async function probeSource(probe: Probe, name: string): Promise<Finding[]> {
  const { world } = await openOnly(probe, 'sources', name);
  const source = world.sources.get(name);
  if (source === undefined) return [];
  const driver = probe.config.sources[name]?.driver;
  const ask = (query: Json): Promise<ReadingJson> =>
    withDeadline(realClock, probe.timeoutMs, `source ${name}`, (signal) => source.read(query, signal)).then(readingView, (e: unknown) =>
      readingView({ kind: 'missing', reason: 'source-error', detail: asDriverError(e).message, atMs: realClock.wall() }),
    );
  const found: Finding[] = [];
  if (driver === 'prometheus') found.push(await probeClock(name, ask));
  const asked = probe.config.groups.flatMap((group) =>
    Object.values(group.metrics)
      .filter((m) => m.source === name)
      .map((metric) => ({ group, metric })),
  );
  const readings = await readTwice(
    asked.map(
      ({ metric }) =>
        () =>
          ask(metric.query),
    ),
  );
  for (const [i, { group, metric }] of asked.entries()) {
    const reading = readings[i];
    const at = group.written[`metrics.${metric.name}`] ?? group.written[`metrics.${metric.name}.query`] ?? null;
    if (reading !== undefined) found.push(metricFinding(`${group.name}.${metric.name}`, reading, metric.maxAgeMs, at));
    const query = driver === 'prometheus' ? promqlOf(metric.query) : null;
    for (const remark of query === null ? [] : lintQuery(query)) found.push(finding('warn', `${group.name}.${metric.name}`, remark, [query ?? ''], at));
  }
  return found.length > 0 ? found : [finding('ok', name, 'opened; no metric asks it')];
}

function metricFinding(subject: string, r: ReadingJson, maxAgeMs: number, at: string | null): Finding {
  if (r.kind === 'missing') return finding('FAIL', subject, `missing (${r.missing}): ${r.detail}`, [], at);
  if (r.age_s === null)
    return finding('ok', subject, `${r.value}, age unknown: the source cannot tell; a \`freshness\` query can (drover explain metrics.prometheus.freshness)`);
  const age = `${Math.round(r.age_s * 10) / 10} s old`;
  if (r.age_s * 1000 > maxAgeMs) return finding('FAIL', subject, `${r.value}, ${age}; at most ${maxAgeMs / 1000} s is usable`, [], at);
  return finding('ok', subject, `${r.value}, ${age}`, [], null);
}

function promqlOf(query: Json): string | null {
  if (typeof query === 'string') return query;
  const inner = typeof query === 'object' && query !== null && !Array.isArray(query) ? (query as { readonly query?: Json }).query : null;
  return typeof inner === 'string' ? inner : null;
}

async function probeClock(name: string, ask: (query: Json) => Promise<ReadingJson>): Promise<Finding> {
  const before = realClock.wall();
  const reading = await ask('time()');
  const middle = (before + realClock.wall()) / 2;
  if (reading.value === null) return finding('FAIL', name, `${reading.missing}: ${reading.detail}`);
  return clockFinding(name, reading.value * 1000 - middle, (realClock.wall() - before) / 2);
}

/** `uncertainMs`: half the time the answer took. */
export function clockFinding(name: string, skewMs: number, uncertainMs: number): Finding {
  const ms = Math.round(Math.abs(skewMs));
  const text = `clock ${ms} ms from ours${uncertainMs > 500 ? ', give or take' : ''}`;
  if (Math.max(0, Math.abs(skewMs) - uncertainMs) > MAX_SKEW_MS) return finding('FAIL', name, `${text}: set both by NTP; ages of samples are wrong by as much`);
  return finding('ok', name, text);
}

export type SourceAnswer =
  | { readonly kind: 'read'; readonly reading: ReadingJson; readonly remarks: readonly string[] }
  | { readonly kind: 'no-source' }
  | { readonly kind: 'bad-query'; readonly message: string };

/** Asks one source once, as a metric would. Throws DriverError when it cannot be opened. */
export async function readSource(config: LoadedConfig, configFile: string, name: string, query: unknown, timeoutMs: number): Promise<SourceAnswer> {
  const configured = Object.hasOwn(config.sources, name) ? config.sources[name] : undefined;
  const manifest = configured === undefined ? null : ((await loadManifest('source', configured.driver)) as unknown as SourceManifest | null);
  if (configured === undefined || manifest === null) return { kind: 'no-source' };
  const parsed = manifest.query.safeParse(query);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      kind: 'bad-query',
      message: [issue?.path.join('.'), issue === undefined ? undefined : issueText(issue)].filter((p) => p !== undefined && p !== '').join(': '),
    };
  }
  const probe = openProbe(config, configFile, timeoutMs, null);
  try {
    const source = (await openOnly(probe, 'sources', name)).world.sources.get(name);
    if (source === undefined) return { kind: 'no-source' };
    const ask = async () => readingView(await withDeadline(realClock, timeoutMs, `source ${name}`, (signal) => source.read(parsed.data, signal)));
    const [reading] = await readTwice([ask]);
    if (reading === undefined) return { kind: 'no-source' };
    const text = configured.driver === 'prometheus' ? promqlOf(parsed.data as Json) : null;
    return { kind: 'read', reading, remarks: text === null ? [] : lintQuery(text) };
  } finally {
    await probe.close();
  }
}
