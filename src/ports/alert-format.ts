import type { z } from 'zod';
import type { ManifestBase } from './driver.ts';

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

export interface AlertFormatManifest<Options extends z.ZodType = z.ZodType> extends ManifestBase<'alert-format', Options> {
  /** HMAC of this sender: where the signature and the optional timestamp stand. Null: the sender cannot sign. */
  readonly hmac: { readonly header: string; readonly timestampHeader: string | null; readonly prefix: string } | null;
  open(options: z.output<Options>): AlertFormat;
}
