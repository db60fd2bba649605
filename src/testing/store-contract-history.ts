import { describe, expect, it } from 'vitest';
import { canonicalJson, chainText, GENESIS_HASH } from '../ports/event-chain.ts';
import { expectStoreError, START_MS, type StoreBench } from './store-bench.ts';
import { decisionEntry, sampleAlert, sampleDecision, sampleEvent, sampleInputs, sampleInstance, sampleSpec } from './store-samples.ts';

const ALL = { before: null, limit: 1000 } as const;
const DAY = 86_400_000;

/** Decisions, events, retention, backup. */
export function historyContract(bench: StoreBench): void {
  decisions(bench);
  events(bench);
  retention(bench);
}

function decisions(bench: StoreBench): void {
  describe('decisions', () => {
    it('keep the first and the last of a run, with what they were made from', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-1', 100) });
      const spec = sampleSpec('web');
      const row = { decision: sampleDecision('web', 'd-1', 100), count: 1, last: sampleDecision('web', 'd-1', 100) };
      const first = { spec, ...sampleInputs('d-1', 100) };
      expect(await bench.store.decision('d-1')).toEqual({ row, first, last: first });
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-2', 200, 'repeat') });
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-9', 900, 'repeat', 7) });
      const run = { ...row, count: 9, last: sampleDecision('web', 'd-9', 900) };
      const kept = { row: run, first, last: { spec, ...sampleInputs('d-9', 900) } };
      expect(await bench.store.decision('d-1')).toEqual(kept);
      expect(await bench.store.decisions('web', ALL)).toEqual([run]);
      const again = await bench.reopen();
      expect(await again.decision('d-1')).toEqual(kept);
      expect(await again.decision('none')).toBeNull();
    });

    it('begin a run where there is none to repeat', async () => {
      await bench.ready('web');
      await bench.ready('api');
      await bench.commit({ group: 'api', decision: decisionEntry('api', 'd-0', 1) });
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-1', 100, 'repeat', 3) });
      expect(await bench.store.decisions('web', ALL)).toMatchObject([{ decision: { id: 'd-1' }, count: 3 }]);
      expect(await bench.store.decisions('api', ALL)).toMatchObject([{ decision: { id: 'd-0' }, count: 1 }]);
    });

    it('belong to the configuration they were made with', async () => {
      await bench.ready('web');
      const newer = sampleSpec('web', { max: 99, hash: 'hash-2' });
      await bench.control({ kind: 'put-spec', spec: newer });
      const made = (id: string, config: string) => ({ ...decisionEntry('web', id, 1), decision: sampleDecision('web', id, 1, { config }) });
      await bench.commit({ group: 'web', decision: made('old', 'hash-web') });
      await bench.commit({ group: 'web', decision: made('new', 'hash-2') });
      await bench.commit({ group: 'web', decision: made('unknown', 'hash-unknown') });
      await bench.control({ kind: 'put-spec', spec: sampleSpec('web', { max: 7, hash: 'hash-3' }) });
      expect((await bench.store.decision('old'))?.first.spec).toEqual(sampleSpec('web'));
      expect((await bench.store.decision('new'))?.first.spec).toEqual(newer);
      expect((await bench.store.decision('unknown'))?.last.spec).toEqual(newer);
    });

    it('have one id each', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-1', 1) });
      await expectStoreError(bench.commit({ group: 'web', nextN: 4, decision: decisionEntry('web', 'd-1', 2) }), 'conflict');
      expect((await bench.store.group('web'))?.nextN).toBe(1);
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-2', 3) });
      expect(await bench.store.decisions(null, ALL)).toHaveLength(2);
    });

    it('are paged newest first, of one group or of all', async () => {
      await bench.ready('web');
      await bench.ready('api');
      for (let i = 0; i < 7; i++) {
        const group = i % 2 === 0 ? 'web' : 'api';
        await bench.commit({ group, decision: decisionEntry(group, `d-${i}`, 1000 - i) });
      }
      const page = async (group: string | null, before: string | null, limit: number) =>
        (await bench.store.decisions(group, { before, limit })).map((row) => row.decision.id);
      expect(await page(null, null, 3)).toEqual(['d-6', 'd-5', 'd-4']);
      expect(await page(null, 'd-4', 3)).toEqual(['d-3', 'd-2', 'd-1']);
      expect(await page(null, 'd-1', 3)).toEqual(['d-0']);
      expect(await page('web', null, 2)).toEqual(['d-6', 'd-4']);
      expect(await page('web', 'd-4', 9)).toEqual(['d-2', 'd-0']);
      expect(await page('web', 'd-3', 9)).toEqual(['d-2', 'd-0']);
      expect(await page('none', null, 9)).toEqual([]);
      await expectStoreError(page(null, 'd-77', 3), 'conflict');
      for (const limit of [0, 1001, 1.5, Number.NaN]) await expectStoreError(page(null, null, limit), 'conflict');
    });
  });
}

