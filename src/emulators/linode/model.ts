/** The things an account has, and what each of its parts may ask of the others. */
import type { Ledger } from '../api/ledger.ts';
import type { BackendSpec, Frontend } from '../balancing/balancing.ts';
import type { EmulatedMachine, FirstBoot, MachineWorld, Network } from '../machines/machines.ts';
import type { LinodeType } from './catalog.ts';
import type { AccountEvent, EventLog } from './events.ts';
import type { Ids } from './ids.ts';
import type { Cidr } from './ipv4.ts';

export interface AccountOptions {
  readonly world: MachineWorld;
  /** How long a Linode takes to be made and to boot, ms, not yet divided by the time factor. */
  readonly provisionMs: number;
  readonly bootMs: number;
  /** `recorded`: `Unknown` for a node without a result, as the API says it; `documented`: `unknown`. */
  readonly statusWords: 'recorded' | 'documented';
  readonly now: () => number;
}

export interface UserField {
  readonly name: string;
  readonly label: string;
  readonly example: string;
  readonly default?: string;
  readonly oneOf?: string;
  readonly manyOf?: string;
}

export interface StackScript {
  readonly id: number;
  label: string;
  description: string;
  images: readonly string[];
  script: string;
  isPublic: boolean;
  revNote: string;
  fields: readonly UserField[];
  deployments: number;
  readonly createdMs: number;
  updatedMs: number;
}

export interface PrivateImage {
  readonly id: string;
  label: string;
  description: string | null;
  tags: readonly string[];
  readonly cloudInit: boolean;
  readonly sizeMb: number;
  readonly region: string;
  /** The Linode whose disk it holds. */
  readonly sourceId: number;
  /** What the source ran at its first boot: a Linode of this image runs it again, which makes the same disk. */
  readonly firstBoot: FirstBoot;
  readonly createdMs: number;
  updatedMs: number;
}

export interface PlacementGroup {
  readonly id: number;
  label: string;
  readonly region: string;
  readonly policy: 'strict' | 'flexible';
}

/** Where a Linode wants to be in a VPC. */
export interface VpcPlace {
  readonly subnetId: number;
  /** Null: any free address. */
  readonly wanted: string | null;
  /** Its public address leads to this one. */
  readonly nat: boolean;
}

export interface VpcInterface {
  readonly vpcId: number;
  readonly subnetId: number;
  readonly interfaceId: number;
  readonly address: string;
  readonly nat: boolean;
  readonly prefix: number;
  readonly subnetMask: string;
  readonly gateway: string;
}

export interface Subnet {
  readonly id: number;
  label: string;
  readonly ipv4: string;
  readonly cidr: Cidr;
  readonly used: Set<string>;
  readonly createdMs: number;
  updatedMs: number;
}

export interface Vpc {
  readonly id: number;
  label: string;
  description: string;
  readonly region: string;
  readonly subnets: Subnet[];
  readonly createdMs: number;
  updatedMs: number;
}

export type DeviceKind = 'linode' | 'nodebalancer';

export interface FirewallDevice {
  readonly id: number;
  readonly kind: DeviceKind;
  readonly entityId: number;
  readonly label: string;
  readonly createdMs: number;
}

export interface Firewall {
  readonly id: number;
  label: string;
  tags: readonly string[];
  status: 'enabled' | 'disabled';
  rules: Readonly<Record<string, unknown>>;
  version: number;
  readonly devices: FirewallDevice[];
  readonly createdMs: number;
  updatedMs: number;
}

export interface LinodeAddresses {
  readonly publicV4: string;
  readonly isPublic: boolean;
  privateV4: string | null;
  readonly v6: string;
  readonly vpc: VpcInterface | null;
}

export interface Linode {
  readonly id: number;
  label: string;
  group: string;
  tags: readonly string[];
  readonly region: string;
  readonly type: LinodeType;
  image: string | null;
  readonly createdMs: number;
  updatedMs: number;
  machine: EmulatedMachine;
  readonly addresses: LinodeAddresses;
  firstBoot: FirstBoot;
  hasUserData: boolean;
  stackscriptId: number | null;
  readonly hostUuid: string;
  readonly generation: 'legacy_config' | 'linode';
  readonly configId: number;
  readonly diskIds: readonly number[];
  alerts: Readonly<Record<string, number>>;
  watchdog: boolean;
  readonly backupsEnabled: boolean;
  placementGroupId: number | null;
  readonly diskEncryption: 'enabled' | 'disabled';
  maintenancePolicy: string;
  /** A job that the phases of the machine alone do not tell. */
  doing: 'reboot' | 'rebuild' | null;
  readonly jobs: { make: AccountEvent | null; boot: AccountEvent | null; stop: AccountEvent | null };
}

