/** A simulated world in which a test plays one controller by hand, in front of one invariant. */
import { group as specOf } from '../../../src/core/fixtures/group.ts';
import type { Decision, GroupMemory, GroupSpec, Reading, Snapshot } from '../../../src/core/model/model.ts';
import { initialMemory } from '../../../src/core/remember.ts';
import { instancesOf } from '../../../src/drivers/stores/memory/data.ts';
import type { GroupCommit, GroupRow, InstanceRow, Machine, NewEvent } from '../../../src/ports/ports.ts';
import { SimProcess } from '../../../src/sim/process.ts';
import type { Scenario } from '../../../src/sim/scenario.ts';
import type { Invariant, Watcher } from '../../../src/sim/watch.ts';
import { SimWorld } from '../../../src/sim/world.ts';
import { sampleInstance } from '../../../src/testing/store-samples.ts';

export interface StageOptions {
  readonly spec?: Partial<GroupSpec>;
  readonly idempotency?: 'token' | 'unique-name' | 'none';
  readonly consistencyMs?: number;
  readonly profile?: Scenario['profile'];
}

/** One commit as a test writes it. */
export interface Written {
  readonly rows?: readonly (Partial<InstanceRow> & { readonly id: string })[];
  readonly target?: number;
  readonly memory?: Partial<GroupMemory>;
  readonly group?: Partial<GroupRow>;
  /** Types of events, or events. */
  readonly events?: readonly (string | Partial<NewEvent>)[];
  /** The change comes of a decision, with these readings. */
  readonly readings?: Readonly<Record<string, Reading>>;
  readonly expect?: Partial<GroupCommit['expect']>;
  readonly by?: SimProcess;
}

export class Stage {
  readonly world: SimWorld;
  readonly watcher: Watcher;
  /** What the invariant reported. */
  readonly found: string[] = [];
  readonly c1: SimProcess;
  readonly c2: SimProcess;
  readonly spec: GroupSpec;

  constructor(invariant: Invariant, options: StageOptions = {}) {
    this.spec = specOf({ name: 'web', cloud: 'cloud', min: 1, max: 4, balancers: [{ balancer: 'lb', port: null, weight: null }], ...options.spec });
    this.world = new SimWorld(scenarioOf(this.spec, options), () => []);
    this.c1 = new SimProcess(this.world, 'c1', { wallMs: 0, rate: 1 });
    this.c2 = new SimProcess(this.world, 'c2', { wallMs: 0, rate: 1 });
    this.world.processes.push(this.c1, this.c2);
    void this.world.outside().control([{ kind: 'put-spec', spec: this.spec }], []);
    this.#setGroup({ owner: 'c1', epoch: 1, leaseUntilMs: this.world.clock.wall() + 15_000, memory: { ...initialMemory(this.spec, 0, 0), target: 2 } });
    this.watcher = invariant.open(this.world, (text) => this.found.push(text));
    this.watcher.reloaded?.('web', this.spec);
  }

  get group(): GroupRow {
    return this.world.group('web') as GroupRow;
  }
  row(id: string): InstanceRow {
    return this.world.data.instances.get(id) as InstanceRow;
  }

  pass(ms: number): void {
    this.world.clock.runTo(
      this.world.now + ms,
      () => {},
      () => true,
    );
  }

