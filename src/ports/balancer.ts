import type { z } from 'zod';
import type { ListResult } from './cloud.ts';
import type { DriverPorts, ManifestBase } from './driver.ts';
import type { Need, Place } from './preflight.ts';

export interface Member {
  /** The balancer's own name for the entry (slot, server, node id). */
  readonly ref: string;
  readonly address: string;
  readonly port: number;
  readonly state: 'joining' | 'ready' | 'draining' | 'out';
  readonly health: 'up' | 'down' | 'unknown';
  /** Open sessions plus queued requests; null where the balancer cannot tell. */
  readonly sessions: number | null;
}

export interface MemberRequest {
  readonly instance: string;
  readonly address: string;
  readonly port: number;
  /** 1..256; null = the balancer's default. */
  readonly weight: number | null;
}

export interface BalancerReader {
  /** The entries that are ours to manage (by the driver's rule); entries of others are not listed. */
  members(signal: AbortSignal): Promise<ListResult<Member>>;
  /** As `CloudReader.preflight`. */
  preflight?(need: Need, signal: AbortSignal): Promise<void>;
  /** Where its members must be; null where that does not matter. */
  place?(signal: AbortSignal): Promise<Place | null>;
}

/** All methods are idempotent, address one entry, never touch entries that are not ours, and throw DriverError only. */
export interface Balancer extends BalancerReader {
  /** Brings the member in so that it receives no request before the balancer's own check of it passed (where it checks).
   *  Resolves with its ref once it receives traffic; throws `unreachable` if its check has not passed when the signal aborts. */
  attach(member: MemberRequest, signal: AbortSignal): Promise<string>;
  /** No new work; sessions under way go on. Resolves when the balancer accepted it. A member that is not there is success. */
  drain(ref: string, signal: AbortSignal): Promise<void>;
  /** Takes the entry out for good. A member that is not there is success. */
  detach(ref: string, signal: AbortSignal): Promise<void>;
}

export interface BalancerAbilities {
  /** Reports open sessions, so draining can end early. */
  readonly sessions: boolean;
  /** Runs health checks of its own. */
  readonly checks: boolean;
  /** Longest time one call may take, ms (attach waits for a check). */
  readonly callLimitMs: number;
}

export interface BalancerManifest<Options extends z.ZodType = z.ZodType> extends ManifestBase<'balancer', Options> {
  readonly can: BalancerAbilities;
  open(options: z.output<Options>, ports: DriverPorts): Promise<Balancer>;
}