/** A checked wish for a Linode. */
export interface LinodePlan {
  /** Null: `linode` and its id. */
  readonly label: string | null;
  readonly group: string;
  readonly tags: readonly string[];
  readonly region: string;
  readonly type: LinodeType;
  readonly image: string | null;
  readonly booted: boolean;
  readonly privateIp: boolean;
  readonly vpc: VpcPlace | null;
  /** False: its public address is not shown (the newer interfaces without a public one). */
  readonly isPublic: boolean;
  readonly firstBoot: FirstBoot;
  readonly hasUserData: boolean;
  readonly stackscriptId: number | null;
  readonly generation: Linode['generation'];
  readonly firewallId: number | null;
  readonly placementGroupId: number | null;
  readonly backupsEnabled: boolean;
  readonly diskEncryption: Linode['diskEncryption'];
  readonly maintenancePolicy: string;
}

export interface ConfigSettings {
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
  readonly algorithm: 'roundrobin' | 'leastconn' | 'source';
  readonly stickiness: 'none' | 'table' | 'http_cookie';
  readonly check: 'none' | 'connection' | 'http' | 'http_body';
  /** Seconds. */
  readonly check_interval: number;
  /** Seconds. */
  readonly check_timeout: number;
  readonly check_attempts: number;
  readonly check_path: string;
  readonly check_body: string;
  readonly check_passive: boolean;
  readonly cipher_suite: 'recommended' | 'legacy';
}

export interface NodeSettings {
  /** `address:port`. */
  readonly address: string;
  readonly label: string;
  readonly weight: number;
  readonly mode: BackendSpec['mode'];
  readonly subnetId: number | null;
}

export interface BalancerNode {
  readonly id: number;
  settings: NodeSettings;
}

export interface BalancerConfig {
  readonly id: number;
  settings: ConfigSettings;
  readonly frontend: Frontend;
  readonly nodes: Map<number, BalancerNode>;
}

export interface Balancer {
  readonly id: number;
  label: string;
  tags: readonly string[];
  readonly region: string;
  throttle: number;
  readonly ipv4: string;
  readonly ipv6: string;
  /** The place it takes in a VPC; its nodes are then all in that VPC. */
  readonly vpc: { readonly configId: number; readonly vpcId: number; readonly subnetId: number; readonly range: string } | null;
  readonly configs: Map<number, BalancerConfig>;
  readonly createdMs: number;
  updatedMs: number;
}

/** What every part of the account works with. */
export interface Surroundings {
  readonly options: AccountOptions;
  readonly world: MachineWorld;
  readonly network: Network;
  readonly now: () => number;
  readonly ids: Ids;
  readonly ledger: Ledger;
  readonly events: EventLog;
  readonly images: {
    has(id: string): boolean;
    privateOf(id: string): PrivateImage | null;
    hasCloudInit(id: string): boolean;
    isReady(image: PrivateImage): boolean;
  };
  readonly stackscripts: { has(id: number): boolean; get(id: number): StackScript };
  readonly vpcs: {
    findSubnet(id: number): { vpc: Vpc; subnet: Subnet } | null;
    refusal(place: VpcPlace, region: string): string | null;
    take(place: VpcPlace, linodeId: number): VpcInterface;
    give(taken: VpcInterface): void;
    rangeRefusal(subnetId: number, range: string | null): string | null;
    takeRange(subnetId: number, range: string | null): string;
    giveRange(subnetId: number, range: string): void;
  };
  readonly firewalls: {
    has(id: number): boolean;
    attach(id: number, kind: DeviceKind, entityId: number, label: string): FirewallDevice;
    detachAll(kind: DeviceKind, entityId: number): void;
  };
  readonly placementGroups: { get(id: number): PlacementGroup; refusal(id: number, region: string): string | null };
  readonly linodes: {
    all(): Linode[];
    find(id: number): Linode | undefined;
    get(id: number): Linode;
    changed(linode: Linode): void;
    note(action: string, linode: Linode): void;
  };
  readonly balancers: { all(): Balancer[]; find(id: number): Balancer | undefined; get(id: number): Balancer };
  /** A duration as it passes here, ms. */
  scaled(durationMs: number): number;
}
