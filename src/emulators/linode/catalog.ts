/** What the vendor sells: a part of its real lists, prices in US dollars as published. */

export interface Region {
  readonly id: string;
  readonly label: string;
  readonly country: string;
  readonly capabilities: readonly string[];
}

export interface LinodeType {
  readonly id: string;
  readonly label: string;
  readonly class: 'nanode' | 'standard' | 'dedicated' | 'premium' | 'highmem';
  readonly vcpus: number;
  /** MB. */
  readonly memory: number;
  /** MB. */
  readonly disk: number;
  /** GB a month. */
  readonly transfer: number;
  /** Mbit/s. */
  readonly networkOut: number;
  readonly hourly: number;
  readonly monthly: number;
}

export interface PublicImage {
  readonly id: string;
  readonly label: string;
  readonly vendor: string;
  readonly sizeMb: number;
  readonly cloudInit: boolean;
}

const FULL = [
  'Linodes',
  'Backups',
  'NodeBalancers',
  'Block Storage',
  'Object Storage',
  'Kubernetes',
  'Cloud Firewall',
  'Vlans',
  'VPCs',
  'Metadata',
  'Placement Group',
  'Linode Interfaces',
  'Disk Encryption',
];

function region(id: string, label: string, country: string, more: readonly string[] = []): Region {
  return { id, label, country, capabilities: [...FULL, ...more] };
}

export const REGIONS: readonly Region[] = [
  region('ap-west', 'Mumbai, IN', 'in'),
  region('ca-central', 'Toronto, CA', 'ca'),
  region('ap-southeast', 'Sydney, AU', 'au'),
  region('us-iad', 'Washington, DC', 'us', ['Premium Plans']),
  region('us-ord', 'Chicago, IL', 'us', ['Premium Plans']),
  region('fr-par', 'Paris, FR', 'fr', ['Premium Plans']),
  region('br-gru', 'Sao Paulo, BR', 'br', ['Premium Plans']),
  region('id-cgk', 'Jakarta, ID', 'id', ['Premium Plans']),
  region('us-central', 'Dallas, TX', 'us'),
  region('us-west', 'Fremont, CA', 'us'),
  region('us-southeast', 'Atlanta, GA', 'us'),
  region('us-east', 'Newark, NJ', 'us'),
  region('eu-west', 'London, UK', 'gb'),
  region('ap-south', 'Singapore, SG', 'sg'),
  region('eu-central', 'Frankfurt, DE', 'de'),
  region('ap-northeast', 'Tokyo 2, JP', 'jp'),
];

type Row = readonly [
  id: string,
  label: string,
  klass: LinodeType['class'],
  vcpus: number,
  memory: number,
  disk: number,
  transfer: number,
  out: number,
  hourly: number,
  monthly: number,
];
const ROWS: readonly Row[] = [
  ['g6-nanode-1', 'Nanode 1GB', 'nanode', 1, 1024, 25_600, 1000, 1000, 0.0075, 5],
  ['g6-standard-1', 'Linode 2GB', 'standard', 1, 2048, 51_200, 2000, 2000, 0.018, 12],
  ['g6-standard-2', 'Linode 4GB', 'standard', 2, 4096, 81_920, 4000, 4000, 0.036, 24],
  ['g6-standard-4', 'Linode 8GB', 'standard', 4, 8192, 163_840, 5000, 5000, 0.072, 48],
  ['g6-standard-6', 'Linode 16GB', 'standard', 6, 16_384, 327_680, 8000, 6000, 0.144, 96],
  ['g6-standard-8', 'Linode 32GB', 'standard', 8, 32_768, 655_360, 16_000, 7000, 0.288, 192],
  ['g7-highmem-1', 'Linode 24GB', 'highmem', 2, 24_576, 20_480, 5000, 5000, 0.09, 60],
  ['g6-dedicated-2', 'Dedicated 4GB', 'dedicated', 2, 4096, 81_920, 4000, 4000, 0.054, 36],
  ['g6-dedicated-4', 'Dedicated 8GB', 'dedicated', 4, 8192, 163_840, 5000, 5000, 0.108, 72],
  ['g6-dedicated-8', 'Dedicated 16GB', 'dedicated', 8, 16_384, 327_680, 6000, 6000, 0.216, 144],
  ['g7-premium-2', 'Premium 4GB', 'premium', 2, 4096, 81_920, 4000, 4000, 0.0645, 43],
  ['g7-premium-4', 'Premium 8GB', 'premium', 4, 8192, 163_840, 5000, 5000, 0.129, 86],
];

