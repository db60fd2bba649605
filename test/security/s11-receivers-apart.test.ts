import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bearer, configOf, openBench, openReceivers, startReal, tempDir } from './support.ts';

const FIRING = JSON.stringify({ name: 'Busy' });
const FILE = `version: 1
receivers:
  a: { format: generic, name: /name, auth: { bearer: { file: ./secret-a } } }
  b: { format: generic, name: /name, auth: { bearer: { file: ./secret-b } } }
  am: { format: generic, name: /name }
  other: { format: generic, name: /name }
groups: {}
`;

describe('S11 a receiver’s secret opens that receiver', () => {
  it('a token of Drover for one receiver gets 404 at another, the same as for one that does not exist', async () => {
    const { receivers } = await openReceivers(FILE, { 'secret-a': 'A'.repeat(32), 'secret-b': 'B'.repeat(32) });
    const { app, token, state } = await openBench({ receivers });
    const send = async (receiver: string, credential: string) => {
      const reply = await app.inject({
        method: 'POST',
        url: `/hooks/${receiver}`,
        headers: { ...bearer(credential), host: 'drover.example', 'content-type': 'application/json' },
        payload: FIRING,
      });
      const { request_id: _, ...body } = reply.json();
      return { status: reply.statusCode, body };
    };
    expect((await send('am', token.receiver)).status).toBe(202);
    const foreign = await send('other', token.receiver);
    expect(foreign.status).toBe(404);
    expect(foreign).toEqual(await send('nowhere', token.receiver));
    expect((await send('a', token.receiver)).status).toBe(404);
    // Secrets of their own: the other one's is simply wrong.
    expect((await send('a', 'A'.repeat(32))).status).toBe(202);
    expect((await send('b', 'A'.repeat(32))).status).toBe(401);
    // People's tokens open no receiver, and a receiver's opens nothing else.
    for (const role of ['viewer', 'operator', 'admin'] as const) expect((await send('a', token[role])).status).toBe(401);
    expect((await app.inject({ url: '/api/v1/fleet', headers: bearer(token.receiver) })).statusCode).toBe(403);
    expect(state.calls).toEqual([]);
  });

  /** Which groups listen stands in the file, in their alert policies; a body can only name an alert. */
  it('the group comes from the file: a body that names another one does not reach it', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'secret'), 'S'.repeat(32), { mode: 0o600 });
    const group = (name: string, receiver: string): string =>
      `  ${name}: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 3, policies: [{ type: alert, alert: Busy, receiver: ${receiver}, while_firing: { min: 1 } }] }\n`;
    const declared = ['one', 'two'].map((r) => `  ${r}: { format: generic, name: /name, auth: { bearer: { file: ./secret } } }\n`).join('');
    const { controller, ask } = await startReal(configOf(group('web', 'one') + group('batch', 'two'), `receivers:\n${declared}`), { dir });
    const body = {
      name: 'Busy',
      group: 'batch',
      receiver: 'two',
      groups: ['batch'],
      labels: { group: 'batch', receiver: 'two' },
      commonLabels: { group: 'batch' },
    };
    const reply = await fetch(`${controller.url}/hooks/one?group=batch`, {
      method: 'POST',
      headers: { ...bearer('S'.repeat(32)), 'content-type': 'application/json', 'x-group': 'batch' },
      body: JSON.stringify(body),
    });
    expect([reply.status, ((await reply.json()) as { groups: string[] }).groups]).toEqual([202, ['web']]);
    const { alerts } = (await (await ask('GET', '/api/v1/alerts')).json()) as { alerts: { receiver: string }[] };
    expect(alerts.map((a) => a.receiver)).toEqual(['one']);
    const deadline = Date.now() + 20_000;
    while ((await controller.operations.group('web')).target !== 1 && Date.now() < deadline) await new Promise((go) => setTimeout(go, 100));
    expect([(await controller.operations.group('web')).target, (await controller.operations.group('batch')).target]).toEqual([1, 0]);
  });
});
