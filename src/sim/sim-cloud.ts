import type { Clock, Cloud, CloudAbilities, CreateRequest, DriverError, ListResult, Machine } from '../ports/ports.ts';

/** What one call does beside the ordinary: drawn by a simulation, set by a test. */
export interface CloudFault {
  /** Throw this before anything happened. */
  readonly before?: DriverError;
  /** Throw this after it happened: the caller does not know. */
  readonly after?: DriverError;
  /** Time between the effect and the answer, ms. */
  readonly delayMs?: number;
  /** Time between the call and its effect, ms: the request is on its way, whatever becomes of the caller. */
  readonly lateMs?: number;
  /** list: answer this instead, or what becomes of the true answer. */
  readonly list?: ListResult<Machine> | ((truth: ListResult<Machine>) => ListResult<Machine>);
  /** delete: says yes and does nothing. */
  readonly ignored?: boolean;
  /** delete: takes so much longer, ms. */
  readonly slowMs?: number;
  /** create: the machine is there and never starts. */
  readonly stopped?: boolean;
}
export type CloudOp = 'list' | 'get' | 'create' | 'delete';

interface Truth {
  machine: Machine;
  /** Monotonic ms at which it was made, is shown by list and get, runs, and disappears after a delete. */
  readonly madeAtMono: number;
  readonly shownAtMono: number;
  readonly runsAtMono: number;
  goneAtMono: number;
}

/** Ground truth: machines that exist, whatever anyone believes. Boots and deletes take their time. */
export class SimCloud implements Cloud {
  readonly clock: Clock;
  readonly can: CloudAbilities;
  readonly installId: string;
  bootMs = 2_000;
  deleteMs = 1_000;
  /** How long list and get do not show a machine that was just made, ms; at most `can.consistencyMs`. */
  hiddenMs: () => number = () => 0;
  /** A new machine gets the address that became free last. */
  reusesAddresses = false;
  /** Asked before every call. */
  fault: (op: CloudOp, arg: string) => CloudFault | undefined = () => undefined;
  /** Told of every call of a caller, and of every machine made. */
  onCall: (op: CloudOp, arg: string) => void = () => {};
  onMade: (machine: Machine) => void = () => {};
  onGone: (machine: Machine) => void = () => {};
  /** Two clouds of one simulation give out different addresses. */
  network = 0;
  readonly calls: { op: CloudOp; arg: string; atMs: number }[] = [];
  readonly #truth = new Map<string, Truth>();
  readonly #byToken = new Map<string, Machine>();
  readonly #byAddress = new Map<string, string>();
  readonly #tagsOf = new Map<string, NonNullable<Machine['owner']>>();
  readonly #freeAddresses: string[] = [];
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

  /** The machine that has an address now. */
  at(address: string): Machine | undefined {
    this.#settle();
    return this.#truth.get(this.#byAddress.get(address) ?? '')?.machine;
  }

  /** Time since the machine was made, ms; null: it does not exist. */
  ageMs(id: string): number | null {
    const t = this.#truth.get(id);
    return t ? this.clock.mono() - t.madeAtMono : null;
  }

  /** A machine stops or disappears by itself. */
  kill(id: string, how: 'gone' | 'stopped'): void {
    const t = this.#truth.get(id);
    if (!t) return;
    if (how === 'gone') this.#remove(id);
    else t.machine = { ...t.machine, state: 'stopped' };
  }

  /** Someone took the tags of a machine off, or put others on. */
  retag(id: string, owner: Machine['owner']): void {
    const t = this.#truth.get(id);
    if (!t) return;
    if (t.machine.owner !== null) this.#tagsOf.set(id, t.machine.owner);
    t.machine = { ...t.machine, owner };
  }
  /** Someone puts the tags back that machines have lost. */
  restoreTags(): void {
    for (const [id, owner] of this.#tagsOf) {
      const t = this.#truth.get(id);
      if (t?.machine.owner === null) t.machine = { ...t.machine, owner };
    }
    this.#tagsOf.clear();
  }

