import type { Decision } from '../core/model/decision.ts';

/** What the engine tells about its own work, for `/metrics`. Every function returns at once and never throws. */
export interface Instrument {
  /** One cycle of a group ended, with or without a decision. */
  cycle(group: string, tookMs: number): void;
  /** A decision was recorded; equal holds count each time. */
  decision(decision: Decision): void;
  /** One call of a cloud driver ended. `op`: list, get, create, delete. `code`: `ok` or a DriverErrorCode. */
  cloudCall(cloud: string, op: string, code: string, tookMs: number): void;
  /** One call of a balancer driver ended. `op`: members, attach, drain, detach. `code`: `ok` or a DriverErrorCode. */
  balancerCall(balancer: string, op: string, code: string, tookMs: number): void;
  /** An instance passed a phase of its start: `boot` (intent → healthy), `join` (healthy → serving), `total` (intent → serving). */
  started(group: string, phase: 'boot' | 'join' | 'total', tookMs: number): void;
  /** An instance ended draining. */
  drained(group: string, tookMs: number): void;
  /** The configuration was read again; false: refused, the last good one stays. */
  reload(ok: boolean): void;
}

export const noInstrument: Instrument = { cycle() {}, decision() {}, cloudCall() {}, balancerCall() {}, started() {}, drained() {}, reload() {} };
