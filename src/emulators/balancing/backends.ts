/** The backends of one frontend: who may get traffic, and who gets the next. */
import type { Pool } from 'undici';
import { chooseBySource, LeastConnections, RoundRobin } from './algorithms.ts';
import type { BackendSpec, BackendView, FrontendSpec } from './balancing.ts';
import { HealthCheck, openPool } from './health-check.ts';
import { PinTable } from './pin-table.ts';

/** What became of traffic sent to a backend. */
export type Outcome = 'unreachable' | 'error' | 'answer 5xx' | 'served';

export class Backend {
  spec: BackendSpec;
  readonly pool: Pool;
  sessions = 0;
  requests = 0;
  #check: HealthCheck;
  #passive: boolean;

  constructor(spec: BackendSpec, frontend: FrontendSpec) {
    this.spec = spec;
    this.pool = openPool(spec.address, spec.port);
    this.#check = new HealthCheck({ ...spec, pool: this.pool }, frontend.check);
    this.#passive = frontend.check.passive;
  }

  get id(): string {
    return this.spec.id;
  }
  get weight(): number {
    return this.spec.weight;
  }
  get mayServe(): boolean {
    return this.#check.mayServe;
  }

  view(): BackendView {
    return { ...this.spec, status: this.#check.status, sessions: this.sessions, requests: this.requests };
  }

  /** With checks of another kind it is as if it were new. */
  recheck(frontend: FrontendSpec): void {
    this.#check.close();
    this.#check = new HealthCheck({ ...this.spec, pool: this.pool }, frontend.check);
    this.#passive = frontend.check.passive;
  }

  saw(outcome: Outcome): void {
    if (this.#passive && outcome !== 'served') this.#check.takeOut(outcome);
  }

  /** What is under way ends well; new requests are not possible. */
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

export class Backends {
  readonly #byId = new Map<string, Backend>();
  readonly #roundRobin = new RoundRobin();
  readonly #leastConnections = new LeastConnections();
  readonly #pins = new PinTable();
  #frontend: FrontendSpec;

  constructor(frontend: FrontendSpec) {
    this.#frontend = frontend;
  }

  all(): readonly Backend[] {
    return [...this.#byId.values()];
  }

  setFrontend(frontend: FrontendSpec, fresh: boolean): void {
    this.#frontend = frontend;
    if (fresh) for (const backend of this.#byId.values()) backend.recheck(frontend);
  }

  put(spec: BackendSpec): void {
    const present = this.#byId.get(spec.id);
    if (present && present.spec.address === spec.address && present.spec.port === spec.port) {
      present.spec = spec;
      return;
    }
    present?.close();
    this.#byId.set(spec.id, new Backend(spec, this.#frontend));
  }

  remove(id: string): boolean {
    this.#byId.get(id)?.close();
    this.#roundRobin.forget(id);
    return this.#byId.delete(id);
  }

  async destroy(): Promise<void> {
    const all = this.all();
    this.#byId.clear();
    await Promise.all(all.map((backend) => backend.destroy()));
  }

  /** `pin`: the id in the client's cookie, if any. `not`: already tried. Null: nobody may serve it. */
  choose(client: string, pin: string | null, not: Backend | null): Backend | null {
    const serving = this.all().filter((backend) => backend.mayServe && backend !== not);
    const accepting = serving.filter((backend) => backend.spec.mode === 'accept');
    const open = accepting.length > 0 ? accepting : serving.filter((backend) => backend.spec.mode === 'backup');
    const { stickiness, algorithm } = this.#frontend;
    const pinnedId = stickiness === 'table' ? this.#pins.get(client) : stickiness === 'http-cookie' ? pin : null;
    const pinned = pinnedId === null ? undefined : serving.find((backend) => backend.id === pinnedId);
    // A pin outlives `drain`, and nothing else that closes a backend to new clients.
    const next = pinned && (pinned.spec.mode === 'drain' || open.includes(pinned)) ? pinned : this.#next(algorithm, open, client);
    if (next && stickiness === 'table') this.#pins.set(client, next.id);
    return next;
  }

  #next(algorithm: FrontendSpec['algorithm'], open: readonly Backend[], client: string): Backend | null {
    switch (algorithm) {
      case 'roundrobin':
        return this.#roundRobin.choose(open);
      case 'leastconn':
        return this.#leastConnections.choose(open);
      case 'source':
        return chooseBySource(open, client);
    }
  }
}
