import type { NotifierManifest } from '../../../ports/notifier.ts';
import { emailOptions } from './options.ts';

export const manifest: NotifierManifest<typeof emailOptions> = {
  kind: 'notifier',
  id: 'email',
  title: 'E-mail',
  summary: 'Plain-text e-mail through an SMTP server.',
  options: emailOptions,
  open: async (options, ports) => (await import('./email.ts')).openEmail(options, ports),
};
