import type { CommitResult, DriverError, GroupCommit, InstanceRow, Machine } from '../../../src/ports/ports.ts';
import type { BalancerOp } from '../../../src/sim/sim-balancer.ts';
import type { CloudOp } from '../../../src/sim/sim-cloud.ts';
import type { ChaosWorld } from './world.ts';

/** Invariants checked at every call and commit, against ground truth and the store, never against what the engine believes. */
export class Checks {
  readonly found: string[] = [];
  readonly #world: ChaosWorld;
  /** Deletions that are budgeted, first call of each machine only. Monotonic ms. */
  readonly #destroyed: { atMono: number; cause: string; id: string }[] = [];
  readonly #deleteAsked = new Set<string>();
  readonly #drainingSince = new Map<string, { atMono: number; served: boolean }>();
  /** When a deletion was committed, monotonic ms. */
  readonly #condemnedAt = new Map<string, number>();
  /** Sizes of the group as they changed: machines it should have, or machines that were there. */
  readonly #sizes: { atMono: number; size: number }[] = [];
  readonly #protectedAt = new Map<string, number>();
  readonly #lacking = new Set<string>();
  #target = 0;
  readonly #late = new Set<string>();
  readonly planted = new Map<string, Machine>();
  /** The largest max that was in force. */
  maxEver = 0;
  #clockSetAt = Number.NEGATIVE_INFINITY;
  #committedAt = 0;
  #endedAt = Number.NEGATIVE_INFINITY;
  #pausedAtMono = Number.POSITIVE_INFINITY;
  #quietFrom = Number.POSITIVE_INFINITY;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(world: ChaosWorld) {
    this.#world = world;
  }

  fail(id: string, text: string): void {
    if (this.found.length > 20) return;
    this.found.push(`${id} at ${(this.#now / 1000).toFixed(3)} s: ${text}`);
    this.#world.note(`VIOLATION ${id} ${text}`);
  }

  get #now(): number {
    return this.#world.clock.mono();
  }
  get #group() {
    return this.#world.data.groups.get('web');
  }

  // ── what people were told ──

  paused(on: boolean): void {
    this.#pausedAtMono = on ? Math.min(this.#pausedAtMono, this.#now) : Number.POSITIVE_INFINITY;
  }
  protected(id: string, on: boolean): void {
    if (on) this.#protectedAt.set(id, this.#now);
    else this.#protectedAt.delete(id);
  }

  /** The clock was set while nobody ran, or nobody noted it before the end: nothing can tell that from time that passed. */
  #clockSetUnseen(): void {
    this.#destroyed.length = 0;
    this.#drainingSince.clear();
  }

  /** Struck from the books by a person: the machine lives on, until it is found to be an orphan. */
  forgotten(machineId: string | null): void {
    if (machineId !== null) this.#late.add(machineId);
  }

  /** Was a value given when the metric was asked for last? */
  asked(metric: string, given: boolean): void {
    if (given) this.#lacking.delete(metric);
    else this.#lacking.add(metric);
  }

  // ── calls ──

  throttle(error: DriverError): DriverError {
    this.#quietFrom = this.#now;
    this.#quietUntil = Math.max(this.#quietUntil, this.#now + (error.retryAfterMs ?? 0));
    return error;
  }
  processEnded(): void {
    this.#quietUntil = Number.NEGATIVE_INFINITY;
    this.#endedAt = this.#now;
    if (this.#clockSetAt >= this.#committedAt) this.#clockSetUnseen();
  }
  clockSet(running: boolean): void {
    this.#clockSetAt = this.#now;
    if (!running) this.#clockSetUnseen();
  }

  /** I14: after an acknowledged pause nothing that changes anything is started. */
  mutating(what: string): void {
    const pause = this.#group?.pause ?? null;
    const open = pause !== null && (pause.untilMs === null || pause.untilMs > this.#world.clock.wall());
    if (open && this.#pausedAtMono < this.#now) this.fail('I14', `${what} while paused`);
    if (this.#group?.frozen) this.fail('I14', `${what} while frozen`);
  }

  cloudCall(op: CloudOp, arg: string): void {
    this.#world.note(`cloud ${op} ${arg}`);
    if (this.#now > this.#quietFrom && this.#now < this.#quietUntil) this.fail('I20', `${op} while the cloud asked for quiet`);
    if (op === 'create') this.#create(arg);
    if (op === 'delete') this.#delete(arg);
  }

  #create(token: string): void {
    this.mutating('create');
    const row = this.#world.rows().find((r) => r.token === token && r.machineId === null);
    if (row?.state !== 'intent' || row.step?.kind !== 'create' || row.step.attempts < 1) this.fail('I25', `create ${token} without a committed intent`);
  }

  #delete(id: string): void {
    this.mutating('delete');
    const { rows, cloud } = { rows: this.#world.rows(), cloud: this.#world.cloud };
    const machine = cloud.alive().find((m) => m.id === id);
    if (id === '') this.fail('I10', 'delete without an id');
    const foreign = this.planted.has(id) || (machine && (machine.owner?.install !== this.#world.installId || machine.owner.group !== 'web'));
    // Between an answer about a machine, which may take 30 s, and its deletion nobody can know that the id was given to another.
    const unknowable = (this.#world.cloud.ageMs(id) ?? 0) < 30_000 && this.#world.scenario.faults.has('cloud-slow');
    if (foreign && !unknowable) this.fail('I8', `delete of ${id}, which is not ours`);
    const row = rows.find((r) => r.machineId === id);
    if (!row) {
      this.fail('I25', `delete of ${id} without a row`);
      return;
    }
    if (row.state !== 'terminating' || row.step?.kind !== 'delete') this.fail('I25', `delete of ${id} while its row is ${row.state}`);
    const protectedAt = this.#protectedAt.get(row.id);
    if (row.protected && protectedAt !== undefined && protectedAt < this.#now) this.fail('I14', `delete of protected ${row.id}`);
    this.#balancersClear(row);
    if (machine?.state !== 'running' || this.#deleteAsked.has(id)) return;
    this.#deleteAsked.add(id);
    this.#budget(row);
    this.#grace(row, machine);
    if (row.removalCause === 'replace-unhealthy') this.#brake(row);
  }

  /** I12 over calls as they were made, against the largest size the group had in the window; a person's orders apart. */
  #budget(row: InstanceRow): void {
    const { spec } = this.#group ?? {};
    const cause = row.removalCause ?? 'none';
    if (!spec || cause === 'forced') return;
    this.#destroyed.push({ atMono: this.#now, cause, id: row.id });
    const { windowMs, replace, all } = spec.limits.destruction;
    const inWindow = this.#destroyed.filter((d) => d.atMono > this.#now - windowMs);
    // A committed deletion may have to wait for its call: the window of its commit counts as well.
    const since = Math.min(this.#now, this.#condemnedAt.get(row.id) ?? this.#now) - windowMs;
    let size = 0;
    this.#sizes.forEach((s, k) => {
      if ((this.#sizes[k + 1]?.atMono ?? this.#now) >= since) size = Math.max(size, s.size);
    });
    const isReplace = (c: string): boolean => c === 'replace-unhealthy' || c === 'replace-old';
    const limit = (l: { count: number; fraction: number }): number => Math.max(l.count, Math.floor(l.fraction * size + 1e-9));
    const told = inWindow.map((d) => `${d.id}/${d.cause}`).join(' ');
    if (inWindow.length > limit(all)) this.fail('I12', `${inWindow.length} deletions in the window, limit ${limit(all)}: ${told}`);
    if (isReplace(cause) && inWindow.filter((d) => isReplace(d.cause)).length > limit(replace))
      this.fail('I12', `too many replacements in the window: ${told}`);
  }

  /** I13 by the health in the books at this moment. */
  #brake(row: InstanceRow): void {
    const { spec } = this.#group ?? {};
    if (!spec) return;
    const members = this.#world.rows().filter((r) => r.state === 'serving' && !r.standby);
    const unhealthy = members.filter((r) => r.health === 'unhealthy').length;
    const { count, fraction } = spec.limits.brake;
    if (unhealthy >= Math.max(count, fraction * members.length)) this.fail('I13', `${row.id} replaced while ${unhealthy} of ${members.length} are unhealthy`);
  }

  /** I15, I21: a machine that runs is not given up before its boot time is over by a clock that never jumps. */
  #grace(row: InstanceRow, machine: Machine): void {
    const bootTimeout = this.#group?.spec.lifecycle.bootTimeoutMs ?? 0;
    const age = this.#world.cloud.ageMs(machine.id) ?? Number.POSITIVE_INFINITY;
    if (row.removalCause === 'boot-failed' && age < bootTimeout)
      this.fail('I15', `${row.id} given up as not booting after ${age / 1000} s of ${bootTimeout / 1000} s`);
    if (row.removalCause === 'vanished') this.fail('I9', `${row.id} is running and deleted as vanished`);
    if (row.removalCause === 'orphan' && age < this.#world.cloud.can.consistencyMs)
      this.fail('I9', `${row.id} deleted as an orphan ${age / 1000} s after it was made`);
  }

  /** I29: out of every balancer before it is deleted, unless another living machine has its place. */
  #balancersClear(row: InstanceRow): void {
    if (row.address === null) return;
    const taken =
      this.#world.cloud.alive().some((m) => m.address === row.address && m.id !== row.machineId) ||
      this.#world.rows().some((r) => r.id !== row.id && r.address === row.address && r.state !== 'terminating');
    if (taken) return;
    for (const { balancer } of this.#group?.spec.balancers ?? []) {
      if (
        this.#world.balancers
          .get(balancer)
          ?.entries()
          .some((e) => e.address === row.address)
      )
        this.fail('I29', `${row.id} deleted while it is in ${balancer}`);
    }
  }

  /** I1 by ground truth: machines that are being deleted apart. */
  made(machine: Machine): void {
    this.#world.note(`made ${machine.id} ${machine.owner?.token} ${machine.address}`);
    const terminating = new Set(
      this.#world
        .rows()
        .filter((r) => r.state === 'terminating')
        .map((r) => r.machineId),
    );
    const alive = this.#world.cloud.alive('web').filter((m) => !this.planted.has(m.id) && m.state !== 'deleting' && !terminating.has(m.id));
    const limit = this.maxEver + Math.max(1, Math.floor(this.maxEver / 10));
    // A request that a dead process sent may land when its launch is over: nobody could stop it.
    const late = this.#now - this.#endedAt <= this.#world.cloud.can.callLimitMs && !this.#world.rows().some((r) => r.token === machine.owner?.token);
    if (late) this.#late.add(machine.id);
    if (alive.filter((m) => !this.#late.has(m.id)).length > limit)
      this.fail('I1', `${alive.length} machines alive, max ${this.maxEver} and surge allow ${limit}: ${alive.map((m) => m.id).join(' ')}`);
    const { token } = machine.owner ?? {};
    if (alive.filter((m) => m.owner?.token === token).length > 1) this.fail('I4', `two machines of ${token}`);
  }

  balancerCall(name: string, op: BalancerOp, arg: string): void {
    if (op === 'members') return;
    this.#world.note(`${name} ${op} ${arg}`);
    this.mutating(`${name} ${op}`);
    if (op === 'attach') {
      const row = this.#world.rows().find((r) => r.id === arg);
      if (!row || (row.state !== 'warming' && row.state !== 'serving')) this.fail('I29', `attach of ${arg}, which is ${row?.state ?? 'unknown'}`);
      return;
    }
    const entry = this.#world.balancers
      .get(name)
      ?.entries()
      .find((e) => e.ref === arg);
    if (op === 'detach' && entry && (entry.sessions ?? 0) > 0) this.#detach(arg, entry.address);
  }

  /** I29: sessions end before the entry goes, or the drain time is over by a clock that never jumps. */
  #detach(ref: string, address: string): void {
    const row = this.#world.rows().find((r) => r.state === 'draining' && Object.values(r.members).includes(ref));
    const since = row ? this.#drainingSince.get(row.id) : undefined;
    const machine = this.#world.cloud.alive().find((m) => m.address === address && m.id === row?.machineId);
    if (!row || !since?.served || machine?.state !== 'running' || row.health === 'unhealthy') return;
    if (row.removalCause === 'vanished' || row.removalCause === 'duplicate' || row.removalCause === 'orphan') return;
    const drain = this.#group?.spec.lifecycle.drainTimeoutMs ?? 0;
    if (this.#now - since.atMono < drain - 1) this.fail('I29', `${row.id} detached with sessions after ${this.#now - since.atMono} of ${drain} ms`);
  }

  #isMember(row: InstanceRow): boolean {
    const { balancers } = this.#group?.spec ?? { balancers: [] };
    return balancers.every((b) =>
      this.#world.balancers
        .get(b.balancer)
        ?.entries()
        .some((e) => e.address === row.address && e.state === 'ready'),
    );
  }

  // ── commits ──

  async commit(change: GroupCommit, run: () => Promise<CommitResult>): Promise<CommitResult> {
    const before = this.#group;
    const rows = new Map(this.#world.rows().map((r) => [r.id, r]));
    const done = run(); // the store changes during the call; a crash after it leaves it changed
    const kept = change.instances?.some((row) => this.#world.data.instances.get(row.id) !== rows.get(row.id));
    if (this.#group !== before || kept) this.#committed(change, rows);
    return done;
  }

  #committed(change: GroupCommit, before: ReadonlyMap<string, InstanceRow>): void {
    this.#committedAt = this.#now;
    const group = this.#group;
    if (!group?.memory) return;
    if (group.frozen) this.fail('frozen', group.frozen);
    const { target } = group.memory;
    if (!Number.isSafeInteger(target) || target < 0 || target > this.maxEver) this.fail('I19', `target ${target}`);
    const after = this.#world.rows();
    for (const row of change.instances ?? []) this.#moved(row, before.get(row.id), after);
    const there = this.#world.cloud.alive('web').filter((m) => !this.planted.has(m.id) && m.state !== 'deleting' && !this.#deleteAsked.has(m.id)).length;
    const wished = after.filter((r) => r.machineId === null).length;
    const size = Math.max(target, there + wished);
    if (this.#sizes.at(-1)?.size !== size) this.#sizes.push({ atMono: this.#now, size });
    const living = after.filter((r) => r.state !== 'terminating' && r.removalCause !== 'orphan' && r.removalCause !== 'duplicate').length;
    if (living > this.maxEver + Math.max(1, Math.floor(this.maxEver / 10))) this.fail('I1', `${living} rows live, max is ${this.maxEver}`);
    const from = this.#target;
    this.#target = target;
    const ordered = group.manual.some((m) => m.kind !== 'floor');
    if (this.#lacking.size > 0 && !ordered && target < from) this.fail('I16', `${from} → ${target} without ${[...this.#lacking].join(', ')}`);
  }

  #moved(row: InstanceRow, was: InstanceRow | undefined, after: readonly InstanceRow[]): void {
    if (was?.state === row.state) return;
    this.#world.note(`row ${row.id} ${was?.state ?? '-'} → ${row.state} ${row.removalCause ?? ''} ${row.machineId ?? ''} ${row.removalWhy ?? ''}`);
    if (row.removalCause) this.#world.mark(`removed ${row.removalCause}`);
    if (row.state === 'terminating') this.#condemnedAt.set(row.id, this.#now);
    if (row.state === 'draining') {
      this.#drainingSince.set(row.id, { atMono: this.#now, served: was?.state === 'serving' && !was.standby });
      const { spec, memory } = this.#group ?? {};
      if (row.removalCause !== 'scale-in' || was?.state !== 'serving' || row.health === 'unhealthy' || !spec || !memory || !this.#isMember(row)) return;
      const left = after.filter((r) => r.state === 'serving' && r.health !== 'unhealthy' && !r.standby).length;
      if (left < Math.max(spec.min, memory.target))
        this.fail('I2', `${row.id} goes, ${left} healthy members are left, min ${spec.min}, target ${memory.target}`);
    }
    if (row.state !== 'gone' || row.machineId === null) return;
    const machine = this.#world.cloud.alive().find((m) => m.id === row.machineId);
    if (row.removalWhy?.startsWith('forgotten')) return;
    if (machine && machine.state !== 'deleting' && !this.planted.has(machine.id))
      this.fail('I7', `${row.id} is struck from the books and ${machine.id} is ${machine.state}`);
  }
}
