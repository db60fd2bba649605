import type { z } from 'zod';
import type { ManifestBase } from './driver.ts';

/** What a message says around an alert; told on to hooks that ask for it. A text the sender does not give is null. */
export interface AlertOrigin {
  /** Name of the receiver in the sender's own configuration. */
  readonly receiver: string | null;
  /** Address of the sender. */
  readonly externalUrl: string | null;
  /** Labels that the alerts of the message were gathered by. */
  readonly groupLabels: Readonly<Record<string, string>>;
  /** Where the alert came about (`generatorURL`). */
  readonly generatorUrl: string | null;
}

/** One alert of a foreign system after parsing. */
export interface InboundAlert {
  readonly status: 'firing' | 'resolved';
  /** Stable over repeats and resolve; new for the next episode: fingerprint + startsAt. */
  readonly episode: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** When it began, Unix ms; the time of reading where the sender does not tell (see `startUnknown`). */
  readonly startsAtMs: number;
  readonly endsAtMs: number | null;
  /** The sender tells no start, so `episode` is the same for ever (and holds no slash). A firing one refreshes the alert's open episode or, when none
   *  is open, begins the next (its row is named `episode` + '/' + `startsAtMs`); a resolved one ends whatever is open. */
  readonly startUnknown?: true;
  /** Absent: this format has nothing of the kind. */
  readonly origin?: AlertOrigin;
}

export type ParsedAlerts =
  | { readonly kind: 'alerts'; readonly alerts: readonly InboundAlert[] /** Alerts the sender left out. */; readonly truncated: number }
  /** Understood and deliberately without effect (a test ping, a no-data notice). */
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'malformed'; readonly why: string };

/** Turns the body of a webhook into alerts; pure. */
export interface AlertFormat {
  parse(body: string, nowMs: number): ParsedAlerts;
}

/** A job that a sender can trigger: one change each time, never a state that lasts. */
export interface TriggerJob {
  /** With the folders that it stands in: `team/scale-up`. */
  readonly name: string;
  /** What it takes, with the values of those that are not sent. */
  readonly parameters: Readonly<Record<string, string>>;
  /** How long groups have to act on a trigger, ms. */
  readonly validForMs: number;
  /** How long an equal trigger counts as the same one, ms. */
  readonly quietMs: number;
}

/** What a receiver serves beside `POST /hooks/NAME`, or in place of it: the routes that senders made for Jenkins call. */
export interface JobTriggers {
  readonly jobs: readonly TriggerJob[];
  /** What the body of the generic webhook is: parameters of these jobs, or a message in another alert format. Null: not taken. */
  readonly webhook: { readonly jobs: readonly string[] } | { readonly format: string } | null;
  /** A user with a password needs a crumb. */
  readonly crumb: boolean;
}

export interface AlertFormatManifest<Options extends z.ZodType = z.ZodType> extends ManifestBase<'alert-format', Options> {
  /** HMAC of this sender: where the signature and the optional timestamp stand. Null: the sender cannot sign. */
  readonly hmac: { readonly header: string; readonly timestampHeader: string | null; readonly prefix: string } | null;
  open(options: z.output<Options>): AlertFormat;
  /** Of a format that is served at routes of its own. `parse` then takes `{ job, parameters }`. */
  triggers?(options: z.output<Options>): JobTriggers;
}
