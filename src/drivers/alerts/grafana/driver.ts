import type { AlertFormatManifest } from '../../../ports/alert-format.ts';
import { grafanaFormat } from './grafana.ts';
import { grafanaOptions } from './options.ts';

export const manifest: AlertFormatManifest<typeof grafanaOptions> = {
  kind: 'alert-format',
  id: 'grafana',
  title: 'Grafana',
  summary: 'The webhook contact point of Grafana (unified alerting), and the webhook of the dashboard alerts before it.',
  options: grafanaOptions,
  // Grafana sends a time only under the header name its user chose, so there is no default for it: `timestamp_header` names it.
  hmac: { header: 'X-Grafana-Alerting-Signature', timestampHeader: null, prefix: '' },
  open: () => grafanaFormat,
};
