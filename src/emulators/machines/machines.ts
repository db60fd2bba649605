/** The world of emulated machines, as the API of a vendor uses it. Knows no vendor. */

/** `provisioning`: being made. `off`: made, not powered. `gone`: never comes back. */
export type Phase = 'provisioning' | 'booting' | 'running' | 'stopping' | 'off' | 'gone';

/** Where a machine is reached. A machine listens on every one of them that its network can serve. */
export interface MachineAddresses {
  readonly publicV4: string;
  readonly privateV4: string | null;
  readonly vpcV4: string | null;
  /** Without prefix length. */
  readonly v6: string;
}

/** Hands out addresses. The lowest free one comes first, so that a freed address is soon somebody else's, as at a real cloud. */
export interface Network {
  /** `namespace`: addresses as the vendor gives them, in a network namespace of our own. `loopback`: all in 127.0.0.0/8. */
  readonly kind: 'namespace' | 'loopback';
  /** Machines listen on their IPv6 address too. */
  readonly ipv6: boolean;
  takePublicV4(): string;
  takePrivateV4(): string;
  takeV6(): string;
  /** Makes one chosen address usable, e.g. of a VPC's subnet. Throws RangeError when the network cannot serve it, or when it is taken. */
  takeExactly(address: string): string;
  /** Where `address` really listens: itself, except on loopback for ranges that are not in 127.0.0.0/8. Null: nowhere. */
  listensAt(address: string): string | null;
  /** By whoever took it: a machine that is gone does not give its addresses back by itself. Nothing when it is not taken. */
  release(address: string): void;
  close(): Promise<void>;
}

export interface FirstBoot {
  /** Decoded user data, or null. */
  readonly userData: string | null;
  /** A script run once as the machine's first process where the world runs scripts, with `env`. */
  readonly script: string | null;
  readonly env: Readonly<Record<string, string>>;
}

export interface MachineRequest {
  readonly name: string;
  readonly image: string | null;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly addresses: MachineAddresses;
  readonly firstBoot: FirstBoot;
  /** False: it is left `off` once provisioned. */
  readonly booted: boolean;
}

/** Load put on a machine from outside, as `stress` would. */
export interface MachineLoad {
  /** Virtual processors kept busy, 0 to the machine's. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Real ms. */
  readonly forMs: number;
}

export interface MachineStats {
  /** Mean of the last seconds, 0..1 of all its processors. Null: not running, or too young. */
  readonly cpu: number | null;
  readonly requests: number;
}

export interface EmulatedMachine {
  readonly request: MachineRequest;
  readonly phase: Phase;
  /** Process id while it runs. */
  readonly pid: number | null;
  /** These begin what they say and return at once; the phases tell. Each throws Error `busy` while another is under way. */
  boot(): void;
  shutdown(): void;
  reboot(): void;
  /** From any phase. Ends the process at once. */
  destroy(): void;
  /** Adds a private address to a machine that has none; else throws Error. It serves there from the next boot at the latest. */
  addPrivateV4(address: string): void;
  /** Replaces the load put on it before. Throws Error when it does not run, RangeError for more than it has. */
  setLoad(load: MachineLoad): Promise<void>;
  /** Makes its health path answer 503, or 200 again. Throws Error when it does not run. */
  setHealthy(healthy: boolean): Promise<void>;
  stats(): Promise<MachineStats>;
}

/** What goes wrong with the machines made next. */
export interface BootFaults {
  /** Machines it still applies to; counted down at each create. */
  count: number;
  /** Multiplies provisioning and boot times, or null. */
  slower: number | null;
  /** Never leaves this phase, or null. */
  stuckIn: 'provisioning' | 'booting' | null;
  /** Runs, but never listens. */
  mute: boolean;
}

export interface WorldOptions {
  readonly network: Network;
  /** Long durations are divided by it. 1 to 1000. */
  readonly timeFactor: number;
  /** Before division, ms. Defaults: provision 15,000, boot 20,000, shutdown 5,000. */
  readonly durations?: Partial<Readonly<Record<'provisionMs' | 'bootMs' | 'shutdownMs', number>>>;
  /** `processes`: each running machine is one; `none`: phases only, nothing listens (for tests of an API alone). */
  readonly guests: 'processes' | 'none';
  /** First-boot scripts and user data that begins with #! are run as they are, with the rights of the emulator; or only kept on the machine's disk. */
  readonly scripts: 'run' | 'keep';
  /** The application: port, ms of a processor's time for one request, ms until it listens after the machine runs (divided by the factor). */
  readonly app: { readonly port: number; readonly workMs: number; readonly startMs: number };
  /** Port of the exporter (node_cpu_seconds_total, node_memory_*). */
  readonly exporterPort: number;
  /** A directory for the machines' disks. Emptied and removed at close. */
  readonly dir: string;
  readonly onPhase?: (machine: EmulatedMachine, from: Phase) => void;
}

export interface MachineWorld {
  readonly network: Network;
  readonly timeFactor: number;
  create(request: MachineRequest): EmulatedMachine;
  all(): readonly EmulatedMachine[];
  setBootFaults(faults: BootFaults): void;
  /** Ends every process it started. */
  close(): Promise<void>;
}
