/** Every Linode as a target, with the labels of Prometheus' own `linode_sd_configs` (prometheus/prometheus, discovery/linode/linode.go). */
import type { DiscoveryTarget } from '../../../ports/cloud.ts';
import type { IpReply, Ipv6RangeReply, LinodeReply } from './replies.ts';

/** `net.JoinHostPort` of Go. */
function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** With the separator around it, so that a regular expression need not care where in the list a word stands. */
function surrounded(words: readonly string[]): string {
  return `,${words.join(',')},`;
}

const reverseName = (ip: IpReply | undefined): string => (ip?.rdns && ip.rdns !== 'null' ? ip.rdns : '');
const MEBIBYTE = 1_048_576;

/** A Linode without an IPv4 address is left out, as the plugin does. */
export function discoveryTargets(linodes: readonly LinodeReply[], ips: readonly IpReply[], ranges: readonly Ipv6RangeReply[], port: number): DiscoveryTarget[] {
  const details = new Map(ips.map((ip) => [ip.address, ip]));
  return linodes.flatMap((linode): DiscoveryTarget[] => {
    if (linode.ipv4.length === 0) return [];
    const v4 = linode.ipv4.flatMap((address) => details.get(address) ?? []);
    const publicV4 = v4.find((ip) => ip.public);
    const privateV4 = v4.find((ip) => !ip.public);
    const extra = v4.filter((ip) => ip !== publicV4 && ip !== privateV4).map((ip) => ip.address);
    const slaac = linode.ipv6?.split('/')[0] ?? '';
    const v6 = details.get(slaac);
    const routed = slaac === '' ? [] : ranges.filter((range) => range.route_target === slaac).map((range) => `${range.range}/${range.prefix}`);
    const { specs } = linode;
    const labels: Record<string, string> = {
      instance_id: String(linode.id),
      instance_label: linode.label,
      image: linode.image ?? '',
      private_ipv4: privateV4?.address ?? '',
      public_ipv4: publicV4?.address ?? '',
      public_ipv6: v6?.address ?? '',
      private_ipv4_rdns: reverseName(privateV4),
      public_ipv4_rdns: reverseName(publicV4),
      public_ipv6_rdns: reverseName(v6),
      region: linode.region,
      type: linode.type ?? '',
      status: linode.status,
      group: linode.group ?? '',
      gpus: String(specs?.gpus ?? 0),
      hypervisor: linode.hypervisor ?? '',
      backups: linode.backups?.enabled === true ? 'enabled' : 'disabled',
      specs_disk_bytes: String((specs?.disk ?? 0) * MEBIBYTE),
      specs_memory_bytes: String((specs?.memory ?? 0) * MEBIBYTE),
      specs_vcpus: String(specs?.vcpus ?? 0),
      specs_transfer_bytes: String((specs?.transfer ?? 0) * MEBIBYTE),
      ...(linode.tags.length > 0 ? { tags: surrounded(linode.tags) } : {}),
      ...(extra.length > 0 ? { extra_ips: surrounded(extra) } : {}),
      ...(routed.length > 0 ? { ipv6_ranges: surrounded(routed) } : {}),
    };
    return [
      {
        machineId: String(linode.id),
        target: joinHostPort(publicV4?.address ?? '', port),
        labels: Object.fromEntries(Object.entries(labels).map(([name, value]) => [`__meta_linode_${name}`, value])),
      },
    ];
  });
}
