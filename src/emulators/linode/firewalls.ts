/** Cloud Firewalls: their rules and devices are kept and checked; packets are not filtered. */

import { createHash } from 'node:crypto';
import { Fields, readTags } from './fields.ts';
import type { DeviceKind, Firewall, FirewallDevice, Surroundings } from './model.ts';
import { notFound, refuse } from './refused.ts';
import { timeText } from './times.ts';

const LABEL = {
  min: 3,
  max: 32,
  pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
  why: 'Must only use ASCII letters, numbers, underscores, periods, and dashes',
};
const MAX_RULES = 25;

export class Firewalls {
  readonly #account: Surroundings;
  readonly #firewalls = new Map<number, Firewall>();

  constructor(account: Surroundings) {
    this.#account = account;
  }

  all(): Firewall[] {
    return [...this.#firewalls.values()];
  }

  has(id: number): boolean {
    return this.#firewalls.has(id);
  }

  get(id: number): Firewall {
    const firewall = this.#firewalls.get(id);
    if (firewall === undefined) throw notFound();
    return firewall;
  }

  create(body: unknown): Firewall {
    const fields = new Fields(body);
    fields.require('label', 'rules');
    const label = fields.text('label', LABEL);
    this.#unique(fields, label, null);
    const tags = readTags(fields) ?? [];
    const given = fields.object('rules');
    const rules = given === undefined ? {} : readRules(given);
    const devices = fields.object('devices');
    const linodes = devices?.wholes('linodes') ?? [];
    const balancers = devices?.wholes('nodebalancers') ?? [];
    if (linodes.some((id) => this.#account.linodes.find(id) === undefined)) fields.fail('devices.linodes', 'linodes is not valid');
    if (balancers.some((id) => this.#account.balancers.find(id) === undefined)) fields.fail('devices.nodebalancers', 'nodebalancers is not valid');
    fields.done();
    const nowMs = this.#account.now();
    const id = this.#account.ids.next('firewall', 400_001);
    const firewall: Firewall = { id, label: label ?? '', tags, status: 'enabled', rules, version: 1, devices: [], createdMs: nowMs, updatedMs: nowMs };
    this.#firewalls.set(id, firewall);
    for (const each of linodes) this.attach(id, 'linode', each, this.#account.linodes.get(each).label);
    for (const each of balancers) this.attach(id, 'nodebalancer', each, this.#account.balancers.get(each).label);
    this.#note('firewall_create', firewall);
    return firewall;
  }

  update(id: number, body: unknown): Firewall {
    const firewall = this.get(id);
    const fields = new Fields(body);
    const label = fields.text('label', LABEL);
    this.#unique(fields, label, id);
    const status = fields.text('status', { oneOf: ['enabled', 'disabled'] });
    const tags = readTags(fields);
    fields.done();
    firewall.label = label ?? firewall.label;
    firewall.tags = tags ?? firewall.tags;
    if (status !== undefined) firewall.status = status === 'enabled' ? 'enabled' : 'disabled';
    firewall.updatedMs = this.#account.now();
    this.#note('firewall_update', firewall);
    return firewall;
  }

  setRules(id: number, body: unknown): Firewall {
    const firewall = this.get(id);
    const fields = new Fields(body);
    const rules = readRules(fields);
    fields.done();
    firewall.rules = rules;
    firewall.version++;
    firewall.updatedMs = this.#account.now();
    this.#note('firewall_rules_update', firewall);
    return firewall;
  }

  delete(id: number): void {
    const firewall = this.get(id);
    this.#firewalls.delete(id);
    this.#note('firewall_delete', firewall);
  }

  addDevice(id: number, body: unknown): FirewallDevice {
    this.get(id);
    const fields = new Fields(body);
    fields.require('id', 'type');
    const entityId = fields.whole('id') ?? 0;
    const kind = fields.text('type', { oneOf: ['linode', 'nodebalancer'] }) === 'nodebalancer' ? 'nodebalancer' : 'linode';
    const entity = kind === 'linode' ? this.#account.linodes.find(entityId) : this.#account.balancers.find(entityId);
    if (entity === undefined && fields.has('id')) fields.fail('id', 'id is not valid');
    fields.done();
    if (this.of(kind, entityId).length > 0) throw refuse('The device already has a firewall');
    return this.attach(id, kind, entityId, entity?.label ?? '');
  }

  attach(id: number, kind: DeviceKind, entityId: number, label: string): FirewallDevice {
    const firewall = this.get(id);
    const device = { id: this.#account.ids.next('firewall_device', 2_000_001), kind, entityId, label, createdMs: this.#account.now() };
    firewall.devices.push(device);
    this.#note('firewall_device_add', firewall);
    return device;
  }

  removeDevice(id: number, deviceId: number): void {
    const firewall = this.get(id);
    const at = firewall.devices.findIndex((device) => device.id === deviceId);
    if (at < 0) throw notFound();
    firewall.devices.splice(at, 1);
    this.#note('firewall_device_remove', firewall);
  }

  detachAll(kind: DeviceKind, entityId: number): void {
    for (const firewall of this.of(kind, entityId)) {
      const at = firewall.devices.findIndex((device) => device.kind === kind && device.entityId === entityId);
      firewall.devices.splice(at, 1);
    }
  }

  /** The firewalls of one device. */
  of(kind: DeviceKind, entityId: number): Firewall[] {
    return this.all().filter((firewall) => firewall.devices.some((device) => device.kind === kind && device.entityId === entityId));
  }

  view(firewall: Firewall): Record<string, unknown> {
    const { id, label, tags, status, createdMs, updatedMs } = firewall;
    return {
      id,
      label,
      tags,
      status,
      rules: rulesView(firewall),
      entities: firewall.devices.map(entityView),
      created: timeText(createdMs),
      updated: timeText(updatedMs),
    };
  }

  deviceView(device: FirewallDevice): Record<string, unknown> {
    const time = timeText(device.createdMs);
    return { id: device.id, entity: entityView(device), created: time, updated: time };
  }

  #unique(fields: Fields, label: string | undefined, ownId: number | null): void {
    const taken = label !== undefined && this.all().some((each) => each.label === label && each.id !== ownId);
    if (taken) fields.fail('label', 'Label must be unique among your Cloud Firewalls');
  }

  #note(action: string, { id, label }: Firewall): void {
    this.#account.events.note(action, { id, label, type: 'firewall', url: `/v4/networking/firewalls/${id}` });
  }
}

export function rulesView({ rules, version }: Firewall): Record<string, unknown> {
  const fingerprint = createHash('sha256').update(JSON.stringify(rules)).digest('hex').slice(0, 8);
  return { ...rules, version, fingerprint };
}

function entityView({ kind, entityId, label }: FirewallDevice): Record<string, unknown> {
  return { id: entityId, type: kind, label, url: kind === 'linode' ? `/v4/linode/instances/${entityId}` : `/v4/nodebalancers/${entityId}` };
}

function readRules(fields: Fields): Record<string, unknown> {
  const policy = { oneOf: ['ACCEPT', 'DROP'] };
  fields.require('inbound_policy', 'outbound_policy');
  return {
    inbound: (fields.objects('inbound', MAX_RULES) ?? []).map(readRule),
    inbound_policy: fields.text('inbound_policy', policy),
    outbound: (fields.objects('outbound', MAX_RULES) ?? []).map(readRule),
    outbound_policy: fields.text('outbound_policy', policy),
  };
}

function readRule(fields: Fields): Record<string, unknown> {
  fields.require('protocol', 'action', 'addresses');
  const addresses = fields.object('addresses');
  const label = fields.text('label', { min: 3, max: 32 });
  const description = fields.text('description', { min: 1, max: 100 });
  const protocol = fields.text('protocol', { oneOf: ['TCP', 'UDP', 'ICMP', 'IPENCAP'] });
  const ports = fields.text('ports', { pattern: /^\d{1,5}(-\d{1,5})?(\s*,\s*\d{1,5}(-\d{1,5})?)*$/, why: 'Must be ports or ranges of ports parted by commas' });
  if (ports !== undefined && (protocol === 'ICMP' || protocol === 'IPENCAP')) fields.fail('ports', `Ports are not allowed for ${protocol}`);
  const v4 = addresses?.texts('ipv4', 255);
  const v6 = addresses?.texts('ipv6', 255);
  return {
    ...(label === undefined ? {} : { label }),
    ...(description === undefined ? {} : { description }),
    protocol,
    action: fields.text('action', { oneOf: ['ACCEPT', 'DROP'] }),
    ...(ports === undefined ? {} : { ports }),
    addresses: { ...(v4 === undefined ? {} : { ipv4: v4 }), ...(v6 === undefined ? {} : { ipv6: v6 }) },
  };
}
