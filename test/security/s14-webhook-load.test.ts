import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configOf, startReal, tempDir } from './support.ts';

const DELIVERIES = 10_000;
const SENDERS = 16;
const SECRET = 's'.repeat(32);
const TEXT = configOf(
  `  web: { cloud: local, template: { command: [sleep, "600"] }, health: none, min: 0, max: 2, evaluate_every: 1s, policies: [{ type: alert, alert: Never, receiver: am, while_firing: { min: 1 } }] }\n`,
  'receivers: { am: { format: generic, name: /name, fingerprint: /id, starts_at: /at, status: { at: /state, firing: [on], resolved: [off] }, auth: { bearer: { file: ./secret } } } }\n',
);

/**
 * An alert wakes its groups at once rather than at their next interval; one that comes while a group is being evaluated is folded into one more
 * evaluation. So there are far fewer evaluations than deliveries, and never two at once.
 */
describe('S14 ten thousand valid deliveries', () => {
  it('are each taken or told to wait, and are folded into a few evaluations', { timeout: 300_000 }, async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'secret'), SECRET, { mode: 0o600 });
    const { controller } = await startReal(TEXT.replace('log_level: debug', 'log_level: warn'), { dir });
    const { port } = new URL(controller.url);
    const agent = new Agent({ keepAlive: true, maxSockets: SENDERS });
    const at = Math.floor(Date.now() / 1000);
    const send = (n: number): Promise<{ status: number; retryAfter: string | undefined }> =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' };
        const ask = request({ host: '127.0.0.1', port, path: '/hooks/am', method: 'POST', agent, headers }, (reply) => {
          reply.resume();
          reply.once('end', () => resolve({ status: reply.statusCode ?? 0, retryAfter: reply.headers['retry-after'] }));
        });
        ask.once('error', reject);
        // A hundred alerts that come, go and come: every delivery would be a reason to evaluate.
        ask.end(JSON.stringify({ name: 'Busy', id: `a${n % 100}`, at: at + Math.floor(n / 200), state: Math.floor(n / 100) % 2 === 0 ? 'on' : 'off' }));
      });
    const counts: Record<number, number> = {};
    let next = 0;
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        while (next < DELIVERIES) {
          const { status, retryAfter } = await send(next++);
          counts[status] = (counts[status] ?? 0) + 1;
          if (status === 429 || status === 503) expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
        }
      }),
    );
    agent.destroy();
    expect(
      Object.keys(counts)
        .map(Number)
        .every((status) => [200, 202, 429, 503].includes(status)),
      JSON.stringify(counts),
    ).toBe(true);
    expect((counts[200] ?? 0) + (counts[202] ?? 0)).toBeGreaterThan(DELIVERIES / 2);
    const metrics = await (await fetch(`${controller.url}/metrics`)).text();
    const decisions = [...metrics.matchAll(/^drover_decisions_total\{group="web".*\} (\d+)$/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
    expect(decisions).toBeGreaterThan(0);
    expect(decisions).toBeLessThanOrEqual(DELIVERIES / 4);
    expect((await fetch(`${controller.url}/healthz`)).status).toBe(200);
  });
});
