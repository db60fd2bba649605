import type { ConfiguredDriver, LoadedConfig } from '../config/config.ts';
import type { Json } from '../core/model/model.ts';
import type { Store } from '../ports/ports.ts';

/** Clouds and balancers that left the file while a group that is not in it any more still has machines there. */
export interface LeftBehind {
  readonly clouds: Readonly<Record<string, ConfiguredDriver>>;
  readonly balancers: Readonly<Record<string, ConfiguredDriver>>;
}

const KEY = 'left_behind';
export const NOTHING_LEFT: LeftBehind = { clouds: {}, balancers: {} };

/**
 * Keeps hold of what groups outside the file need, so that their machines can still be seen, drained and deleted. `previous`: the
 * configuration that ran before, where such parts are still described. Options hold references to secrets, never secrets.
 */
export async function keepLeftBehind(store: Store, config: LoadedConfig, previous: LoadedConfig | null): Promise<LeftBehind> {
  const kept = ((await store.meta(KEY)) ?? NOTHING_LEFT) as unknown as LeftBehind;
  const outside = (await store.groups()).filter((row) => row.archivedAtMs === null && !config.groups.some((g) => g.name === row.name));
  const clouds: Record<string, ConfiguredDriver> = {};
  const balancers: Record<string, ConfiguredDriver> = {};
  for (const { spec } of outside) {
    take(clouds, spec.cloud, config.clouds, previous?.clouds, kept.clouds);
    for (const { balancer } of spec.balancers) take(balancers, balancer, config.balancers, previous?.balancers, kept.balancers);
  }
  const next: LeftBehind = { clouds, balancers };
  if (JSON.stringify(next) !== JSON.stringify(kept)) await store.control([{ kind: 'meta', key: KEY, value: next as unknown as Json }], []);
  return next;
}

type Parts = Readonly<Record<string, ConfiguredDriver>>;

function take(into: Record<string, ConfiguredDriver>, name: string, running: Parts, previous: Parts | undefined, kept: Parts): void {
  if (Object.hasOwn(running, name)) return; // the file describes it
  const part = (previous && Object.hasOwn(previous, name) ? previous[name] : undefined) ?? (Object.hasOwn(kept, name) ? kept[name] : undefined);
  if (part) into[name] = part;
}
