import type { z } from 'zod';
import type { DriverPorts, ManifestBase } from './driver.ts';

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
}
/** A step of the user's own in an instance's life. Throws DriverError when it failed. */
export interface Hook {
  run(context: HookContext, signal: AbortSignal): Promise<void>;
}
export interface HookManifest<Options extends z.ZodType = z.ZodType> extends ManifestBase<'hook', Options> {
  open(options: z.output<Options>, ports: DriverPorts): Promise<Hook>;
}
