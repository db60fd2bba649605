/** How the API shows a Linode. */

import { ipv4Of } from './linode-addresses.ts';
import type { Linode, Surroundings } from './model.ts';
import { timeText } from './times.ts';

export function statusOf({ machine, doing }: Linode): string {
  switch (machine.phase) {
    case 'provisioning':
      return doing === 'rebuild' ? 'rebuilding' : 'provisioning';
    case 'booting':
      return doing === 'reboot' ? 'rebooting' : 'booting';
    case 'stopping':
      return doing === 'reboot' ? 'rebooting' : 'shutting_down';
    case 'off':
      return doing === 'reboot' ? 'rebooting' : 'offline';
    case 'gone':
      return 'deleting';
    default:
      return 'running';
  }
}

export function linodeView(linode: Linode, account: Surroundings): Record<string, unknown> {
  const { type, placementGroupId } = linode;
  return {
    id: linode.id,
    label: linode.label,
    group: linode.group,
    status: statusOf(linode),
    created: timeText(linode.createdMs),
    updated: timeText(linode.updatedMs),
    type: type.id,
    ipv4: ipv4Of(linode),
    ipv6: `${linode.addresses.v6}/128`,
    image: linode.image,
    region: linode.region,
    site_type: 'core',
    specs: { disk: type.disk, memory: type.memory, vcpus: type.vcpus, gpus: 0, transfer: type.transfer, accelerated_devices: 0 },
    alerts: linode.alerts,
    backups: { enabled: linode.backupsEnabled, available: false, schedule: { day: null, window: null }, last_successful: null },
    hypervisor: 'kvm',
    watchdog_enabled: linode.watchdog,
    tags: linode.tags,
    host_uuid: linode.hostUuid,
    has_user_data: linode.hasUserData,
    placement_group: placementGroupId === null ? null : placementGroupView(account, placementGroupId),
    disk_encryption: linode.diskEncryption,
    lke_cluster_id: null,
    capabilities: [],
    interface_generation: linode.generation,
    maintenance_policy: linode.maintenancePolicy,
    locks: [],
  };
}

function placementGroupView(account: Surroundings, id: number): Record<string, unknown> {
  const group = account.placementGroups.get(id);
  return { id, label: group.label, placement_group_type: 'anti_affinity:local', placement_group_policy: group.policy };
}

/** `GET …/configs`: the one profile that the image came with. */
export function configViews(linode: Linode): Record<string, unknown>[] {
  const [root, swap] = linode.diskIds;
  if (root === undefined) return [];
  const { vpc, isPublic } = linode.addresses;
  const legacy = linode.generation === 'legacy_config' && vpc !== null;
  return [
    {
      id: linode.configId,
      label: `My ${linode.image ?? ''} Disk Profile`.slice(0, 48),
      comments: '',
      kernel: 'linode/grub2',
      memory_limit: 0,
      root_device: '/dev/sda',
      run_level: 'default',
      virt_mode: 'paravirt',
      devices: {
        sda: { disk_id: root, volume_id: null },
        sdb: swap === undefined ? null : { disk_id: swap, volume_id: null },
        sdc: null,
        sdd: null,
        sde: null,
        sdf: null,
        sdg: null,
        sdh: null,
      },
      helpers: { updatedb_disabled: true, distro: true, modules_dep: true, network: true, devtmpfs_automount: true },
      interfaces: legacy
        ? [
            ...(isPublic ? [{ id: vpc.interfaceId + 1, purpose: 'public', primary: true, active: true, label: null, ipam_address: null }] : []),
            {
              id: vpc.interfaceId,
              purpose: 'vpc',
              primary: !isPublic,
              active: true,
              label: null,
              ipam_address: null,
              vpc_id: vpc.vpcId,
              subnet_id: vpc.subnetId,
              ipv4: { vpc: vpc.address, nat_1_1: null },
              ip_ranges: [],
            },
          ]
        : [],
    },
  ];
}

export function diskViews(linode: Linode): Record<string, unknown>[] {
  const status = linode.machine.phase === 'provisioning' ? 'not ready' : 'ready';
  const times = { created: timeText(linode.createdMs), updated: timeText(linode.updatedMs) };
  const [root, swap] = linode.diskIds;
  const swapMb = 512;
  return [
    ...(root === undefined
      ? []
      : [{ id: root, label: `${linode.image} Disk`.slice(0, 48), status, size: linode.type.disk - swapMb, filesystem: 'ext4', ...times }]),
    ...(swap === undefined ? [] : [{ id: swap, label: `${swapMb} MB Swap Image`, status, size: swapMb, filesystem: 'swap', ...times }]),
  ];
}
