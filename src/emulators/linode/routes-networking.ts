/** Addresses, firewalls, VPCs and placement groups. */
import { rulesView } from './firewalls.ts';
import { allIps, ipView } from './linode-addresses.ts';
import { does, idOf, list, type Route, route } from './routes.ts';

const FIREWALL = '/networking/firewalls/{id}';
const SUBNET = '/vpcs/{id}/subnets/{subnet}';

export const NETWORKING_ROUTES: readonly Route[] = [
  list('/networking/ips', 'ips:read_only', ['address', 'type', 'public', 'linode_id', 'region'], ({ account }) => allIps(account)),
  route('GET', '/networking/ips/{address}', 'ips:read_only', ({ account, params }) => ipView(account, params['address'] ?? '')),
  list('/networking/firewalls', 'firewall:read_only', ['id', 'label', 'created', 'updated', 'tags'], ({ account }) =>
    account.firewalls.all().map((each) => account.firewalls.view(each)),
  ),
  route('POST', '/networking/firewalls', 'firewall:read_write', ({ account, body }) => account.firewalls.view(account.firewalls.create(body))),
  route('GET', '/networking/firewalls/settings', 'firewall:read_only', () => ({
    default_firewall_ids: { linode: null, nodebalancer: null, public_interface: null, vpc_interface: null },
  })),
  route('GET', FIREWALL, 'firewall:read_only', (call) => call.account.firewalls.view(call.account.firewalls.get(idOf(call)))),
  route('PUT', FIREWALL, 'firewall:read_write', (call) => call.account.firewalls.view(call.account.firewalls.update(idOf(call), call.body))),
  route(
    'DELETE',
    FIREWALL,
    'firewall:read_write',
    does((call) => call.account.firewalls.delete(idOf(call))),
  ),
  route('GET', `${FIREWALL}/rules`, 'firewall:read_only', (call) => rulesView(call.account.firewalls.get(idOf(call)))),
  route('PUT', `${FIREWALL}/rules`, 'firewall:read_write', (call) => rulesView(call.account.firewalls.setRules(idOf(call), call.body))),
  list(`${FIREWALL}/devices`, 'firewall:read_only', ['id', 'created', 'updated'], (call) =>
    call.account.firewalls.get(idOf(call)).devices.map((each) => call.account.firewalls.deviceView(each)),
  ),
  route('POST', `${FIREWALL}/devices`, 'firewall:read_write', (call) =>
    call.account.firewalls.deviceView(call.account.firewalls.addDevice(idOf(call), call.body)),
  ),
  route(
    'DELETE',
    `${FIREWALL}/devices/{device}`,
    'firewall:read_write',
    does((call) => call.account.firewalls.removeDevice(idOf(call), idOf(call, 'device'))),
  ),
  list('/vpcs', 'vpc:read_only', ['id', 'label', 'region', 'created', 'updated'], ({ account }) => account.vpcs.all().map((each) => account.vpcs.view(each))),
  route('POST', '/vpcs', 'vpc:read_write', ({ account, body }) => account.vpcs.view(account.vpcs.create(body))),
  list('/vpcs/ips', 'ips:read_only', ['address', 'vpc_id', 'linode_id', 'region'], ({ account }) => account.vpcs.ips(null)),
  route('GET', '/vpcs/{id}', 'vpc:read_only', (call) => call.account.vpcs.view(call.account.vpcs.get(idOf(call)))),
  route('PUT', '/vpcs/{id}', 'vpc:read_write', (call) => call.account.vpcs.view(call.account.vpcs.update(idOf(call), call.body))),
  route(
    'DELETE',
    '/vpcs/{id}',
    'vpc:read_write',
    does((call) => call.account.vpcs.delete(idOf(call))),
  ),
  list('/vpcs/{id}/ips', 'ips:read_only', ['address', 'linode_id'], (call) => call.account.vpcs.ips(call.account.vpcs.get(idOf(call)).id)),
  list('/vpcs/{id}/subnets', 'vpc:read_only', ['id', 'label', 'created', 'updated'], (call) =>
    call.account.vpcs.get(idOf(call)).subnets.map((each) => call.account.vpcs.subnetView(each)),
  ),
  route('POST', '/vpcs/{id}/subnets', 'vpc:read_write', (call) => call.account.vpcs.subnetView(call.account.vpcs.createSubnet(idOf(call), call.body))),
  route('GET', SUBNET, 'vpc:read_only', (call) => call.account.vpcs.subnetView(call.account.vpcs.subnet(idOf(call), idOf(call, 'subnet')))),
  route('PUT', SUBNET, 'vpc:read_write', (call) => call.account.vpcs.subnetView(call.account.vpcs.updateSubnet(idOf(call), idOf(call, 'subnet'), call.body))),
  route(
    'DELETE',
    SUBNET,
    'vpc:read_write',
    does((call) => call.account.vpcs.deleteSubnet(idOf(call), idOf(call, 'subnet'))),
  ),
  list('/placement/groups', 'placement:read_only', ['id', 'label', 'region'], ({ account }) =>
    account.placementGroups.all().map((each) => account.placementGroups.view(each)),
  ),
  route('POST', '/placement/groups', 'placement:read_write', ({ account, body }) => account.placementGroups.view(account.placementGroups.create(body))),
  route('GET', '/placement/groups/{id}', 'placement:read_only', (call) => call.account.placementGroups.view(call.account.placementGroups.get(idOf(call)))),
  route('PUT', '/placement/groups/{id}', 'placement:read_write', (call) =>
    call.account.placementGroups.view(call.account.placementGroups.update(idOf(call), call.body)),
  ),
  route(
    'DELETE',
    '/placement/groups/{id}',
    'placement:read_write',
    does((call) => call.account.placementGroups.delete(idOf(call))),
  ),
  ...(['assign', 'unassign'] as const).map((verb) =>
    route('POST', `/placement/groups/{id}/${verb}`, 'placement:read_write', (call) =>
      call.account.placementGroups.view(call.account.placementGroups.assign(idOf(call), call.body, verb === 'assign')),
    ),
  ),
];
