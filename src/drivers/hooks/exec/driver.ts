import type { HookManifest } from '../../../ports/hook.ts';
import { ExecHook } from './exec.ts';
import { execHookOptions } from './options.ts';

export const manifest: HookManifest<typeof execHookOptions> = {
  kind: 'hook',
  id: 'exec',
  title: 'Command',
  summary: 'Runs a command of your own as a step in the life of an instance.',
  options: execHookOptions,
  open: async (options, ports) => new ExecHook(options, ports),
};
