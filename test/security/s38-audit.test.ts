import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { createSecrets } from '../../src/platform/secrets.ts';
import { canonicalJson, chainText } from '../../src/ports/event-chain.ts';
import { bearer, configOf, startReal } from './support.ts';

const TEXT = configOf('  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n');
type Kept = { seq: number; hash: string };

/** Ten acts of a person, then the controller is stopped and whoever can write the file changes something in it. */
async function tampered(change: (db: DatabaseSync, newest: Kept) => void) {
  const first = await startReal(TEXT);
  for (let i = 0; i < 5; i++) {
    expect((await first.ask('POST', '/api/v1/pause', { reason: `act ${i}` })).status).toBe(200);
    expect((await first.ask('POST', '/api/v1/resume')).status).toBe(200);
  }
  const { events } = (await (await first.ask('GET', '/api/v1/events?limit=1')).json()) as { events: Kept[] };
  const [newest] = events;
  if (newest === undefined) throw new Error('no events');
  await first.stop();
  const db = new DatabaseSync(join(first.dir, 'state', 'drover.db'));
  change(db, newest);
  db.close();
  const second = await startReal(TEXT, { dir: first.dir });
  return { newest, second };
}

/** The command, as an operator types it. */
async function verify(dir: string, url: string, admin: string): Promise<{ code: number | null; said: string }> {
  const bin = new URL('../../bin/drover.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [bin, 'audit', 'verify'], {
    cwd: dir,
    env: { PATH: process.env['PATH'], HOME: dir, DROVER_URL: url, DROVER_TOKEN: admin },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  return { code: await new Promise((done) => child.once('close', done)), said };
}

describe('S38 the record of what was done', () => {
  it('untouched: holds, exit code 0', async () => {
    const { second } = await tampered(() => {});
    const { code, said } = await verify(second.dir, second.controller.url, second.admin);
    expect([code, said]).toEqual([0, expect.stringMatching(/^The chain of \d+ events holds\.\n$/)]);
  });

  /** Ruling 24 gives exit code 9, where the row says 1. */
  const cases: readonly (readonly [string, string, number])[] = [
    ['an edited actor', "update events set actor = 'nobody' where seq = 4", 4],
    ['an edited reason', "update events set data = replace(data, 'act 2', 'act 9') where data like '%act 2%'", 0],
    ['an edited time', 'update events set at_ms = at_ms + 60000 where seq = 5', 5],
    ['a deleted event', 'delete from events where seq = 6', 6],
    [
      'an event put in between',
      'update events set seq = seq + 1000 where seq > 5; update events set seq = seq - 999 where seq > 1000; insert into events select 6, at_ms, group_name, type, actor, data, hash from events where seq = 5; update event_head set seq = seq + 1',
      6,
    ],
    ['two events that changed places', 'update events set seq = -seq where seq in (3, 4); update events set seq = 7 + seq where seq < 0', 3],
    ['a cut end', 'delete from events where seq > 8', 9],
  ];
  it.each(cases)('%s is named by its number, exit code 9', async (_, sql, first) => {
    let expected = first;
    const { second } = await tampered((db) => {
      if (expected === 0) expected = Number((db.prepare("select seq from events where data like '%act 2%'").get() as { seq: number }).seq);
      db.exec(sql);
    });
    const { code, said } = await verify(second.dir, second.controller.url, second.admin);
    expect([code, said]).toEqual([9, expect.stringContaining(`The chain breaks at event ${expected}:`)]);
    const reply = await second.ask('POST', '/api/v1/audit/verify');
    expect(((await reply.json()) as { ok: boolean; first_bad: number }).first_bad).toBe(expected);
  });

  /** Whoever can write the file can make a shorter chain that holds: only a hash kept elsewhere shows it (docs/explanation/security.md). */
  it('a chain cut and closed again holds by itself, and lacks the hash that was kept elsewhere', async () => {
    const { second, newest } = await tampered((db) => {
      db.exec('delete from events where seq > 6');
      db.exec('update event_head set seq = 6, hash = (select hash from events where seq = 6)');
    });
    expect((await verify(second.dir, second.controller.url, second.admin)).code).toBe(0);
    const { events } = (await (await second.ask('GET', '/api/v1/events?limit=1000')).json()) as { events: Kept[] };
    expect(events.find((e) => e.seq === newest.seq)?.hash).not.toBe(newest.hash);
    expect(events.some((e) => e.hash === newest.hash)).toBe(false);
  });

  it('the hash to keep comes with every event, also of the stream, and follows from what the event says', async () => {
    const { controller, ask, admin } = await startReal(TEXT);
    await ask('POST', '/api/v1/pause', { reason: 'look' });
    const stop = new AbortController();
    const stream = await fetch(`${controller.url}/api/v1/events/stream?after_seq=0`, { headers: bearer(admin), signal: stop.signal });
    let text = '';
    for await (const chunk of stream.body ?? []) {
      text += new TextDecoder().decode(chunk);
      if (text.includes('control.paused') && text.endsWith('\n\n')) break;
    }
    stop.abort();
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(
      ([, line]) => JSON.parse(line ?? '') as Kept & { at: string; group: string | null; type: string; actor: string; data: never },
    );
    const { sha256 } = createSecrets('/');
    for (const [i, event] of events.entries()) {
      const before = events[i - 1];
      if (before === undefined) continue;
      expect(sha256(chainText(before.hash, { ...event, atMs: Date.parse(event.at) }, canonicalJson(event.data)))).toBe(event.hash);
    }
    expect(events.length).toBeGreaterThan(1);
  });
});
