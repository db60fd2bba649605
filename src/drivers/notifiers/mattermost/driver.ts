import type { NotifierManifest } from '../../../ports/notifier.ts';
import { mattermostOptions } from './options.ts';

export const manifest: NotifierManifest<typeof mattermostOptions> = {
  kind: 'notifier',
  id: 'mattermost',
  title: 'Mattermost',
  summary: 'Messages in a Mattermost channel through an incoming webhook.',
  options: mattermostOptions,
  open: async (options, ports) => (await import('./mattermost.ts')).openMattermost(options, ports),
};
