import type { SourceManifest } from '../../../ports/source.ts';
import { haproxySourceOptions, haproxySourceQuery } from './options.ts';

export const manifest: SourceManifest<typeof haproxySourceOptions, typeof haproxySourceQuery> = {
  kind: 'source',
  id: 'haproxy',
  title: 'HAProxy statistics',
  summary: 'Connections, requests and errors per second, queue and response time of a backend or frontend, straight from HAProxy: no metrics system needed.',
  options: haproxySourceOptions,
  query: haproxySourceQuery,
  can: { range: false },
  open: async (options, ports) => (await import('./haproxy.ts')).openHaproxySource(options, ports),
};
