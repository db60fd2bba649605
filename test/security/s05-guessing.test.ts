import { describe, expect, it } from 'vitest';
import { bearer, openBench } from './support.ts';

describe('S5 a thousand wrong credentials', () => {
  it('are told to wait after 20, while a right one from the same address always passes', async () => {
    const { app, state, token } = await openBench();
    const codes: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const reply = await app.inject({ url: '/api/v1/fleet', headers: bearer(`drv_${i.toString(16).padStart(64, '0')}`) });
      codes.push(reply.statusCode);
      if (reply.statusCode === 429) expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      if (i % 50 === 0) expect((await app.inject({ url: '/api/v1/fleet', headers: bearer(token.viewer) })).statusCode).toBe(200);
    }
    expect(codes.filter((c) => c === 401)).toHaveLength(20);
    expect(codes.filter((c) => c === 429)).toHaveLength(980);
    expect(state.calls).toEqual([]);
    // Someone at another address has not done anything wrong yet.
    const neighbour = await app.inject({ url: '/api/v1/fleet', headers: bearer('drv_typo'), remoteAddress: '203.0.113.9' });
    expect(neighbour.statusCode).toBe(401);
  });

  /** Not one event each: whoever guesses must not fill the disk. The others are counted in the next one. */
  it('are all audited: a few as events, the rest as a number, the guesses themselves nowhere', async () => {
    const { app, state, clock } = await openBench();
    for (let i = 0; i < 1000; i++) {
      await app.inject({ url: '/api/v1/fleet', headers: bearer('drv_guess') });
      if (i % 10 === 0) clock.advance(100);
    }
    clock.advance(3_600_000);
    await app.inject({ url: '/api/v1/fleet', headers: bearer('drv_guess') });
    const denied = state.events.filter((e) => e.type === 'access.denied');
    expect(denied.length).toBeGreaterThan(4);
    expect(denied.length).toBeLessThan(20);
    expect(denied.reduce((sum, e) => sum + Number(e.data['unwritten']), denied.length)).toBe(1001);
    expect(denied[0]?.data).toMatchObject({ source: '127.0.0.1', method: 'GET', route: '/api/v1/fleet' });
    expect(JSON.stringify(denied)).not.toContain('drv_guess');
  });

  it('from ten thousand addresses stay within bounded memory and a bounded record', async () => {
    const { app, state } = await openBench();
    for (let i = 0; i < 10_000; i++) {
      await app.inject({ url: '/api/v1/fleet', headers: bearer('drv_guess'), remoteAddress: `10.9.${i >> 8}.${i & 255}` });
    }
    expect(state.events.length).toBeLessThanOrEqual(50);
  });
});
