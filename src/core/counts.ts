import { type InstanceView, isCapacity, isLiving } from './model/instance.ts';

/** How many machines of which kind there are; the words are those of the record. */
export interface Counts {
  /** Exist (or are on their way) and are not leaving; standby and detached ones apart. */
  readonly running: number;
  /** Healthy in the balancer. */
  readonly serving: number;
  /** Running, not yet serving. */
  readonly warming: number;
  /** Wishes to create that no cloud has confirmed. */
  readonly intents: number;
  /** Leaving, deletion not yet committed. */
  readonly draining: number;
  /** Count against max and are billed; detached ones apart. */
  readonly living: number;
  /** In the balancer and unhealthy. */
  readonly unhealthy: number;
  /** In the balancer, healthy or not. */
  readonly members: number;
  /** Have served and are not leaving, in their balancers now or not: what the brake goes by, so that a balancer that lost its members does not release it. */
  readonly served: number;
  readonly sick: number;
  /** When the newest member began to serve. */
  readonly lastServingMs: number | null;
}

export function countInstances(instances: readonly InstanceView[]): Counts {
  let [running, serving, warming, intents, draining, living, unhealthy, members] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [served, sick] = [0, 0];
  let lastServingMs: number | null = null;
  for (const i of instances) {
    if (i.detached) continue;
    if (isLiving(i.state)) living++;
    if (i.state === 'draining') draining++;
    if (!isCapacity(i.state) || i.standby) continue;
    running++;
    if (i.state === 'intent') intents++;
    if (i.state === 'serving' || i.servingSinceMs !== null) {
      served++;
      if (i.health === 'unhealthy') sick++;
    }
    if (i.state !== 'serving') {
      warming++;
      continue;
    }
    members++;
    if (i.health === 'unhealthy') unhealthy++;
    else serving++;
    if (i.servingSinceMs !== null && (lastServingMs === null || i.servingSinceMs > lastServingMs)) lastServingMs = i.servingSinceMs;
  }
  return { running, serving, warming, intents, draining, living, unhealthy, members, served, sick, lastServingMs };
}