function events(bench: StoreBench): void {
  describe('events', () => {
    it('are numbered without gaps, filtered and paged newest first', async () => {
      const { store } = bench;
      await bench.ready('web');
      for (let i = 1; i <= 6; i++) await store.control([], [sampleEvent(i % 2 ? 'odd' : 'even', i > 3 ? 'web' : null, { atMs: i, actor: `user ${i}` })]);
      const seqs = async (filter: Parameters<typeof store.events>[0], before: string | null = null, limit = 10) =>
        (await store.events(filter, { before, limit })).map((e) => e.seq);
      expect(await seqs({})).toEqual([6, 5, 4, 3, 2, 1]);
      expect(await seqs({}, '5', 2)).toEqual([4, 3]);
      expect(await seqs({ group: 'web' })).toEqual([6, 5, 4]);
      expect(await seqs({ group: null, type: 'odd' })).toEqual([5, 3, 1]);
      expect(await seqs({ type: 'even', afterSeq: 2 })).toEqual([6, 4]);
      expect(await seqs({ group: 'web', type: 'even', afterSeq: 4 }, '6')).toEqual([]);
      expect((await store.events({}, { before: '2', limit: 1 }))[0]).toMatchObject({ ...sampleEvent('odd', null, { atMs: 1, actor: 'user 1' }), seq: 1 });
      await expectStoreError(seqs({}, 'not-a-number'), 'conflict');
      await expectStoreError(seqs({}, null, 0), 'conflict');
    });

    it('keep awkward text and data as they came', async () => {
      const odd = sampleEvent('t\u0000ype', 'gr"oup', { actor: '😀\n', data: { '': [], ключ: { '"': '\u2028' }, deep: [[{ n: -1.5e-7 }]] } });
      await bench.store.control([], [odd, sampleEvent('lone', null, { actor: 'x\ud800' })]);
      const again = await bench.reopen();
      expect((await again.events({}, ALL))[1]).toMatchObject(odd);
      expect(await again.verifyEvents()).toEqual({ firstBad: null, checked: 2 });
    });

    it('form the documented chain, also after a restart', async () => {
      await bench.store.control([], [sampleEvent('a'), sampleEvent('b')]);
      const again = await bench.reopen();
      await again.control([], [sampleEvent('c')]);
      let previous = GENESIS_HASH;
      for (const event of [...(await again.events({}, ALL))].reverse()) {
        const text = chainText(previous, event, canonicalJson(event.data));
        const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
        previous = Buffer.from(digest).toString('hex');
        expect(event.hash).toBe(previous);
      }
      expect(await again.verifyEvents()).toEqual({ firstBad: null, checked: 3 });
    });
  });
}

