import type { GroupSpec, Json } from '../core/model/model.ts';
import { POLICIES, type PolicyTable } from '../core/policies/policies.ts';
import { type BuildContext, buildGroup, type FileValue, shortHash } from './build.ts';
import { toJson } from './canonical.ts';
import { checkDrivers, type DriverParts, partKey, SECTIONS } from './check-drivers.ts';
import { withDefaults } from './defaults.ts';
import { diagnose } from './diagnose.ts';
import { type Diagnostic, firstOnes, inFileOrder } from './diagnostic.ts';
import { catalogOf, catalogOfIds, type DriverIds, type DriverRef, type ManifestRegistry } from './drivers.ts';
import { expand } from './expand.ts';
import { readYaml } from './read.ts';
import { fileSchema } from './schema/file.ts';
import { groupSchema } from './schema/group.ts';
import { Sense } from './sense.ts';
import { checkNames } from './sense-names.ts';
import { checkNumbers } from './sense-numbers.ts';
import { checkPrefixes, checkRest, checkServer } from './sense-rest.ts';
import { checkSecrets } from './sense-secrets.ts';
import { child, type YamlNode } from './tree.ts';
import { check } from './walk.ts';
import { writtenKeys } from './written.ts';

export interface ConfigSource {
  /** As people call it: it begins every place in a message. */
  readonly file: string;
  readonly text: string;
}

export interface LoadOptions {
  /** Hex SHA-256 of a text (`Secrets.sha256`). */
  readonly sha256: (text: string) => string;
  /** Looks for a file relative to the configuration's directory; without it, commands of hooks and files of secrets are not looked for. */
  readonly fileExists?: (path: string) => boolean;
  /** May every user of this machine read this file? Without it, nothing is said of the modes of secret files. */
  readonly everyoneReads?: (path: string) => boolean;
  /** Names of the secrets kept in a state directory, given as it is written; null: it cannot be looked at. Without it, names are not looked for. */
  readonly keptSecrets?: (stateDir: string) => readonly string[] | null;
  /** Kinds of policies. Default: the built-in ones. */
  readonly policies?: PolicyTable;
}

/** A driver and its validated options; secrets in them are references still. */
export interface ConfiguredDriver {
  readonly driver: string;
  readonly options: Json;
}

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  /** Relative to the configuration file. */
  readonly stateDir: string;
  /** Where the key of the kept secrets is; null: in the state directory. */
  readonly secretsKey: { readonly file: string } | { readonly env: string } | null;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Plain HTTP beyond loopback is allowed. */
  readonly insecureHttp: boolean;
  readonly tokensFile: string | null;
  /** Routes that need no token beyond loopback. */
  readonly open: readonly ('metrics' | 'sd')[];
  /** Networks or single addresses that drivers may not call, and exceptions. */
  readonly outbound: { readonly deny: readonly string[]; readonly allow: readonly string[] };
  readonly retain: { readonly decisionsMs: number; readonly eventsMs: number; readonly instancesMs: number };
  readonly installId: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export interface ReceiverConfig {
  /** Id of the alert format, and its options. */
  readonly format: string;
  readonly options: Json;
  /** `token`: a token of the API with the role receiver. */
  readonly auth: FileValue['receivers'][string]['auth'];
  /** A listener of its own. */
  readonly listen?: { readonly host: string; readonly port: number };
}

export interface NotifierConfig extends ConfiguredDriver {
  readonly atOnce: readonly string[];
  readonly digest: { readonly everyMs: number; readonly of: readonly string[] };
}

export interface LoadedConfig {
  readonly source: ConfigSource;
  /** Changes exactly when the meaning changes: comments, order and places do not count. */
  readonly hash: string;
  readonly server: ServerConfig;
  readonly clouds: Readonly<Record<string, ConfiguredDriver>>;
  readonly sources: Readonly<Record<string, ConfiguredDriver>>;
  readonly balancers: Readonly<Record<string, ConfiguredDriver>>;
  readonly receivers: Readonly<Record<string, ReceiverConfig>>;
  readonly notifiers: Readonly<Record<string, NotifierConfig>>;
  readonly groups: readonly GroupSpec[];
  /** The file in its long form, with defaults filled in and marked: for `config show --expanded` and for plans. */
  readonly expanded: YamlNode;
  readonly warnings: readonly Diagnostic[];
}

