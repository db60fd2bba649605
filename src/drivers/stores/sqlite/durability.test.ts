import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeSecrets } from '../../../../test/support/store-secrets.ts';
import { databaseFiles } from '../../../platform/database-files.ts';
import { silentLog } from '../../../ports/log.ts';
import { expectStoreError, START_MS } from '../../../testing/store-bench.ts';
import { sampleEvent, sampleMemory, sampleSpec, setClock } from '../../../testing/store-samples.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite.ts';

const CHILD = resolve(import.meta.dirname, '../../../../test/support/store-child.ts');
let dir: string;
let path: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'drover-store-'));
  path = join(dir, 'drover.db');
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});
const open = (over: Partial<SqliteStoreOptions> = {}) =>
  openSqliteStore({ path, clock: setClock(START_MS), secrets: storeSecrets, log: silentLog, files: databaseFiles, ...over });

/** Numbers acknowledged until the process was killed, at least `atLeast` of them. */
async function writeAndKill(atLeast: number): Promise<number[]> {
  const started = spawn(process.execPath, [CHILD, 'write', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  let text = '';
  for await (const chunk of started.stdout) {
    text += chunk;
    if (!started.killed && text.split('\n').length > atLeast) started.kill('SIGKILL');
  }
  return [...text.matchAll(/^ack (\d+)$/gm)].map((match) => Number(match[1]));
}

describe('kill -9', () => {
  it('loses nothing that was acknowledged and tears nothing apart', async () => {
    let acknowledged: number[] = [];
    for (const atLeast of [3, 250, 777]) {
      acknowledged = [...acknowledged, ...(await writeAndKill(atLeast))];
      const store = await open();
      try {
        const rows = await store.instances('web', true);
        const numbers = new Set(rows.map((row) => row.n));
        expect(acknowledged.filter((n) => !numbers.has(n))).toEqual([]);
        const { firstBad, checked } = await store.verifyEvents();
        expect(firstBad).toBeNull();
        expect(checked).toBe(rows.length);
        expect((await store.group('web'))?.nextN).toBe(Math.max(...numbers) + 1);
      } finally {
        await store.close();
      }
    }
    expect(acknowledged.length).toBeGreaterThan(1000);
  });

  it('at a crash point undoes what was not committed and keeps what was', async () => {
    for (const label of ['store:before-commit', 'store:after-commit']) {
      let armed = false;
      const crash = (at: string) => {
        if (armed && at === label) throw new Error(`killed at ${at}`);
      };
      const store = await open({ crash });
      await store.control([{ kind: 'put-spec', spec: sampleSpec('web') }], []);
      const before = (await store.events({}, { before: null, limit: 1000 })).length;
      armed = true;
      await expect(store.control([{ kind: 'meta', key: label, value: 1 }], [sampleEvent('x')])).rejects.toThrow('killed');
      armed = false;
      await store.close();
      const again = await open();
      expect(await again.meta(label)).toBe(label === 'store:after-commit' ? 1 : null);
      expect(await again.verifyEvents()).toEqual({ firstBad: null, checked: before + (label === 'store:after-commit' ? 1 : 0) });
      await again.close();
    }
  });
});

describe('no room', () => {
  it('stops acknowledging at the size it may have, stays readable, and goes on once there is room', async () => {
    const store = await open({ maxBytes: 300_000 });
    await store.control([{ kind: 'put-spec', spec: sampleSpec('web') }], []);
    await store.acquire('web', 'a', 1);
    const heard: number[] = [];
    store.onEvents((events) => heard.push(...events.map((e) => e.seq)));
    const data = { filler: 'x'.repeat(900) };
    const call = () => store.commit({ group: 'web', expect: { epoch: 1 }, memory: sampleMemory(1), events: [sampleEvent('x', 'web', { data })] });
    const results = await Promise.allSettled(Array.from({ length: 3000 }, call));
    // Whole transactions fail: with the write that found no room all others of its transaction.
    const first = results.findIndex((r) => r.status === 'rejected');
    expect(results.slice(first).every((r) => r.status === 'rejected')).toBe(true);
    await expectStoreError(call(), 'disk-full');
    await expectStoreError(store.control([], []), 'disk-full');
    await expectStoreError(store.acquire('web', 'b', 1), 'disk-full');
    // The whole burst found no room; a probe as small as this does, and then writes are taken again as far as they fit.
    await store.ping();
    await call();
    expect(await store.group('web')).toMatchObject({ epoch: 1, owner: 'a' });
    const acknowledged = results.filter((r) => r.status === 'fulfilled').length + 1;
    expect(heard).toHaveLength(acknowledged);
    expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: acknowledged });
    await store.close();
    const again = await open();
    expect(await again.verifyEvents()).toEqual({ firstBad: null, checked: acknowledged });
    await again.ping();
    await again.close();
  });

  it('keeps what was acknowledged one by one before the room ran out', async () => {
    const store = await open({ maxBytes: 300_000 });
    const data = { filler: 'x'.repeat(3000) };
    let acknowledged = 0;
    for (; acknowledged < 1000; acknowledged++) {
      const done = await store.control([], [sampleEvent('x', null, { data })]).catch(() => false);
      if (!done) break;
    }
    expect(acknowledged).toBeGreaterThan(10);
    expect(acknowledged).toBeLessThan(1000);
    expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: acknowledged });
    await store.close();
  });

  it('stops the same way when the system refuses to write', async () => {
    // A file size limit makes every further write of the log fail with EFBIG, which SQLite reports as an I/O error.
    const script = `trap '' XFSZ; ulimit -f 4000; exec "$0" "$1" starve "$2"`;
    const started = spawn('/bin/sh', ['-c', script, process.execPath, CHILD, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    let text = '';
    for await (const chunk of started.stdout) text += chunk;
    const { first, acked, then, read } = JSON.parse(text.split('\n')[1] ?? '');
    expect(['io', 'disk-full']).toContain(first);
    expect(then).toEqual([first, first, first, first]);
    expect(acked).toBeGreaterThan(10);
    expect(read).toEqual({ instances: acked, chain: { firstBad: null, checked: acked } });
    const again = await open();
    // The write that failed was not acknowledged; it may or may not be there.
    expect((await again.verifyEvents()).firstBad).toBeNull();
    expect((await again.instances('web', true)).length).toBeGreaterThanOrEqual(acked);
    await again.close();
  });
});

