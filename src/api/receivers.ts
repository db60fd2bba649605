import type { AlertFormat } from '../ports/ports.ts';

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

/** The configured receivers. Provided by `app` from the configuration; looked up at each delivery, so that a reload is seen at once. */
export interface Receivers {
  /** Null: there is no such receiver. `open`: `auth: none`, served on a listener of this machine only. */
  find(receiver: string): { readonly format: AlertFormat; readonly open: boolean } | null;
  /** Must not throw. */
  verify(receiver: string, delivery: Delivery): Promise<Verdict>;
}
