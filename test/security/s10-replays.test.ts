import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bearer, configOf, startReal, tempDir } from './support.ts';

const KEY = 'a-key-that-both-sides-know';
const GROUP = `  web:
    cloud: local
    template: { command: [sleep, '600'] }
    health: none
    min: 0
    max: 3
    policies: [{ type: alert, alert: Busy, receiver: signed, change: +1, every: 1h }]
`;
const RECEIVERS = `receivers:
  signed: { format: generic, name: /name, fingerprint: /id, starts_at: /at, auth: { hmac: { secret: { file: ./key }, timestamp_header: X-Timestamp } } }
  other: { format: generic, name: /name, fingerprint: /id, starts_at: /at, auth: { bearer: { file: ./key } } }
`;
const TEXT = configOf(GROUP, RECEIVERS);

function home(): string {
  const dir = tempDir();
  writeFileSync(join(dir, 'key'), KEY, { mode: 0o600 });
  return dir;
}

/** The row's second controller is a second process life here: SQLite belongs to one process (ruling 3). */
describe('S10 a delivery counts once', () => {
  it('also after a restart: its key is in the same transaction as its effect', async () => {
    const dir = home();
    const body = JSON.stringify({ name: 'Busy', id: 'a', at: Math.floor(Date.now() / 1000) });
    const at = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', KEY).update(`${at}:${body}`).digest('hex');
    const headers = { 'content-type': 'application/json', 'x-timestamp': at, 'x-drover-signature': signature };
    const send = async (url: string, more: Record<string, string> = {}) => {
      const reply = await fetch(`${url}/hooks/signed`, { method: 'POST', headers: { ...headers, ...more }, body });
      return [reply.status, ((await reply.json()) as { duplicate?: boolean }).duplicate];
    };
    const first = await startReal(TEXT, { dir });
    expect(await send(first.controller.url)).toEqual([202, false]);
    expect(await send(first.controller.url)).toEqual([200, true]);
    expect(await send(first.controller.url, { 'x-drover-signature': `${signature},${'0'.repeat(64)}` })).toEqual([200, true]);
    await first.stop();
    const second = await startReal(TEXT, { dir });
    expect(await send(second.controller.url)).toEqual([200, true]);
    const events = await second.controller.store.events({ type: 'alert.fired' }, { before: null, limit: 10 });
    expect(events).toHaveLength(1);
  });

  it('fifty copies at the same moment have one effect', async () => {
    const { controller, ask } = await startReal(TEXT, { dir: home() });
    const body = JSON.stringify({ name: 'Busy', id: 'b', at: Math.floor(Date.now() / 1000) });
    const headers = { ...bearer(KEY), 'content-type': 'application/json', 'webhook-id': 'msg_1' };
    const replies = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const reply = await fetch(`${controller.url}/hooks/other`, { method: 'POST', headers, body });
        return ((await reply.json()) as { duplicate: boolean }).duplicate;
      }),
    );
    expect(replies.filter((duplicate) => !duplicate)).toHaveLength(1);
    const { events } = (await (await ask('GET', '/api/v1/events?type=alert.fired')).json()) as { events: unknown[] };
    expect(events).toHaveLength(1);
  });
});
