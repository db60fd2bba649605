import type { HookManifest } from '../../../ports/hook.ts';
import { HttpHook } from './http.ts';
import { httpHookOptions } from './options.ts';

export const manifest: HookManifest<typeof httpHookOptions> = {
  kind: 'hook',
  id: 'http',
  title: 'HTTP request',
  summary: 'Sends an HTTP request as a step in the life of an instance. It is not retried here: the group says what a failure means.',
  options: httpHookOptions,
  open: async (options, ports) => new HttpHook(options, ports),
};
