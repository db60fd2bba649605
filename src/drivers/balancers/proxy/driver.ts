import type { BalancerManifest } from '../../../ports/balancer.ts';
import { options } from './options.ts';

export const manifest: BalancerManifest<typeof options> = {
  kind: 'balancer',
  id: 'proxy',
  title: 'Built-in proxy',
  summary: 'The small HTTP proxy that comes with Drover, for the demo and for trying things out. For real traffic use HAProxy or another balancer.',
  options,
  can: { sessions: true, checks: true, callLimitMs: 60_000 },
  open: async (given, ports) => new (await import('./proxy.ts')).ProxyBalancer(given, ports),
};
