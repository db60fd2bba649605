import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeSecrets } from '../../../../test/support/store-secrets.ts';
import { databaseFiles } from '../../../platform/database-files.ts';
import { silentLog } from '../../../ports/log.ts';
import { START_MS } from '../../../testing/store-bench.ts';
import { sampleEvent, sampleSpec, setClock } from '../../../testing/store-samples.ts';
import { openSqliteStore } from './sqlite.ts';

const DAY = 86_400_000;
let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'drover-store-'));
  path = join(dir, 'drover.db');
});
afterEach(() => rmSync(dir, { recursive: true }));
const open = () => openSqliteStore({ path, clock: setClock(START_MS), secrets: storeSecrets, log: silentLog, files: databaseFiles });

function sql(text: string): Record<string, unknown>[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare(text).all();
  } finally {
    db.close();
  }
}
/** Ten events, the oldest four of them old. */
async function fill(): Promise<void> {
  const store = await open();
  await store.control(
    [],
    Array.from({ length: 10 }, (_, i) => sampleEvent(`type-${i}`, 'web', { atMs: i < 4 ? START_MS - 50 * DAY : START_MS })),
  );
  await store.close();
}
async function verify(): Promise<{ firstBad: number | null; checked: number }> {
  const store = await open();
  try {
    return await store.verifyEvents();
  } finally {
    await store.close();
  }
}

describe('verifyEvents finds', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['an edited actor', "update events set actor = 'someone else' where seq = 5", 5],
    ['edited data', "update events set data = replace(data, '0.5', '0.6') where seq = 7", 7],
    ['data only written differently', "update events set data = data || ' ' where seq = 7", 7],
    ['an edited time', 'update events set at_ms = at_ms + 1 where seq = 1', 1],
    ['an edited group', 'update events set group_name = null where seq = 2', 2],
    ['an edited hash', "update events set hash = 'x' where seq = 9", 9],
    ['an edited last hash', "update events set hash = 'x' where seq = 10", 10],
    ['a deleted event', 'delete from events where seq = 6', 6],
    ['a deleted first event', 'delete from events where seq = 1', 1],
    ['a cut end', 'delete from events where seq > 8', 9],
    ['all of them deleted', 'delete from events', 1],
    ['an event added at the end', 'insert into events select 11, at_ms, group_name, type, actor, data, hash from events where seq = 10', 11],
    ['an event added before the beginning', 'insert into events select 0, at_ms, group_name, type, actor, data, hash from events where seq = 10', 0],
    ['a swap', 'update events set seq = case seq when 3 then -4 when 4 then -3 end where seq in (3, 4)', -4],
    ['a head moved back', 'update event_head set seq = 9, hash = (select hash from events where seq = 9)', 10],
    ['a forged checkpoint', "insert into checkpoints select 3, hash, 1, 'forged' from events where seq = 3", 3],
  ];
  it.each(cases)('%s', async (_, tampering, firstBad) => {
    await fill();
    expect(await verify()).toEqual({ firstBad: null, checked: 10 });
    sql(tampering);
    expect((await verify()).firstBad).toBe(firstBad);
  });

  it('a true swap of two events', async () => {
    await fill();
    sql('update events set seq = -seq where seq in (3, 4)');
    sql('update events set seq = 7 + seq where seq in (-3, -4)');
    expect((await verify()).firstBad).toBe(3);
  });

  it('what happened behind a checkpoint, and a checkpoint taken away', async () => {
    await fill();
    const store = await open();
    await store.retain({ decisionsMs: DAY, eventsMs: 30 * DAY, instancesMs: DAY });
    expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: 6 });
    await store.close();
    sql('delete from events where seq = 5');
    expect((await verify()).firstBad).toBe(5);
    sql('delete from checkpoints');
    expect((await verify()).firstBad).toBe(1);
  });

  it('nothing wrong while the chain grows and is cut under its feet', async () => {
    const store = await open();
    const old = sampleEvent('old', null, { atMs: START_MS - 50 * DAY });
    await store.control(
      [],
      Array.from({ length: 9000 }, () => old),
    );
    const work = Promise.all([
      store.retain({ decisionsMs: DAY, eventsMs: 30 * DAY, instancesMs: DAY }),
      ...Array.from({ length: 50 }, () => store.control([], [sampleEvent('new', null, { atMs: START_MS })])),
    ]);
    for (let i = 0; i < 5; i++) expect((await store.verifyEvents()).firstBad).toBeNull();
    await work;
    expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: 50 });
    await store.close();
  });
});

describe('templates', () => {
  it('are kept in every version, the ones out of use archived', async () => {
    const store = await open();
    for (const id of ['a', 'b', 'a', 'c'])
      await store.control([{ kind: 'put-spec', spec: sampleSpec('web', { hash: id, template: { id, options: { id } } }) }], []);
    await store.close();
    const select = 'select id, archived_ms is null as used from templates order by id';
    expect(sql(select)).toEqual([
      { id: 'a', used: 0 },
      { id: 'b', used: 0 },
      { id: 'c', used: 1 },
    ]);
    const again = await open();
    await again.control([{ kind: 'archive', group: 'web' }], []);
    await again.close();
    expect(sql(select).every((row) => row['used'] === 0)).toBe(true);
    expect(sql('select count(*) as n from specs')).toEqual([{ n: 3 }]);
  });
});