  /** Changes the store as a person or a fault would: nobody is told. */
  #setGroup(to: Partial<GroupRow>): void {
    this.world.data.groups.set('web', { ...this.group, ...to });
  }
  set(to: Partial<GroupRow>): void {
    this.#setGroup(to);
  }
  setRow(row: InstanceRow): void {
    const rows = instancesOf(this.world.data, 'web');
    rows.byN.set(row.n, row.id);
    rows.living = null;
    rows.all = null;
    this.world.data.instances.set(row.id, row);
  }

  /** The machine of a launch, made by a call of c1. */
  machine(n: number, owner: Partial<NonNullable<Machine['owner']>> = {}): Machine {
    let made: Machine | undefined;
    const told = this.world.clouds.get('cloud')?.onMade;
    const cloud = this.world.clouds.get('cloud');
    if (!cloud) throw new Error('no cloud');
    cloud.onMade = (machine) => {
      made = machine;
      told?.(machine);
    };
    const tags = { install: 'inst', group: 'web', token: `inst.web.${n}`, instance: `web-${n}`, templateId: 't1', ...owner };
    void cloud.create({ owner: tags, name: `web-${n}`, template: {}, zone: null, signal: new AbortController().signal });
    if (told) cloud.onMade = told;
    if (!made) throw new Error('the cloud made nothing');
    this.watcher.made?.('cloud', made);
    return made;
  }

  /** An instance with its running machine, serving and in the balancer, as if it had been so for ever. */
  serving(n: number, more: Partial<InstanceRow> = {}): InstanceRow {
    const machine = this.machine(n);
    const members = { lb: `s:${machine.address}:8080` };
    const row = {
      ...blank(n, this.world.clock.wall()),
      state: 'serving' as const,
      health: 'healthy' as const,
      machineId: machine.id,
      address: machine.address,
      members,
      servingSinceMs: this.world.clock.wall(),
      ...more,
    };
    void this.world.balancers.get('lb')?.attach({ instance: row.id, address: machine.address ?? '', port: 8080, weight: null });
    this.setRow(row);
    return row;
  }

  commit(written: Written): void {
    const before = this.group;
    const moved = (written.rows ?? []).map((patch) => {
      const was = this.world.data.instances.get(patch.id);
      const row = { ...(was ?? blank(Number(patch.id.slice(4)), this.world.clock.wall())), ...patch };
      this.setRow(row);
      return { was, row };
    });
    const target = written.target ?? before.memory?.target ?? 0;
    this.#setGroup({ memory: { ...(before.memory as GroupMemory), ...written.memory, target }, ...written.group });
    const events = (written.events ?? []).map(
      (e): NewEvent => ({ atMs: this.world.clock.wall(), group: 'web', type: 'x', actor: 'drover', data: {}, ...(typeof e === 'string' ? { type: e } : e) }),
    );
    const change: GroupCommit = {
      group: 'web',
      expect: { epoch: before.epoch, ...written.expect },
      instances: moved.map((m) => m.row),
      events,
      ...(written.readings ? { decision: this.#decision(written.readings) } : {}),
    };
    this.watcher.commit?.({ by: written.by ?? this.c1, change, result: true, before, after: this.group, moved });
  }

  #decision(readings: Readonly<Record<string, Reading>>): NonNullable<GroupCommit['decision']> {
    const atMs = this.world.clock.wall();
    const decision = { config: this.spec.hash, atMs } as unknown as Decision;
    const inputs = { snapshot: { readings, manual: [] } as unknown as Snapshot, memory: this.group.memory as GroupMemory };
    return { kind: 'new', decision, inputs, count: 1 };
  }

  /** An evaluation asks for `load` and gets it, or not; the reading it may use. */
  ask(given: boolean): Readonly<Record<string, Reading>> {
    this.watcher.asked?.(this.c1, 'web', 'load', given);
    const atMs = this.world.clock.wall();
    return { load: given ? { kind: 'value', value: 100, atMs, ageMs: 0, coverage: 1 } : { kind: 'missing', reason: 'empty', detail: '', atMs } };
  }

  cloudCall(op: 'list' | 'get' | 'create' | 'delete', arg: string, by = this.c1): void {
    this.watcher.cloudCall?.({ by, cloud: 'cloud', op, arg });
  }
  balancerCall(op: 'attach' | 'drain' | 'detach', arg: string): void {
    this.watcher.balancerCall?.({ by: this.c1, balancer: 'lb', op, arg });
  }
  starts(what: string, by = this.c1): void {
    this.watcher.starts?.(by, what, 'web');
  }
}

export function underWay(kind: NonNullable<InstanceRow['step']>['kind'], attempts = 1): NonNullable<InstanceRow['step']> {
  return { kind, startedMs: 0, attempts, nextTryMs: 0, error: 'under way' };
}

function blank(n: number, atMs: number): InstanceRow {
  return sampleInstance('web', n, {
    token: `inst.web.${n}`,
    templateId: 't1',
    state: 'intent',
    sinceMs: atMs,
    createdAtMs: atMs,
    servingSinceMs: null,
    machineId: null,
    address: null,
    port: 8080,
    pricePerHour: null,
    health: 'unknown',
    healthSinceMs: atMs,
    members: {},
    step: null,
    launchedBy: null,
  });
}

function scenarioOf(spec: GroupSpec, { idempotency = 'token', consistencyMs = 60_000, profile = 'exclusive' }: StageOptions): Scenario {
  return {
    seed: 1,
    tickMs: 30_000,
    profile,
    controllers: 1,
    latencyMs: 0,
    skews: [{ wallMs: 0, rate: 1 }],
    clouds: [
      {
        name: 'cloud',
        can: { idempotency, consistencyMs, callLimitMs: 20_000, concurrency: 10, zones: true, listsForeign: false },
        bootMs: 5_000,
        deleteMs: 0,
        reusesAddresses: false,
        quota: null,
      },
    ],
    groups: [{ spec, load: { shape: 'constant', low: 100, high: 400, periodMs: 60_000 } }],
    faults: {},
    stormMs: 3_600_000,
  };
}

/** One small sequence that an invariant must report, and its neighbour that it must not. */
export interface Case {
  readonly id: string;
  readonly what: string;
  readonly stage?: StageOptions;
  readonly wrong: (s: Stage) => void;
  readonly right: (s: Stage) => void;
}
