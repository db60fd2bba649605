import type { z } from 'zod';
import type {
  AlertFormatManifest,
  BalancerManifest,
  CloudManifest,
  DriverKind,
  HookManifest,
  ManifestBase,
  NotifierManifest,
  SourceManifest,
} from '../ports/ports.ts';
import { shapeOf } from './walk.ts';

/** Ids of the drivers that exist, loaded or not. */
export type DriverIds = Readonly<Record<DriverKind, readonly string[]>>;

/** The manifests a configuration may need, by id; the app loads those that `neededDrivers` names. */
export interface ManifestRegistry {
  readonly clouds: Readonly<Record<string, CloudManifest>>;
  readonly balancers: Readonly<Record<string, BalancerManifest>>;
  readonly sources: Readonly<Record<string, SourceManifest>>;
  readonly alertFormats: Readonly<Record<string, AlertFormatManifest>>;
  readonly hooks: Readonly<Record<string, HookManifest>>;
  readonly notifiers: Readonly<Record<string, NotifierManifest>>;
  /** Every id that exists, for suggestions. Default: the loaded ones. */
  readonly ids?: DriverIds;
}

/** One driver a configuration names. */
export interface DriverRef {
  readonly kind: DriverKind;
  readonly id: string;
}

/** What expanding shorthands must know of drivers. */
export interface Catalog {
  ids(kind: DriverKind): readonly string[];
  has(kind: DriverKind, id: string): boolean;
  /** The option a bare value stands for, `{ haproxy: SOCKET }`: the first one of the driver's schema. */
  firstOption(kind: DriverKind, id: string): string;
  /** Fields a metric of this source may have; null when the driver is not loaded. */
  queryKeys(source: string): readonly string[] | null;
  options(kind: DriverKind, id: string): z.ZodType | null;
}

export function manifestOf(registry: ManifestRegistry, kind: DriverKind, id: string): ManifestBase<DriverKind, z.ZodType> | null {
  const table: Readonly<Record<string, ManifestBase<DriverKind, z.ZodType>>> = {
    cloud: registry.clouds,
    balancer: registry.balancers,
    source: registry.sources,
    'alert-format': registry.alertFormats,
    hook: registry.hooks,
    notifier: registry.notifiers,
  }[kind];
  return Object.hasOwn(table, id) ? (table[id] ?? null) : null;
}

export function idsOf(registry: ManifestRegistry): DriverIds {
  return (
    registry.ids ?? {
      cloud: Object.keys(registry.clouds),
      balancer: Object.keys(registry.balancers),
      source: Object.keys(registry.sources),
      'alert-format': Object.keys(registry.alertFormats),
      hook: Object.keys(registry.hooks),
      notifier: Object.keys(registry.notifiers),
    }
  );
}

export function catalogOf(registry: ManifestRegistry): Catalog {
  const ids = idsOf(registry);
  const options = (kind: DriverKind, id: string): z.ZodType | null => manifestOf(registry, kind, id)?.options ?? null;
  return {
    ids: (kind) => ids[kind],
    has: (kind, id) => ids[kind].includes(id),
    options,
    firstOption(kind, id) {
      const schema = options(kind, id);
      return (schema === null ? undefined : Object.keys(shapeOf(schema))[0]) ?? 'value';
    },
    queryKeys(source) {
      const query = Object.hasOwn(registry.sources, source) ? registry.sources[source]?.query : undefined;
      return query === undefined ? null : Object.keys(shapeOf(query));
    },
  };
}

/** A catalog that knows names only: enough to find which drivers a file needs. */
export function catalogOfIds(ids: DriverIds): Catalog {
  return {
    ids: (kind) => ids[kind],
    has: (kind, id) => ids[kind].includes(id),
    options: () => null,
    firstOption: () => 'value',
    queryKeys: () => null,
  };
}