describe('backup', () => {
  it('copies a moment while writes go on, for its owner alone', async () => {
    const store = await open();
    await store.control([{ kind: 'put-spec', spec: sampleSpec('web') }], []);
    await store.acquire('web', 'a', 1);
    const copy = join(dir, "copy of o'clock.db");
    writeFileSync(copy, 'an older backup');
    const before = Array.from({ length: 500 }, () => store.commit({ group: 'web', expect: { epoch: 1 }, events: [sampleEvent('before')] }));
    const backup = store.backup(copy);
    const after = Array.from({ length: 500 }, () => store.commit({ group: 'web', expect: { epoch: 1 }, events: [sampleEvent('after')] }));
    await Promise.all([...before, backup, ...after]);
    const { statSync, readdirSync } = await import('node:fs');
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir).filter((name) => name.includes('partial'))).toEqual([]);
    expect(await store.verifyEvents()).toEqual({ firstBad: null, checked: 1000 });
    const restored = await open({ path: copy });
    expect(await restored.verifyEvents()).toEqual({ firstBad: null, checked: 500 });
    expect(restored.installId).toBe(store.installId);
    await restored.control([], [sampleEvent('goes on')]);
    await restored.close();
    await store.close();
  });

  it('refuses to replace the store itself, and leaves nothing behind where it cannot write', async () => {
    const store = await open();
    await expectStoreError(store.backup(path), 'conflict');
    await expectStoreError(store.backup(join(dir, '.', 'drover.db')), 'conflict');
    await expectStoreError(store.backup(join(dir, 'none', 'x.db')), 'io');
    await store.ping();
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(dir).sort()).toEqual(['drover.db', 'drover.db-wal']);
    await store.close();
  });
});
