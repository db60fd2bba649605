import type { AlertFormatManifest } from '../../../ports/alert-format.ts';
import { alertmanagerFormat, anyVersionFormat } from './alertmanager.ts';
import { alertmanagerOptions } from './options.ts';

export const manifest: AlertFormatManifest<typeof alertmanagerOptions> = {
  kind: 'alert-format',
  id: 'alertmanager',
  title: 'Alertmanager',
  summary: 'The webhook of Prometheus Alertmanager (version "4" of the message; Mimir and others send the same).',
  options: alertmanagerOptions,
  hmac: null, // it cannot sign: bearer or basic
  open: ({ any_version }) => (any_version ? anyVersionFormat : alertmanagerFormat),
};
