import { z } from 'zod';
import type { Json } from '../../../core/model/json.ts';
import { declaredEnv } from '../../../kit/command.ts';
import { explainFields } from '../../../kit/fill.ts';
import { HOOK_FIELDS } from '../../../kit/hook-fields.ts';
import { secretRef } from '../../../kit/secret-ref.ts';
import { durationBetween } from '../../../kit/timeout-option.ts';

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;
const path = () => z.string().min(1).max(4096);
const playbook = path()
  .refine((text) => !text.startsWith('-'), 'must not begin with a dash')
  .describe('Playbook to run, relative to the configuration file. Its plays name the machine as all, drover or drover_<group> (dashes become _).');

const extraVars = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a name of letters, digits and _'), z.union([secretRef, json]))
  .refine((vars) => Object.keys(vars).length <= 500, 'at most 500 variables')
  .superRefine((vars, context) => {
    for (const [name, value] of Object.entries(vars)) {
      const problem = typeof value === 'string' ? explainFields(value, HOOK_FIELDS) : null;
      if (problem !== null) context.addIssue({ code: 'custom', message: problem, path: [name] });
    }
  });

const long = z.strictObject({
  playbook,
  inventory: z
    .array(path())
    .max(20)
    .default([])
    .describe(
      'More inventories, files or scripts, relative to the configuration file; for plays that need other machines as well. The run is limited to the new machine all the same. Default: the new machine alone.',
    ),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_.][A-Za-z0-9_.@\\-]{0,63}$/, 'must be a name of a user')
    .optional()
    .describe('User to log in as. Default: that of Ansible.'),
  private_key: secretRef.optional().describe('Private key to log in with. It is in a file of mode 0600 while the playbook runs, never in an argument.'),
  become: z.boolean().default(false).describe('Run tasks as root (--become). Default false.'),
  extra_vars: extraVars
    .default({})
    .describe(
      'Variables for the playbook. A text may hold {{ip}}, {{port}}, {{id}}, {{instance}}, {{group}}, {{zone}}, {{step}} and {{token}}; { env: NAME } and { file: PATH } are secrets. Handed over in a file of mode 0600.',
    ),
  vault_password: secretRef.optional().describe('Password of Ansible Vault. In a file of mode 0600 while the playbook runs.'),
  tags: z
    .array(z.string().regex(/^[A-Za-z0-9_.:][A-Za-z0-9_.:-]{0,99}$/, 'must be a tag'))
    .max(50)
    .default([])
    .describe('Only tasks with these tags. Default: all.'),
  connection: z.enum(['ssh', 'local']).default('ssh').describe('`ssh`, or `local`: tasks run on the machine of the controller. Default ssh.'),
  wait_for_port: z
    .union([z.int().min(1).max(65_535), z.literal('none')])
    .optional()
    .describe('Port of the machine that must accept connections before the playbook begins; `none`: do not wait. Default: 22, with connection local none.'),
  wait_timeout: durationBetween(1000, 3_600_000).default('2m').describe('Longest wait for that port. 1s to 1h; default 2m.'),
  host_key_checking: z
    .enum(['accept_new', 'strict', 'off'])
    .default('accept_new')
    .describe(
      '`accept_new`: trust the key that the new machine shows first, for this run; `strict`: only keys in the known_hosts of the user; `off`: any. Default accept_new, since nobody has seen a new machine.',
    ),
  command: path().default('ansible-playbook').describe('The program ansible-playbook: a name on PATH, or a path relative to the configuration file.'),
  env: declaredEnv
    .default({})
    .describe('Environment beside PATH, HOME, LANG, TZ and DROVER_*. A value is a text or a secret: { env: NAME } or { file: PATH }.'),
  cwd: path()
    .optional()
    .describe('Working directory, where Ansible looks for ansible.cfg; relative to the configuration file. Default: the directory of the configuration file.'),
});

/** The playbook alone, or with more. */
export const ansibleHookOptions = z.union([playbook, long]);
export type AnsibleOptions = z.output<typeof long>;

/** The long form of either. */
export function longForm(options: z.output<typeof ansibleHookOptions>): AnsibleOptions {
  return typeof options === 'string' ? long.parse({ playbook: options }) : options;
}
