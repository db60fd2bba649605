/** A balancer's data plane: it really listens, checks, chooses and drains. Knows no vendor. */

export interface CheckSpec {
  readonly kind: 'none' | 'connection' | 'http' | 'http-body';
  readonly path: string;
  /** For `http-body`: what the answer's body must hold. */
  readonly body: string;
  /** Real ms. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failed checks in a row that take a backend out. 1 to 30. */
  readonly attempts: number;
  /** Failed requests (5xx, no connection) take a backend out too, until its next good check. Nothing for kind `none`. */
  readonly passive: boolean;
}

export interface FrontendSpec {
  readonly address: string;
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
  readonly algorithm: 'roundrobin' | 'leastconn' | 'source';
  readonly stickiness: 'none' | 'table' | 'http-cookie';
  readonly check: CheckSpec;
}

export interface BackendSpec {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** 1 to 256. */
  readonly weight: number;
  /** `drain`: sessions and pinned clients go on, nothing new. `backup`: only while no accepting backend is up. */
  readonly mode: 'accept' | 'reject' | 'drain' | 'backup';
}

export interface BackendView extends BackendSpec {
  /** `unknown` until its first checks are over, and always without checks. */
  readonly status: 'unknown' | 'up' | 'down';
  readonly sessions: number;
  readonly requests: number;
}

export interface FrontendFigures {
  readonly requests: number;
  /** Refused with 502, 503 or 504 by the balancer, or cut in the middle. */
  readonly failed: number;
  readonly sessions: number;
  /** Received per second over the last 1 to 5 whole seconds; null in the first second. */
  readonly requestRate: number | null;
}

export interface Frontend {
  readonly spec: FrontendSpec;
  /** Takes effect for new requests; backends keep their status only if check, protocol and address stay. Throws Error when it cannot listen; the old one then goes on. */
  update(spec: FrontendSpec): Promise<void>;
  /** Adds a backend or changes one by id. A new one gets no request before its check passed (at once without checks). */
  put(backend: BackendSpec): void;
  /** Cuts nothing that is under way; false: not there. */
  remove(id: string): boolean;
  backends(): readonly BackendView[];
  figures(): FrontendFigures;
  close(): Promise<void>;
}
