import { describe, expect, it } from 'vitest';
import { expectStoreError, START_MS, type StoreBench } from './store-bench.ts';
import { decisionEntry, sampleEvent, sampleInstance, sampleMemory, sampleSpec } from './store-samples.ts';

const ALL = { before: null, limit: 1000 } as const;

/** The engine's one write: atomic, fenced, checked in its own transaction. */
export function commitContract(bench: StoreBench): void {
  describe('commit', () => {
    it('writes everything at once and reads it back the same', async () => {
      await bench.ready('web');
      const row = sampleInstance('web', 1, { zone: 'ä“', members: {}, step: null, pricePerHour: 0.1 + 0.2 });
      const result = await bench.commit({
        group: 'web',
        memory: sampleMemory(3),
        nextN: 2,
        instances: [row],
        decision: decisionEntry('web', 'd-1', 100),
        events: [sampleEvent('decided', 'web'), sampleEvent('launched', 'web')],
      });
      expect(result).toEqual({ ok: true });
      expect(await bench.store.group('web')).toMatchObject({ memory: sampleMemory(3), nextN: 2 });
      expect(await bench.store.instance('web-1')).toEqual(row);
      expect(await bench.store.decisions('web', ALL)).toHaveLength(1);
      expect((await bench.store.events({}, ALL)).map((e) => e.type)).toEqual(['launched', 'decided']);
      const again = await bench.reopen();
      expect(await again.instances('web', false)).toEqual([row]);
      expect(await again.group('web')).toMatchObject({ memory: sampleMemory(3), nextN: 2 });
    });

    it('leaves alone what it does not name', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', memory: sampleMemory(3), nextN: 7, frozen: 'look' });
      await bench.commit({ group: 'web', instances: [sampleInstance('web', 1)] });
      expect(await bench.store.group('web')).toMatchObject({ memory: sampleMemory(3), nextN: 7, frozen: 'look' });
    });

    it('keeps no hold of what it was given nor of what it gave', async () => {
      await bench.ready('web');
      const memory = structuredClone(sampleMemory(3)) as { target: number };
      await bench.commit({ group: 'web', memory: memory as never });
      try {
        memory.target = 99;
      } catch {}
      const read = (await bench.store.group('web'))?.memory as { target: number };
      expect(read.target).toBe(3);
      try {
        read.target = 98;
      } catch {}
      expect((await bench.store.group('web'))?.memory?.target).toBe(3);
    });

    it('lists instances by group and number, gone ones on demand', async () => {
      await bench.ready('web');
      await bench.ready('api');
      await bench.commit({ group: 'web', instances: [10, 2, 1].map((n) => sampleInstance('web', n)) });
      await bench.commit({ group: 'api', instances: [sampleInstance('api', 3)] });
      await bench.commit({ group: 'web', instances: [sampleInstance('web', 2, { state: 'gone' })] });
      const ids = async (group: string | null, withGone: boolean) => (await bench.store.instances(group, withGone)).map((i) => i.id);
      expect(await ids('web', false)).toEqual(['web-1', 'web-10']);
      expect(await ids('web', true)).toEqual(['web-1', 'web-2', 'web-10']);
      expect(await ids(null, false)).toEqual(['api-3', 'web-1', 'web-10']);
      expect(await ids(null, true)).toEqual(['api-3', 'web-1', 'web-2', 'web-10']);
      expect(await ids('none', true)).toEqual([]);
    });

    it('never undoes an operator’s flags with a stale copy', async () => {
      await bench.ready('web');
      const stale = sampleInstance('web', 1);
      await bench.commit({ group: 'web', instances: [stale] });
      const set = { protected: true, standby: true, detached: true, replaceRequested: true, removeRequested: true };
      await bench.control({ kind: 'flags', instance: 'web-1', set });
      await bench.commit({ group: 'web', instances: [{ ...stale, state: 'draining', health: 'unhealthy' }] });
      expect(await bench.store.instance('web-1')).toEqual({ ...stale, ...set, state: 'draining', health: 'unhealthy' });
    });

    it('takes flags of a new row as they come', async () => {
      await bench.ready('web');
      const row = sampleInstance('web', 1, { protected: true });
      await bench.commit({ group: 'web', instances: [row] });
      expect(await bench.store.instance('web-1')).toEqual(row);
    });

    it('gives a number once, and an instance to one group', async () => {
      await bench.ready('web');
      await bench.ready('api');
      await bench.commit({ group: 'web', instances: [sampleInstance('web', 1)] });
      const clash = { group: 'web', memory: sampleMemory(9), events: [sampleEvent('x')], instances: [sampleInstance('web', 1, { id: 'web-other' })] };
      await expectStoreError(bench.commit(clash), 'conflict');
      await expectStoreError(bench.commit({ group: 'api', instances: [sampleInstance('api', 5, { id: 'web-1' })] }), 'conflict');
      await expectStoreError(bench.commit({ group: 'api', instances: [sampleInstance('web', 5)] }), 'conflict');
      expect((await bench.store.group('web'))?.memory).toBeNull();
      expect(await bench.store.instances(null, true)).toEqual([sampleInstance('web', 1)]);
      expect(await bench.store.events({}, ALL)).toEqual([]);
      expect(await bench.commit({ group: 'web', events: [sampleEvent('y')] })).toEqual({ ok: true });
      expect(await bench.store.verifyEvents()).toEqual({ firstBad: null, checked: 1 });
    });
  });

  refusals(bench);
  together(bench);
}

