import type { DriverKind, ManifestBase } from '../ports/ports.ts';

type Loader = () => Promise<{ readonly manifest: unknown }>;

/** Every driver, one lazy line each: a driver (and its vendor package) is loaded when a configuration names it. */
export const DRIVERS = {
  'cloud/local': () => import('../drivers/clouds/local/driver.ts'),
  'cloud/exec': () => import('../drivers/clouds/exec/driver.ts'),
  'cloud/linode': () => import('../drivers/clouds/linode/driver.ts'),
  'balancer/haproxy': () => import('../drivers/balancers/haproxy/driver.ts'),
  'balancer/proxy': () => import('../drivers/balancers/proxy/driver.ts'),
  'balancer/nodebalancer': () => import('../drivers/balancers/nodebalancer/driver.ts'),
  'source/prometheus': () => import('../drivers/sources/prometheus/driver.ts'),
  'source/http': () => import('../drivers/sources/http/driver.ts'),
  'source/haproxy': () => import('../drivers/sources/haproxy/driver.ts'),
  'alert-format/alertmanager': () => import('../drivers/alerts/alertmanager/driver.ts'),
  'alert-format/grafana': () => import('../drivers/alerts/grafana/driver.ts'),
  'alert-format/generic': () => import('../drivers/alerts/generic/driver.ts'),
  'alert-format/jenkins': () => import('../drivers/alerts/jenkins/driver.ts'),
  'hook/http': () => import('../drivers/hooks/http/driver.ts'),
  'hook/exec': () => import('../drivers/hooks/exec/driver.ts'),
  'hook/jenkins': () => import('../drivers/hooks/jenkins/driver.ts'),
  'hook/ansible': () => import('../drivers/hooks/ansible/driver.ts'),
  'notifier/webhook': () => import('../drivers/notifiers/webhook/driver.ts'),
  'notifier/slack': () => import('../drivers/notifiers/slack/driver.ts'),
  'notifier/mattermost': () => import('../drivers/notifiers/mattermost/driver.ts'),
  'notifier/email': () => import('../drivers/notifiers/email/driver.ts'),
} as const satisfies Record<`${DriverKind}/${string}`, Loader>;

/** Ids of one kind, in the order of the list. */
export function driverIds(kind: DriverKind): string[] {
  return Object.keys(DRIVERS)
    .filter((key) => key.startsWith(`${kind}/`))
    .map((key) => key.slice(kind.length + 1));
}

/** The manifest of one driver; null: there is no such driver. */
export async function loadManifest<M extends ManifestBase<DriverKind, never>>(kind: DriverKind, id: string): Promise<M | null> {
  const key = `${kind}/${id}`;
  if (!Object.hasOwn(DRIVERS, key)) return null;
  const loaded = await (DRIVERS as Record<string, Loader>)[key]?.();
  return (loaded?.manifest ?? null) as M | null;
}
