import type { AlertFormat, TriggerJob } from '../ports/ports.ts';

export interface Delivery {
  /** Lower-case names; a list where a header came more than once. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it came over the wire. */
  readonly rawBody: Uint8Array;
  readonly nowMs: number;
}

export type Verdict =
  /** `replayId`: a second delivery with the same one has no effect; null: this kind of proof cannot tell repeats apart. */
  | { readonly ok: true; readonly replayId: string | null }
  /** `why` is for our records, not for the sender. 503: our own secret cannot be read now. */
  | { readonly ok: false; readonly status: 401 | 503; readonly why: string };

/** What a receiver of the format `jenkins` serves. */
export interface ReceiverTriggers {
  readonly jobs: readonly TriggerJob[];
  /** What the body of the generic webhook is: parameters of these jobs, or alerts. Null: not taken. */
  readonly webhook: { readonly jobs: readonly string[] } | { readonly format: AlertFormat } | null;
  /** A user with a password needs a crumb. */
  readonly crumb: boolean;
}

export interface FoundReceiver {
  readonly format: AlertFormat;
  /** `auth: none`, served on a listener of this machine only. */
  readonly open: boolean;
  /** Served at the routes of Jenkins, and not at `/hooks/NAME`. */
  readonly triggers?: ReceiverTriggers;
}

/** The configured receivers. Provided by `app` from the configuration; looked up at each delivery, so that a reload is seen at once. */
export interface Receivers {
  /** Null: there is no such receiver. */
  find(receiver: string): FoundReceiver | null;
  /** Those with `triggers`. Absent: none. */
  withTriggers?(): readonly string[];
  /** Must not throw. */
  verify(receiver: string, delivery: Delivery): Promise<Verdict>;
}
