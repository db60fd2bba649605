/** The two generations of network interfaces in a create call. */

import type { Fields } from './fields.ts';
import type { Surroundings, VpcPlace } from './model.ts';

export interface InterfacePlan {
  readonly generation: 'legacy_config' | 'linode';
  readonly vpc: VpcPlace | null;
  readonly isPublic: boolean;
  readonly firewallId: number | null;
}

const MAX_INTERFACES = 3;

export function readInterfaces(fields: Fields, account: Surroundings, region: string): InterfacePlan {
  const items = fields.objects('interfaces') ?? [];
  const asked = fields.text('interface_generation', { oneOf: ['legacy_config', 'linode'] });
  const generation = asked === 'linode' ? 'linode' : 'legacy_config';
  if (items.length > MAX_INTERFACES) fields.fail('interfaces', `Must have at most ${MAX_INTERFACES} items`);
  if (items.length === 0) return { generation, vpc: null, isPublic: true, firewallId: null };
  return generation === 'linode' ? readNew(items, account, region) : readLegacy(items, account, region);
}

function readLegacy(items: readonly Fields[], account: Surroundings, region: string): InterfacePlan {
  let vpc: VpcPlace | null = null;
  for (const item of items) {
    item.require('purpose');
    const purpose = item.text('purpose', { oneOf: ['public', 'vlan', 'vpc'] });
    if (purpose !== 'vpc') continue;
    item.require('subnet_id');
    const ipv4 = item.object('ipv4');
    const place = { subnetId: item.whole('subnet_id') ?? 0, wanted: ipv4?.text('vpc') ?? null, nat: ipv4?.has('nat_1_1') ?? false };
    vpc = checked(place, item, 'subnet_id', account, region);
  }
  return { generation: 'legacy_config', vpc, isPublic: true, firewallId: null };
}

function readNew(items: readonly Fields[], account: Surroundings, region: string): InterfacePlan {
  let vpc: VpcPlace | null = null;
  let isPublic = false;
  let firewallId: number | null = null;
  for (const item of items) {
    const kinds = ['public', 'vpc', 'vlan'].filter((kind) => item.has(kind));
    if (kinds.length !== 1) item.fail('public', 'Must have exactly one of public, vpc, vlan');
    firewallId = item.whole('firewall_id', -1) ?? firewallId;
    if (item.has('public')) isPublic = true;
    const inner = item.object('vpc');
    if (inner === undefined) continue;
    inner.require('subnet_id');
    const first = inner.object('ipv4')?.objects('addresses')?.[0];
    const address = first?.text('address') ?? 'auto';
    const place = { subnetId: inner.whole('subnet_id') ?? 0, wanted: address === 'auto' ? null : address, nat: first?.has('nat_1_1_address') ?? false };
    vpc = checked(place, inner, 'subnet_id', account, region);
    if (place.nat) isPublic = true;
  }
  return { generation: 'linode', vpc, isPublic, firewallId };
}

function checked(place: VpcPlace, item: Fields, field: string, account: Surroundings, region: string): VpcPlace {
  const why = account.vpcs.refusal(place, region);
  if (why !== null) item.fail(field, why);
  return place;
}
