import type { z } from 'zod';
import type { Json } from '../core/model/json.ts';
import type { DriverPorts, ManifestBase } from './driver.ts';
import type { Need, Place } from './preflight.ts';

/** Marks a machine as ours; written inside the create call. */
export interface OwnerTags {
  readonly install: string;
  readonly group: string;
  /** Deterministic from (install, group, n): a retry finds the machine of the first try. */
  readonly token: string;
  /** Our name for the instance. */
  readonly instance: string;
  readonly templateId: string;
}

export interface Machine {
  /** The cloud's own id: every later call names it. */
  readonly id: string;
  /** Null: not made by any Drover (or its tags were lost). */
  readonly owner: OwnerTags | null;
  readonly name: string;
  readonly state: 'pending' | 'running' | 'stopped' | 'deleting' | 'gone';
  /** Where members and health checks reach it; null until known. */
  readonly address: string | null;
  /** Set where the cloud decides the port (local processes, containers). */
  readonly port: number | null;
  readonly zone: string | null;
  /** Unix ms; null where the cloud does not say. */
  readonly createdAtMs: number | null;
  readonly pricePerHour: number | null;
  readonly paidUntilMs: number | null;
}

/** Absence may be concluded only from a complete list. */
export interface ListResult<T> {
  readonly items: readonly T[];
  readonly complete: boolean;
  /** When the cloud was asked, Unix ms. */
  readonly asOfMs: number;
}

/** One machine for service discovery, in the vendor's own words. */
export interface DiscoveryTarget {
  readonly machineId: string;
  /** HOST:PORT, as Prometheus' plugin for this vendor gives it. */
  readonly target: string;
  /** With the names that plugin gives them, `__meta_VENDOR_…`. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface CreateRequest {
  readonly owner: OwnerTags;
  readonly name: string;
  /** The template's options, validated by the driver's template schema. */
  readonly template: Json;
  readonly zone: string | null;
  readonly signal: AbortSignal;
}

/** A cloud without any way to change it: what a group in observe mode gets. All methods throw DriverError only. */
export interface CloudReader {
  /** Every machine of this installation, all groups; foreign machines only where the driver cannot tell them apart (owner null). */
  list(signal: AbortSignal): Promise<ListResult<Machine>>;
  /** One machine, straight from the cloud; null = a definite "does not exist". */
  get(id: string, signal: AbortSignal): Promise<Machine | null>;
  /** Looks, before anything is started, whether these credentials allow what is needed. A definite DriverError `unauthorized` or
   *  `bad-request` says what to do; any other error: it could not be told now. */
  preflight?(need: Need, signal: AbortSignal): Promise<void>;
  /** Where a machine of this template would be; null where that cannot be said. */
  place?(template: Json): Place | null;
  /** Every machine these credentials see, foreign ones included. */
  targets?(signal: AbortSignal): Promise<readonly DiscoveryTarget[]>;
}

export interface Cloud extends CloudReader {
  /** Makes one machine. With `idempotency` token or unique-name a repeat with the same owner.token returns the first one's machine.
   *  A throw that is not `definite` leaves the outcome unknown: the engine looks for the token in later lists. */
  create(request: CreateRequest): Promise<Machine>;
  /** Starts the deletion of exactly this machine; repeating it is harmless; a machine that is not there is success. */
  delete(id: string, signal: AbortSignal): Promise<void>;
}

export interface CloudAbilities {
  /** How a repeated create is kept from making a second machine. */
  readonly idempotency: 'token' | 'unique-name' | 'none';
  /** How long after a create a list or get may still not show the machine, ms. */
  readonly consistencyMs: number;
  /** Longest time one create or delete may take, ms. */
  readonly callLimitMs: number;
  /** Creates (and deletes) under way at once, per configured cloud. */
  readonly concurrency: number;
  /** Machines can be placed in zones by the create call. */
  readonly zones: boolean;
  /** Machines report a price. */
  readonly prices: boolean;
  /** `target: { cpu: 60% }` works without a source of its own. */
  readonly cpu: boolean;
  /** list() returns machines that are not ours as well (owner null). */
  readonly listsForeign: boolean;
}

export interface CloudManifest<Options extends z.ZodType = z.ZodType, Template extends z.ZodType = z.ZodType> extends ManifestBase<'cloud', Options> {
  /** What one machine is made of; the user writes it under `template:`. */
  readonly template: Template;
  readonly can: CloudAbilities;
  /** Abilities that depend on the options (exec: call limit, consistency). */
  abilities?(options: z.output<Options>): CloudAbilities;
  open(options: z.output<Options>, ports: DriverPorts): Promise<Cloud>;
}
