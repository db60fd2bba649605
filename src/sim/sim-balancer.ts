import type { Balancer, BalancerAbilities, Clock, DriverError, ListResult, Member, MemberRequest } from '../ports/ports.ts';

export type BalancerOp = 'members' | 'attach' | 'drain' | 'detach';

/** A balancer as it truly is. A test may restart it empty, fail its calls, or set sessions. */
export class SimBalancer implements Balancer {
  readonly clock: Clock;
  readonly can: BalancerAbilities = { sessions: true, checks: false, callLimitMs: 20_000 };
  fault: (op: BalancerOp, arg: string) => DriverError | undefined = () => undefined;
  readonly calls: { op: BalancerOp; arg: string; atMs: number }[] = [];
  readonly #entries = new Map<string, Member>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  entries(): Member[] {
    return [...this.#entries.values()];
  }
  /** All entries are lost, as by a restart without a state file. */
  restart(): void {
    this.#entries.clear();
  }
  setSessions(address: string, sessions: number): void {
    for (const [ref, m] of this.#entries) if (m.address === address) this.#entries.set(ref, { ...m, sessions });
  }

  async members(): Promise<ListResult<Member>> {
    this.#note('members', '');
    return { items: this.entries(), complete: true, asOfMs: this.clock.wall() };
  }
  async attach(member: MemberRequest): Promise<string> {
    this.#note('attach', member.instance);
    const ref = `s:${member.address}:${member.port}`;
    const old = this.#entries.get(ref);
    this.#entries.set(ref, { ref, address: member.address, port: member.port, state: 'ready', health: 'up', sessions: old?.sessions ?? 0 });
    return ref;
  }
  async drain(ref: string): Promise<void> {
    this.#note('drain', ref);
    const m = this.#entries.get(ref);
    if (m) this.#entries.set(ref, { ...m, state: 'draining' });
  }
  async detach(ref: string): Promise<void> {
    this.#note('detach', ref);
    this.#entries.delete(ref);
  }

  #note(op: BalancerOp, arg: string): void {
    const fault = this.fault(op, arg);
    this.calls.push({ op, arg, atMs: this.clock.wall() });
    if (fault) throw fault;
  }
}
