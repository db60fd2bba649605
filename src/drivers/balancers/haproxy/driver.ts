import type { BalancerManifest } from '../../../ports/balancer.ts';
import { options } from './options.ts';

export const manifest: BalancerManifest<typeof options> = {
  kind: 'balancer',
  id: 'haproxy',
  title: 'HAProxy',
  summary:
    'Keeps the servers of one HAProxy backend in step over the Runtime API, without reloads: fills the slots of a server-template or adds and deletes dynamic servers. HAProxy 2.4 or newer.',
  options,
  can: { sessions: true, checks: true, callLimitMs: 60_000 },
  open: async (given, ports) => new (await import('./haproxy.ts')).HaproxyBalancer(given, ports),
};
