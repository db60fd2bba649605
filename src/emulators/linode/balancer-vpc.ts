/** The place a NodeBalancer asks for in a VPC. */
import type { Fields } from './fields.ts';
import type { Surroundings } from './model.ts';

export interface BalancerPlace {
  readonly vpcId: number;
  readonly subnetId: number;
  /** Null: any free one. */
  readonly range: string | null;
}

/** Complaints are left in `fields`. */
export function readVpc(fields: Fields, account: Surroundings, region: string): BalancerPlace | null {
  const [first, ...rest] = fields.objects('vpcs') ?? [];
  if (first === undefined) return null;
  if (rest.length > 0) fields.fail('vpcs', 'A NodeBalancer can be in one VPC');
  first.require('subnet_id');
  const subnetId = first.whole('subnet_id') ?? 0;
  const range = first.text('ipv4_range') ?? null;
  const found = account.vpcs.findSubnet(subnetId);
  const why = found === null ? 'subnet_id is not valid' : found.vpc.region === region ? null : 'The VPC is in another region';
  if (why !== null) first.fail('subnet_id', why);
  const taken = why === null ? account.vpcs.rangeRefusal(subnetId, range) : null;
  if (taken !== null) first.fail('ipv4_range', taken);
  return found === null ? null : { vpcId: found.vpc.id, subnetId, range };
}
