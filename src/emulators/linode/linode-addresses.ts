/** Addresses of a Linode, and how the API shows them. */
import type { Linode, LinodeAddresses, LinodePlan, Surroundings } from './model.ts';
import { notFound } from './refused.ts';

/** All or nothing. */
export function takeAddresses(account: Surroundings, linodeId: number, plan: LinodePlan): LinodeAddresses {
  const { network } = account;
  const taken: string[] = [];
  const keep = (address: string) => {
    taken.push(address);
    return address;
  };
  try {
    return {
      publicV4: keep(network.takePublicV4()),
      isPublic: plan.isPublic,
      privateV4: plan.privateIp ? keep(network.takePrivateV4()) : null,
      v6: keep(network.takeV6()),
      vpc: plan.vpc === null ? null : account.vpcs.take(plan.vpc, linodeId),
    };
  } catch (e) {
    for (const address of taken) network.release(address);
    throw e;
  }
}

export function releaseAddresses(account: Surroundings, { publicV4, privateV4, v6, vpc }: LinodeAddresses): void {
  for (const address of [publicV4, privateV4, v6]) if (address !== null) account.network.release(address);
  if (vpc !== null) account.vpcs.give(vpc);
}

/** The list `ipv4` of a Linode. */
export function ipv4Of({ addresses: { publicV4, privateV4, isPublic } }: Linode): string[] {
  return [...(isPublic ? [publicV4] : []), ...(privateV4 === null ? [] : [privateV4])];
}

type View = Record<string, unknown>;

function publicView({ id, region, addresses: { publicV4, vpc } }: Linode): View {
  return {
    address: publicV4,
    gateway: publicV4.replace(/\.\d+$/, '.1'),
    subnet_mask: '255.255.255.0',
    prefix: 24,
    type: 'ipv4',
    public: true,
    rdns: `${publicV4.replaceAll('.', '-')}.ip.linodeusercontent.com`,
    linode_id: id,
    region,
    vpc_nat_1_1: vpc?.nat === true ? { address: vpc.address, subnet_id: vpc.subnetId, vpc_id: vpc.vpcId } : null,
  };
}

function privateView({ id, region }: Linode, address: string): View {
  return {
    address,
    gateway: null,
    subnet_mask: '255.255.128.0',
    prefix: 17,
    type: 'ipv4',
    public: false,
    rdns: null,
    linode_id: id,
    region,
  };
}

function slaacView({ id, region, addresses: { v6 } }: Linode): View {
  return {
    address: v6,
    gateway: 'fe80::1',
    subnet_mask: 'ffff:ffff:ffff:ffff::',
    prefix: 64,
    type: 'ipv6',
    public: true,
    rdns: null,
    linode_id: id,
    region,
  };
}

export function vpcView({ id, region, configId, addresses: { vpc } }: Linode): View | null {
  if (vpc === null) return null;
  return {
    address: vpc.address,
    address_range: null,
    active: true,
    config_id: configId,
    interface_id: vpc.interfaceId,
    linode_id: id,
    nat_1_1: null,
    gateway: vpc.gateway,
    subnet_mask: vpc.subnetMask,
    prefix: vpc.prefix,
    region,
    subnet_id: vpc.subnetId,
    vpc_id: vpc.vpcId,
  };
}

/** `GET /linode/instances/{id}/ips`. */
export function linodeIps(linode: Linode): View {
  const { privateV4, isPublic, v6 } = linode.addresses;
  const vpc = vpcView(linode);
  return {
    ipv4: {
      public: isPublic ? [publicView(linode)] : [],
      private: privateV4 === null ? [] : [privateView(linode, privateV4)],
      shared: [],
      reserved: [],
      vpc: vpc === null ? [] : [vpc],
    },
    ipv6: {
      slaac: slaacView(linode),
      link_local: { ...slaacView(linode), address: `fe80::${v6.split(':').slice(-2).join(':') || '1'}`, public: false },
      global: [],
    },
  };
}

/** `GET /networking/ips`: every address of the account. */
export function allIps(account: Surroundings): View[] {
  return account.linodes.all().flatMap((linode) => {
    const { privateV4, isPublic } = linode.addresses;
    return [...(isPublic ? [publicView(linode)] : []), ...(privateV4 === null ? [] : [privateView(linode, privateV4)]), slaacView(linode)];
  });
}

export function ipView(account: Surroundings, address: string): View {
  const found = allIps(account).find((each) => each['address'] === address);
  if (found === undefined) throw notFound();
  return found;
}
