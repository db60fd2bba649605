import { describe, expect, it } from 'vitest';
import { expectStoreError, START_MS, type StoreBench } from './store-bench.ts';
import { sampleAlert, sampleEvent, sampleInstance, sampleMemory, sampleSpec } from './store-samples.ts';

/** Groups, leases, operators' and receivers' writes. */
export function groupContract(bench: StoreBench): void {
  describe('groups', () => {
    it('are empty at first', async () => {
      const { store } = bench;
      expect(await store.groups()).toEqual([]);
      expect(await store.group('web')).toBeNull();
      expect(await store.instances(null, true)).toEqual([]);
      expect(await store.instance('web-1')).toBeNull();
      expect(await store.alerts(true)).toEqual([]);
      expect(await store.tokens()).toEqual([]);
      expect(await store.meta('x')).toBeNull();
      expect(await store.acquire('web', 'owner-1', 1000)).toBeNull();
      expect(await store.renew('web', 'owner-1', 0, 1000)).toBe(false);
      expect(store.installId).toMatch(/^[0-9a-z-]{4,}$/);
    });

    it('are made by put-spec and listed by name', async () => {
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web') }, { kind: 'put-spec', spec: sampleSpec('api') });
      expect((await bench.store.groups()).map((g) => g.name)).toEqual(['api', 'web']);
      expect(await bench.store.group('web')).toEqual({
        name: 'web',
        owner: null,
        epoch: 0,
        leaseUntilMs: 0,
        managed: true,
        archivedAtMs: null,
        spec: sampleSpec('web'),
        memory: null,
        pause: null,
        manual: [],
        approved: null,
        nextN: 1,
        frozen: null,
        createdAtMs: START_MS,
      });
    });

    it('keep what they have when their spec is replaced', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', memory: sampleMemory(4), nextN: 5 });
      await bench.control({ kind: 'unmanage', group: 'web' });
      expect((await bench.store.group('web'))?.managed).toBe(false);
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web', { max: 20, hash: 'hash-2' }) });
      expect(await bench.store.group('web')).toMatchObject({ managed: true, epoch: 1, nextN: 5, memory: sampleMemory(4), spec: { max: 20 } });
    });

    it('are archived and never deleted', async () => {
      await bench.ready('web');
      bench.clock.nowMs += 5;
      await bench.control({ kind: 'archive', group: 'web' });
      expect(await bench.store.group('web')).toMatchObject({ archivedAtMs: START_MS + 5, managed: false });
      expect(await bench.store.groups()).toHaveLength(1);
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web') });
      expect(await bench.store.group('web')).toMatchObject({ archivedAtMs: null, managed: true, epoch: 1 });
    });

    it('have immutable templates', async () => {
      await bench.ready('web');
      const changed = sampleSpec('web', { template: { id: 'template-1', options: { command: ['other'] } } });
      await expectStoreError(bench.control({ kind: 'put-spec', spec: changed }), 'conflict');
      expect((await bench.store.group('web'))?.spec).toEqual(sampleSpec('web'));
      await bench.control({ kind: 'put-spec', spec: { ...changed, template: { ...changed.template, id: 'template-2' } } });
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web') });
      expect((await bench.store.group('web'))?.spec.template.id).toBe('template-1');
    });

    it('keep overrides, approval, pause and freeze', async () => {
      await bench.ready('web');
      const manual = [{ kind: 'floor' as const, size: 4, untilMs: null, by: 'ann', reason: 'sale' }];
      const approved = { size: 9, by: 'ann', untilMs: START_MS + 1000 };
      const pause = { untilMs: START_MS + 1000, by: 'ann', reason: null };
      await bench.control({ kind: 'manual', group: 'web', manual }, { kind: 'approve', group: 'web', approved }, { kind: 'pause', group: 'web', pause });
      await bench.commit({ group: 'web', frozen: 'assertion I1' });
      expect(await bench.store.group('web')).toMatchObject({ manual, approved, pause, frozen: 'assertion I1' });
      await bench.control(
        { kind: 'manual', group: 'web', manual: [] },
        { kind: 'approve', group: 'web', approved: null },
        { kind: 'pause', group: 'web', pause: null },
        { kind: 'unfreeze', group: 'web' },
      );
      expect(await bench.store.group('web')).toMatchObject({ manual: [], approved: null, pause: null, frozen: null });
    });

    it('show the install-wide pause, or their own where that ends later', async () => {
      await bench.ready('web');
      const own = { untilMs: START_MS + 2000, by: 'ann', reason: null };
      const all = { untilMs: START_MS + 1000, by: 'bob', reason: 'fire' };
      await bench.control({ kind: 'pause', group: null, pause: all });
      expect(await bench.store.meta('pause')).toEqual(all);
      expect((await bench.store.group('web'))?.pause).toEqual(all);
      await bench.control({ kind: 'pause', group: 'web', pause: own });
      expect((await bench.store.groups())[0]?.pause).toEqual(own);
      await bench.control({ kind: 'pause', group: null, pause: { ...all, untilMs: null } });
      expect((await bench.store.acquire('web', 'owner-1', 1))?.pause?.by).toBe('bob');
      await bench.control({ kind: 'pause', group: null, pause: null });
      expect((await bench.store.group('web'))?.pause).toEqual(own);
    });

    it('refuse changes of what does not exist, and then change nothing', async () => {
      const { store } = bench;
      await bench.ready('web');
      const changes = [
        { kind: 'unmanage', group: 'no' },
        { kind: 'archive', group: 'no' },
        { kind: 'pause', group: 'no', pause: null },
        { kind: 'manual', group: 'no', manual: [] },
        { kind: 'approve', group: 'no', approved: null },
        { kind: 'unfreeze', group: 'no' },
        { kind: 'flags', instance: 'no-1', set: { protected: true } },
      ] as const;
      for (const change of changes) {
        const call = store.control([{ kind: 'meta', key: 'touched', value: true }, change], [sampleEvent('x')], { key: change.kind, atMs: START_MS });
        await expectStoreError(call, 'conflict');
        expect(await store.control([], [], { key: change.kind, atMs: START_MS })).toBe(true);
      }
      expect(await store.meta('touched')).toBeNull();
      expect(await store.events({}, { before: null, limit: 10 })).toEqual([]);
    });
  });

  leases(bench);
  inbound(bench);
}

