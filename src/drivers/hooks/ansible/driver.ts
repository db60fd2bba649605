import type { HookManifest } from '../../../ports/hook.ts';
import { AnsibleHook } from './ansible.ts';
import { ansibleHookOptions, longForm } from './options.ts';

export const manifest: HookManifest<typeof ansibleHookOptions> = {
  kind: 'hook',
  id: 'ansible',
  title: 'Ansible',
  summary: 'Runs a playbook on the machine as a step in the life of an instance.',
  options: ansibleHookOptions,
  open: async (options, ports) => new AnsibleHook(longForm(options), ports),
};
