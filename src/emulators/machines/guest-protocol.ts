/** What a world and the process of one of its machines say to each other. */
import type { MachineLoad, MachineStats } from './machines.ts';

export interface GuestSpec {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** Where it listens. */
  readonly addresses: readonly string[];
  readonly appPort: number;
  readonly exporterPort: number;
  /** Processor time of a request, ms. */
  readonly workMs: number;
  /** Until the application listens, real ms. */
  readonly startMs: number;
  /** Scripts to run before the application starts, paths. */
  readonly scripts: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** An earlier first boot failed: there is no application. */
  readonly bare: boolean;
  /** Listens nowhere. */
  readonly mute: boolean;
  readonly disk: string;
}

export type ToGuest =
  | { readonly type: 'start'; readonly spec: GuestSpec }
  /** The machine runs from now on. */
  | { readonly type: 'go' }
  | { readonly type: 'listen'; readonly address: string }
  | { readonly type: 'load'; readonly id: number; readonly load: MachineLoad }
  | { readonly type: 'healthy'; readonly id: number; readonly healthy: boolean }
  | { readonly type: 'stats'; readonly id: number }
  | { readonly type: 'stop'; readonly graceMs: number };

export type FromGuest =
  /** The process is up, and waits for `go`. */
  | { readonly type: 'ready' }
  | { readonly type: 'first-boot'; readonly ok: boolean }
  | { readonly type: 'reply'; readonly id: number; readonly stats: MachineStats };
