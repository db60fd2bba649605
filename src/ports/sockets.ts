export type SocketTarget = { readonly path: string } | { readonly host: string; readonly port: number };

/** Plain stream sockets, as text protocols need them. */
export interface Sockets {
  /** Connects, writes `text`, half-closes nothing, reads until the peer closes, returns what was read (UTF-8).
   *  Throws DriverError `unreachable` (refused, time-out) or `bad-reply` (more than maxBytes). */
  exchange(target: SocketTarget, text: string, limits: { timeoutMs: number; maxBytes: number; signal?: AbortSignal }): Promise<string>;
  /** True when a TCP connection can be opened within the time. */
  canConnect(target: SocketTarget, timeoutMs: number): Promise<boolean>;
}
