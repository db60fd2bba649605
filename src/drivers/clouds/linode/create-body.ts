/** The body of a create call. */
import type { JsonObject } from '../../../core/model/json.ts';
import type { OwnerTags } from '../../../ports/cloud.ts';
import type { DriverPorts } from '../../../ports/driver.ts';
import { addressKind, type LinodeTemplate } from './options.ts';
import { ownerTags } from './owner-tags.ts';
import { readUserData } from './user-data.ts';

export interface CreateBody {
  readonly body: JsonObject;
  /** What of it must not be printed. */
  readonly redact: readonly string[];
}

export async function createBody(t: LinodeTemplate, label: string, owner: OwnerTags, ports: DriverPorts): Promise<CreateBody> {
  const redact: string[] = [];
  const reveal = async (ref: Exclude<LinodeTemplate['root_pass'], string>): Promise<string> => {
    const value = (await ports.secrets.resolve(ref)).reveal();
    redact.push(value);
    return value;
  };
  const password = t.root_pass === 'none' ? undefined : t.root_pass === 'random' ? randomPassword(ports) : await reveal(t.root_pass);
  if (password !== undefined) redact.push(password);
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(t.stackscript?.data ?? {})) fields[name] = typeof value === 'string' ? value : await reveal(value);
  const userData = await readUserData(t, ports);
  if (userData !== undefined) redact.push(userData);
  const body: Record<string, JsonObject[string] | undefined> = {
    region: t.region,
    type: t.type,
    image: t.image,
    label,
    tags: [...t.tags, ...ownerTags(owner, addressKind(t))],
    booted: true,
    root_pass: password,
    authorized_keys: some(t.authorized_keys),
    authorized_users: some(t.authorized_users),
    stackscript_id: t.stackscript?.id,
    stackscript_data: Object.keys(fields).length > 0 ? fields : undefined,
    metadata: userData === undefined ? undefined : { user_data: userData },
    placement_group: t.placement_group === undefined ? undefined : { id: t.placement_group },
    disk_encryption: t.disk_encryption,
    swap_size: t.swap_size,
    backups_enabled: t.backups ? true : undefined,
    ...network(t),
  };
  return { body: Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as JsonObject, redact };
}

function some(list: readonly string[]): string[] | undefined {
  return list.length > 0 ? [...list] : undefined;
}

/** The generation is always said: what a new Linode gets without it is a setting of the account. */
function network(t: LinodeTemplate): Record<string, JsonObject[string] | undefined> {
  if (t.interface_generation === 'legacy_config') {
    const isPrimary = t.vpc?.public === false;
    const vpc: JsonObject[] = t.vpc === undefined ? [] : [{ purpose: 'vpc', subnet_id: t.vpc.subnet_id, primary: isPrimary }];
    const wan: JsonObject[] = t.vpc?.public === true ? [{ purpose: 'public', primary: true }] : [];
    return {
      interface_generation: 'legacy_config',
      private_ip: t.private_ip,
      firewall_id: t.firewall_id,
      interfaces: vpc.length > 0 ? [...wan, ...vpc] : undefined,
    };
  }
  // Here the firewall stands on each interface.
  const firewall = t.firewall_id === undefined ? {} : { firewall_id: t.firewall_id };
  const wan: JsonObject[] =
    t.vpc?.public === false
      ? []
      : [
          {
            ...firewall,
            default_route: { ipv4: true, ipv6: true },
            public: { ipv4: { addresses: [{ address: 'auto', primary: true }] }, ipv6: { ranges: [] } },
          },
        ];
  const vpc: JsonObject[] =
    t.vpc === undefined
      ? []
      : [
          {
            ...firewall,
            ...(t.vpc.public ? {} : { default_route: { ipv4: true } }),
            vpc: { subnet_id: t.vpc.subnet_id, ipv4: { addresses: [{ address: 'auto', primary: true }] } },
          },
        ];
  return { interface_generation: 'linode', interfaces: [...wan, ...vpc] };
}

/** Of every kind of character the API may ask for. It is sent once and kept nowhere. */
function randomPassword(ports: Pick<DriverPorts, 'secrets'>): string {
  return `Zq7-${ports.secrets.randomHex(24)}`;
}
