import type { HookManifest } from '../../../ports/hook.ts';
import { JenkinsHook } from './jenkins.ts';
import { jenkinsHookOptions } from './options.ts';

export const manifest: HookManifest<typeof jenkinsHookOptions> = {
  kind: 'hook',
  id: 'jenkins',
  title: 'Jenkins job',
  summary: 'Triggers a job of a Jenkins as a step in the life of an instance and waits for its result. A repeat finds the build that it has started already.',
  options: jenkinsHookOptions,
  open: async (options, ports) => new JenkinsHook(options, ports),
};
