import type { NotifierManifest } from '../../../ports/notifier.ts';
import { slackOptions } from './options.ts';

export const manifest: NotifierManifest<typeof slackOptions> = {
  kind: 'notifier',
  id: 'slack',
  title: 'Slack',
  summary: 'Messages in a Slack channel through an incoming webhook.',
  options: slackOptions,
  open: async (options, ports) => (await import('./slack.ts')).openSlack(options, ports),
};
