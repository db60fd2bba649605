/** What an emulated account ever had: to prove that nothing was leaked or made twice. */

export interface LedgerMachine {
  readonly id: string;
  label: string;
  tags: readonly string[];
  readonly created_ms: number;
  deleted_ms: number | null;
}

/** A place in a balancer. */
export interface LedgerMember {
  readonly id: string;
  readonly balancer: string;
  readonly address: string;
  label: string;
  readonly created_ms: number;
  deleted_ms: number | null;
}

export interface LedgerCalls {
  /** `POST /linode/instances`. */
  readonly route: string;
  readonly status: number;
  readonly count: number;
}

export interface LedgerView {
  readonly created: number;
  readonly deleted: number;
  readonly living: number;
  /** True: the oldest deleted machines or members are no longer listed. The sums count them. */
  readonly shortened: boolean;
  readonly machines: readonly LedgerMachine[];
  readonly members: readonly LedgerMember[];
  readonly calls: readonly LedgerCalls[];
}

const MAX_ROWS = 100_000;

export class Ledger {
  readonly #now: () => number;
  readonly #machines = new Map<string, LedgerMachine>();
  readonly #members = new Map<string, LedgerMember>();
  readonly #calls = new Map<string, { route: string; status: number; count: number }>();
  #created = 0;
  #deleted = 0;
  #shortened = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  machineCreated(id: string, label: string, tags: readonly string[]): void {
    this.#created++;
    this.#shorten(this.#machines);
    this.#machines.set(id, { id, label, tags, created_ms: this.#now(), deleted_ms: null });
  }

  machineChanged(id: string, label: string, tags: readonly string[]): void {
    const row = this.#machines.get(id);
    if (row !== undefined) Object.assign(row, { label, tags });
  }

  machineDeleted(id: string): void {
    const row = this.#machines.get(id);
    if (row === undefined || row.deleted_ms !== null) return;
    row.deleted_ms = this.#now();
    this.#deleted++;
  }

  memberCreated(id: string, balancer: string, address: string, label: string): void {
    this.#shorten(this.#members);
    this.#members.set(id, { id, balancer, address, label, created_ms: this.#now(), deleted_ms: null });
  }

  memberDeleted(id: string): void {
    const row = this.#members.get(id);
    if (row !== undefined) row.deleted_ms ??= this.#now();
  }

  called(route: string, status: number): void {
    const key = `${route} ${status}`;
    const row = this.#calls.get(key) ?? { route, status, count: 0 };
    row.count++;
    this.#calls.set(key, row);
  }

  view(): LedgerView {
    return {
      created: this.#created,
      deleted: this.#deleted,
      living: this.#created - this.#deleted,
      shortened: this.#shortened,
      machines: [...this.#machines.values()].map((row) => ({ ...row })),
      members: [...this.#members.values()].map((row) => ({ ...row })),
      calls: [...this.#calls.values()].map((row) => ({ ...row })),
    };
  }

  /** Living rows are never dropped. */
  #shorten(rows: Map<string, { readonly deleted_ms: number | null }>): void {
    if (rows.size < MAX_ROWS) return;
    for (const [id, row] of rows) {
      if (row.deleted_ms === null) continue;
      rows.delete(id);
      this.#shortened = true;
      return;
    }
  }
}