function refusals(bench: StoreBench): void {
  describe('refusals', () => {
    const change = () => ({
      group: 'web',
      memory: sampleMemory(9),
      nextN: 9,
      frozen: 'x',
      events: [sampleEvent('x', 'web')],
      instances: [sampleInstance('web', 9)],
    });
    const expectUntouched = async () => {
      expect(await bench.store.group('web')).toMatchObject({ memory: null, nextN: 1 });
      expect(await bench.store.events({}, ALL)).toEqual([]);
      expect(await bench.store.instance('web-9')).toBeNull();
    };

    it('fence every other epoch, lower and higher', async () => {
      await bench.ready('web');
      for (const epoch of [0, 2]) expect(await bench.commit({ ...change(), expect: { epoch } })).toEqual({ ok: false, why: 'fenced' });
      await bench.store.acquire('web', 'owner-1', 1);
      bench.clock.nowMs += 60_000;
      await bench.store.acquire('web', 'owner-2', 1);
      expect(await bench.commit(change())).toEqual({ ok: false, why: 'fenced' });
      await expectUntouched();
    });

    it('name a group that is not there', async () => {
      expect(await bench.commit({ ...change(), group: 'none' })).toEqual({ ok: false, why: 'no-such-group' });
    });

    it('stop acting while paused, to the millisecond; deciding goes on', async () => {
      await bench.ready('web');
      await bench.control({ kind: 'pause', group: 'web', pause: { untilMs: START_MS + 1000, by: 'ann', reason: null } });
      bench.clock.nowMs += 999;
      expect(await bench.commit({ ...change(), expect: { mayAct: true } })).toEqual({ ok: false, why: 'paused' });
      await expectUntouched();
      expect(await bench.commit({ group: 'web' })).toEqual({ ok: true });
      bench.clock.nowMs += 1;
      expect(await bench.commit({ group: 'web', expect: { mayAct: true } })).toEqual({ ok: true });
    });

    it('stop acting everywhere on the big red button', async () => {
      await bench.ready('web');
      await bench.control({ kind: 'pause', group: null, pause: { untilMs: null, by: 'ann', reason: 'fire' } });
      bench.clock.nowMs += 1e9;
      expect(await bench.commit({ ...change(), expect: { mayAct: true } })).toEqual({ ok: false, why: 'paused' });
      await bench.reopen();
      expect(await bench.commit({ ...change(), expect: { mayAct: true } })).toEqual({ ok: false, why: 'paused' });
      await expectUntouched();
      await bench.control({ kind: 'pause', group: null, pause: null });
      expect(await bench.commit({ group: 'web', expect: { mayAct: true } })).toEqual({ ok: true });
    });

    it('stop acting while frozen, unmanaged, archived or observing', async () => {
      await bench.ready('web');
      const acting = () => bench.commit({ group: 'web', nextN: 5, expect: { mayAct: true } });
      await bench.commit({ group: 'web', frozen: 'assertion' });
      expect(await acting()).toEqual({ ok: false, why: 'frozen' });
      await bench.control({ kind: 'unfreeze', group: 'web' }, { kind: 'unmanage', group: 'web' });
      expect(await acting()).toEqual({ ok: false, why: 'unmanaged' });
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web', { mode: 'observe', hash: 'h2' }) });
      expect(await acting()).toEqual({ ok: false, why: 'observe' });
      await bench.control({ kind: 'archive', group: 'web' });
      expect(await acting()).toEqual({ ok: false, why: 'unmanaged' });
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web') });
      expect(await acting()).toEqual({ ok: true });
    });

    it('protect victims by their stored flags', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', instances: [sampleInstance('web', 1), sampleInstance('web', 2)] });
      const condemn = (victims: string[]) =>
        bench.commit({ ...change(), frozen: null, instances: [sampleInstance('web', 1, { state: 'draining' })], expect: { victims } });
      for (const flag of ['protected', 'standby', 'detached'] as const) {
        await bench.control({ kind: 'flags', instance: 'web-2', set: { [flag]: true } });
        expect(await condemn(['web-1', 'web-2'])).toEqual({ ok: false, why: 'protected' });
        await bench.control({ kind: 'flags', instance: 'web-2', set: { [flag]: false } });
      }
      await expectUntouched();
      expect((await bench.store.instance('web-1'))?.state).toBe('serving');
      await bench.control({ kind: 'flags', instance: 'web-2', set: { replaceRequested: true, removeRequested: true } });
      expect(await condemn(['web-1', 'web-2'])).toEqual({ ok: true });
    });

    it('let one in standby go whose removal was asked for', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', instances: [sampleInstance('web', 1)] });
      const condemn = () => bench.commit({ group: 'web', instances: [sampleInstance('web', 1, { state: 'draining' })], expect: { victims: ['web-1'] } });
      await bench.control({ kind: 'flags', instance: 'web-1', set: { standby: true, removeRequested: true, protected: true } });
      expect(await condemn()).toEqual({ ok: false, why: 'protected' });
      await bench.control({ kind: 'flags', instance: 'web-1', set: { protected: false } });
      expect(await condemn()).toEqual({ ok: true });
    });

    it('never condemn an instance of another group', async () => {
      await bench.ready('web');
      await bench.ready('api');
      await bench.commit({ group: 'api', instances: [sampleInstance('api', 1)] });
      await expectStoreError(bench.commit({ group: 'web', expect: { victims: ['api-1'] } }), 'conflict');
    });
  });
}

