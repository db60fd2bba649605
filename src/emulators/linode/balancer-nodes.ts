/** A node of a NodeBalancer's config. It stays when its Linode is deleted, as there. */

import type { BackendSpec, BackendView } from '../balancing/balancing.ts';
import type { Network } from '../machines/machines.ts';
import type { Fields } from './fields.ts';
import type { Balancer, BalancerConfig, BalancerNode, NodeSettings, Surroundings } from './model.ts';

/** What the rules of a node depend on. */
export interface NodePlace {
  readonly account: Surroundings;
  readonly balancer: Pick<Balancer, 'region'> & { readonly vpc: { readonly vpcId: number; readonly subnetId: number } | null };
}

const LABEL = { min: 3, max: 32, pattern: /^[A-Za-z0-9._-]+$/, why: 'Must only use ASCII letters, numbers, underscores, periods, and dashes' };

/** `before`: the node that changes; null: a new one, which needs address and label. Complaints are left in `fields`. */
export function readNode(fields: Fields, before: NodeSettings | null, place: NodePlace): NodeSettings {
  if (before === null) fields.require('address', 'label');
  const address = fields.text('address') ?? before?.address ?? '';
  const mode = fields.text('mode', { oneOf: ['accept', 'reject', 'drain', 'backup'] });
  const subnetId = fields.whole('subnet_id') ?? before?.subnetId ?? null;
  if (fields.has('address')) checkAddress(fields, address, subnetId, place);
  return {
    address,
    label: fields.text('label', LABEL) ?? before?.label ?? '',
    weight: fields.whole('weight', 1, 255) ?? before?.weight ?? 50,
    mode: (mode ?? before?.mode ?? 'accept') as NodeSettings['mode'],
    subnetId,
  };
}

function checkAddress(fields: Fields, text: string, subnetId: number | null, { account, balancer }: NodePlace): void {
  const [address = '', port = ''] = text.split(':');
  if (!/^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$/.test(text) || Number(port) < 1 || Number(port) > 65_535) {
    fields.fail('address', 'Must be in address:port format');
    return;
  }
  const linodes = account.linodes.all().filter((linode) => linode.region === balancer.region);
  if (balancer.vpc !== null) {
    if (subnetId === null) fields.fail('subnet_id', 'subnet_id is required for a NodeBalancer in a VPC');
    const inVpc = linodes.some(({ addresses: { vpc } }) => vpc?.address === address && vpc.vpcId === balancer.vpc?.vpcId && vpc.subnetId === subnetId);
    if (!inVpc) fields.fail('address', 'Must be the address of a Linode in the subnet');
    return;
  }
  if (subnetId !== null) fields.fail('subnet_id', 'The NodeBalancer is in no VPC');
  const known = linodes.some((linode) => linode.addresses.privateV4 === address);
  if (!known) fields.fail('address', 'Must be a private IPv4 address of a Linode in the same region');
}

export function backendOf({ id, settings }: BalancerNode, network: Network): BackendSpec {
  const [address = '', port = ''] = settings.address.split(':');
  return { id: String(id), address: network.listensAt(address) ?? address, port: Number(port), weight: settings.weight, mode: settings.mode };
}

export interface NodeViewParts {
  readonly balancer: Balancer;
  readonly config: BalancerConfig;
  readonly words: 'recorded' | 'documented';
}

export function nodeView(node: BalancerNode, { balancer, config, words }: NodeViewParts): Record<string, unknown> {
  const backend = config.frontend.backends().find((each) => each.id === String(node.id));
  const { address, label, weight, mode } = node.settings;
  return {
    id: node.id,
    config_id: config.id,
    nodebalancer_id: balancer.id,
    address,
    label,
    weight,
    mode,
    status: statusWord(config.settings.check === 'none' ? undefined : backend?.status, words),
    vpc_config_id: balancer.vpc?.configId ?? null,
  };
}

function statusWord(status: BackendView['status'] | undefined, words: NodeViewParts['words']): string {
  if (status === 'up') return 'UP';
  if (status === 'down') return 'DOWN';
  return words === 'recorded' ? 'Unknown' : 'unknown';
}
