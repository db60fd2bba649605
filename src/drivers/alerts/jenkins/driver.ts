import type { AlertFormatManifest } from '../../../ports/alert-format.ts';
import { jobsOf, openJenkins } from './jenkins.ts';
import { jenkinsOptions } from './options.ts';

export const manifest: AlertFormatManifest<typeof jenkinsOptions> = {
  kind: 'alert-format',
  id: 'jenkins',
  title: 'Jenkins',
  summary: 'Takes what is sent to a Jenkins: triggers of jobs with parameters, and the generic webhook. A trigger is one change, not a state that lasts.',
  options: jenkinsOptions,
  hmac: null, // its senders know passwords and tokens only
  open: (options) => openJenkins(jobsOf(options)),
  triggers: (options) => ({
    jobs: jobsOf(options),
    webhook:
      options.webhook === undefined ? null : options.webhook.body === 'parameters' ? { jobs: options.webhook.jobs ?? [] } : { format: options.webhook.body },
    crumb: options.crumb,
  }),
};
