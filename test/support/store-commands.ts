import fc from 'fast-check';
import { expect } from 'vitest';
import { type ControlChange, type GroupCommit, type InstanceRow, type Store, StoreError } from '../../src/ports/store.ts';
import type { SetClock } from '../../src/testing/store-samples.ts';
import { decisionEntry, sampleAlert, sampleDecision, sampleEvent, sampleInstance, sampleMemory, sampleSpec } from '../../src/testing/store-samples.ts';

/** Two stores that must not differ, on one clock. */
export interface Pair {
  readonly model: Store;
  readonly real: Store;
  readonly clock: SetClock;
}
/** `epochs`: the present ones, for a random number would nearly always be fenced. */
type Call = { readonly title: string; readonly run: (store: Store, epochs: ReadonlyMap<string, number>) => Promise<unknown> };

const GROUPS = ['web', 'api'] as const;
const groupName = fc.constantFrom('web', 'web', 'web', 'web', 'api', 'none');
const start = 1_700_000_000_000;
const offsetMs = fc.integer({ min: 0, max: 5000 });
const instance = fc
  .record({
    group: fc.constantFrom('web', 'web', 'web', 'api'),
    n: fc.integer({ min: 1, max: 4 }),
    renamed: fc.integer({ min: 0, max: 9 }).map((i) => i === 0),
    state: fc.constantFrom('intent', 'serving', 'draining', 'gone'),
    isProtected: fc.boolean(),
    atMs: offsetMs,
  })
  .map(({ group, n, renamed, state, isProtected, atMs }) =>
    sampleInstance(group, n, { state: state as 'serving', protected: isProtected, sinceMs: start + atMs, ...(renamed && { id: `${group}-x` }) }),
  );
const ownRow = (row: InstanceRow, group: string): InstanceRow => ({ ...row, group, id: row.id.replace(/^[a-z]+/, group) });
const instanceId = fc.tuple(fc.constantFrom('web', 'web', 'web', 'api'), fc.integer({ min: 1, max: 4 })).map(([group, n]) => `${group}-${n}`);
const event = fc
  .tuple(fc.constantFrom('a', 'b'), fc.constantFrom(null, ...GROUPS), offsetMs)
  .map(([type, group, atMs]) => sampleEvent(type, group, { atMs: start + atMs }));
const decision = (group: string) =>
  fc
    .tuple(
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom('new' as const, 'repeat' as const),
      offsetMs,
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom('act-0', 'act-1', 'observe-0', '?'),
    )
    .map(([id, kind, atMs, count, config]) => ({
      ...decisionEntry(group, `d-${id}`, start + atMs, kind, count),
      decision: sampleDecision(group, `d-${id}`, start + atMs, { config }),
    }));
const pause = fc.option(offsetMs.map((ms) => ({ untilMs: ms === 0 ? null : start + ms, by: 'ann', reason: null })));

const commit: fc.Arbitrary<GroupCommit> = groupName.chain((group) =>
  fc.record(
    {
      group: fc.constant(group),
      expect: fc.record(
        {
          /** Beside the present one. */ epoch: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, -1, 1),
          mayAct: fc.boolean(),
          victims: fc.array(instanceId, { maxLength: 2 }),
        },
        { requiredKeys: ['epoch'] },
      ),
      memory: fc.integer({ min: 0, max: 9 }).map(sampleMemory),
      nextN: fc.integer({ min: 1, max: 9 }),
      frozen: fc.constantFrom(null, null, 'assertion'),
      // Mostly of the group itself: a stranger's row spoils the whole commit.
      instances: fc.array(
        fc.tuple(instance, fc.integer({ min: 0, max: 9 })).map(([row, odd]) => (odd === 0 || group === 'none' ? row : ownRow(row, group))),
        { maxLength: 2 },
      ),
      decision: decision(group),
      events: fc.array(event, { maxLength: 2 }),
    },
    { requiredKeys: ['group', 'expect'] },
  ),
);

