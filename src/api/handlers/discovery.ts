/** What Prometheus finds: our instances, or everything a cloud has, with the labels of that cloud's own discovery. */
import { type CloudListing, OperationError, type Operations } from '../../engine/operations.ts';
import type { InstanceRow } from '../../ports/ports.ts';
import type { HandlerDeps, Handlers } from './handlers.ts';

interface Target {
  readonly targets: string[];
  readonly labels: Record<string, string>;
}

/** `[::1]:80` for IPv6. */
function target(address: string, port: number | null): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}

function labelsOf(i: InstanceRow, cloud: string): Record<string, string> {
  return {
    __meta_drover_group: i.group,
    __meta_drover_instance: i.id,
    __meta_drover_state: i.state,
    __meta_drover_zone: i.zone ?? '',
    __meta_drover_template: i.templateId,
    __meta_drover_cloud: cloud,
  };
}

/** Null: this cloud has no labels of its own, or does not let us read them; then our own have to do. */
async function listingOf(operations: Operations, cloud: string): Promise<CloudListing | null> {
  try {
    return await operations.targets(cloud);
  } catch (e) {
    // Its machines may be ours all the same: what its credentials do not show is left out.
    if (e instanceof OperationError && e.code !== 'unavailable') return null;
    throw e;
  }
}

export function discoveryHandlers({ operations }: Pick<HandlerDeps, 'operations'>): Handlers<'sd'> {
  return {
    sd: async ({ group, cloud }, { header }) => {
      const clouds = new Map((await operations.fleet()).map((s) => [s.group, s.cloud]));
      const cloudOf = (i: InstanceRow): string => clouds.get(i.group) ?? '';
      const rows = (await operations.instances(null, false)).filter(
        (i) => i.state !== 'gone' && (group === undefined || i.group === group) && (cloud === undefined || cloudOf(i) === cloud),
      );
      const names = cloud === undefined ? [...new Set(rows.map(cloudOf))] : [cloud];
      const listings = new Map<string, CloudListing>();
      for (const name of names) {
        const listing = cloud === undefined ? await listingOf(operations, name) : await operations.targets(name);
        if (listing !== null) listings.set(name, listing);
      }
      // RFC 9111: how old the oldest part of the answer is, in seconds.
      if (listings.size > 0) header('age', String(Math.floor(Math.max(...[...listings.values()].map((l) => l.ageMs)) / 1000)));
      const whole = cloud === undefined ? undefined : listings.get(cloud);
      return whole === undefined ? ofRows(rows, cloudOf, listings) : ofCloud(whole, rows, cloud ?? '', group !== undefined);
    },
  };
}

/** Our instances, each with what its cloud says of its machine. */
function ofRows(rows: readonly InstanceRow[], cloudOf: (i: InstanceRow) => string, listings: ReadonlyMap<string, CloudListing>): Target[] {
  const byMachine = new Map([...listings].map(([cloud, { targets }]) => [cloud, new Map(targets.map((t) => [t.machineId, t.labels]))]));
  return rows.flatMap((i): Target[] => {
    if (i.address === null) return [];
    const theirs = byMachine.get(cloudOf(i))?.get(i.machineId ?? '');
    return [{ targets: [target(i.address, i.port)], labels: { ...theirs, ...labelsOf(i, cloudOf(i)) } }];
  });
}

/** Every machine of the cloud, foreign ones included; ours are marked. */
function ofCloud({ targets }: CloudListing, rows: readonly InstanceRow[], cloud: string, oursOnly: boolean): Target[] {
  const byMachine = new Map(rows.flatMap((i) => (i.machineId === null ? [] : [[i.machineId, i] as const])));
  return targets.flatMap((t): Target[] => {
    const ours = byMachine.get(t.machineId);
    if (ours === undefined && oursOnly) return [];
    return [{ targets: [t.target], labels: { ...t.labels, ...(ours === undefined ? {} : labelsOf(ours, cloud)) } }];
  });
}
