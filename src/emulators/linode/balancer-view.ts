/** How the API shows a NodeBalancer and its configs. */
import type { Balancer, BalancerConfig } from './model.ts';
import { timeText } from './times.ts';

export function balancerView(balancer: Balancer): Record<string, unknown> {
  const { id, label, tags, region, throttle, ipv4, ipv6, createdMs, updatedMs } = balancer;
  return {
    id,
    label,
    tags,
    region,
    client_conn_throttle: throttle,
    client_udp_sess_throttle: 0,
    hostname: `${ipv4.replaceAll('.', '-')}.ip.linodeusercontent.com`,
    ipv4,
    ipv6,
    type: 'common',
    transfer: { in: null, out: null, total: null },
    lke_cluster: null,
    locks: [],
    created: timeText(createdMs),
    updated: timeText(updatedMs),
  };
}

export function configView({ id }: Balancer, config: BalancerConfig): Record<string, unknown> {
  const up = config.frontend.backends().filter((backend) => backend.status === 'up').length;
  return {
    id: config.id,
    nodebalancer_id: id,
    ...config.settings,
    proxy_protocol: 'none',
    ssl_cert: null,
    ssl_key: null,
    ssl_commonname: '',
    ssl_fingerprint: '',
    nodes_status: { up, down: config.nodes.size - up },
  };
}