function retention(bench: StoreBench): void {
  describe('retention', () => {
    const keep = { decisionsMs: 7 * DAY, eventsMs: 30 * DAY, instancesMs: 90 * DAY };

    it('deletes nothing that is young', async () => {
      await bench.ready('web');
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'd-1', START_MS), events: [sampleEvent('x', null, { atMs: START_MS })] });
      await bench.store.retain(keep);
      expect(await bench.store.decisions(null, ALL)).toHaveLength(1);
      expect(await bench.store.events({}, ALL)).toHaveLength(1);
    });

    it('cuts the chain so that it still verifies, and goes on counting', async () => {
      const { store } = bench;
      await store.control(
        [],
        Array.from({ length: 5000 }, (_, i) => sampleEvent('old', null, { atMs: i < 4500 ? START_MS - 31 * DAY : START_MS - DAY })),
      );
      await store.retain(keep);
      expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: 500 });
      expect((await store.events({}, { before: '4502', limit: 10 })).map((e) => e.seq)).toEqual([4501]);
      bench.clock.nowMs += 100 * DAY;
      await store.retain(keep);
      expect(await store.events({}, ALL)).toEqual([]);
      expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: 0 });
      const again = await bench.reopen();
      await again.control([], [sampleEvent('next')]);
      expect((await again.events({}, ALL)).map((e) => e.seq)).toEqual([5001]);
      expect(await again.verifyEvents()).toEqual({ firstBad: null, checked: 1 });
    });

    it('stops at the first young event, whatever the clock did after', async () => {
      const at = (days: number) => sampleEvent('x', null, { atMs: START_MS - days * DAY });
      await bench.store.control([], [at(40), at(1), at(50), at(2)]);
      await bench.store.retain(keep);
      expect((await bench.store.events({}, ALL)).map((e) => e.seq)).toEqual([4, 3, 2]);
    });

    it('deletes old decisions with their inputs, by the end of the run, and keeps the newest of each group', async () => {
      await bench.ready('web');
      await bench.ready('api');
      const old = START_MS - 8 * DAY;
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'ended', old) });
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'long', old) });
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'long-2', START_MS - DAY, 'repeat') });
      await bench.commit({ group: 'web', decision: decisionEntry('web', 'now', START_MS) });
      await bench.commit({ group: 'api', decision: decisionEntry('api', 'only', old) });
      await bench.store.retain(keep);
      expect((await bench.store.decisions(null, ALL)).map((r) => r.decision.id)).toEqual(['only', 'now', 'long']);
      expect(await bench.store.decision('ended')).toBeNull();
      await bench.commit({ group: 'api', decision: decisionEntry('api', 'more', START_MS, 'repeat') });
      expect(await bench.store.decision('only')).toMatchObject({ row: { count: 2 }, first: { memory: { target: 2 } } });
    });

    it('forgets specifications that are no longer in use and that no decision of the books was made with', async () => {
      const { store } = bench;
      const put = (hash: string, max: number) => bench.control({ kind: 'put-spec', spec: sampleSpec('web', { hash, max }) });
      /** The specification that a decision is kept with that was made with this hash. */
      const keptWith = async (hash: string, id: string) => {
        const entry = decisionEntry('web', id, bench.clock.nowMs);
        await bench.commit({ group: 'web', decision: { ...entry, decision: { ...entry.decision, config: hash } } });
        return (await store.decision(id))?.first.spec.max;
      };
      await bench.ready('web');
      await put('decided', 11);
      await put('idle', 12);
      expect(await keptWith('decided', 'd-1')).toBe(11);
      bench.clock.nowMs += 6 * DAY;
      await put('young', 13);
      bench.clock.nowMs += 3 * DAY;
      await put('present', 14);
      await store.retain(keep);
      expect(await keptWith('young', 'd-2')).toBe(13);
      expect(await keptWith('idle', 'd-3')).toBe(14);
      // The newest run of its group is kept until another has taken its place; then it goes, and what it was made with.
      expect(await keptWith('decided', 'd-4')).toBe(11);
      expect((await store.decision('d-1'))?.first.spec.max).toBe(11);
      bench.clock.nowMs += 8 * DAY;
      expect(await keptWith('present', 'd-5')).toBe(14);
      await store.retain(keep);
      expect(await store.decision('d-1')).toBeNull();
      expect(await keptWith('decided', 'd-6')).toBe(14);
    });

    it('deletes instances long gone, alerts and once keys long unheard', async () => {
      await bench.ready('web');
      const gone = { state: 'gone' as const, sinceMs: START_MS - 91 * DAY };
      const rows = [sampleInstance('web', 1, gone), sampleInstance('web', 2, { ...gone, sinceMs: START_MS }), sampleInstance('web', 3, { sinceMs: 0 })];
      await bench.commit({ group: 'web', instances: rows });
      const [old, young] = [sampleAlert('old', { lastHeardMs: 1 }), sampleAlert('young', { lastHeardMs: START_MS })];
      await bench.control({ kind: 'alert', alert: old }, { kind: 'alert', alert: young });
      for (const [key, atMs] of [
        ['a', START_MS - 31 * DAY],
        ['b', START_MS],
      ] as const)
        await bench.store.control([], [], { key, atMs });
      await bench.store.retain(keep);
      expect((await bench.store.instances('web', true)).map((i) => i.n)).toEqual([2, 3]);
      expect(await bench.store.alerts(true)).toEqual([young]);
      expect(await bench.store.control([], [], { key: 'a', atMs: START_MS })).toBe(true);
      expect(await bench.store.control([], [], { key: 'b', atMs: START_MS })).toBe(false);
    });
  });
}
