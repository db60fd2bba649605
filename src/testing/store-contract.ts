import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { expectStoreError, START_MS, type StoreBench } from './store-bench.ts';
import { commitContract } from './store-contract-commit.ts';
import { groupContract } from './store-contract-groups.ts';
import { historyContract } from './store-contract-history.ts';
import { type SetClock, sampleSpec, setClock } from './store-samples.ts';

/** A store as its author brings it to the suite. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it kept, as after a restart. */
  reopen(): Promise<StoreUnderTest>;
  /** Closes it and removes what it kept. */
  dispose(): Promise<void>;
}

/** What every store promises. `open` gets the clock it has to use; each case opens its own empty store. */
export function storeContract(title: string, open: (clock: Clock) => Promise<StoreUnderTest>): void {
  describe(`store contract: ${title}`, () => {
    let present: StoreUnderTest;
    let clock: SetClock;
    beforeEach(async () => {
      clock = setClock(START_MS);
      present = await open(clock);
    });
    afterEach(() => present.dispose());
    const bench: StoreBench = {
      get clock() {
        return clock;
      },
      get store() {
        return present.store;
      },
      reopen: async () => {
        present = await present.reopen();
        return present.store;
      },
      ready: async (name) => {
        await present.store.control([{ kind: 'put-spec', spec: sampleSpec(name) }], []);
        expect((await present.store.acquire(name, 'owner-1', 15_000))?.epoch).toBe(1);
      },
      control: (...changes) => present.store.control(changes, []),
      commit: (change) => present.store.commit({ ...change, expect: { epoch: 1, ...change.expect } }),
    };
    groupContract(bench);
    commitContract(bench);
    historyContract(bench);
    closing(bench);
  });
}

function closing(bench: StoreBench): void {
  describe('closing', () => {
    it('answers every later call with closed, and closes twice', async () => {
      const { store } = bench;
      const heard: unknown[] = [];
      store.onEvents((events) => heard.push(events));
      await store.close();
      await store.close();
      await expectStoreError(store.groups(), 'closed');
      await expectStoreError(store.ping(), 'closed');
      await expectStoreError(store.control([], []), 'closed');
      await expectStoreError(store.verifyEvents(), 'closed');
      await expectStoreError(store.retain({ decisionsMs: 1, eventsMs: 1, instancesMs: 1 }), 'closed');
      expect(heard).toEqual([]);
    });

    it('can write, and says so', async () => {
      await expect(bench.store.ping()).resolves.toBeUndefined();
    });
  });
}