export const TYPES: readonly LinodeType[] = ROWS.map(([id, label, klass, vcpus, memory, disk, transfer, networkOut, hourly, monthly]) => ({
  id,
  label,
  class: klass,
  vcpus,
  memory,
  disk,
  transfer,
  networkOut,
  hourly,
  monthly,
}));

/** Regions that cost more, by what. Recorded: g6-standard-1 at 0.018 is 0.022 in Jakarta and 0.025 in Sao Paulo. */
const DEARER: readonly (readonly [region: string, factor: number])[] = [
  ['id-cgk', 1.2],
  ['br-gru', 1.4],
];

export function pricesOf(hourly: number, monthly: number): Record<string, unknown> {
  const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
  return {
    price: { hourly, monthly },
    region_prices: DEARER.map(([id, factor]) => ({ id, hourly: rounded(hourly * factor, hourly < 0.01 ? 4 : 3), monthly: rounded(monthly * factor, 2) })),
  };
}

export const IMAGES: readonly PublicImage[] = [
  { id: 'linode/debian10', label: 'Debian 10', vendor: 'Debian', sizeMb: 1500, cloudInit: false },
  { id: 'linode/debian11', label: 'Debian 11', vendor: 'Debian', sizeMb: 1500, cloudInit: true },
  { id: 'linode/debian12', label: 'Debian 12', vendor: 'Debian', sizeMb: 1500, cloudInit: true },
  { id: 'linode/debian13', label: 'Debian 13', vendor: 'Debian', sizeMb: 1600, cloudInit: true },
  { id: 'linode/ubuntu20.04', label: 'Ubuntu 20.04 LTS', vendor: 'Ubuntu', sizeMb: 2500, cloudInit: true },
  { id: 'linode/ubuntu22.04', label: 'Ubuntu 22.04 LTS', vendor: 'Ubuntu', sizeMb: 3500, cloudInit: true },
  { id: 'linode/ubuntu24.04', label: 'Ubuntu 24.04 LTS', vendor: 'Ubuntu', sizeMb: 3500, cloudInit: true },
  { id: 'linode/almalinux9', label: 'AlmaLinux 9', vendor: 'AlmaLinux', sizeMb: 2000, cloudInit: true },
  { id: 'linode/rocky9', label: 'Rocky Linux 9', vendor: 'Rocky Linux', sizeMb: 2100, cloudInit: true },
  { id: 'linode/alpine3.20', label: 'Alpine 3.20', vendor: 'Alpine', sizeMb: 300, cloudInit: false },
];

export const KERNELS: readonly { readonly id: string; readonly label: string; readonly version: string; readonly pvops: boolean }[] = [
  { id: 'linode/latest-64bit', label: 'Latest 64 bit', version: '6.14.3', pvops: true },
  { id: 'linode/6.14.3-x86_64-linode168', label: 'Latest 64 bit (6.14.3-x86_64-linode168)', version: '6.14.3', pvops: true },
  { id: 'linode/grub2', label: 'GRUB 2', version: '2.06', pvops: false },
  { id: 'linode/direct-disk', label: 'Direct Disk', version: '', pvops: false },
];

/** Old enough not to change. */
export const CATALOG_TIME = '2024-05-01T00:00:00';

export function regionView({ id, label, country, capabilities }: Region): Record<string, unknown> {
  return {
    id,
    label,
    country,
    capabilities,
    status: 'ok',
    site_type: 'core',
    resolvers: { ipv4: '192.0.2.53,192.0.2.54', ipv6: '2001:db8::53,2001:db8::54' },
    placement_group_limits: { maximum_pgs_per_customer: 100, maximum_linodes_per_pg: 10 },
  };
}

export function typeView(type: LinodeType): Record<string, unknown> {
  const { id, label, vcpus, memory, disk, transfer, networkOut, hourly, monthly } = type;
  const backups = pricesOf(Number((hourly / 4).toFixed(4)), Number((monthly / 4).toFixed(2)));
  return {
    id,
    label,
    class: type.class,
    vcpus,
    memory,
    disk,
    transfer,
    network_out: networkOut,
    gpus: 0,
    accelerated_devices: 0,
    successor: null,
    ...pricesOf(hourly, monthly),
    addons: { backups },
  };
}

export function kernelView({ id, label, version, pvops }: (typeof KERNELS)[number]): Record<string, unknown> {
  return { id, label, version, kvm: true, architecture: 'x86_64', pvops, deprecated: false, built: CATALOG_TIME };
}

/** Only plans that run out are listed, as there. */
export function availabilityOf(regionId: string): Record<string, unknown>[] {
  const premium = REGIONS.find((each) => each.id === regionId)?.capabilities.includes('Premium Plans') ?? false;
  return TYPES.filter((type) => type.class === 'premium').map((type) => ({ region: regionId, plan: type.id, available: premium }));
}
