import type { BalancerManifest } from '../../../ports/balancer.ts';
import { options } from './options.ts';

export const manifest: BalancerManifest<typeof options> = {
  kind: 'balancer',
  id: 'nodebalancer',
  title: 'Linode NodeBalancer',
  summary: 'Keeps the nodes of one configuration of a Linode (Akamai) NodeBalancer in step, over the API v4: one node at a time, never a rebuild.',
  options,
  // The API tells no open connections; a check takes up to 31 s of interval and 30 s of time-out, by its own defaults.
  can: { sessions: false, checks: true, callLimitMs: 120_000 },
  open: async (given, ports) => new (await import('./nodebalancer.ts')).NodeBalancer(given, ports),
};
