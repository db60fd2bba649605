import { z } from 'zod';
import { CREATES_PER_15S, linodeApiOptions, listsPerMinute } from '../../../kit/linode-api.ts';
import { secretRef } from '../../../kit/secret-ref.ts';
import { durationBetween } from '../../../kit/timeout-option.ts';
import { MOST_USER_DATA_BYTES, utf8Bytes } from './user-data.ts';

export const options = z.strictObject({
  ...linodeApiOptions,
  page_size: z.int().min(25).max(500).default(500).describe('Machines asked for with one call of a list, 25-500. Default: 500.'),
  concurrency: z.int().min(1).max(50).default(8).describe('Creates and deletes under way at once, 1-50. Default: 8.'),
  creates_per_15s: z
    .int()
    .min(2)
    .max(1000)
    .default(CREATES_PER_15S)
    .describe('Creates in any 15 s that the API allows this user, 2-1000; more wait for their turn. Default: 20, the limit of Linode.'),
  lists_per_minute: listsPerMinute
    .default(110)
    .describe('Pages of lists this cloud may ask for in a minute, 10-10000; Linode allows a user 200, which its balancers share. Default: 110.'),
  consistency: durationBetween(0, 600_000).default('10s').describe('How long after a create a list may still lack the machine, 0s to 10m. Default: 10s.'),
  discovery_port: z.int().min(1).max(65_535).default(80).describe('Port of the targets of `/sd?cloud=NAME`, as `port` of linode_sd_configs. Default: 80.'),
});
export type LinodeOptions = z.output<typeof options>;

const id = (what: string) => z.int().positive().describe(`Id of ${what}.`);
const word = z.string().regex(/^[a-z0-9][a-z0-9-]{1,62}$/, 'must be a word such as eu-central');
const TAG = z
  .string()
  .min(3)
  .max(50)
  .regex(/^[^,\p{Cc}]+$/u, 'no commas and no control characters')
  .refine((tag) => !tag.startsWith('drover:'), 'tags that begin with drover: are Drover’s own');
export const template = z
  .strictObject({
    region: word.describe('Region, e.g. eu-central. It must be that of the NodeBalancer.'),
    type: z
      .string()
      .regex(/^[a-z0-9-]{2,64}$/, 'must be a type such as g6-nanode-1')
      .describe('Type (size), e.g. g6-nanode-1.'),
    image: z
      .string()
      .regex(/^(?:linode|private|shared)\/[A-Za-z0-9._-]{1,100}$/, 'must be linode/NAME or private/NUMBER')
      .describe('Image: linode/debian12, or a private one: private/12345.'),
    stackscript: z
      .strictObject({
        id: id('the StackScript'),
        data: z
          .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of a field'), z.union([z.string().max(65_535), secretRef]))
          .default({})
          .describe('Values of its user-defined fields; a value is a text or a secret: { file: PATH }. Default: none.'),
      })
      .optional()
      .describe('StackScript run at the first boot.'),
    user_data: z
      .string()
      .min(1)
      .refine((text) => utf8Bytes(text) <= MOST_USER_DATA_BYTES, `at most ${MOST_USER_DATA_BYTES} bytes (16 KB when encoded)`)
      .optional()
      .describe('User data for cloud-init, as text of at most 12 KB. It is kept and shown with the template: secrets belong into `user_data_file`.'),
    user_data_file: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('File with the user data, relative to the configuration file, at most 12 KB; read at every create. Either this or `user_data`.'),
    tags: z.array(TAG.describe('A tag, 3-50 characters.')).max(20).default([]).describe('Tags beside Drover’s own, e.g. [web, autoscale]. Default: none.'),
    authorized_keys: z
      .array(z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\r\n]*)?$/, 'must be one line of a public key'))
      .max(50)
      .default([])
      .describe('Public SSH keys of root. Default: none.'),
    authorized_users: z.array(z.string().min(1).max(64)).max(50).default([]).describe('Users of the account whose SSH keys root gets. Default: none.'),
    root_pass: z
      .union([z.enum(['random', 'none']), secretRef])
      .default('random')
      .describe('Password of root: `random` (made for each machine and kept nowhere), `none` (keys only) or a secret: { file: PATH }. Default: random.'),
    private_ip: z.boolean().default(false).describe('Give it a private IPv4 address, which a NodeBalancer without VPC needs. Default: false.'),
    firewall_id: id('the Cloud Firewall it is put behind').optional(),
    vpc: z
      .strictObject({ subnet_id: id('the subnet'), public: z.boolean().default(true).describe('Give it a public interface too. Default: true.') })
      .optional()
      .describe('Subnet of a VPC it gets an address in.'),
    interface_generation: z
      .enum(['legacy_config', 'linode'])
      .default('legacy_config')
      .describe('Which kind of network interfaces it has. `linode` has no private IPv4 address. Default: legacy_config.'),
    placement_group: id('the placement group').optional(),
    disk_encryption: z.enum(['enabled', 'disabled']).optional().describe('Encrypt its disks. Default: as the region does.'),
    swap_size: z.int().min(0).max(65_536).optional().describe('Swap in MB. Default: 512.'),
    backups: z.boolean().default(false).describe('Turn on the backup service, which costs extra. Default: false.'),
    address: z
      .enum(['private', 'public', 'ipv6', 'vpc'])
      .optional()
      .describe('Which of its addresses balancers and health checks use. Default: private with `private_ip`, vpc with `vpc`, else public.'),
  })
  .superRefine((t, context) => {
    for (const [path, message] of problemsOf(t)) context.addIssue({ code: 'custom', path: [path], message });
  });
export type LinodeTemplate = z.output<typeof template>;

type Choices = Pick<
  LinodeTemplate,
  | 'image'
  | 'stackscript'
  | 'user_data'
  | 'user_data_file'
  | 'root_pass'
  | 'authorized_keys'
  | 'authorized_users'
  | 'private_ip'
  | 'vpc'
  | 'interface_generation'
  | 'address'
>;

/** What does not go together. */
function problemsOf(t: Choices): [keyof Choices, string][] {
  const found: [keyof Choices, string][] = [];
  if (t.user_data !== undefined && t.user_data_file !== undefined) found.push(['user_data_file', 'write either `user_data` or `user_data_file`']);
  if (t.root_pass === 'none' && t.authorized_keys.length + t.authorized_users.length === 0)
    found.push(['root_pass', '`none` needs `authorized_keys` or `authorized_users`: nobody could log in']);
  if (t.stackscript !== undefined && t.image.startsWith('private/')) found.push(['stackscript', 'a StackScript cannot be used with a private image']);
  if (t.private_ip && t.interface_generation === 'linode')
    found.push(['private_ip', 'interfaces of the generation `linode` have no private IPv4 address; use a `vpc`, or `interface_generation: legacy_config`']);
  if (t.address === 'private' && !t.private_ip) found.push(['address', '`private` needs `private_ip: true`']);
  if (t.address === 'vpc' && t.vpc === undefined) found.push(['address', '`vpc` needs `vpc: { subnet_id: … }`']);
  if (t.vpc?.public === false && (t.address === 'public' || t.address === 'ipv6')) found.push(['address', 'it has no public interface (`vpc.public`)']);
  return found;
}

export type AddressKind = NonNullable<LinodeTemplate['address']>;

/** Which address members and checks use. */
export function addressKind(t: Pick<LinodeTemplate, 'address' | 'private_ip' | 'vpc'>): AddressKind {
  return t.address ?? (t.private_ip ? 'private' : t.vpc === undefined ? 'public' : 'vpc');
}
