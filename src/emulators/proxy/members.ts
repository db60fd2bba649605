/** The machines behind the proxy: which of them may get a request, and the check that says so. */
import type { Pool } from 'undici';
import { LeastConnections } from '../balancing/algorithms.ts';
import type { Outcome } from '../balancing/backends.ts';
import type { CheckSpec } from '../balancing/balancing.ts';
import type { Target } from '../balancing/forward.ts';
import { HealthCheck, openPool } from '../balancing/health-check.ts';

const CHECK_EVERY_MS = 250;
const CHECK_TIMEOUT_MS = 1000;
/** Failed checks in a row before a member that was up gets no more requests. */
const FALL = 2;
export const MAX_MEMBERS = 1000;

/** An HTTP path that must answer 2xx or 3xx, or null: a TCP connection must open. */
export type CheckPath = string | null;

export interface MemberSpec {
  readonly ref: string;
  /** Who put it there; only shown and compared. */
  readonly owner: string;
  readonly address: string;
  readonly port: number;
  /** 1..256. */
  readonly weight: number;
  readonly check: CheckPath;
}

export interface MemberView extends MemberSpec {
  readonly state: 'joining' | 'ready' | 'draining';
  readonly health: 'up' | 'down' | 'unknown';
  readonly sessions: number;
  readonly requests: number;
  readonly last_check: string | null;
}

export class ProxyMember implements Target {
  readonly spec: MemberSpec;
  readonly pool: Pool;
  state: MemberView['state'] = 'joining';
  sessions = 0;
  requests = 0;
  readonly #check: HealthCheck;

  constructor(spec: MemberSpec) {
    this.spec = spec;
    this.pool = openPool(spec.address, spec.port);
    this.#check = new HealthCheck({ ...spec, pool: this.pool }, checkOf(spec.check), () => {
      if (this.state === 'joining') this.state = 'ready';
    });
  }

  get eligible(): boolean {
    return this.state === 'ready' && this.#check.status === 'up';
  }
  get weight(): number {
    return this.spec.weight;
  }

  view(): MemberView {
    const { state, sessions, requests } = this;
    return { ...this.spec, state, health: this.#check.status, sessions, requests, last_check: this.#check.last };
  }

  /** Back in: its check has to pass anew first. */
  rejoin(): void {
    this.state = 'joining';
    this.#check.restart();
  }

  drain(): void {
    this.state = 'draining';
  }

  /** When it cannot be reached it gets no more requests until a check passes. */
  saw(outcome: Outcome): void {
    if (outcome !== 'unreachable') return;
    this.#check.takeOut(outcome);
    this.#check.soon();
  }

  /** Requests under way end well; new ones are not possible. */
  close(): void {
    this.#check.close();
    this.pool.close().catch(() => {});
  }

  /** Cuts what is under way. */
  async destroy(): Promise<void> {
    this.#check.close();
    await this.pool.destroy();
  }
}

function checkOf(path: CheckPath): CheckSpec {
  const common = { body: '', intervalMs: CHECK_EVERY_MS, timeoutMs: CHECK_TIMEOUT_MS, attempts: FALL, passive: false };
  return path === null ? { ...common, kind: 'connection', path: '/' } : { ...common, kind: 'http', path };
}

export class Members {
  readonly #byRef = new Map<string, ProxyMember>();
  readonly #leastConnections: LeastConnections;

  /** `start`: where the rotation among equally loaded members begins. */
  constructor(start: number) {
    this.#leastConnections = new LeastConnections(start);
  }

  get size(): number {
    return this.#byRef.size;
  }
  get(ref: string): ProxyMember | undefined {
    return this.#byRef.get(ref);
  }
  all(): ProxyMember[] {
    return [...this.#byRef.values()];
  }
  add(spec: MemberSpec): ProxyMember {
    const member = new ProxyMember(spec);
    this.#byRef.set(spec.ref, member);
    return member;
  }
  remove(ref: string): void {
    this.#byRef.get(ref)?.close();
    this.#byRef.delete(ref);
  }
  async destroy(): Promise<void> {
    const all = this.all();
    this.#byRef.clear();
    await Promise.all(all.map((m) => m.destroy()));
  }

  /** The member with the fewest requests for its weight, in turns among equals; never `not`. Null: none may get one. */
  choose(not: ProxyMember | null): ProxyMember | null {
    return this.#leastConnections.choose(this.all().filter((m) => m.eligible && m !== not));
  }
}
