import { describe, expect, it } from 'vitest';
import { storeSecrets as secrets } from '../../../../test/support/store-secrets.ts';
import type { Clock } from '../../../ports/clock.ts';
import { START_MS } from '../../../testing/store-bench.ts';
import { type StoreUnderTest, storeContract } from '../../../testing/store-contract.ts';
import { sampleEvent, sampleInstance, sampleSpec, setClock } from '../../../testing/store-samples.ts';
import type { MemoryData } from './data.ts';
import { openMemoryStore } from './memory.ts';

for (const profile of ['exclusive', 'shared'] as const) {
  const open = async (clock: Clock, data?: MemoryData): Promise<StoreUnderTest> => {
    const store = openMemoryStore({ profile, clock, secrets, ...(data && { data }) });
    return {
      store,
      reopen: async () => {
        await store.close();
        return open(clock, store.data);
      },
      dispose: () => store.close(),
    };
  };
  storeContract(`memory, ${profile}`, open);
}

describe('memory store', () => {
  it('is one database for two controllers', async () => {
    const clock = setClock(START_MS);
    const a = openMemoryStore({ profile: 'shared', clock, secrets });
    const b = openMemoryStore({ profile: 'shared', clock, secrets, data: a.data });
    const heard: number[] = [];
    b.onEvents((events) => heard.push(...events.map((e) => e.seq)));
    await a.control([{ kind: 'put-spec', spec: sampleSpec('web') }], [sampleEvent('made')]);
    expect(await a.acquire('web', 'a', 1000)).toMatchObject({ epoch: 1 });
    expect(await b.acquire('web', 'b', 1000)).toBeNull();
    // The lease that somebody saw stand still for too long is the one that is there, or nothing is known.
    expect(await b.acquire('web', 'b', 1000, { epoch: 1, leaseUntilMs: START_MS + 999 })).toBeNull();
    clock.nowMs -= 50_000;
    expect(await a.renew('web', 'a', 1, 1000)).toBe(true);
    clock.nowMs += 1000;
    expect(await b.acquire('web', 'b', 1000)).toMatchObject({ epoch: 2 });
    expect(await a.commit({ group: 'web', expect: { epoch: 1 } })).toEqual({ ok: false, why: 'fenced' });
    expect(heard).toEqual([1]);
    await a.close();
    expect(await b.groups()).toHaveLength(1);
  });

  it('undoes a change when the process dies before it is committed, and keeps it after', async () => {
    const clock = setClock(START_MS);
    let dieAt = '';
    const crash = (label: string) => {
      if (label === dieAt) throw new Error(`killed at ${label}`);
    };
    const first = openMemoryStore({ clock, secrets, crash });
    await first.control([{ kind: 'put-spec', spec: sampleSpec('web') }], []);
    await first.acquire('web', 'a', 1);
    const launch = () => first.commit({ group: 'web', expect: { epoch: 1 }, nextN: 2, instances: [sampleInstance('web', 1)], events: [sampleEvent('launch')] });
    dieAt = 'store:before-commit';
    await expect(launch()).rejects.toThrow('killed');
    const second = openMemoryStore({ clock, secrets, data: first.data });
    expect(await second.instances(null, true)).toEqual([]);
    expect(await second.group('web')).toMatchObject({ nextN: 1 });
    expect(await second.verifyEvents()).toEqual({ firstBad: null, checked: 0 });
    dieAt = 'store:after-commit';
    await expect(launch()).rejects.toThrow('killed');
    expect(await second.instances(null, true)).toEqual([sampleInstance('web', 1)]);
    expect(await second.verifyEvents()).toEqual({ firstBad: null, checked: 1 });
  });

  it('keeps a backup that later writes do not touch', async () => {
    const clock = setClock(START_MS);
    const store = openMemoryStore({ clock, secrets });
    await store.control([{ kind: 'put-spec', spec: sampleSpec('web') }], [sampleEvent('a')]);
    await store.backup('copy');
    await store.control([{ kind: 'put-spec', spec: sampleSpec('api') }], [sampleEvent('b')]);
    const data = store.data.backups.get('copy');
    if (!data) throw new Error('no backup');
    const old = openMemoryStore({ clock, secrets, data });
    expect(await old.groups()).toHaveLength(1);
    expect(await old.verifyEvents()).toEqual({ firstBad: null, checked: 1 });
    expect(old.installId).toBe(store.installId);
  });
});
