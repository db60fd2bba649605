/** Machines as Ansible wants to hear of them: the JSON that an inventory script prints, and that a static file may hold as well. */
import type { Json, JsonObject } from '../core/model/json.ts';

export interface InventoryHost {
  readonly instance: string;
  readonly group: string;
  readonly state: string;
  readonly address: string;
  readonly port: number | null;
  readonly zone: string | null;
  readonly machineId: string | null;
}

export interface Inventory {
  readonly _meta: { readonly hostvars: Readonly<Record<string, JsonObject>> };
  readonly [group: string]: unknown;
}

/** Name of the machine in the inventory. Patterns and limits read commas, colons, brackets and more as their own, so those become `_`. */
export function inventoryName(instance: string): string {
  return instance.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[^A-Za-z0-9]/, '_');
}

/** Name of a group in the inventory: Ansible takes letters, digits and `_` only. */
export function inventoryGroup(group: string): string {
  return `drover_${group.replace(/[^A-Za-z0-9_]/g, '_')}`;
}

/** Text that Ansible would take for a template of its own is marked, so that it stays text. */
export function plainText(value: string): Json {
  return /\{[{%#]/.test(value) ? { __ansible_unsafe: value } : value;
}

export function inventoryVars(host: InventoryHost): JsonObject {
  return {
    ansible_host: plainText(host.address),
    drover_address: plainText(host.address),
    drover_group: plainText(host.group),
    drover_instance: plainText(host.instance),
    drover_machine_id: host.machineId === null ? null : plainText(host.machineId),
    drover_port: host.port,
    drover_state: plainText(host.state),
    drover_zone: host.zone === null ? null : plainText(host.zone),
  };
}

/** `_meta` is always there, so that Ansible never asks for each host by itself. Groups without a machine are named as well: plays on them then do nothing, without a warning. */
export function ansibleInventory(hosts: readonly InventoryHost[], groups: readonly string[] = []): Inventory {
  const members = new Map<string, string[]>(groups.map((group) => [inventoryGroup(group), []]));
  for (const host of hosts) {
    const group = inventoryGroup(host.group);
    members.set(group, [...(members.get(group) ?? []), inventoryName(host.instance)]);
  }
  return {
    _meta: { hostvars: Object.fromEntries(hosts.map((host) => [inventoryName(host.instance), inventoryVars(host)])) },
    all: { children: ['drover', 'ungrouped'] },
    drover: { children: [...members.keys()] },
    ...Object.fromEntries([...members].map(([group, names]) => [group, { hosts: names }])),
  };
}

/** The same for a static file, which has another form: hosts carry their variables, children stand inside their parents. */
export function inventoryFile(host: InventoryHost): JsonObject {
  const hosts = { [inventoryName(host.instance)]: inventoryVars(host) };
  return { all: { children: { drover: { children: { [inventoryGroup(host.group)]: { hosts } } } } } };
}