function leases(bench: StoreBench): void {
  describe('leases', () => {
    it('count an epoch for every change of owner', async () => {
      await bench.ready('web');
      const again = await bench.store.acquire('web', 'owner-1', 20_000);
      expect(again).toMatchObject({ owner: 'owner-1', epoch: 1, leaseUntilMs: START_MS + 20_000 });
      bench.clock.nowMs += 20_001;
      expect(await bench.store.acquire('web', 'owner-2', 15_000)).toMatchObject({ owner: 'owner-2', epoch: 2, spec: sampleSpec('web') });
    });

    it('are renewed by their owner under the present epoch only', async () => {
      await bench.ready('web');
      bench.clock.nowMs += 10;
      expect(await bench.store.renew('web', 'owner-1', 1, 15_000)).toBe(true);
      expect((await bench.store.group('web'))?.leaseUntilMs).toBe(START_MS + 15_010);
      expect(await bench.store.renew('web', 'owner-1', 0, 15_000)).toBe(false);
      expect(await bench.store.renew('web', 'owner-2', 1, 15_000)).toBe(false);
      bench.clock.nowMs += 15_001;
      await bench.store.acquire('web', 'owner-2', 15_000);
      expect(await bench.store.renew('web', 'owner-1', 1, 15_000)).toBe(false);
    });

    it('are taken over at once where the store is exclusive, and respected until they end where it is shared', async () => {
      await bench.ready('web');
      const taken = await bench.store.acquire('web', 'owner-2', 15_000);
      if (bench.store.profile === 'exclusive') expect(taken).toMatchObject({ owner: 'owner-2', epoch: 2 });
      else {
        expect(taken).toBeNull();
        bench.clock.nowMs += 14_999;
        expect(await bench.store.acquire('web', 'owner-2', 15_000)).toBeNull();
        bench.clock.nowMs += 1;
        expect(await bench.store.acquire('web', 'owner-2', 15_000)).toMatchObject({ owner: 'owner-2', epoch: 2 });
      }
    });

    it('survive a restart', async () => {
      await bench.ready('web');
      const { installId } = bench.store;
      const again = await bench.reopen();
      expect(again.installId).toBe(installId);
      expect(await again.group('web')).toMatchObject({ owner: 'owner-1', epoch: 1 });
    });
  });
}

