import type { AnsibleOptions } from './options.ts';
import type { RunFiles } from './run-files.ts';

/** Arguments of ansible-playbook before the playbook. Values stand behind `=`, so that none can be read as an option; no secret is among them. */
export function playbookArgs(options: AnsibleOptions, run: RunFiles, host: string, resolve: (path: string) => string): string[] {
  return [
    `--inventory=${run.inventory}`,
    ...options.inventory.map((path) => `--inventory=${resolve(path)}`),
    `--limit=${host}`,
    `--connection=${options.connection}`,
    ...(run.extraVars === null ? [] : [`--extra-vars=@${run.extraVars}`]),
    ...(options.user === undefined ? [] : [`--user=${options.user}`]),
    ...(run.privateKey === null ? [] : [`--private-key=${run.privateKey}`]),
    ...(run.vaultPassword === null ? [] : [`--vault-password-file=${run.vaultPassword}`]),
    ...(options.become ? ['--become'] : []),
    ...(options.tags.length === 0 ? [] : [`--tags=${options.tags.join(',')}`]),
    ...sshArgs(options, run),
  ];
}

/** A file of known hosts of its own: addresses are used again by other machines, and a key of the one before must not lock the new one out. */
function sshArgs(options: AnsibleOptions, run: RunFiles): string[] {
  if (options.connection !== 'ssh' || options.host_key_checking === 'strict') return [];
  const file = options.host_key_checking === 'off' ? '/dev/null' : run.knownHosts;
  const policy = options.host_key_checking === 'off' ? 'no' : 'accept-new';
  // Read twice: by a splitter like the shell's, then by ssh, which parts file names at blanks outside double quotes.
  return [`--ssh-common-args=-o StrictHostKeyChecking=${policy} -o 'UserKnownHostsFile="${file}"'`];
}
