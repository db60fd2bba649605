import { chooseVictims } from '../core/choose-victims.ts';
import { decide } from '../core/decide.ts';
import type { Decision, JsonObject, ManualOverride, Pause, Reading } from '../core/model/model.ts';
import {
  asDriverError,
  type ControlChange,
  type DecisionRow,
  type GroupRow,
  type InboundAlert,
  type InstanceRow,
  type Machine,
  type NewEvent,
  type Page,
} from '../ports/ports.ts';
import { type Engine, RETIRING } from './engine.ts';
import type { GroupRunner } from './group-runner.ts';
import { observe, readMetric } from './observe.ts';
import { type Actor, type CloudListing, type GroupStatus, OperationError, type Operations, type VictimView } from './operations.ts';
import { receiveAlerts } from './receive.ts';
import { unmet } from './reconciled.ts';
import { forgottenBy, machinePatch, newRow, tokenOf } from './rows.ts';
import { snapshotOf } from './snapshot.ts';
import { groupStatus } from './status.ts';
import { listTargets } from './targets.ts';

/** Everything people can ask of a running controller, over the engine and its store. */
export class Operating implements Operations {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get #store() {
    return this.#engine.ctx.store;
  }
  get #now(): number {
    return this.#engine.ctx.clock.wall();
  }

  // ── reading ──

  async fleet(): Promise<readonly GroupStatus[]> {
    const [groups, instances] = await Promise.all([this.#store.groups(), this.#store.instances(null, false)]);
    const by = Map.groupBy(instances, (i) => i.group);
    return groups.filter((g) => g.archivedAtMs === null).map((g) => this.#status(g, by.get(g.name) ?? []));
  }

  async group(name: string): Promise<GroupStatus> {
    const row = await this.#row(name);
    return this.#status(row, await this.#store.instances(name, false));
  }

  #status(row: GroupRow, instances: readonly InstanceRow[]): GroupStatus {
    const engine = this.#engine;
    return groupStatus(row, instances, engine.runners.get(row.name), engine.nextDueMs(row.name), this.#now, engine.storeDown);
  }

  async spec(name: string) {
    return (await this.#row(name)).spec;
  }

  async instances(group: string | null, withGone: boolean): Promise<readonly InstanceRow[]> {
    if (group !== null) await this.#row(group);
    return this.#store.instances(group, withGone);
  }

  async instance(id: string): Promise<InstanceRow> {
    const row = await this.#store.instance(id);
    if (!row) throw new OperationError('no-such-instance', `There is no instance ${id}.`);
    return row;
  }

  async unmanaged(group: string): Promise<readonly Machine[]> {
    const row = await this.#row(group);
    const cloud = this.#engine.ctx.world().clouds.get(row.spec.cloud);
    if (!cloud) throw new OperationError('unavailable', `No cloud named ${row.spec.cloud} is configured.`);
    try {
      const facts = await cloud.view.list(1_000);
      const known = new Set((await this.#store.instances(group, false)).map((i) => i.machineId));
      return [...facts.foreign, ...(facts.byGroup.get(group) ?? []).filter((m) => !known.has(m.id))];
    } catch (e) {
      throw new OperationError('unavailable', asDriverError(e).message);
    }
  }

  targets(cloud: string): Promise<CloudListing | null> {
    return listTargets(this.#engine.ctx, cloud);
  }

  async decisions(group: string | null, page: Page) {
    if (group !== null) await this.#row(group);
    return (await this.#store.decisions(group, page)).map((row) => this.#upToNow(row));
  }

  async decision(id: string) {
    const found = await this.#store.decision(id);
    if (!found) throw new OperationError('no-such-decision', `There is no decision ${id}.`);
    return found;
  }

  /** Equal decisions are written now and then; the newest of a run is in memory. */
  #upToNow(row: DecisionRow): DecisionRow {
    const pending = this.#engine.runners.get(row.decision.group)?.pending;
    if (!pending || pending.decision.id !== row.decision.id) return row;
    return { ...row, last: pending.decision, count: row.count + pending.count - pending.writtenCount };
  }

  async replay(id: string): Promise<{ same: boolean; stored: Decision; again: Decision }> {
    const { row, first, last } = await this.decision(id);
    const again = decide(first.spec, first.snapshot, first.memory).decision;
    const lastAgain = decide(last.spec, last.snapshot, last.memory).decision;
    const same = JSON.stringify(again) === JSON.stringify(row.decision) && JSON.stringify(lastAgain) === JSON.stringify(row.last);
    return { same, stored: row.decision, again };
  }

  events(filter: Parameters<Operations['events']>[0], page: Page) {
    return this.#store.events(filter, page);
  }
  onEvents(listener: Parameters<Operations['onEvents']>[0]) {
    return this.#store.onEvents(listener);
  }
  alerts(withResolved: boolean) {
    return this.#store.alerts(withResolved);
  }

  // ── asking without acting ──

  async evaluate(group: string, set: Readonly<Record<string, number>>): Promise<Decision> {
    const runner = await this.#runner(group);
    const { snapshot } = await this.#look(runner, set);
    return decide(runner.state.row.spec, snapshot, runner.state.memory).decision;
  }

  async victims(group: string, count: number): Promise<readonly VictimView[]> {
    const runner = await this.#runner(group);
    const { snapshot } = await this.#look(runner, {});
    return chooseVictims(runner.state.row.spec, snapshot.instances, count, snapshot.atMs).map((v, i) => ({ instance: v.instance.id, rank: i + 1, why: v.why }));
  }

  /** The world as a snapshot, nothing moved. */
  async #look(runner: GroupRunner, set: Readonly<Record<string, number>>) {
    const { ctx } = this.#engine;
    const { state } = runner;
    for (const name of Object.keys(set)) {
      if (!Object.hasOwn(state.row.spec.metrics, name))
        throw new OperationError(
          'invalid',
          `${runner.name} has no metric ${name}; it has ${Object.keys(state.row.spec.metrics).join(', ') || 'none'}.`,
          `set.${name}`,
        );
    }
    const seen = await observe(ctx, runner);
    const readings = { ...seen.readings };
    for (const [name, value] of Object.entries(set)) readings[name] = { kind: 'value', value, atMs: seen.atMs, ageMs: 0, coverage: 1 };
    const met = unmet(state, seen.cloud?.complete === true);
    return { snapshot: snapshotOf(ctx, runner, state, { ...seen, readings }, met, 'asked') };
  }

  async readMetric(group: string, metric: string): Promise<Reading> {
    const row = await this.#row(group);
    const spec = Object.hasOwn(row.spec.metrics, metric) ? row.spec.metrics[metric] : undefined;
    if (!spec) throw new OperationError('invalid', `${group} has no metric ${metric}; it has ${Object.keys(row.spec.metrics).join(', ') || 'none'}.`, 'metric');
    return readMetric(this.#engine.ctx, spec, 10_000);
  }

  // ── acting ──

  async pause(actor: Actor, group: string | null, forMs: number | null, reason: string | null): Promise<Pause> {
    if (group !== null) await this.#row(group);
    const pause: Pause = { untilMs: forMs === null ? null : this.#now + forMs, by: actor.name, reason };
    await this.#control([{ kind: 'pause', group, pause }], [this.#event(actor, group, 'control.paused', { until_ms: pause.untilMs, reason })]);
    return pause;
  }

  async resume(actor: Actor, group: string | null): Promise<void> {
    if (group !== null) await this.#row(group);
    await this.#control([{ kind: 'pause', group, pause: null }], [this.#event(actor, group, 'control.resumed', {})]);
  }

  async scale(
    actor: Actor,
    group: string,
    kind: ManualOverride['kind'],
    size: number | null,
    forMs: number | null,
    reason: string | null,
  ): Promise<readonly ManualOverride[]> {
    const row = await this.#row(group);
    if (size !== null && (!Number.isSafeInteger(size) || size < 0)) throw new OperationError('invalid', 'A size is a whole number of at least 0.', 'size');
    if (size !== null && size > row.spec.max)
      throw new OperationError('invalid', `${size} is above max ${row.spec.max} of ${group}; raise max in the configuration first.`, 'size');
    const others = row.manual.filter((m) => m.kind !== kind && (m.untilMs === null || m.untilMs > this.#now));
    const manual = size === null ? others : [...others, { kind, size, untilMs: forMs === null ? null : this.#now + forMs, by: actor.name, reason }];
    await this.#control([{ kind: 'manual', group, manual }], [this.#event(actor, group, 'control.scaled', { kind, size, for_ms: forMs, reason })]);
    return manual;
  }

  async approve(actor: Actor, group: string, size: number, forMs: number): Promise<void> {
    await this.#row(group);
    const approved = { size, by: actor.name, untilMs: this.#now + forMs };
    await this.#control([{ kind: 'approve', group, approved }], [this.#event(actor, group, 'control.approved', { size, for_ms: forMs })]);
  }

  async unfreeze(actor: Actor, group: string): Promise<void> {
    await this.#row(group);
    await this.#control([{ kind: 'unfreeze', group }], [this.#event(actor, group, 'control.unfrozen', {})]);
  }

  drain(actor: Actor, instance: string, reason: string | null): Promise<void> {
    return this.#flag(actor, instance, { removeRequested: true }, 'control.drain', { reason });
  }
  protect(actor: Actor, instance: string, on: boolean): Promise<void> {
    return this.#flag(actor, instance, { protected: on }, on ? 'control.protected' : 'control.unprotected', {});
  }
  standby(actor: Actor, instance: string, on: boolean): Promise<void> {
    return this.#flag(actor, instance, { standby: on }, on ? 'control.standby' : 'control.back', {});
  }
  replace(actor: Actor, instance: string, reason: string | null): Promise<void> {
    return this.#flag(actor, instance, { replaceRequested: true }, 'control.replace', { reason });
  }

  async #flag(actor: Actor, id: string, set: Extract<ControlChange, { kind: 'flags' }>['set'], type: string, data: JsonObject): Promise<void> {
    const row = await this.instance(id);
    if (row.state === 'gone') throw new OperationError('conflict', `${id} is gone.`);
    if ((set.removeRequested || set.replaceRequested) && row.protected)
      throw new OperationError('refused', `${id} is protected. Lift that first: drover instances protect ${id} --off`);
    if (set.replaceRequested && row.standby)
      throw new OperationError('refused', `${id} is in standby, which is made up for already. Remove it: drover instances drain ${id}`);
    await this.#control([{ kind: 'flags', instance: id, set }], [this.#event(actor, row.group, type, { instance: id, ...data })]);
  }

  async adopt(actor: Actor, group: string, machineId: string): Promise<InstanceRow> {
    const runner = await this.#runner(group);
    const { ctx } = this.#engine;
    const cloud = ctx.world().clouds.get(runner.state.row.spec.cloud);
    if (!cloud) throw new OperationError('unavailable', `No cloud named ${runner.state.row.spec.cloud} is configured.`);
    const machine = await cloud.view.get(machineId).catch((e) => {
      const { code, message } = asDriverError(e);
      throw new OperationError(code === 'bad-request' ? 'invalid' : 'unavailable', message);
    });
    if (!machine) throw new OperationError('no-such-instance', `The cloud knows no machine ${machineId}.`);
    if (machine.owner?.install !== ctx.installId || machine.owner.group !== group) {
      throw new OperationError(
        'refused',
        `${machineId} does not carry the owner tags of ${group} (installation ${ctx.installId}). Only tagged machines can be adopted: tag it first, as the page of the cloud's driver says, so that it is never taken for someone else's.`,
      );
    }
    if ((await this.#store.instances(group, false)).some((i) => i.machineId === machineId))
      throw new OperationError('conflict', `${machineId} is in the books already.`);
    const owner = machine.owner;
    let adopted: InstanceRow | undefined;
    const stored = await runner.transact((state) => {
      const n = state.row.nextN;
      const now = this.#now;
      adopted = {
        ...newRow(state, n, owner.instance, now),
        ...machinePatch(machine),
        token: owner.token || tokenOf(ctx.installId, group, n),
        state: 'booting',
      };
      // It counts from now on: without this it would be surplus at the very next look.
      const memory = { ...state.memory, target: Math.min(state.row.spec.max, state.memory.target + 1) };
      return {
        nextN: n + 1,
        memory,
        instances: [adopted],
        events: [this.#event(actor, group, 'instance.adopted', { instance: adopted.id, machine: machineId })],
      };
    });
    this.#engine.wake(group);
    if (!stored.ok || !adopted) throw new OperationError('conflict', `${group} changed meanwhile; try again.`);
    return adopted;
  }

  async forget(actor: Actor, id: string): Promise<void> {
    const row = await this.instance(id);
    const runner = await this.#runner(row.group);
    if (runner.inFlight.has(id)) throw new OperationError('conflict', `A step of ${id} is under way; try again in a moment.`);
    const stored = await runner.transact((state) => {
      const now = state.rows.get(id);
      if (!now) return null;
      const gone = {
        ...now,
        state: 'gone' as const,
        sinceMs: this.#now,
        step: null,
        removalCause: 'forced' as const,
        removalWhy: forgottenBy(actor.name),
      };
      // Adopted again it begins anew: what was launched in its place stands for itself.
      const heirs = [...state.rows.values()].filter((r) => r.replaces === id).map((r) => ({ ...r, replaces: null }));
      return { instances: [gone, ...heirs], events: [this.#event(actor, row.group, 'control.forgotten', { instance: id, machine: now.machineId })] };
    });
    if (!stored.ok) throw new OperationError('conflict', `${row.group} changed meanwhile; try again.`);
    this.#engine.wake(row.group);
  }

  async removeGroup(actor: Actor, group: string, drain: boolean): Promise<void> {
    const row = await this.#row(group);
    if (this.#engine.retiring.has(group)) throw new OperationError('refused', `${group} is being removed already: drover instances list ${group}`);
    if (row.managed)
      throw new OperationError('refused', `${group} is still in the configuration file. Take it out there first; its machines are kept until then and after.`);
    const living = await this.#store.instances(group, false);
    if (living.length > 0 && !drain)
      throw new OperationError('refused', `${group} still has ${living.length} machine(s). Delete them with --drain, or forget them one by one.`);
    if (living.length > 0 && row.pause !== null && (row.pause.untilMs ?? this.#now + 1) > this.#now)
      throw new OperationError('refused', `${group} is paused, so its machines would stay. Lift that first: drover resume ${group}`);
    if (living.length > 0) return this.#retire(actor, row, living);
    await this.#control([{ kind: 'archive', group }], [this.#event(actor, group, 'group.archived', {})]);
  }

  /** The group becomes one that wants nothing: its machines drain and go the ordinary way, then the engine archives it. */
  async #retire(actor: Actor, row: GroupRow, living: readonly InstanceRow[]): Promise<void> {
    const { limits } = row.spec;
    const spec = {
      ...row.spec,
      mode: 'act' as const,
      min: 0,
      max: 0,
      initial: 0,
      policies: [],
      metrics: {},
      limits: { ...limits, scaleIn: { step: { count: null, fraction: 1 }, everyMs: 0, afterQuietMs: 0 } },
      hash: `${row.spec.hash}-retired`,
    };
    const retiring = [...new Set([...this.#engine.retiring, row.name])];
    const changes: ControlChange[] = [
      { kind: 'put-spec', spec },
      { kind: 'meta', key: RETIRING, value: retiring },
    ];
    for (const i of living) changes.push({ kind: 'flags', instance: i.id, set: { protected: false, removeRequested: true } });
    await this.#control(changes, [this.#event(actor, row.name, 'group.retiring', { machines: living.length })]);
    this.#engine.retiring.add(row.name);
  }

  receive(receiver: string, alerts: readonly InboundAlert[], deliveryId: string | null) {
    return receiveAlerts(this.#engine, receiver, alerts, deliveryId);
  }

  async rejectDelivery(receiver: string, why: string, details: JsonObject): Promise<void> {
    await this.#store.control(
      [],
      [{ atMs: this.#now, group: null, type: 'delivery.rejected', actor: `receiver:${receiver}`, data: { receiver, why, ...details } }],
    );
  }

  backup(path: string): Promise<void> {
    return this.#store.backup(path);
  }
  verifyEvents() {
    return this.#store.verifyEvents();
  }

  async notReady(): Promise<readonly string[]> {
    const not: string[] = [];
    await this.#store.ping().catch((e) => not.push(`store: ${e instanceof Error ? e.message : String(e)}`));
    for (const g of await this.#store.groups().catch(() => [])) {
      if (g.managed && g.archivedAtMs === null && !this.#engine.runners.has(g.name) && this.#store.profile === 'exclusive')
        not.push(`group ${g.name}: not taken yet`);
    }
    return not;
  }

  // ── inside ──

  async #row(name: string) {
    const row = await this.#store.group(name);
    if (!row || row.archivedAtMs !== null) throw new OperationError('no-such-group', `There is no group ${name}.`);
    return row;
  }

  async #runner(group: string): Promise<GroupRunner> {
    await this.#row(group);
    const runner = this.#engine.runners.get(group);
    if (!runner) throw new OperationError('unavailable', `Another controller looks after ${group}, or it is not started yet.`);
    return runner;
  }

  #event(actor: Actor, group: string | null, type: string, data: JsonObject): NewEvent {
    return { atMs: this.#now, group, type, actor: actor.name, data };
  }

  /** Writes, then lets the groups concerned see it before the caller hears "done". */
  async #control(changes: readonly ControlChange[], events: readonly NewEvent[]): Promise<void> {
    const { ctx } = this.#engine;
    ctx.crash('control:before');
    await this.#store.control(changes, events);
    ctx.crash('control:after');
    const groups = new Set(events.map((e) => e.group));
    if (groups.has(null)) for (const name of this.#engine.runners.keys()) await this.#engine.refresh(name);
    else for (const name of groups) if (name !== null) await this.#engine.refresh(name);
  }
}
