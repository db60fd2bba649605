import type { z } from 'zod';
import type { AlertOrigin } from './alert-format.ts';
import type { DriverPorts, ManifestBase } from './driver.ts';

/** An alert that a launch answers, as it was when the launch was decided: it fired. */
export interface HookAlert {
  /** fingerprint + startsAt. */
  readonly episode: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty where they are not known any more. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAtMs: number;
  /** Null: the sender's format has none, or it is not known any more. */
  readonly origin: AlertOrigin | null;
}

/** What a hook may know of the instance; also its DROVER_* environment and its {{…}} fields. */
export interface HookContext {
  readonly group: string;
  readonly instance: string;
  readonly machineId: string;
  readonly address: string;
  readonly port: number | null;
  readonly zone: string | null;
  readonly step: 'before_attach' | 'before_delete';
  /** The same for every try of this step of this instance. */
  readonly token: string;
  /** The alerts that the launch of this instance answers; absent or empty: none did. */
  readonly alerts?: readonly HookAlert[];
}
/** A step of the user's own in an instance's life. Throws DriverError when it failed. */
export interface Hook {
  run(context: HookContext, signal: AbortSignal): Promise<void>;
}
export interface HookManifest<Options extends z.ZodType = z.ZodType> extends ManifestBase<'hook', Options> {
  open(options: z.output<Options>, ports: DriverPorts): Promise<Hook>;
}
