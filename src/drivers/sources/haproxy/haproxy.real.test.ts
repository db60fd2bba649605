import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RealHaproxy, startRealHaproxy } from '../../../../test/support/haproxy.ts';
import { sendRequests, startTestMember, type TestMember } from '../../../../test/support/member.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import { describeWith } from '../../../../test/support/real.ts';
import type { Source } from '../../../ports/source.ts';
import { manifest } from './driver.ts';
import type { HaproxySourceQuery } from './options.ts';

const never = new AbortController().signal;

describeWith(['haproxy'], 'haproxy source, real HAProxy', () => {
  let haproxy: RealHaproxy;
  let member: TestMember;
  beforeAll(async () => {
    member = await startTestMember('m-1');
    // One session at a time, so that requests queue.
    haproxy = await startRealHaproxy((c) =>
      c.replace(/^backend api\n/m, `backend api\n  server m1 127.0.0.1:${member.port} maxconn 1\n  server m2 127.0.0.1:9 disabled\n`),
    );
  });
  afterAll(async () => {
    await haproxy?.close();
    await member?.stop();
  });

  const opened = (): Promise<[string, Source<HaproxySourceQuery>][]> =>
    Promise.all(
      [{ socket: haproxy.socket }, { address: haproxy.address }, { url: haproxy.statsUrl }].map(
        async (given): Promise<[string, Source<HaproxySourceQuery>]> => [
          Object.keys(given)[0] ?? '',
          await manifest.open(manifest.options.parse(given), realPorts()),
        ],
      ),
    );
  const query = (metric: string, more: object = { backend: 'api' }) => manifest.query.parse({ metric, window: '1s', ...more });

  it('sees open connections and the queue, the same over all three ways', async () => {
    const slow = sendRequests(`${haproxy.api}/wait?ms=3000`, 4);
    await poll(async () => member.open() === 1);
    for (const [way, source] of await opened()) {
      await poll(async () => ((await source.read(query('queue'), never)) as { value?: number }).value === 3);
      expect([way, await source.read(query('connections'), never)]).toMatchObject([way, { kind: 'value', value: 4, members: 1 }]);
      expect([way, await source.read(query('sessions_per_server'), never)]).toMatchObject([way, { kind: 'value', value: 4 }]);
      expect([way, await source.read(query('connections', { frontend: 'public_api' }), never)]).toMatchObject([way, { kind: 'value', value: 4 }]);
      expect([way, await source.read(query('connections', { backend: 'nope' }), never)]).toMatchObject([way, { kind: 'missing', reason: 'absent' }]);
    }
    await haproxy.kill();
    expect((await slow).failed).toBe(4);
    for (const [way, source] of await opened())
      expect([way, await source.read(query('queue'), never)]).toMatchObject([way, { kind: 'missing', reason: 'source-error' }]);
    await haproxy.start();
  });

  it('measures real traffic: rates, errors, response time; then idle; then a restart', async () => {
    for (const [way, source] of await opened()) {
      const read = (metric: string, more?: object) => source.read(query(metric, more), never);
      expect([way, await read('request_rate')]).toMatchObject([way, { kind: 'missing', reason: 'absent' }]);
      const startMs = performance.now();
      await Promise.all([sendRequests(`${haproxy.api}/?code=200`, 30), sendRequests(`${haproxy.api}/?code=500`, 10)]);
      await sendRequests(`${haproxy.api}/wait?ms=120`, 8);
      await poll(async () => performance.now() - startMs > 1050);
      const rate = await read('request_rate');
      const seconds = (performance.now() - startMs) / 1000;
      // 48 requests over the time between the two readings, which is a little more than we can see from here.
      expect(rate).toMatchObject({ kind: 'value', members: 1 });
      if (rate.kind === 'value') {
        expect(rate.value).toBeLessThanOrEqual(48 / 1);
        expect(rate.value).toBeGreaterThan((48 / seconds) * 0.7);
      }
      expect([way, await read('error_ratio')]).toMatchObject([way, { kind: 'value', value: 10 / 48 }]);
      expect([way, await read('session_rate', { frontend: 'public_api' })]).toMatchObject([way, { kind: 'missing', reason: 'absent' }]);
      const time = await read('response_time');
      expect([way, time]).toMatchObject([way, { kind: 'value' }]);
      if (time.kind === 'value') expect(time.value).toBeGreaterThan(0);
      // Nothing for longer than the window: the rate is a true zero, the frozen average is none.
      await poll(async () => ((await read('request_rate')) as { value?: number }).value === 0);
      expect([way, await read('response_time')]).toMatchObject([way, { kind: 'missing', reason: 'stale' }]);
      expect([way, await read('error_ratio')]).toMatchObject([way, { kind: 'missing', reason: 'empty' }]);
      await haproxy.kill();
      await haproxy.start();
      expect([way, await read('request_rate')]).toMatchObject([way, { kind: 'missing', reason: 'absent', detail: expect.stringContaining('anew') }]);
    }
  });
});

async function poll(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !(await holds()); ) {
    if (performance.now() > end) throw new Error('did not come true within 10 s');
    await new Promise((go) => setTimeout(go, 30));
  }
}
