import type { z } from 'zod';
import type { Decision } from '../core/model/decision.ts';
import type { DriverPorts, ManifestBase } from './driver.ts';

export interface Notification {
  /** scale_out, scale_in, replaced, blocked, metric_lost, replace_loop, capped, digest, … */
  readonly event: string;
  readonly group: string | null;
  readonly atMs: number;
  /** The same sentence as everywhere. */
  readonly sentence: string;
  /** The arithmetic, line by line; may be empty. */
  readonly lines: readonly string[];
  readonly decision: Decision | null;
  readonly severity: 'info' | 'warning' | 'critical';
  /** Same for repeats of the same thing, so that receivers can fold them. */
  readonly dedupeKey: string;
}
export interface Notifier {
  send(notification: Notification, signal: AbortSignal): Promise<void>;
}
export interface NotifierManifest<Options extends z.ZodType = z.ZodType> extends ManifestBase<'notifier', Options> {
  open(options: z.output<Options>, ports: DriverPorts): Promise<Notifier>;
}
