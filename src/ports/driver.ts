import type { z } from 'zod';
import type { Clock, Random } from './clock.ts';
import type { Http } from './http.ts';
import type { Log } from './log.ts';
import type { Files, Processes } from './processes.ts';
import type { Secrets } from './secrets.ts';
import type { Sockets } from './sockets.ts';

/** What the world lends to a driver. Drivers reach the outside through this and through nothing else. */
export interface DriverPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: Http;
  readonly sockets: Sockets;
  readonly processes: Processes;
  readonly files: Files;
  readonly secrets: Secrets;
  readonly log: Log;
  /** Directory of the configuration file: relative paths in options are relative to it. */
  readonly baseDir: string;
  /** A directory the driver may keep files in; below the state directory. */
  readonly stateDir: string;
  /** Identifies this installation; every owner tag carries it. */
  readonly installId: string;
}

export type DriverKind = 'cloud' | 'balancer' | 'source' | 'alert-format' | 'hook' | 'notifier';

/** What every driver says of itself; abilities are data, so there is no "not implemented" at run time. */
export interface ManifestBase<K extends DriverKind, Options extends z.ZodType> {
  readonly kind: K;
  /** As written in the configuration: `local`, `haproxy`, `prometheus`. */
  readonly id: string;
  readonly title: string;
  /** One or two sentences for the reference. */
  readonly summary: string;
  /** Options of one configured instance of the driver. Every field has a description (`.describe`). */
  readonly options: Options;
}