const spec = fc
  .tuple(fc.constantFrom('web', 'web', 'api'), fc.constantFrom('act' as const, 'act' as const, 'observe' as const), fc.integer({ min: 0, max: 7 }))
  .map(([name, mode, t]) => {
    // Now and then a template id with other content, which must be refused.
    const template = t < 7 ? { id: `t-${t % 2}`, options: { kind: t % 2 } } : { id: 't-1', options: { kind: 'other' } };
    return sampleSpec(name, { mode, hash: `${mode}-${t < 7 ? t % 2 : t}`, template });
  });

const change: fc.Arbitrary<ControlChange> = fc.oneof(
  spec.map((s): ControlChange => ({ kind: 'put-spec', spec: s })),
  groupName.map((group): ControlChange => ({ kind: 'unmanage', group })),
  groupName.map((group): ControlChange => ({ kind: 'archive', group })),
  groupName.map((group): ControlChange => ({ kind: 'unfreeze', group })),
  fc.tuple(fc.constantFrom(null, ...GROUPS, 'none'), pause).map(([group, p]): ControlChange => ({ kind: 'pause', group, pause: p })),
  fc
    .tuple(groupName, fc.integer())
    .map(([group, size]): ControlChange => ({ kind: 'manual', group, manual: [{ kind: 'cap', size, untilMs: null, by: 'ann', reason: '“why”' }] })),
  groupName.map((group): ControlChange => ({ kind: 'approve', group, approved: { size: 3, by: 'ann', untilMs: start } })),
  fc
    .tuple(
      instanceId,
      fc.record({ protected: fc.boolean(), standby: fc.boolean(), detached: fc.boolean(), removeRequested: fc.boolean() }, { requiredKeys: [] }),
    )
    .map(([id, set]): ControlChange => ({ kind: 'flags', instance: id, set })),
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean(), offsetMs).map(
    ([n, over, ms]): ControlChange => ({
      kind: 'alert',
      alert: sampleAlert(`e-${n}`, { lastHeardMs: start + ms, ...(over && { status: 'resolved', resolvedAtMs: start + ms }) }),
      event: { atMs: start + ms, group: null, type: 'alert.told', actor: 'receiver:am', data: { n, over } },
    }),
  ),
  fc
    .tuple(fc.integer({ min: 0, max: 2 }), fc.option(fc.nat()))
    .map(([n, at]): ControlChange => ({ kind: 'token', token: { id: `t-${n}`, name: 'n', role: 'viewer', hash: 'h', createdAtMs: n % 2, revokedAtMs: at } })),
  fc.tuple(fc.constantFrom('k', 'l'), fc.jsonValue()).map(([key, value]): ControlChange => ({ kind: 'meta', key, value: JSON.parse(JSON.stringify(value)) })),
);
const once = fc.option(fc.tuple(fc.integer({ min: 0, max: 5 }), offsetMs), { nil: undefined });

