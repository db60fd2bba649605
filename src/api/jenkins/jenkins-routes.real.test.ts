/** Triggers against a whole controller with machines that are processes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bearer, type RealController, startReal, tempDir } from '../../../test/security/support.ts';
import { until } from '../../../test/support/daemon.ts';

const TOKEN = 'the-token-of-the-sender';
const text = (policies: string, more = '') => `version: 1
server: { listen: '127.0.0.1:0', state: ./state, log_level: error }
receivers:
  ci:
    format: jenkins
    auth: { bearer: { file: ./token } }
    jobs:
      scale-up: { parameters: { WHY: load }, quiet_period: 0s, valid_for: 12s }
      team/scale-down: { quiet_period: 0s, valid_for: 10s }
      nobody: { quiet_period: 0s }
    webhook: { body: alertmanager }
groups:
  web:
    cloud: local
    template: { command: [sleep, "600"] }
    health: none
    min: 1
    max: 4
    evaluate_every: 1s
    limits: { scale_out: { step: 4, every: 1s }, scale_in: { step: 4, every: 1s, after_quiet: 1s } }
    policies: ${policies}
${more}`;
const BOTH =
  '[{ type: alert, name: up, alert: scale-up, change: +1, every: 10s }, { type: alert, name: down, alert: team/scale-down, change: -1, every: 10s }]';

async function start(config: string, dir = tempDir()): Promise<RealController> {
  writeFileSync(join(dir, 'token'), TOKEN, { mode: 0o600 });
  return startReal(config, { dir });
}
interface BuildJson {
  readonly number: number;
  readonly building: boolean;
  readonly result: string | null;
  readonly description: string | null;
}
const post = async (at: RealController, path: string, headers: Record<string, string> = {}, body = '') => {
  const reply = await at.ask('POST', path, body, { ...bearer(TOKEN), ...headers });
  expect(reply.status, `${path}: ${await reply.clone().text()}`).toBeLessThan(300);
  return new URL(reply.headers.get('location') ?? 'http://none/').pathname;
};
const read = async (at: RealController, path: string) =>
  (await at.ask('GET', path, undefined, bearer(TOKEN))).json() as Promise<Record<string, never> & BuildJson>;
const target = async (at: RealController) => (await at.controller.operations.group('web')).target;
const ended = (at: RealController, job: string) =>
  until(
    `${job} is over`,
    async () => {
      const build = await read(at, `/job/${job}/lastBuild/api/json`);
      return build.building ? null : build;
    },
    40_000,
  );

describe('a trigger', () => {
  it('is one machine more each time, once, and its build says so; numbers go on after a restart', async () => {
    const at = await start(text(BOTH));
    await until('the first machine is wanted', async () => ((await target(at)) === 1 ? true : null), 20_000);
    const item = await post(at, '/job/scale-up/buildWithParameters?WHY=one');
    expect(await read(at, `${item}api/json`)).toMatchObject({ id: 1, executable: { number: 1 } });
    expect(await ended(at, 'scale-up')).toMatchObject({ number: 1, result: 'SUCCESS', description: expect.stringContaining('web: ') });
    expect(await target(at)).toBe(2);
    // Two at the same time are two.
    await Promise.all([
      post(at, '/job/scale-up/buildWithParameters?WHY=two'),
      post(at, '/job/scale-up/buildWithParameters?WHY=three', { 'idempotency-key': 'three' }),
    ]);
    await until(
      'both are over',
      async () => {
        const builds = await Promise.all([2, 3].map((n) => read(at, `/job/scale-up/${n}/api/json`)));
        return builds.every((build) => build.result === 'SUCCESS') ? true : null;
      },
      40_000,
    );
    expect(await target(at)).toBe(4);
    await at.stop();
    const again = await start(text(BOTH), at.dir);
    expect(await read(again, '/job/scale-up/3/api/json')).toMatchObject({ number: 3, result: 'SUCCESS' });
    // A repeat is known for one after the restart, too.
    const repeated = await post(again, '/job/scale-up/buildWithParameters?WHY=three', { 'idempotency-key': 'three' });
    expect(['/queue/item/2/', '/queue/item/3/']).toContain(repeated);
    await post(again, '/job/scale-up/buildWithParameters?WHY=four');
    expect((await read(again, '/job/scale-up/4/api/json')).number).toBe(4);
    // Four was the most, so the fourth had nothing to add; that is told at its end.
    expect(await ended(again, 'scale-up')).toMatchObject({ number: 4, result: 'NOT_BUILT', description: expect.stringMatching(/max/) });
    await post(again, '/job/team/job/scale-down/build');
    expect(await ended(again, 'team/job/scale-down')).toMatchObject({ number: 1, result: 'SUCCESS' });
    expect(await target(again)).toBe(3);
  });

  it('that is held says why, and then never acts', async () => {
    const at = await start(text(BOTH));
    await until('the first machine is wanted', async () => ((await target(at)) === 1 ? true : null), 20_000);
    await post(at, '/job/team/job/scale-down/build');
    expect((await read(at, '/job/team/job/scale-down/1/api/json')).building).toBe(true);
    const build = await ended(at, 'team/job/scale-down');
    expect([build.result, build.description]).toEqual(['NOT_BUILT', expect.stringMatching(/^web: .*min/)]);
    const alerts = await at.controller.operations.alerts(false);
    expect(alerts).toEqual([]);
    await post(at, '/job/nobody/build');
    expect(await ended(at, 'nobody')).toMatchObject({ result: 'NOT_BUILT', description: 'No group has a policy for this job.' });
  });

  it('that comes while everything is paused acts when it may, if it is not over by then', async () => {
    const at = await start(text(BOTH));
    await until('the first machine is wanted', async () => ((await target(at)) === 1 ? true : null), 20_000);
    await at.ask('POST', '/api/v1/pause', {});
    await post(at, '/job/scale-up/buildWithParameters');
    await until(
      'the pause was seen to hold it',
      async () => ((await read(at, '/job/scale-up/1/api/json')).building && (await target(at)) === 1 ? true : null),
      10_000,
    );
    await at.ask('POST', '/api/v1/resume');
    expect(await ended(at, 'scale-up')).toMatchObject({ result: 'SUCCESS' });
    expect(await target(at)).toBe(2);
  });
});

describe('the generic webhook', () => {
  it('with the alerts of Alertmanager: a floor while they fire, nothing at a test, and the end creates nothing', async () => {
    const at = await start(text('[{ type: alert, alert: HighLoad, while_firing: { min: 3 } }]'));
    await until('the first machine is wanted', async () => ((await target(at)) === 1 ? true : null), 20_000);
    const alert = { labels: { alertname: 'HighLoad' }, annotations: {}, startsAt: new Date().toISOString(), fingerprint: 'f1' };
    const send = (status: string, headers = {}) =>
      post(
        at,
        '/generic-webhook-trigger/invoke',
        headers,
        JSON.stringify({ version: '4', status, alerts: [{ ...alert, status, endsAt: new Date().toISOString() }] }),
      );
    await send('resolved', { 'gwt-dry-run': 'true' });
    await send('firing', { 'gwt-dry-run': 'true' });
    expect(await at.controller.operations.alerts(true)).toEqual([]);
    await send('firing');
    await until('three are wanted', async () => ((await target(at)) === 3 ? true : null), 20_000);
    await send('resolved');
    await send('resolved');
    await until('it is over', async () => ((await at.controller.operations.alerts(false)).length === 0 ? true : null), 10_000);
    expect(await target(at)).toBeLessThanOrEqual(3);
  });
});