  /** A machine nobody here launched. */
  plant(machine: Partial<Machine> & { id: string }): void {
    const full: Machine = {
      owner: null,
      name: machine.id,
      state: 'running',
      address: `10.9.${this.network}.${this.#next}`,
      port: 80,
      zone: null,
      createdAtMs: this.clock.wall(),
      pricePerHour: null,
      paidUntilMs: null,
      ...machine,
    };
    const now = this.clock.mono();
    if (full.address) this.#byAddress.set(full.address, machine.id);
    this.#truth.set(machine.id, { machine: full, madeAtMono: now, shownAtMono: now, runsAtMono: 0, goneAtMono: Number.POSITIVE_INFINITY });
  }

  async list(): Promise<ListResult<Machine>> {
    return this.#call('list', '', (fault) => {
      const items = this.#shown().filter((m) => this.can.listsForeign || m.owner?.install === this.installId);
      const truth = { items, complete: true, asOfMs: this.clock.wall() };
      return typeof fault?.list === 'function' ? fault.list(truth) : (fault?.list ?? truth);
    });
  }

  async get(id: string): Promise<Machine | null> {
    return this.#call('get', id, () => this.#shown().find((m) => m.id === id) ?? null);
  }

  async create(request: CreateRequest): Promise<Machine> {
    const { owner } = request;
    return this.#call('create', owner.token, (fault) => {
      const twin = this.alive().find((m) => m.owner?.token === owner.token && m.owner.install === owner.install);
      if (twin && this.can.idempotency !== 'none') return twin;
      // A token stays bound to its machine, as at EC2; a name is free again.
      const former = this.#byToken.get(owner.token);
      if (former && this.can.idempotency === 'token') return { ...former, state: 'gone' };
      const n = this.#next++;
      const machine: Machine = {
        id: `m-${n}`,
        owner,
        name: request.name,
        state: fault?.stopped ? 'stopped' : 'pending',
        address: (this.reusesAddresses ? this.#freeAddresses.pop() : undefined) ?? `10.${this.network}.${n >> 8}.${n & 255}`,
        port: 8080,
        zone: request.zone,
        createdAtMs: this.clock.wall(),
        pricePerHour: null,
        paidUntilMs: null,
      };
      const now = this.clock.mono();
      const times = { madeAtMono: now, shownAtMono: now + this.hiddenMs(), runsAtMono: now + this.bootMs, goneAtMono: Number.POSITIVE_INFINITY };
      this.#truth.set(machine.id, { machine, ...times });
      if (this.can.idempotency === 'token') this.#byToken.set(owner.token, machine);
      if (machine.address) this.#byAddress.set(machine.address, machine.id);
      this.onMade(machine);
      return machine;
    });
  }

  async delete(id: string): Promise<void> {
    return this.#call('delete', id, (fault) => {
      const t = this.#truth.get(id);
      if (!t || t.goneAtMono !== Number.POSITIVE_INFINITY || fault?.ignored) return;
      t.machine = { ...t.machine, state: 'deleting' };
      t.goneAtMono = this.clock.mono() + this.deleteMs + (fault?.slowMs ?? 0);
    });
  }

  async #call<T>(op: CloudOp, arg: string, act: (fault: CloudFault | undefined) => T): Promise<T> {
    this.onCall(op, arg);
    const fault = this.fault(op, arg);
    this.calls.push({ op, arg, atMs: this.clock.wall() });
    if (fault?.before) throw fault.before;
    if (fault?.lateMs) await this.clock.sleep(fault.lateMs);
    const result = act(fault);
    if (fault?.delayMs) await this.clock.sleep(fault.delayMs);
    if (fault?.after) throw fault.after;
    return result;
  }

  #shown(): Machine[] {
    this.#settle();
    const now = this.clock.mono();
    return [...this.#truth.values()].filter((t) => t.shownAtMono <= now).map((t) => t.machine);
  }

  #remove(id: string): void {
    const { machine } = this.#truth.get(id) ?? {};
    if (!machine) return;
    this.#truth.delete(id);
    this.#tagsOf.delete(id);
    if (machine.address) {
      this.#freeAddresses.push(machine.address);
      if (this.#byAddress.get(machine.address) === id) this.#byAddress.delete(machine.address);
    }
    this.onGone(machine);
  }

  #settle(): void {
    const now = this.clock.mono();
    for (const [id, t] of this.#truth) {
      if (t.goneAtMono <= now) this.#remove(id);
      else if (t.machine.state === 'pending' && t.runsAtMono <= now) t.machine = { ...t.machine, state: 'running' };
    }
  }
}
