import { describe, expect, it } from 'vitest';
import { createFakeOperations, createFakeState, createTestClock, decisionOf, statusOf, T0 } from '../../test/support/api-world.ts';
import { decisionJson, groupJson, specJson } from './documents.ts';
import { decisionView, hideSecrets, isoTime, specView, statusView } from './view.ts';

describe('the documents', () => {
  it('of a decision says what the record says, in the words of the CLI', () => {
    const view = decisionView(
      decisionOf({
        holds: [{ code: 'HOLD_QUIET', untilMs: T0 + 60_000, from: 3, to: 4, detail: '5 min', key: 'limits.scale_in.after_quiet', at: null }],
        blocked: [{ code: 'BLOCKED_QUOTA', detail: '10 of 10', nextTryMs: null }],
        actions: [{ kind: 'remove', instance: 'web-1', cause: 'scale-in', why: 'oldest' }],
      }),
    );
    expect(decisionJson.parse(view)).toEqual(view);
    expect(view).toMatchObject({
      schema: 'drover.decision/v1',
      id: 'd_8kq2',
      at: '2026-11-22T13:32:07.000Z',
      outcome: 'scale_out',
      proposals: [{ policy: 'traffic', wants: 6, age_s: 11, blocks_shrink: false }],
      limits: [{ code: 'LIMIT_STEP', at: 'drover.yaml:52:18' }],
      holds: [{ code: 'HOLD_QUIET', until: '2026-11-22T13:33:07.000Z' }],
      blocked: [{ code: 'BLOCKED_QUOTA', next_try: null }],
      actions: [{ kind: 'remove', instance: 'web-1', cause: 'scale-in', why: 'oldest', zone: null, replaces: null }],
      count: 1,
      last_at: '2026-11-22T13:32:07.000Z',
    });
  });

  it('never turns what is not known into a number', () => {
    const view = groupJson.parse({ schema: 'drover.group/v1', ...statusView(statusOf('web', { demand: Number.NaN })) });
    expect(view.demand).toBeNull();
    expect(view.readings['cpu']).toMatchObject({ kind: 'missing', value: null, missing: 'source-error', detail: 'connection refused' });
    expect(view.readings['rps']).toMatchObject({ kind: 'value', value: 340, age_s: 11, missing: null });
  });

  it('survives a time that is none', () => {
    expect(isoTime(Number.NaN)).toBe('1970-01-01T00:00:00.000Z');
    expect(isoTime(1e300)).toBe('1970-01-01T00:00:00.000Z');
  });

  it('of a spec has our keys in snake_case, options as written, and no secret', async () => {
    const spec = await createFakeOperations(createFakeState(), createTestClock()).spec('web');
    const view = specJson.parse(specView(spec));
    expect(view.spec).toMatchObject({
      evaluate_every_ms: 15_000,
      limits: { scale_in: { after_quiet_ms: 300_000 } },
      metrics: { rps: { max_age_ms: 60_000, query: 'rate(x[1m])' } },
      policies: [{ name: 'traffic', options: { per_instance: 200 } }],
      template: { options: { image: 'debian-12', env: { DB_PASSWORD: '***' }, token: { file: '/etc/drover/token' } } },
    });
    expect(JSON.stringify(view)).not.toContain('canary-literal');
    expect(view.written).toEqual({ max: 'drover.yaml:9:8' });
  });
});

describe('hideSecrets', () => {
  it('hides every text below a key of a secret, and keeps references and the rest', () => {
    expect(
      hideSecrets({
        headers: { Authorization: 'Bearer abc', Accept: 'x' },
        auth: { username: 'u', password: 'p' },
        api_key: ['a', 'b'],
        apiKey: { env: 'KEY' },
        tokens_per_s: 5,
        password: { env: 'A', extra: 'leak' },
        path: '/x',
        none: null,
      }),
    ).toEqual({
      headers: { Authorization: '***', Accept: 'x' },
      auth: { username: '***', password: '***' },
      api_key: ['***', '***'],
      apiKey: { env: 'KEY' },
      tokens_per_s: 5,
      password: { env: '***', extra: '***' },
      path: '/x',
      none: null,
    });
  });
});
