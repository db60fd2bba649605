import type { Balancer, BalancerAbilities, Clock, DriverError, ListResult, Member, MemberRequest } from '../ports/ports.ts';

export type BalancerOp = 'members' | 'attach' | 'drain' | 'detach';

/** What one call does beside the ordinary. */
export interface BalancerFault {
  /** Throw this before anything happened. */
  readonly before?: DriverError;
  /** Throw this after it happened: the caller does not know. */
  readonly after?: DriverError;
  /** Time between the effect and the answer, ms. */
  readonly delayMs?: number;
  /** members: says that the list is not whole. */
  readonly incomplete?: boolean;
}

/** A balancer as it truly is. A test may restart it empty, fail its calls, or set sessions. */
export class SimBalancer implements Balancer {
  readonly clock: Clock;
  readonly can: BalancerAbilities = { sessions: true, checks: false, callLimitMs: 20_000 };
  /** Asked before every call. A bare error is thrown before anything happened. */
  fault: (op: BalancerOp, arg: string) => BalancerFault | DriverError | undefined = () => undefined;
  /** Told of every call of a caller. */
  onCall: (op: BalancerOp, arg: string) => void = () => {};
  readonly calls: { op: BalancerOp; arg: string; atMs: number }[] = [];
  readonly #entries = new Map<string, Member>();
  readonly #foreign = new Map<string, Member>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  entries(): Member[] {
    return [...this.#entries.values()];
  }
  /** Entries of others: never listed, and nothing may change them. */
  foreign(): Member[] {
    return [...this.#foreign.values()];
  }
  plant(entry: Member): void {
    this.#foreign.set(entry.ref, entry);
  }
  /** All entries of ours are lost, as by a restart without a state file. */
  restart(): void {
    this.#entries.clear();
  }
  /** A person changes an entry of ours by hand. */
  edit(ref: string, how: 'remove' | 'drain'): void {
    const entry = this.#entries.get(ref);
    if (how === 'remove') this.#entries.delete(ref);
    else if (entry) this.#entries.set(ref, { ...entry, state: 'draining' });
  }
  setSessions(address: string, sessions: number): void {
    for (const [ref, m] of this.#entries) if (m.address === address) this.#entries.set(ref, { ...m, sessions });
  }

  async members(): Promise<ListResult<Member>> {
    return this.#call('members', '', (fault) => ({ items: this.entries(), complete: !fault?.incomplete, asOfMs: this.clock.wall() }));
  }
  async attach(member: MemberRequest): Promise<string> {
    return this.#call('attach', member.instance, () => {
      const ref = `s:${member.address}:${member.port}`;
      const old = this.#entries.get(ref);
      this.#entries.set(ref, { ref, address: member.address, port: member.port, state: 'ready', health: 'up', sessions: old?.sessions ?? 0 });
      return ref;
    });
  }
  async drain(ref: string): Promise<void> {
    return this.#call('drain', ref, () => {
      for (const book of [this.#entries, this.#foreign]) {
        const m = book.get(ref);
        if (m) book.set(ref, { ...m, state: 'draining' });
      }
    });
  }
  async detach(ref: string): Promise<void> {
    return this.#call('detach', ref, () => {
      this.#entries.delete(ref);
      this.#foreign.delete(ref);
    });
  }

  async #call<T>(op: BalancerOp, arg: string, act: (fault: BalancerFault | undefined) => T): Promise<T> {
    this.onCall(op, arg);
    const asked = this.fault(op, arg);
    const fault: BalancerFault | undefined = asked instanceof Error ? { before: asked } : asked;
    this.calls.push({ op, arg, atMs: this.clock.wall() });
    if (fault?.before) throw fault.before;
    const result = act(fault);
    if (fault?.delayMs) await this.clock.sleep(fault.delayMs);
    if (fault?.after) throw fault.after;
    return result;
  }
}
