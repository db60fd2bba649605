/** One HTTP exchange. Redirects are not followed. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Whole exchange, connect to last byte, ms. */
  readonly timeoutMs: number;
  /** A longer body is cut off and the call fails with bad-reply. */
  readonly maxBytes: number;
  /** Talk to a unix socket instead of the URL's host. */
  readonly socketPath?: string;
  /** PEM of the only certificate authority to trust for this call. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; several values are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Throws DriverError `unreachable` (no or partial answer, time-out) or `bad-reply` (too large); any status is an answer. */
export interface Http {
  request(request: HttpRequest): Promise<HttpResponse>;
}
