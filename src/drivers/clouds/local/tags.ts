/** What a machine's environment says of it. Only environments are read and written here: nothing else records a machine. */
import type { Machine, OwnerTags } from '../../../ports/cloud.ts';
import type { ProcessInfo } from '../../../ports/processes.ts';

/** Every process of a machine has it. Commands of hooks and of other clouds carry owner tags too, and must not be taken for machines. */
export const MARK = 'DROVER_LOCAL_MACHINE';
/** Set by the keeper for all that it starts: the process without it is the keeper itself. */
export const KEPT = 'DROVER_LOCAL_KEEPER';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export function tagsOf(owner: OwnerTags, name: string, at: Endpoint): Record<string, string> {
  return {
    [MARK]: '1',
    DROVER_INSTALL: owner.install,
    DROVER_GROUP: owner.group,
    DROVER_INSTANCE: owner.instance,
    DROVER_TOKEN: owner.token,
    DROVER_TEMPLATE: owner.templateId,
    DROVER_NAME: name,
    PORT: String(at.port),
    ADDRESS: at.address,
  };
}

/** All living processes with one token. */
export interface LocalMachine {
  readonly token: string;
  /** Processes that keep the machine; more than one only if two controllers made it at once. Oldest first. */
  readonly keepers: readonly ProcessInfo[];
  readonly processes: readonly ProcessInfo[];
}

/** The machines of one installation in the process table, by token. */
export function machinesOf(processes: readonly ProcessInfo[], install: string): Map<string, LocalMachine> {
  const byToken = new Map<string, ProcessInfo[]>();
  for (const p of processes) {
    const token = p.env['DROVER_TOKEN'];
    if (p.zombie || token === undefined || p.env['DROVER_INSTALL'] !== install) continue;
    const same = byToken.get(token);
    if (same === undefined) byToken.set(token, [p]);
    else same.push(p);
  }
  const machines = new Map<string, LocalMachine>();
  for (const [token, all] of byToken) {
    // What the keeper forks looks like the keeper until it executes, but leads no session.
    const keepers = all.filter((p) => p.pid === p.sessionId && p.env[KEPT] === undefined).sort(byAge);
    machines.set(token, { token, keepers, processes: all });
  }
  return machines;
}

/** Of a machine that two controllers made at once: the processes of one keeper, those it forked and those that left its session included. */
export function keptBy(machine: LocalMachine | undefined, keeper: { readonly pid: number; readonly startTicks: string }): ProcessInfo[] {
  const id = String(keeper.pid);
  // Start times keep a reused number apart: nothing that the keeper started is older than it.
  return (machine?.processes ?? []).filter((p) =>
    p.pid === keeper.pid
      ? p.startTicks === keeper.startTicks
      : (p.sessionId === keeper.pid || p.env[KEPT] === id) && BigInt(p.startTicks) >= BigInt(keeper.startTicks),
  );
}

/** Machines of other installations on this host: never ours to touch, but their addresses and ports are taken. */
export function machinesElsewhere(processes: readonly ProcessInfo[], install: string): LocalMachine[] {
  const installs = new Set(processes.map((p) => p.env['DROVER_INSTALL']));
  return [...installs].flatMap((other) => (other === undefined || other === install ? [] : [...machinesOf(processes, other).values()]));
}

/** Start time, then pid: a total order that every controller sees alike. */
function byAge(a: ProcessInfo, b: ProcessInfo): number {
  const ticks = BigInt(a.startTicks) - BigInt(b.startTicks);
  return ticks === 0n ? a.pid - b.pid : ticks < 0n ? -1 : 1;
}

export function endpointOf(machine: LocalMachine): Endpoint | null {
  const env = witness(machine)?.env;
  const port = Number(env?.['PORT']);
  const address = env?.['ADDRESS'];
  return address !== undefined && Number.isInteger(port) && port > 0 ? { address, port } : null;
}

export function sameEndpoint(a: Endpoint | null, b: Endpoint): boolean {
  return a !== null && a.address === b.address && a.port === b.port;
}

function witness(machine: LocalMachine): ProcessInfo | undefined {
  return machine.keepers[0] ?? machine.processes[0];
}

export function toMachine(machine: LocalMachine, deleting: boolean): Machine {
  const env = witness(machine)?.env ?? {};
  const at = endpointOf(machine);
  const instance = env['DROVER_INSTANCE'] ?? '';
  return {
    id: machine.token,
    owner: {
      install: env['DROVER_INSTALL'] ?? '',
      group: env['DROVER_GROUP'] ?? '',
      token: machine.token,
      instance,
      templateId: env['DROVER_TEMPLATE'] ?? '',
    },
    name: env['DROVER_NAME'] ?? instance,
    state: deleting ? 'deleting' : machine.keepers.length > 0 ? 'running' : 'stopped',
    address: at?.address ?? null,
    port: at?.port ?? null,
    zone: null,
    createdAtMs: Math.min(...machine.processes.map((p) => p.startedAtMs)),
    pricePerHour: null,
    paidUntilMs: null,
  };
}
