import type { AlertFormatManifest } from '../../../ports/alert-format.ts';
import { openGeneric } from './generic.ts';
import { genericOptions } from './options.ts';

export const manifest: AlertFormatManifest<typeof genericOptions> = {
  kind: 'alert-format',
  id: 'generic',
  title: 'Any JSON',
  summary: 'Alerts of any system that posts JSON: JSON pointers say where name, state and labels stand (Datadog, ElastAlert, scripts).',
  options: genericOptions,
  hmac: { header: 'X-Drover-Signature', timestampHeader: null, prefix: '' },
  open: (options) => openGeneric(options),
};
