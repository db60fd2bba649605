/** VPCs, their subnets and the addresses in them. */

import { REGIONS } from './catalog.ts';
import { Fields } from './fields.ts';
import { type Cidr, contains, firstFree, parseCidr, textOfV4, toV4 } from './ipv4.ts';
import { vpcView } from './linode-addresses.ts';
import type { Subnet, Surroundings, Vpc, VpcInterface, VpcPlace } from './model.ts';
import { notFound, refuse } from './refused.ts';
import { timeText } from './times.ts';

const LABEL = { min: 1, max: 64, pattern: /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/, why: 'Must only use ASCII letters, numbers, and dashes' };

export class Vpcs {
  readonly #account: Surroundings;
  readonly #vpcs = new Map<number, Vpc>();

  constructor(account: Surroundings) {
    this.#account = account;
  }

  all(): Vpc[] {
    return [...this.#vpcs.values()];
  }

  get(id: number): Vpc {
    const vpc = this.#vpcs.get(id);
    if (vpc === undefined) throw notFound();
    return vpc;
  }

  subnet(vpcId: number, id: number): Subnet {
    const subnet = this.get(vpcId).subnets.find((each) => each.id === id);
    if (subnet === undefined) throw notFound();
    return subnet;
  }

  /** By its own id alone. */
  findSubnet(id: number): { vpc: Vpc; subnet: Subnet } | null {
    for (const vpc of this.#vpcs.values()) {
      const subnet = vpc.subnets.find((each) => each.id === id);
      if (subnet !== undefined) return { vpc, subnet };
    }
    return null;
  }

  create(body: unknown): Vpc {
    const fields = new Fields(body);
    fields.require('label', 'region');
    const label = fields.text('label', LABEL);
    const region = fields.text('region');
    const description = fields.text('description', { max: 255 });
    if (region !== undefined && !REGIONS.some((each) => each.id === region)) fields.fail('region', 'region is not valid');
    this.#unique(fields, label, null);
    const nowMs = this.#account.now();
    const subnets: Subnet[] = [];
    for (const item of fields.objects('subnets', 10) ?? []) {
      const subnet = this.#readSubnet(item, subnets);
      if (subnet !== null) subnets.push(subnet);
    }
    fields.done();
    const id = this.#account.ids.next('vpc', 80_001);
    const vpc: Vpc = { id, label: label ?? '', description: description ?? '', region: region ?? '', subnets, createdMs: nowMs, updatedMs: nowMs };
    this.#vpcs.set(id, vpc);
    this.#note('vpc_create', vpc);
    return vpc;
  }

  update(id: number, body: unknown): Vpc {
    const vpc = this.get(id);
    const fields = new Fields(body);
    const label = fields.text('label', LABEL);
    const description = fields.text('description', { max: 255 });
    this.#unique(fields, label, id);
    fields.done();
    Object.assign(vpc, { label: label ?? vpc.label, description: description ?? vpc.description, updatedMs: this.#account.now() });
    this.#note('vpc_update', vpc);
    return vpc;
  }

  delete(id: number): void {
    const vpc = this.get(id);
    if (vpc.subnets.some((subnet) => this.#inUse(subnet))) throw refuse('The VPC still has Linodes or NodeBalancers in it');
    this.#vpcs.delete(id);
    this.#note('vpc_delete', vpc);
  }

  createSubnet(vpcId: number, body: unknown): Subnet {
    const vpc = this.get(vpcId);
    const fields = new Fields(body);
    const subnet = this.#readSubnet(fields, vpc.subnets);
    fields.done();
    if (subnet === null) throw refuse('ipv4 is not valid', 'ipv4');
    vpc.subnets.push(subnet);
    return subnet;
  }

  updateSubnet(vpcId: number, id: number, body: unknown): Subnet {
    const subnet = this.subnet(vpcId, id);
    const fields = new Fields(body);
    const label = fields.text('label', LABEL);
    fields.done();
    Object.assign(subnet, { label: label ?? subnet.label, updatedMs: this.#account.now() });
    return subnet;
  }

  deleteSubnet(vpcId: number, id: number): void {
    const subnet = this.subnet(vpcId, id);
    if (this.#inUse(subnet)) throw refuse('The subnet still has Linodes or NodeBalancers in it');
    const vpc = this.get(vpcId);
    vpc.subnets.splice(vpc.subnets.indexOf(subnet), 1);
  }

  /** Why a Linode of this region cannot be put there, or null. */
  refusal({ subnetId, wanted }: VpcPlace, region: string): string | null {
    const found = this.findSubnet(subnetId);
    if (found === null) return 'subnet_id is not valid';
    if (found.vpc.region !== region) return 'The VPC is in another region';
    if (wanted === null) return firstFree(found.subnet.cidr, found.subnet.used) === null ? 'The subnet has no free address' : null;
    const address = toV4(wanted);
    if (address === null || !contains(found.subnet.cidr, address)) return 'The address is not in the subnet or is reserved';
    return found.subnet.used.has(wanted) ? 'The address is already in use' : null;
  }

  take(place: VpcPlace, linodeId: number): VpcInterface {
    const why = this.refusal(place, this.findSubnet(place.subnetId)?.vpc.region ?? '');
    const found = this.findSubnet(place.subnetId);
    if (why !== null || found === null) throw refuse(why ?? 'subnet_id is not valid', 'interfaces');
    const { subnet, vpc } = found;
    const address = place.wanted ?? firstFree(subnet.cidr, subnet.used) ?? '';
    this.#account.network.takeExactly(address);
    subnet.used.add(address);
    return {
      vpcId: vpc.id,
      subnetId: subnet.id,
      interfaceId: linodeId * 10,
      address,
      nat: place.nat,
      prefix: subnet.cidr.prefix,
      subnetMask: textOfV4(subnet.cidr.mask),
      gateway: textOfV4(subnet.cidr.base + 1),
    };
  }

  give({ subnetId, address }: VpcInterface): void {
    this.#account.network.release(address);
    this.findSubnet(subnetId)?.subnet.used.delete(address);
  }

  /** Why a NodeBalancer cannot have this range there (null: any), or null. */
  rangeRefusal(subnetId: number, range: string | null): string | null {
    const subnet = this.findSubnet(subnetId)?.subnet;
    if (subnet === undefined) return 'subnet_id is not valid';
    if (range === null) return freeRange(subnet) === null ? 'The subnet has no free range' : null;
    const cidr = parseCidr(range);
    if (cidr === null || cidr.prefix !== 30) return 'Must be an IPv4 range in CIDR format, /30';
    return isFree(subnet, cidr.base) ? null : 'The range is not in the subnet or not free';
  }

  /** Four addresses in a row, as recorded. */
  takeRange(subnetId: number, range: string | null): string {
    const why = this.rangeRefusal(subnetId, range);
    const subnet = this.findSubnet(subnetId)?.subnet;
    if (why !== null || subnet === undefined) throw refuse(why ?? 'subnet_id is not valid', 'vpcs');
    const taken = range ?? freeRange(subnet) ?? '';
    for (const address of addressesOf(taken)) subnet.used.add(address);
    return taken;
  }

  giveRange(subnetId: number, range: string): void {
    const subnet = this.findSubnet(subnetId)?.subnet;
    for (const address of addressesOf(range)) subnet?.used.delete(address);
  }

  view(vpc: Vpc): Record<string, unknown> {
    const { id, label, description, region, subnets, createdMs, updatedMs } = vpc;
    return {
      id,
      label,
      description,
      region,
      subnets: subnets.map((subnet) => this.subnetView(subnet)),
      created: timeText(createdMs),
      updated: timeText(updatedMs),
    };
  }

  subnetView(subnet: Subnet): Record<string, unknown> {
    const linodes = this.#account.linodes.all().filter((linode) => linode.addresses.vpc?.subnetId === subnet.id);
    const balancers = this.#account.balancers.all().filter((balancer) => balancer.vpc?.subnetId === subnet.id);
    return {
      id: subnet.id,
      label: subnet.label,
      ipv4: subnet.ipv4,
      linodes: linodes.map((linode) => ({ id: linode.id, interfaces: [{ id: linode.addresses.vpc?.interfaceId, active: true, config_id: linode.configId }] })),
      nodebalancers: balancers.map((balancer) => ({ id: balancer.id, ipv4_range: balancer.vpc?.range })),
      created: timeText(subnet.createdMs),
      updated: timeText(subnet.updatedMs),
    };
  }

  ips(vpcId: number | null): Record<string, unknown>[] {
    const views = this.#account.linodes.all().map(vpcView);
    return views.filter((view) => view !== null).filter((view) => vpcId === null || view['vpc_id'] === vpcId);
  }

  #readSubnet(fields: Fields, beside: readonly Subnet[]): Subnet | null {
    fields.require('label', 'ipv4');
    const label = fields.text('label', LABEL);
    const ipv4 = fields.text('ipv4');
    const cidr = ipv4 === undefined ? null : parseCidr(ipv4);
    if (ipv4 !== undefined && (cidr === null || cidr.prefix < 8 || cidr.prefix > 29)) fields.fail('ipv4', 'Must be an IPv4 range in CIDR format, /8 to /29');
    if (label !== undefined && beside.some((each) => each.label === label)) fields.fail('label', 'Label must be unique among the subnets of the VPC');
    if (cidr === null || label === undefined || ipv4 === undefined) return null;
    if (beside.some(({ cidr: other }) => overlaps(cidr, other))) fields.fail('ipv4', 'The range overlaps with another subnet of the VPC');
    const nowMs = this.#account.now();
    return { id: this.#account.ids.next('subnet', 90_001), label, ipv4, cidr, used: new Set(), createdMs: nowMs, updatedMs: nowMs };
  }

  #inUse(subnet: Subnet): boolean {
    return subnet.used.size > 0 || this.#account.balancers.all().some((balancer) => balancer.vpc?.subnetId === subnet.id);
  }

  #unique(fields: Fields, label: string | undefined, ownId: number | null): void {
    if (label !== undefined && this.all().some((each) => each.label === label && each.id !== ownId))
      fields.fail('label', 'Label must be unique among your VPCs');
  }

  #note(action: string, { id, label }: Vpc): void {
    this.#account.events.note(action, { id, label, type: 'vpc', url: `/v4/vpcs/${id}` });
  }
}

function overlaps(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + b.size && b.base < a.base + a.size;
}

function addressesOf(range: string): string[] {
  const base = parseCidr(range)?.base ?? 0;
  return [0, 1, 2, 3].map((offset) => textOfV4(base + offset));
}

function isFree({ cidr, used }: Subnet, base: number): boolean {
  return [0, 1, 2, 3].every((offset) => contains(cidr, base + offset) && !used.has(textOfV4(base + offset)));
}

function freeRange(subnet: Subnet): string | null {
  const { base, size } = subnet.cidr;
  for (let at = base + 4; at < base + size - 4; at += 4) if (isFree(subnet, at)) return `${textOfV4(at)}/30`;
  return null;
}