function inbound(bench: StoreBench): void {
  describe('inbound', () => {
    it('applies a once key once, effects and events together', async () => {
      const { store } = bench;
      const call = () => store.control([{ kind: 'meta', key: 'n', value: { hits: [1] } }], [sampleEvent('webhook')], { key: 'delivery-1', atMs: START_MS });
      expect(await call()).toBe(true);
      await bench.control({ kind: 'meta', key: 'n', value: 'later' });
      expect(await call()).toBe(false);
      expect(await store.meta('n')).toBe('later');
      expect(await store.events({}, { before: null, limit: 10 })).toHaveLength(1);
      const again = await bench.reopen();
      expect(await again.control([], [], { key: 'delivery-1', atMs: START_MS + 9 })).toBe(false);
    });

    it('keeps alert episodes: newest heard first, resolved for ever', async () => {
      const { store } = bench;
      const [a, b] = [sampleAlert('a', { lastHeardMs: 10 }), sampleAlert('b', { lastHeardMs: 20 })];
      await bench.control({ kind: 'alert', alert: a }, { kind: 'alert', alert: b });
      expect(await store.alerts(false)).toEqual([b, a]);
      const refreshed = { ...a, lastHeardMs: 30 };
      await bench.control({ kind: 'alert', alert: refreshed }, { kind: 'alert', alert: a });
      expect(await store.alerts(false)).toEqual([refreshed, b]);
      const resolved = { ...b, status: 'resolved' as const, resolvedAtMs: 40, lastHeardMs: 40 };
      await bench.control({ kind: 'alert', alert: resolved }, { kind: 'alert', alert: { ...b, lastHeardMs: 50 } });
      expect(await store.alerts(false)).toEqual([refreshed]);
      expect(await store.alerts(true)).toEqual([{ ...resolved, lastHeardMs: 50 }, refreshed]);
      await bench.control({ kind: 'alert', alert: { ...a, receiver: 'other' } });
      expect(await store.alerts(false)).toHaveLength(2);
    });

    it('keeps what hooks are told of an alert, as last heard', async () => {
      const { store } = bench;
      const origin = { receiver: 'web.hook', externalUrl: 'http://am', groupLabels: { alertname: 'HighLoad' }, generatorUrl: null };
      const told = sampleAlert('told', { annotations: { summary: 'größe' }, origin });
      await bench.control({ kind: 'alert', alert: told });
      expect(await store.alerts(true)).toEqual([told]);
      const later = sampleAlert('told', { annotations: { summary: 'other' }, lastHeardMs: 2000 });
      await bench.control({ kind: 'alert', alert: later });
      expect(await store.alerts(true)).toEqual([later]);
    });

    it('appends the event of an alert only where it changes something', async () => {
      const event = (type: string) => ({ atMs: 1, group: null, type, actor: 'receiver:am', data: {} });
      const a = sampleAlert('a', { lastHeardMs: 10 });
      const resolved = { ...a, status: 'resolved' as const, resolvedAtMs: 40 };
      await bench.control({ kind: 'alert', alert: a, event: event('one') });
      await bench.control({ kind: 'alert', alert: { ...a, lastHeardMs: 20 }, event: event('repeated') });
      await bench.control({ kind: 'alert', alert: resolved, event: event('two') }, { kind: 'alert', alert: a, event: event('too late') });
      await bench.control({ kind: 'alert', alert: resolved, event: event('again') });
      const told = await bench.store.events({}, { before: null, limit: 10 });
      expect(told.map((e) => e.type).reverse()).toEqual(['one', 'two']);
      expect(await bench.store.verifyEvents()).toMatchObject({ firstBad: null });
    });

    it('keeps tokens and their revocation', async () => {
      const token = { id: 't-1', name: 'ci', role: 'operator' as const, hash: 'ab'.repeat(32), createdAtMs: 5, revokedAtMs: null };
      await bench.control({ kind: 'token', token }, { kind: 'token', token: { ...token, id: 't-0', createdAtMs: 9 } });
      await bench.control({ kind: 'token', token: { ...token, revokedAtMs: 7 } });
      expect(await bench.store.tokens()).toEqual([
        { ...token, revokedAtMs: 7 },
        { ...token, id: 't-0', createdAtMs: 9 },
      ]);
    });

    it('sets only the flags it is asked to', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', instances: [sampleInstance('web', 1)] });
      await bench.control({ kind: 'flags', instance: 'web-1', set: { protected: true, removeRequested: true } });
      await bench.control({ kind: 'flags', instance: 'web-1', set: { removeRequested: false, standby: true } });
      expect(await bench.store.instance('web-1')).toEqual(sampleInstance('web', 1, { protected: true, standby: true }));
    });
  });
}
