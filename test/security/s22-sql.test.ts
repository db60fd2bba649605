import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { configOf, startReal } from './support.ts';

const GROUP = '  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 1 }\n';
const ATTACKS = [
  "' OR 1=1 --",
  "x'; DROP TABLE events; --",
  "' UNION SELECT hash FROM tokens --",
  '" OR ""="',
  '%',
  '_',
  "web'/*",
  '\\',
  "'||(SELECT hash FROM tokens)||'",
  '); DELETE FROM tokens; --',
];
const namesOf = (path: string): unknown => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare('select type, name, sql from sqlite_master order by name').all();
  } finally {
    db.close();
  }
};

describe('S22 SQL in what people send', () => {
  it.each(ATTACKS)('%s in every parameter is a text or an error, and the tables stay as they are', async (attack) => {
    const { ask, stop, dir } = await startReal(configOf(GROUP));
    const encoded = encodeURIComponent(attack);
    const before = ((await (await ask('GET', '/api/v1/tokens')).json()) as { tokens: unknown[] }).tokens.length;
    const events = ((await (await ask('GET', '/api/v1/events')).json()) as { events: unknown[] }).events.length;
    expect(events).toBeGreaterThan(0);
    const list = async (path: string): Promise<{ status: number; body: string }> => {
      const reply = await ask('GET', path);
      return { status: reply.status, body: await reply.text() };
    };
    for (const path of [`/api/v1/events?type=${encoded}`, `/api/v1/events?group=${encoded}`]) {
      const { status, body } = await list(path);
      expect([200, 404, 422]).toContain(status);
      if (status === 200) expect((JSON.parse(body) as { events: unknown[] }).events).toEqual([]);
      expect(body).not.toMatch(/drv_|[0-9a-f]{64}/);
    }
    for (const path of [
      `/api/v1/events?before=${encoded}`,
      `/api/v1/events?after_seq=${encoded}`,
      `/api/v1/events?limit=${encoded}`,
      `/api/v1/decisions?before=${encoded}`,
    ]) {
      expect((await list(path)).status, path).toBe(422);
    }
    for (const path of [`/api/v1/events?sort=${encoded}`, `/api/v1/instances?order_by=${encoded}`, `/api/v1/decisions?filter=${encoded}`]) {
      expect((await list(path)).status, path).toBe(422);
    }
    for (const path of ['groups', 'instances', 'decisions']) expect([404, 422]).toContain((await list(`/api/v1/${path}/${encoded}`)).status);
    expect((await ask('DELETE', `/api/v1/tokens/${encoded}`)).status).toBe(404);
    expect((await ask('POST', '/api/v1/tokens', { name: attack, role: 'viewer' })).status).toBe(422);
    // A text that is kept is kept as it was.
    const reason = await ask('POST', '/api/v1/groups/web/pause', { reason: attack });
    expect(reason.status).toBe(200);
    expect(((await (await ask('GET', '/api/v1/groups/web')).json()) as { pause: { reason: string } }).pause.reason).toBe(attack);
    expect(((await (await ask('GET', '/api/v1/tokens')).json()) as { tokens: unknown[] }).tokens).toHaveLength(before);
    expect(((await (await ask('GET', '/api/v1/events')).json()) as { events: unknown[] }).events.length).toBeGreaterThanOrEqual(events);
    await stop();
    const fresh = await startReal(configOf(GROUP));
    await fresh.stop();
    expect(namesOf(join(dir, 'state', 'drover.db'))).toEqual(namesOf(join(fresh.dir, 'state', 'drover.db')));
  });

  it('statements are made with parameters: these are all the texts that are run as they stand', () => {
    const root = new URL('../../src/drivers/stores/sqlite', import.meta.url).pathname;
    const run: string[] = [];
    for (const path of readdirSync(root)) {
      if (!path.endsWith('.ts') || path.endsWith('.test.ts')) continue;
      const text = readFileSync(join(root, path), 'utf8');
      for (const [, statement] of text.matchAll(/\b(?:exec|prepare|raw)\(\s*(`[^`]*\$\{[^`]*`)/g)) run.push(`${path}: ${statement}`);
    }
    expect(run.sort()).toEqual(KNOWN_STATEMENTS);
  });
});

const KNOWN_STATEMENTS: readonly string[] = [
  'connection.ts: `PRAGMA ${text}`', // of the opening alone; pragmas take no parameters
  'connection.ts: `PRAGMA application_id=${APPLICATION_ID}`',
  "sqlite.ts: `VACUUM INTO '${temporary.replaceAll(\"'\", \"''\")}'`", // a path of ours, quoted
];
