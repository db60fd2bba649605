import type { SourceManifest } from '../../../ports/source.ts';
import { prometheusOptions, prometheusQuery } from './options.ts';

export const manifest: SourceManifest<typeof prometheusOptions, typeof prometheusQuery> = {
  kind: 'source',
  id: 'prometheus',
  title: 'Prometheus',
  summary: 'A PromQL expression on Prometheus or anything with its query API: Thanos, Mimir, Cortex, VictoriaMetrics, managed services.',
  options: prometheusOptions,
  query: prometheusQuery,
  can: { range: true },
  open: async (options, ports) => (await import('./prometheus.ts')).openPrometheus(options, ports),
};
