import type { SourceManifest } from '../../../ports/source.ts';
import { httpSourceOptions, httpSourceQuery } from './options.ts';

export const manifest: SourceManifest<typeof httpSourceOptions, typeof httpSourceQuery> = {
  kind: 'source',
  id: 'http',
  title: 'HTTP',
  summary: 'One number from any HTTP address: at a JSON pointer in its answer, or a metric on a page in the Prometheus text format.',
  options: httpSourceOptions,
  query: httpSourceQuery,
  can: { range: false },
  open: async (options, ports) => (await import('./http.ts')).openHttpSource(options, ports),
};
