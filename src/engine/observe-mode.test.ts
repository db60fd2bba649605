import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SimGroup } from '../../test/support/sim-group.ts';
import { groupSpec, targetPolicy } from '../../test/support/specs.ts';
import { type GroupSpec, missing, type PolicySpec } from '../core/model/model.ts';
import { DriverError, type InboundAlert, type InstanceRow } from '../ports/ports.ts';
import type { CloudFault } from '../sim/sim-cloud.ts';
import { OperationError } from './operations.ts';

const ops = { name: 'ops', role: 'operator' } as const;

// ── any group ──

const alertPolicy: PolicySpec = {
  name: 'busy',
  type: 'alert',
  options: { alert: 'Busy', labels: {}, receiver: null, while_firing: { min: 6 }, change: null, every: 300_000, valid_for: 3_600_000 },
  advisory: false,
};
const hook = { driver: 'x', options: null, timeoutMs: 2_000 } as const;

const anySpec: fc.Arbitrary<GroupSpec> = fc
  .record({
    min: fc.nat(4),
    room: fc.integer({ min: 1, max: 12 }),
    initial: fc.option(fc.nat(6)),
    balanced: fc.boolean(),
    checked: fc.boolean(),
    replaceUnhealthy: fc.boolean(),
    hooked: fc.boolean(),
    alerted: fc.boolean(),
    maxAgeMs: fc.option(fc.constantFrom(10_000, 60_000)),
    drainTimeoutMs: fc.constantFrom(0, 5_000),
    quietMs: fc.constantFrom(0, 5_000),
    onFailure: fc.constantFrom('replace', 'continue', 'retry'),
  })
  .map((o) => {
    const plain = groupSpec();
    return groupSpec({
      min: o.min,
      max: o.min + o.room,
      initial: o.initial === null ? null : Math.min(o.initial, o.min + o.room),
      balancers: o.balanced ? plain.balancers : [],
      policies: o.alerted ? [targetPolicy(), alertPolicy] : [targetPolicy()],
      limits: { ...plain.limits, scaleIn: { ...plain.limits.scaleIn, afterQuietMs: o.quietMs } },
      health: { ...plain.health, replaceUnhealthy: o.replaceUnhealthy, ...(o.checked ? {} : { check: { kind: 'none' } }) },
      lifecycle: { ...plain.lifecycle, maxAgeMs: o.maxAgeMs, drainTimeoutMs: o.drainTimeoutMs, bootTimeoutMs: 10_000 },
      hooks: o.hooked
        ? [
            { ...hook, name: 'before_attach', onFailure: o.onFailure },
            { ...hook, name: 'before_delete', onFailure: 'continue' },
          ]
        : [],
    });
  });

// ── anything that can happen to it ──

const people = [
  'scale',
  'cap',
  'drain',
  'replace',
  'protect',
  'standby',
  'approve',
  'forget',
  'adopt',
  'unfreeze',
  'pause',
  'resume',
  'evaluate',
  'victims',
] as const;
const anyHappening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('load'), value: fc.constantFrom(0, 40, 250, 900, 5_000, null) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('sick', 'well', 'vanish', 'stop'), nth: fc.nat(6) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('plant'), whose: fc.constantFrom('ours', 'ours again', 'theirs', 'nobody'), n: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('cloud'), fault: fc.constantFrom('none', 'down', 'throttled', 'partial', 'lost answers', 'slow') }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('balancer'), fault: fc.constantFrom('none', 'down', 'restarted') }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('alert'), status: fc.constantFrom('firing', 'resolved') }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('person'), does: fc.constantFrom(...people), nth: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('restart') }) },
);
type Happening = typeof anyHappening extends fc.Arbitrary<infer T> ? T : never;
const anyLife = fc.array(fc.record({ happening: anyHappening, thenS: fc.integer({ min: 0, max: 12 }) }), { minLength: 1, maxLength: 14 });
type Life = typeof anyLife extends fc.Arbitrary<infer T> ? T : never;

class Observed {
  readonly sim: SimGroup;
  #starts = 0;
  #hooksRun = 0;
  #planted = 0;
  /** What people asked for: an answer may need time to pass. */
  readonly #asked: Promise<unknown>[] = [];