const write: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 6,
    arbitrary: commit.map((c) => ({
      title: `commit ${JSON.stringify(c)}`,
      run: (store: Store, epochs: ReadonlyMap<string, number>) => {
        const epoch = (epochs.get(c.group) ?? 0) + c.expect.epoch;
        return store.commit({ ...c, expect: { ...c.expect, epoch } });
      },
    })),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.array(change, { maxLength: 3 }), fc.array(event, { maxLength: 2 }), once).map(([changes, events, key]) => ({
      title: `control ${JSON.stringify([changes, events, key])}`,
      run: (store: Store) => store.control(changes, events, key && { key: `k-${key[0]}`, atMs: start + key[1] }),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(groupName, fc.constantFrom('a', 'b')).map(([group, owner]) => ({
      title: `acquire ${group} ${owner}`,
      run: (store: Store) => store.acquire(group, owner, 1000),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(groupName, fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 3 })).map(([group, owner, epoch]) => ({
      title: `renew ${group} ${owner} ${epoch}`,
      run: (store: Store) => store.renew(group, owner, epoch, 1000),
    })),
  },
);

const read: fc.Arbitrary<Call> = fc.oneof(
  groupName.map((name) => ({ title: `group ${name}`, run: (store: Store) => store.group(name) })),
  fc
    .tuple(fc.option(groupName), fc.boolean())
    .map(([group, gone]) => ({ title: `instances ${group} ${gone}`, run: (store: Store) => store.instances(group, gone) })),
  fc.tuple(fc.option(groupName), fc.option(fc.integer({ min: 0, max: 30 })), fc.integer({ min: 0, max: 4 })).map(([group, id, limit]) => ({
    title: `decisions ${group} before ${id} limit ${limit}`,
    run: (store: Store) => store.decisions(group, { before: id === null ? null : `d-${id}`, limit }),
  })),
  fc
    .tuple(fc.option(groupName), fc.option(fc.constantFrom('a', 'b')), fc.nat(20), fc.option(fc.nat(30)), fc.integer({ min: 1, max: 4 }))
    .map(([group, type, afterSeq, before, limit]) => ({
      title: `events ${group} ${type} ${afterSeq} ${before} ${limit}`,
      run: (store: Store) => store.events({ group, afterSeq, ...(type !== null && { type }) }, { before: before === null ? null : String(before), limit }),
    })),
  fc.boolean().map((all) => ({ title: `alerts ${all}`, run: (store: Store) => store.alerts(all) })),
);

const retain: fc.Arbitrary<Call> = fc.record({ decisionsMs: offsetMs, eventsMs: offsetMs, instancesMs: offsetMs }).map((olderThan) => ({
  title: `retain ${JSON.stringify(olderThan)}`,
  run: (store: Store) => store.retain(olderThan),
}));

/** Result or error code: the words of an error may differ, its meaning may not. */
async function outcome(call: Call, store: Store, epochs: ReadonlyMap<string, number>): Promise<unknown> {
  try {
    return { value: await call.run(store, epochs) };
  } catch (error) {
    if (error instanceof StoreError) return { code: error.code };
    throw error;
  }
}

class Calls implements fc.AsyncCommand<Pair, Pair> {
  readonly #calls: readonly Call[];
  constructor(calls: readonly Call[]) {
    this.#calls = calls;
  }
  check(): boolean {
    return true;
  }
  async run(pair: Pair): Promise<void> {
    const epochs = new Map((await pair.model.groups()).map((row) => [row.name, row.epoch]));
    const all = (store: Store) => Promise.all(this.#calls.map((call) => outcome(call, store, epochs)));
    expect(await all(pair.real)).toEqual(await all(pair.model));
  }
  toString(): string {
    return this.#calls.map((call) => call.title).join(' & ');
  }
}

class Advance implements fc.AsyncCommand<Pair, Pair> {
  readonly #ms: number;
  constructor(ms: number) {
    this.#ms = ms;
  }
  check(): boolean {
    return true;
  }
  async run(pair: Pair): Promise<void> {
    pair.clock.nowMs += this.#ms;
  }
  toString(): string {
    return `advance ${this.#ms} ms`;
  }
}

/** Random histories; several writes at once share one transaction in SQLite and follow each other in memory. */
export const storeCommands = fc.commands(
  [
    fc.array(write, { minLength: 1, maxLength: 6 }).map((calls) => new Calls(calls)),
    spec.map((s) => new Calls([{ title: `put ${s.name} ${s.hash}`, run: (store) => store.control([{ kind: 'put-spec', spec: s }], []) }])),
    read.map((call) => new Calls([call])),
    retain.map((call) => new Calls([call])),
    fc.integer({ min: 0, max: 3000 }).map((ms) => new Advance(ms)),
  ],
  { maxCommands: 60, size: 'max' },
);

/** Everything a store can tell. */
export async function everything(store: Store): Promise<unknown> {
  const page = { before: null, limit: 1000 };
  const decisions = await store.decisions(null, page);
  return {
    groups: await store.groups(),
    instances: await store.instances(null, true),
    living: await store.instances(null, false),
    alerts: await store.alerts(true),
    tokens: await store.tokens(),
    meta: [await store.meta('k'), await store.meta('l'), await store.meta('pause')],
    decisions,
    inputs: await Promise.all(decisions.map((row) => store.decision(row.decision.id))),
    events: await store.events({}, page),
    chain: await store.verifyEvents(),
  };
}
