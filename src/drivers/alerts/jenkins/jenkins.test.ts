import { describe, expect, it } from 'vitest';
import { alertPolicy, ONCE_UNTIL } from '../../../core/policies/alert.ts';
import { alertFormatContract } from '../../../testing/alert-format-contract.ts';
import { manifest } from './driver.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const OPTIONS = { jobs: { 'scale-up': { parameters: { AMOUNT: 1, team: 'shop' } }, 'team/scale-down': { valid_for: '30s', quiet_period: '0s' } } };
const options = (more: object = {}) => manifest.options.parse({ ...OPTIONS, ...more });
const trigger = (parameters: object = {}, job = 'scale-up') => JSON.stringify({ job, parameters });

alertFormatContract(
  'jenkins',
  manifest.open(options()),
  {
    firing: trigger({ team: 'shop' }),
    repeat: trigger({ team: 'shop', AMOUNT: '1' }),
    resolved: null,
    nextEpisode: trigger({ AMOUNT: '2' }),
    ignored: [],
    foreign: ['{}', '[]', trigger({}, 'scale'), trigger({ AMOUNT: 2 }), '{"job":"scale-up","parameters":[]}', '{"alerts":[],"version":"4"}'],
    many: null,
    name: 'scale-up',
    label: ['team', 'shop'],
  },
  { starts: true },
);

describe('jenkins format', () => {
  const first = (body: string) => {
    const parsed = manifest.open(options()).parse(body, NOW_MS);
    if (parsed.kind !== 'alerts') throw new Error(parsed.why);
    return parsed.alerts[0];
  };

  it('takes the parameters that the job names, with their defaults, and no others', () => {
    expect({ ...first(trigger({ AMOUNT: '3', [ONCE_UNTIL]: '9', other: 'x' }))?.labels }).toEqual({
      AMOUNT: '3',
      team: 'shop',
      [ONCE_UNTIL]: String(NOW_MS + 120_000),
    });
    expect({ ...first(trigger({}, 'team/scale-down'))?.labels }).toEqual({ [ONCE_UNTIL]: String(NOW_MS + 30_000) });
  });

  it('makes an alert that an alert policy takes for one change', () => {
    const alert = first(trigger());
    const o = alertPolicy.options.parse({ alert: 'scale-up', change: '+1' });
    const view = { receiver: 'ci', lastHeardMs: NOW_MS, episode: '', name: '', labels: {}, startsAtMs: NOW_MS, ...alert };
    const context = { atMs: NOW_MS, target: 2, alerts: [view] } as unknown as Parameters<typeof alertPolicy.propose>[0];
    const { proposal, memory } = alertPolicy.propose(context, o, null);
    expect(proposal.arithmetic).toBe('scale-up is firing: +1 once → 3');
    expect(alertPolicy.propose({ ...context, atMs: NOW_MS + 310_000 }, o, memory).proposal.abstains).toBe(true);
  });

  it('tells the routes what they serve', () => {
    expect(manifest.triggers?.(options({ webhook: { body: 'grafana' } }))).toEqual({
      jobs: [
        { name: 'scale-up', parameters: { AMOUNT: '1', team: 'shop' }, validForMs: 120_000, quietMs: 5000 },
        { name: 'team/scale-down', parameters: {}, validForMs: 30_000, quietMs: 0 },
      ],
      webhook: { format: 'grafana' },
      crumb: true,
    });
    expect(manifest.triggers?.(options({ webhook: { body: 'parameters', jobs: ['scale-up'] }, crumb: false }))).toMatchObject({
      webhook: { jobs: ['scale-up'] },
      crumb: false,
    });
  });

  it.each([
    {},
    { jobs: { 'a//b': {} } },
    { jobs: { '../x': {} } },
    { jobs: { a: { parameters: { __proto: 'x' } } } },
    { jobs: { a: { valid_for: '1s' } } },
    { jobs: { a: {} }, webhook: { body: 'parameters' } },
    { jobs: { a: {} }, webhook: { body: 'parameters', jobs: ['b'] } },
    { jobs: { a: {} }, webhook: { body: 'grafana', jobs: ['a'] } },
    { jobs: { a: {} }, more: 1 },
  ])('refuses options that cannot work: %j', (wrong) => expect(manifest.options.safeParse(wrong).success).toBe(false));
});
