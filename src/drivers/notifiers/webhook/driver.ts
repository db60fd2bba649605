import type { NotifierManifest } from '../../../ports/notifier.ts';
import { webhookOptions } from './options.ts';

export const manifest: NotifierManifest<typeof webhookOptions> = {
  kind: 'notifier',
  id: 'webhook',
  title: 'Webhook',
  summary: 'Each notification as JSON to an address of your own, signed if you like.',
  options: webhookOptions,
  open: async (options, ports) => (await import('./webhook.ts')).openWebhook(options, ports),
};