export type LoadResult = { readonly ok: true; readonly config: LoadedConfig } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Reads, checks and expands a configuration: every mistake at once, or everything right. Never throws, resolves no secret. */
export function loadConfig(source: ConfigSource, registry: ManifestRegistry, options: LoadOptions): LoadResult {
  const read = readYaml(source.text, source.file);
  if (read.root === null) return { ok: false, diagnostics: firstOnes(inFileOrder(read.diagnostics)) };
  const policies = options.policies ?? POLICIES;
  const { frame } = read;
  const expanded = expand(read.root, catalogOf(registry), frame);
  const telling = { frame, root: expanded.root };
  const checked = check(fileSchema, expanded.root);
  const parts = checkDrivers(telling, registry, policies);
  const told = diagnose([...checked.findings, ...parts.findings], telling);
  const damaged = new Set([...told.damaged, ...read.diagnostics.map(() => '')]);
  const { fileExists = null, everyoneReads = null, keptSecrets = null } = options;
  const sense = new Sense({
    frame,
    root: expanded.root,
    value: checked.value,
    parts,
    registry,
    fileExists,
    everyoneReads,
    keptSecrets,
    damaged,
    badTargets: expanded.badTargets,
  });
  checkSense(sense);
  const diagnostics = firstOnes(inFileOrder([...read.diagnostics, ...expanded.diagnostics, ...parts.diagnostics, ...told.diagnostics, ...sense.diagnostics]));
  if (diagnostics.some((d) => d.severity === 'error')) return { ok: false, diagnostics };
  const context: BuildContext = {
    file: checked.value as FileValue,
    options: parts.options,
    sha256: options.sha256,
    written: (group) => writtenKeys(expanded.root, group, frame),
  };
  return { ok: true, config: build(source, context, parts, withDefaults(expanded.root, registry, policies), diagnostics) };
}

function checkSense(sense: Sense): void {
  checkServer(sense);
  checkSecrets(sense);
  checkPrefixes(sense);
  for (const group of sense.keys(['groups'])) {
    // A name that is damaged is a field that slipped out of its group.
    if (typeof sense.at(['groups', group]) !== 'object' || (sense.hurt(group) && Object.hasOwn(groupSchema.shape, group))) continue;
    checkNames(sense, group);
    checkNumbers(sense, group);
    checkRest(sense, group);
  }
}

function build(source: ConfigSource, context: BuildContext, parts: DriverParts, expanded: YamlNode, warnings: readonly Diagnostic[]): LoadedConfig {
  const { file } = context;
  const optionsAt = (section: string, name: string): Json => toJson(parts.options.get(partKey([section, name])));
  const drivers = (section: 'clouds' | 'sources' | 'balancers'): Record<string, ConfiguredDriver> =>
    Object.fromEntries(Object.entries(file[section]).map(([name, entry]) => [name, { driver: entry.type ?? name, options: optionsAt(section, name) }]));
  const receivers = Object.fromEntries(
    Object.entries(file.receivers).map(([name, r]): [string, ReceiverConfig] => [
      name,
      {
        format: r.format ?? name,
        options: optionsAt('receivers', name),
        auth: r.auth,
        // Only where it is written, so that the hash of files without it stays.
        ...(r.listen === undefined ? {} : { listen: addressOf(r.listen) }),
      },
    ]),
  );
  const notifiers = Object.fromEntries(
    Object.entries(file.notify).map(([name, n]): [string, NotifierConfig] => [
      name,
      { driver: n.type ?? name, options: optionsAt('notify', name), atOnce: n.at_once, digest: { everyMs: n.digest.every, of: n.digest.of } },
    ]),
  );
  const groups = Object.entries(file.groups).map(([name, group]) => buildGroup(name, group, context));
  const parsed = { server: serverOf(file), clouds: drivers('clouds'), sources: drivers('sources'), balancers: drivers('balancers'), receivers, notifiers };
  const hash = shortHash(toJson({ ...parsed, groups: groups.map((g) => [g.name, g.hash]).sort((a, b) => (a.join() < b.join() ? -1 : 1)) }), context.sha256);
  return { source, hash, ...parsed, groups, expanded, warnings };
}

function addressOf(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

function serverOf(file: FileValue): ServerConfig {
  const { server } = file;
  return {
    ...addressOf(server.listen),
    stateDir: server.state,
    secretsKey: server.secrets_key ?? null,
    tls: server.tls ?? null,
    insecureHttp: server.insecure_http,
    tokensFile: server.auth.tokens_file ?? null,
    open: server.open,
    outbound: server.outbound,
    retain: { decisionsMs: server.retain.decisions, eventsMs: server.retain.events, instancesMs: server.retain.instances },
    installId: server.install_id ?? null,
    logLevel: server.log_level,
  };
}

/** Drivers a file uses, so that only those are loaded. Names that do not exist are left out: `loadConfig` tells them. */
export function neededDrivers(source: ConfigSource, ids: DriverIds): readonly DriverRef[] {
  const read = readYaml(source.text, source.file);
  if (read.root === null) return [];
  const { root } = expand(read.root, catalogOfIds(ids), read.frame);
  const found = new Map<string, DriverRef>();
  const note = (kind: DriverRef['kind'], type: YamlNode | undefined): void => {
    if (type?.kind === 'scalar' && typeof type.value === 'string' && ids[kind].includes(type.value))
      found.set(`${kind}/${type.value}`, { kind, id: type.value });
  };
  for (const { section, kind, typeKey } of SECTIONS) for (const entry of valuesOf(child(root, section))) note(kind, child(entry, typeKey));
  for (const group of valuesOf(child(root, 'groups'))) {
    for (const step of valuesOf(child(group, 'hooks'))) if (step.kind === 'seq') for (const hook of step.items) note('hook', child(hook, 'type'));
  }
  return [...found.values()];
}

function valuesOf(node: YamlNode | undefined): YamlNode[] {
  return node?.kind === 'map' ? node.entries.map((e) => e.value) : [];
}
