/** Linode's drivers before an API that answers anything. */
import { manifest as nodebalancer } from '../../../src/drivers/balancers/nodebalancer/driver.ts';
import { manifest as linode } from '../../../src/drivers/clouds/linode/driver.ts';
import { Secret } from '../../../src/ports/ports.ts';
import type { Draw } from './draw.ts';
import { checkMachines, checkMembers, need } from './vendor-oracles.ts';
import type { Stage, Vendor } from './vendor-ports.ts';
import { httpReply, type Reply } from './vendor-replies.ts';

const TOKEN = 'tok-1';
const API = 'http://127.0.0.1:1';
const TAGS = ['drover:install=fuzz', 'drover:group=web', `drover:token=${TOKEN}`, 'drover:instance=web-1', 'drover:template=t1', 'drover:address=private'];

type Stager = (vendor: Pick<Vendor, 'http'>) => Stage;

function withToken({ ports, signal }: Stage): Stage & { readonly ports: Stage['ports'] } {
  return { ports: { ...ports, secrets: { ...ports.secrets, resolve: async () => new Secret('canary-token') } }, signal, log: [] };
}

function paged(draw: Draw, data: unknown[]): unknown {
  return { data, page: 1, pages: draw.oneIn(12) ? draw.pick([2, 0, 3]) : 1, results: draw.oneIn(12) ? draw.below(5) : data.length };
}

/** Up to three, with ids that rise. */
function several(draw: Draw, make: (draw: Draw, id: number) => object): object[] {
  let id = 0;
  return draw.list(draw.below(4), () => make(draw, ++id));
}

function machine(draw: Draw, id: number): object {
  return {
    id: draw.oneIn(10) ? draw.pick([0, -1, 1, 1.5, 2 ** 53]) : id,
    label: `web-${id}`,
    status: draw.pick(['running', 'provisioning', 'offline', 'deleting', 'what', '']),
    created: draw.pick(['2026-11-22T12:00:00', '0000-00-00T00:00:00', '1900-01-01T00:00:00', '9999-12-31T23:59:59', 'soon', null]),
    region: 'eu-central',
    type: draw.pick(['g6-nanode-1', null, 'g9']),
    ipv4: draw.pick([['203.0.113.7', '192.168.130.4'], [], [''], ['127.0.0.9'], ['192.168.1.1']]),
    ipv6: draw.pick(['2600:3c03::1/128', null, '', '/']),
    tags: draw.oneIn(4) ? TAGS.slice(draw.below(6)) : TAGS,
  };
}

function answer(draw: Draw, url: string, method: string): Reply {
  const { pathname } = new URL(url);
  const refused = {
    errors: [
      {
        reason: draw.pick(['Linode busy.', 'Label must be unique', 'account limit reached', '\u001b[2J', 'x'.repeat(3000)]),
        field: draw.pick(['label', null, 7]),
      },
    ],
  };
  if (draw.oneIn(8)) return { ...httpReply(refused, draw, 8), status: draw.pick([400, 429, 500, 503]) };
  if (pathname.endsWith('/types')) {
    const price = draw.pick([{ hourly: 0.01 }, { hourly: -1 }, { hourly: 1e308 }, null, { hourly: '1' }]);
    return httpReply(paged(draw, [{ id: 'g6-nanode-1', price, region_prices: draw.pick([[], null, [{ id: 'eu-central', hourly: 0.02 }]]) }]), draw, 8);
  }
  if (pathname.endsWith('/ips'))
    return httpReply({ ipv4: { public: [{ address: '127.0.0.9' }], private: draw.pick([[], [{ address: '127.1.0.9' }], [{ address: '' }]]) } }, draw, 8);
  if (pathname.endsWith('/instances') && method === 'GET') return httpReply(paged(draw, several(draw, machine)), draw, 8);
  if (method === 'DELETE') return httpReply({}, draw, 8);
  return httpReply(machine(draw, 7), draw, 8);
}

export async function playLinode(draw: Draw, stage: Stager): Promise<void> {
  const { ports, signal } = withToken(stage({ http: (url, method) => answer(draw, url, method) }));
  const cloud = await linode.open(linode.options.parse({ token: { env: 'T' }, url: API }), ports);
  switch (draw.below(5)) {
    case 0: {
      const { items } = await cloud.list(signal);
      checkMachines(items);
      need(new Set(items.map((m) => m.id)).size === items.length, 'the list has an id twice');
      return;
    }
    case 1: {
      const found = await cloud.get('7', signal);
      checkMachines(found === null ? [] : [found]);
      return;
    }
    case 2: {
      const owner = { install: 'fuzz', group: 'web', token: TOKEN, instance: 'web-1', templateId: 't1' };
      const template = { region: 'eu-central', type: 'g6-nanode-1', image: 'linode/debian12', private_ip: true };
      const made = await cloud.create({ owner, name: 'web-1', template, zone: null, signal });
      checkMachines([made]);
      need(made.owner?.token === TOKEN, 'the machine that was made is another’s');
      return;
    }
    case 3: {
      for (const target of (await cloud.targets?.(signal)) ?? [])
        need(
          Object.values(target.labels).every((v) => typeof v === 'string'),
          'a label that is no text',
        );
      return;
    }
    default:
      await cloud.delete('7', signal);
  }
}

function node(draw: Draw, id: number): object {
  return {
    id: draw.oneIn(10) ? draw.pick([0, 1, -3]) : id,
    label: draw.pick(['by-hand', 'web-1-00000000', '\u001b[2J', '']),
    address: draw.pick(['192.168.130.4:80', '192.168.130.5:80', ':80', 'x:99999', '[::1]:80']),
    weight: 100,
    mode: draw.pick(['accept', 'accept', 'drain', 'reject', 'backup', 'none']),
    status: draw.pick(['UP', 'up', 'Unknown', 'DOWN', null, '?']),
  };
}

function balancerAnswer(draw: Draw, url: string, method: string): Reply {
  const { pathname } = new URL(url);
  if (pathname.endsWith('/configs'))
    return httpReply(paged(draw, [{ id: 3, port: 80, protocol: draw.oneIn(9) ? 'udp' : 'http', check: draw.pick(['http', 'none']) }]), draw, 9);
  if (pathname.endsWith('/nodes') && method === 'GET') return httpReply(paged(draw, several(draw, node)), draw, 8);
  if (pathname.includes('/nodes')) return httpReply(method === 'DELETE' ? {} : node(draw, 7), draw, 8);
  return httpReply({ id: 1, label: 'edge', region: 'eu-central' }, draw, 9);
}

export async function playNodeBalancer(draw: Draw, stage: Stager): Promise<void> {
  const { ports, signal } = withToken(stage({ http: (url, method) => balancerAnswer(draw, url, method) }));
  const balancer = await nodebalancer.open(nodebalancer.options.parse({ token: { env: 'T' }, url: API, nodebalancer: 1, port: 80 }), ports);
  switch (draw.below(4)) {
    case 0: {
      const { items } = await balancer.members(signal);
      checkMembers(items);
      need(items.length === 0, 'a node without our mark is ours');
      return;
    }
    case 1: {
      const ref = await balancer.attach({ instance: 'web-1', address: '192.168.130.4', port: 80, weight: draw.pick([null, 7]) }, signal);
      need(/^\d+$/.test(ref), 'a member without a name');
      return;
    }
    case 2:
      return balancer.drain('7', signal);
    default:
      return balancer.detach('7', signal);
  }
}