function together(bench: StoreBench): void {
  describe('many at once', () => {
    it('are applied in the order of the calls, and one that fails undoes only itself', async () => {
      await bench.ready('web');
      const { store } = bench;
      const clash = sampleInstance('web', 1, { id: 'web-other' });
      const results = await Promise.allSettled([
        bench.commit({ group: 'web', memory: sampleMemory(1), instances: [sampleInstance('web', 1)], events: [sampleEvent('one')] }),
        bench.commit({ group: 'web', memory: sampleMemory(2), instances: [clash], events: [sampleEvent('clash')] }),
        bench.commit({ group: 'web', memory: sampleMemory(3), expect: { epoch: 8 }, events: [sampleEvent('fenced')] }),
        store.control([{ kind: 'flags', instance: 'web-1', set: { protected: true } }], [sampleEvent('control')]),
        bench.commit({ group: 'web', memory: sampleMemory(4), expect: { victims: ['web-1'] }, events: [sampleEvent('victim')] }),
        bench.commit({ group: 'web', nextN: 2, events: [sampleEvent('last')] }),
      ]);
      expect(results.map((r) => (r.status === 'fulfilled' ? r.value : 'rejected'))).toEqual([
        { ok: true },
        'rejected',
        { ok: false, why: 'fenced' },
        true,
        { ok: false, why: 'protected' },
        { ok: true },
      ]);
      expect(await store.group('web')).toMatchObject({ memory: sampleMemory(1), nextN: 2 });
      expect((await store.events({}, ALL)).map((e) => [e.seq, e.type])).toEqual([
        [3, 'last'],
        [2, 'control'],
        [1, 'one'],
      ]);
      expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: 3 });
    });

    it('take back the events of one that fails after its first event', async () => {
      await bench.ready('web');
      const unwritable = sampleEvent('bad', null, { data: { big: 1n as never } });
      const results = await Promise.allSettled([
        bench.commit({ group: 'web', nextN: 3, events: [sampleEvent('one'), unwritable] }),
        bench.commit({ group: 'web', events: [sampleEvent('two')] }),
      ]);
      expect(results.map((r) => r.status)).toEqual(['rejected', 'fulfilled']);
      expect((await bench.store.events({}, ALL)).map((e) => [e.seq, e.type])).toEqual([[1, 'two']]);
      expect((await bench.store.group('web'))?.nextN).toBe(1);
      expect(await bench.store.verifyEvents()).toEqual({ firstBad: null, checked: 1 });
    });

    it('keep a chain over thousands, and tell each of its events once and in order', async () => {
      await bench.ready('web');
      const heard: number[] = [];
      let batches = 0;
      const stop = bench.store.onEvents((events) => {
        batches += 1;
        heard.push(...events.map((e) => e.seq));
      });
      bench.store.onEvents(() => {
        throw new Error('a bad listener');
      });
      const calls = Array.from({ length: 2500 }, (_, i) => bench.commit({ group: 'web', events: i % 5 === 0 ? [] : [sampleEvent('a'), sampleEvent('b')] }));
      expect((await Promise.all(calls)).every((r) => r.ok)).toBe(true);
      expect(heard).toEqual(Array.from({ length: 4000 }, (_, i) => i + 1));
      expect(batches).toBe(2000);
      expect(await bench.store.verifyEvents()).toEqual({ firstBad: null, checked: 4000 });
      stop();
      await bench.commit({ group: 'web', events: [sampleEvent('c')] });
      expect(heard).toHaveLength(4000);
    });

    it('have told their events when they answer, also to a listener that writes', async () => {
      await bench.ready('web');
      const seen: string[] = [];
      let verified: ReturnType<typeof bench.store.verifyEvents> | undefined;
      bench.store.onEvents((events) => {
        if (events[0]?.type !== 'first') return;
        void bench.commit({ group: 'web', events: [sampleEvent('second')] });
        // Asking for the chain has everything committed that waits: the events of the first still come first.
        verified = bench.store.verifyEvents();
      });
      bench.store.onEvents((events) => seen.push(...events.map((e) => e.type)));
      await bench.commit({ group: 'web', events: [sampleEvent('first')] });
      expect(seen[0]).toBe('first');
      await bench.commit({ group: 'web', events: [sampleEvent('third')] });
      expect(seen).toEqual(['first', 'second', 'third']);
      expect((await verified)?.firstBad).toBeNull();
    });
  });
}
