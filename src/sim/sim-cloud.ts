import type { Clock, Cloud, CloudAbilities, CreateRequest, DriverError, ListResult, Machine } from '../ports/ports.ts';

/** What one call does beside the ordinary: drawn by a simulation, set by a test. */
export interface CloudFault {
  /** Throw this before anything happened. */
  readonly before?: DriverError;
  /** Throw this after it happened: the caller does not know. */
  readonly after?: DriverError;
  /** Time until the answer, ms. */
  readonly delayMs?: number;
  /** list: answer this instead. */
  readonly list?: ListResult<Machine>;
}
export type CloudOp = 'list' | 'get' | 'create' | 'delete';

interface Truth {
  machine: Machine;
  /** Wall ms at which it runs, and at which it disappears after a delete. */
  runsAtMs: number;
  goneAtMs: number;
}

/** Ground truth: machines that exist, whatever anyone believes. Boots and deletes take their time. */
export class SimCloud implements Cloud {
  readonly clock: Clock;
  readonly can: CloudAbilities;
  readonly installId: string;
  bootMs = 2_000;
  deleteMs = 1_000;
  /** Asked before every call. */
  fault: (op: CloudOp, arg: string) => CloudFault | undefined = () => undefined;
  readonly calls: { op: CloudOp; arg: string; atMs: number }[] = [];
  readonly #truth = new Map<string, Truth>();
  #next = 1;

  constructor(clock: Clock, installId: string, can: Partial<CloudAbilities> = {}) {
    this.clock = clock;
    this.installId = installId;
    this.can = {
      idempotency: 'token',
      consistencyMs: 0,
      callLimitMs: 20_000,
      concurrency: 10,
      zones: true,
      prices: false,
      cpu: false,
      listsForeign: false,
      ...can,
    };
  }

  /** Machines that exist now, deleting ones included. */
  alive(group?: string): Machine[] {
    this.#settle();
    return [...this.#truth.values()].map((t) => t.machine).filter((m) => group === undefined || m.owner?.group === group);
  }

  /** A machine stops or disappears by itself. */
  kill(id: string, how: 'gone' | 'stopped'): void {
    const t = this.#truth.get(id);
    if (!t) return;
    if (how === 'gone') this.#truth.delete(id);
    else t.machine = { ...t.machine, state: 'stopped' };
  }

  /** A machine nobody here launched. */
  plant(machine: Partial<Machine> & { id: string }): void {
    const full: Machine = {
      owner: null,
      name: machine.id,
      state: 'running',
      address: `10.9.0.${this.#next}`,
      port: 80,
      zone: null,
      createdAtMs: this.clock.wall(),
      pricePerHour: null,
      paidUntilMs: null,
      ...machine,
    };
    this.#truth.set(machine.id, { machine: full, runsAtMs: 0, goneAtMs: Number.POSITIVE_INFINITY });
  }

  async list(): Promise<ListResult<Machine>> {
    return this.#call('list', '', () => ({
      items: this.alive().filter((m) => this.can.listsForeign || m.owner?.install === this.installId),
      complete: true,
      asOfMs: this.clock.wall(),
    }));
  }

  async get(id: string): Promise<Machine | null> {
    return this.#call('get', id, () => this.alive().find((m) => m.id === id) ?? null);
  }

  async create(request: CreateRequest): Promise<Machine> {
    const { owner } = request;
    return this.#call('create', owner.token, () => {
      const twin = this.alive().find((m) => m.owner?.token === owner.token && m.owner.install === owner.install);
      if (twin && this.can.idempotency !== 'none') return twin;
      const n = this.#next++;
      const machine: Machine = {
        id: `m-${n}`,
        owner,
        name: request.name,
        state: 'pending',
        address: `10.0.${n >> 8}.${n & 255}`,
        port: 8080,
        zone: request.zone,
        createdAtMs: this.clock.wall(),
        pricePerHour: null,
        paidUntilMs: null,
      };
      this.#truth.set(machine.id, { machine, runsAtMs: this.clock.wall() + this.bootMs, goneAtMs: Number.POSITIVE_INFINITY });
      return machine;
    });
  }

  async delete(id: string): Promise<void> {
    return this.#call('delete', id, () => {
      const t = this.#truth.get(id);
      if (!t || t.goneAtMs !== Number.POSITIVE_INFINITY) return;
      t.machine = { ...t.machine, state: 'deleting' };
      t.goneAtMs = this.clock.wall() + this.deleteMs;
    });
  }

  async #call<T>(op: CloudOp, arg: string, act: () => T): Promise<T> {
    const fault = this.fault(op, arg);
    this.calls.push({ op, arg, atMs: this.clock.wall() });
    if (fault?.before) throw fault.before;
    if (fault?.list && op === 'list') return fault.list as T;
    const result = act();
    if (fault?.delayMs) await this.clock.sleep(fault.delayMs);
    if (fault?.after) throw fault.after;
    return result;
  }

  #settle(): void {
    const now = this.clock.wall();
    for (const [id, t] of this.#truth) {
      if (t.goneAtMs <= now) this.#truth.delete(id);
      else if (t.machine.state === 'pending' && t.runsAtMs <= now) t.machine = { ...t.machine, state: 'running' };
    }
  }
}
