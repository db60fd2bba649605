/**
 * A process that has a SQLite store open, for tests that kill it or starve it.
 *   node store-child.ts hold PATH     opens, prints `open`, waits for the end of its input
 *   node store-child.ts write PATH    commits for ever, prints `ack N` after each
 *   node store-child.ts starve PATH   commits until it fails, prints what happened as JSON
 */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/drivers/stores/sqlite/sqlite.ts';
import { realClock } from '../../src/platform/clock.ts';
import { databaseFiles } from '../../src/platform/database-files.ts';
import { silentLog } from '../../src/ports/log.ts';
import { type Store, StoreError } from '../../src/ports/store.ts';
import { sampleEvent, sampleInstance, sampleSpec } from '../../src/testing/store-samples.ts';
import { storeSecrets } from './store-secrets.ts';

const [mode, path = ''] = process.argv.slice(2);
const print = (line: string) => void writeSync(1, `${line}\n`);
const store = await openSqliteStore({ path, clock: realClock, secrets: storeSecrets, log: silentLog, files: databaseFiles });
print('open');

/** One launch: a number, an instance and an event, or none of them. */
async function launch(epoch: number, n: number): Promise<void> {
  const data = { n, filler: 'x'.repeat(500) };
  const result = await store.commit({
    group: 'web',
    expect: { epoch },
    nextN: n + 1,
    instances: [sampleInstance('web', n)],
    events: [sampleEvent('launched', 'web', { data })],
  });
  if (!result.ok) throw new Error(result.why);
}

async function begin(): Promise<{ epoch: number; nextN: number }> {
  await store.control([{ kind: 'put-spec', spec: sampleSpec('web') }], []);
  const row = await store.acquire('web', `pid ${process.pid}`, 15_000);
  if (!row) throw new Error('not acquired');
  return row;
}

async function write(): Promise<never> {
  const { epoch, nextN } = await begin();
  for (let n = nextN; ; n += 20) {
    const batch = Array.from({ length: 20 }, (_, i) => launch(epoch, n + i).then(() => print(`ack ${n + i}`)));
    await Promise.all(batch);
  }
}

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'ok',
    (error: unknown) => (error instanceof StoreError ? error.code : String(error)),
  );

async function starve(s: Store): Promise<void> {
  const { epoch, nextN } = await begin();
  let n = nextN;
  let first = 'ok';
  for (; first === 'ok' && n < 100_000; n++) first = await codeOf(launch(epoch, n));
  const acked = n - 1 - nextN;
  const then = [
    await codeOf(launch(epoch, n)),
    await codeOf(s.control([], [])),
    await codeOf(s.ping()),
    await codeOf(s.retain({ decisionsMs: 0, eventsMs: 0, instancesMs: 0 })),
  ];
  const read = { instances: (await s.instances('web', true)).length, chain: await s.verifyEvents() };
  print(JSON.stringify({ first, acked, then, read }));
}

if (mode === 'write') await write();
if (mode === 'starve') await starve(store);
if (mode === 'hold') for await (const _ of process.stdin);
await store.close();
