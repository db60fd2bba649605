import { type Diagnostic, type LoadedConfig, loadConfig, type ManifestRegistry, neededDrivers } from '../config/config.ts';
import type {
  AlertFormatManifest,
  BalancerManifest,
  CloudManifest,
  DriverKind,
  Files,
  HookManifest,
  NotifierManifest,
  Secrets,
  SourceManifest,
} from '../ports/ports.ts';
import { driverIds, loadManifest } from './registry.ts';

export const CONFIG_BYTES = 262_144;

export type ReadConfig = { readonly ok: true; readonly config: LoadedConfig } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

const IDS = {
  cloud: driverIds('cloud'),
  balancer: driverIds('balancer'),
  source: driverIds('source'),
  'alert-format': driverIds('alert-format'),
  hook: driverIds('hook'),
  notifier: driverIds('notifier'),
} as const satisfies Record<DriverKind, readonly string[]>;

/** Manifests of the drivers a file names (all of them with `every`: for the schema and the reference). */
export async function loadRegistry(source: { file: string; text: string } | 'every'): Promise<ManifestRegistry> {
  const wanted = source === 'every' ? (Object.keys(IDS) as DriverKind[]).flatMap((kind) => IDS[kind].map((id) => ({ kind, id }))) : neededDrivers(source, IDS);
  const found = await Promise.all(wanted.map(async ({ kind, id }) => ({ kind, id, manifest: await loadManifest(kind, id) })));
  const of = <M>(kind: DriverKind): Record<string, M> =>
    Object.fromEntries(found.filter((f) => f.kind === kind && f.manifest !== null).map((f) => [f.id, f.manifest as M]));
  return {
    clouds: of<CloudManifest>('cloud'),
    balancers: of<BalancerManifest>('balancer'),
    sources: of<SourceManifest>('source'),
    alertFormats: of<AlertFormatManifest>('alert-format'),
    hooks: of<HookManifest>('hook'),
    notifiers: of<NotifierManifest>('notifier'),
    ids: IDS,
  };
}

/** Reads a text as a configuration, loading what it names. */
export async function readConfig(
  source: { file: string; text: string },
  deps: {
    secrets: Pick<Secrets, 'sha256'>;
    fileExists: (path: string) => boolean;
    everyoneReads?: (path: string) => boolean;
    keptSecrets?: (stateDir: string) => readonly string[] | null;
  },
): Promise<ReadConfig> {
  const { secrets, ...looks } = deps;
  return loadConfig(source, await loadRegistry(source), { sha256: secrets.sha256, ...looks });
}

/** The text of a configuration file. Throws DriverError not-found, unauthorized or bad-reply (too large). */
export function readConfigText(files: Files, path: string): Promise<string> {
  return files.readText(path, CONFIG_BYTES);
}