  constructor(sim: SimGroup) {
    this.sim = sim;
    sim.hook = {
      run: async () => {
        if (++this.#hooksRun % 3 === 0) throw new DriverError('unknown', 'exit 1');
      },
    };
  }

  async start(): Promise<void> {
    await this.sim.start(`c${++this.#starts}`);
  }

  /** Everything that changes something outside: calls of cloud and balancer beside the reading ones, and hooks. */
  writes(): string[] {
    const { cloud, balancer } = this.sim;
    return [
      ...cloud.calls.filter((c) => c.op !== 'list' && c.op !== 'get').map((c) => `cloud ${c.op} ${c.arg}`),
      ...balancer.calls.filter((c) => c.op !== 'members').map((c) => `balancer ${c.op} ${c.arg}`),
      ...Array.from({ length: this.#hooksRun }, () => 'hook'),
    ];
  }

  async live(life: Life): Promise<void> {
    for (const { happening, thenS } of life) {
      await this.#happen(happening);
      await this.sim.seconds(thenS);
    }
  }

  /** Every answer has come; throws what was not a refusal. */
  async answered(): Promise<void> {
    await Promise.all(this.#asked);
  }

  async #happen(h: Happening): Promise<void> {
    const { sim } = this;
    const machines = sim.cloud.alive();
    const machine = 'nth' in h ? machines[h.nth % Math.max(1, machines.length)] : undefined;
    if (h.what === 'load' && 'value' in h) sim.load = h.value ?? missing('empty', 'no series', sim.clock.wall());
    else if (h.what === 'sick') sim.sick.add(machine?.address ?? '');
    else if (h.what === 'well') sim.sick.clear();
    else if (h.what === 'vanish' || h.what === 'stop') sim.cloud.kill(machine?.id ?? '', h.what === 'stop' ? 'stopped' : 'gone');
    else if (h.what === 'plant' && 'whose' in h) await this.#plant(h.whose, h.n);
    else if (h.what === 'cloud' && 'fault' in h) this.#breakCloud(h.fault);
    else if (h.what === 'balancer' && 'fault' in h) {
      if (h.fault === 'restarted') sim.balancer.restart();
      sim.balancer.fault = () => (h.fault === 'down' ? new DriverError('unreachable', 'refused') : undefined);
    } else if (h.what === 'alert' && 'status' in h) await sim.operating.receive('am', [this.#alert(h.status)], null);
    else if (h.what === 'person' && 'does' in h)
      this.#asked.push(this.#person(h.does, h.nth).catch((e) => (e instanceof OperationError ? null : Promise.reject(e))));
    else if (h.what === 'restart') {
      sim.kill();
      await this.start();
    }
  }

  #alert(status: string): InboundAlert {
    const atMs = this.sim.clock.wall();
    const firing = status === 'firing';
    return {
      ...{ episode: 'busy/1', name: 'Busy', labels: { alertname: 'Busy' }, annotations: {} },
      ...{ status: firing ? 'firing' : 'resolved', startsAtMs: atMs - 1_000, endsAtMs: firing ? null : atMs },
    };
  }

  async #plant(whose: string, n: number): Promise<void> {
    const { sim } = this;
    const id = `planted-${++this.#planted}`;
    if (whose === 'nobody') return sim.cloud.plant({ id });
    const rows = await sim.store.instances('web', true);
    const again = rows[n % Math.max(1, rows.length)]?.token;
    const token = whose === 'ours again' && again !== undefined ? again : `${sim.installId}.web.${n}`;
    const install = whose === 'theirs' ? 'someone-else' : sim.installId;
    sim.cloud.plant({ id, owner: { install, group: 'web', token, instance: `web-${id}`, templateId: 't1' } });
  }

  #breakCloud(fault: string): void {
    this.sim.cloud.fault = (op): CloudFault | undefined => {
      if (fault === 'down') return { before: new DriverError('unreachable', 'refused') };
      if (fault === 'throttled') return { before: new DriverError('throttled', '429', { retryAfterMs: 3_000 }) };
      if (fault === 'partial' && op === 'list') return { list: (truth) => ({ ...truth, items: [], complete: false }) };
      if (fault === 'lost answers' && op === 'create') return { after: new DriverError('unknown', '500') };
      return fault === 'slow' ? { delayMs: 1_500 } : undefined;
    };
  }

  async #person(does: (typeof people)[number], nth: number): Promise<void> {
    const { operating, store, cloud } = this.sim;
    const rows = await store.instances('web', false);
    const row: InstanceRow | undefined = rows[nth % Math.max(1, rows.length)];
    if (does === 'scale') await operating.scale(ops, 'web', nth % 2 ? 'exact' : 'floor', nth, 60_000, null);
    else if (does === 'cap') await operating.scale(ops, 'web', 'cap', nth, 60_000, null);
    else if (does === 'approve') await operating.approve(ops, 'web', nth, 60_000);
    else if (does === 'pause') await operating.pause(ops, 'web', 20_000, null);
    else if (does === 'resume') await operating.resume(ops, 'web');
    else if (does === 'unfreeze') await operating.unfreeze(ops, 'web');
    else if (does === 'evaluate') await operating.evaluate('web', { load: nth * 200 });
    else if (does === 'victims') await operating.victims('web', nth + 1);
    else if (does === 'adopt') await operating.adopt(ops, 'web', cloud.alive()[nth % Math.max(1, cloud.alive().length)]?.id ?? 'none');
    else if (row !== undefined && does === 'drain') await operating.drain(ops, row.id, null);
    else if (row !== undefined && does === 'replace') await operating.replace(ops, row.id, null);
    else if (row !== undefined && does === 'protect') await operating.protect(ops, row.id, true);
    else if (row !== undefined && does === 'standby') await operating.standby(ops, row.id, nth % 2 === 0);
    else if (row !== undefined && does === 'forget') await operating.forget(ops, row.id);
  }
}

/** `acting` first, then observed: what it wrote in the first part, and what in the second. */
async function livedBy(spec: GroupSpec, acting: Life, observing: Life): Promise<{ acted: string[]; observed: string[]; decisions: number }> {
  const first: GroupSpec = { ...spec, mode: acting.length > 0 ? 'act' : 'observe' };
  const world = new Observed(await SimGroup.open(first));
  const { sim } = world;
  await world.start();
  await world.live(acting);
  if (acting.length > 0) {
    await sim.store.control([{ kind: 'put-spec', spec: { ...spec, mode: 'observe', hash: 'h2' } }], []);
    await sim.engine.refresh('web');
  }
  const acted = world.writes();
  const before = (await sim.store.decisions('web', { before: null, limit: 1000 })).reduce((n, d) => n + d.count, 0);
  await world.live(observing);
  // Whatever stood in the way is over: now it would act, if it could.
  await world.live([
    { happening: { what: 'cloud', fault: 'none' }, thenS: 0 },
    { happening: { what: 'balancer', fault: 'none' }, thenS: 0 },
    { happening: { what: 'person', does: 'resume', nth: 0 }, thenS: 0 },
    { happening: { what: 'person', does: 'adopt', nth: 0 }, thenS: 1 },
    { happening: { what: 'person', does: 'unfreeze', nth: 0 }, thenS: 0 },
    { happening: { what: 'load', value: 5_000 }, thenS: 20 },
    { happening: { what: 'load', value: 0 }, thenS: 40 },
  ]);
  await world.answered();
  const after = (await sim.store.decisions('web', { before: null, limit: 1000 })).reduce((n, d) => n + d.count, 0);
  const observed = world.writes().slice(acted.length);
  sim.kill();
  return { acted, observed, decisions: after - before };
}

describe('observe mode', () => {
  test('whatever happens, it decides and writes nothing to cloud, balancer or hooks', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anySpec, anyLife, async (spec, life) => {
        const { observed, decisions } = await livedBy(spec, [], life);
        expect(observed).toEqual([]);
        expect(decisions).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });

  test('a group that acted stops writing the moment it is set to observe, with whatever it had begun', { timeout: 120_000 }, async () => {
    let acted = 0;
    await fc.assert(
      fc.asyncProperty(anySpec, anyLife, anyLife, async (spec, acting, observing) => {
        const lived = await livedBy(spec, [{ happening: { what: 'load', value: 900 }, thenS: 3 }, ...acting], observing);
        acted += lived.acted.length;
        expect(lived.observed).toEqual([]);
        expect(lived.decisions).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
    // The same lives do write while they may: without this the property could hold of an engine that does nothing.
    expect(acted).toBeGreaterThan(1_000);
  });
});
