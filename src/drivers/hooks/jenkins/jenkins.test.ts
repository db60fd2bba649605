import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startJenkins, type TestJenkins, type TestJenkinsSetup, type TestJob } from '../../../../test/support/jenkins.ts';
import { realPorts } from '../../../../test/support/ports.ts';
import type { HookContext } from '../../../ports/hook.ts';
import { hookContract, type Received } from '../../../testing/hook-contract.ts';
import { manifest } from './driver.ts';

const [PASSWORD, TOKEN] = ['pass-canary-7731', 'token-canary-7731'];
const USERS = { robot: { password: PASSWORD, token: TOKEN } };
const TOLD = {
  DROVER_STEP: '',
  DROVER_GROUP: '',
  DROVER_INSTANCE: '',
  DROVER_MACHINE_ID: '',
  DROVER_ADDRESS: '',
  DROVER_PORT: 'none',
  DROVER_ZONE: 'none',
  DROVER_TOKEN: '',
};
const FAST = { poll_every: '50ms' };

hookContract('jenkins', async () => {
  const ports = realPorts();
  writeFileSync(join(ports.baseDir, 'key'), TOKEN, { mode: 0o600 });
  const jobs: Record<string, TestJob> = {
    told: { parameters: TOLD },
    fails: { parameters: TOLD, run: () => ({ result: 'FAILURE', afterMs: 0 }) },
    hangs: { parameters: TOLD, run: () => null },
  };
  const jenkins = await startJenkins({ users: USERS, jobs });
  const auth = { user: 'robot', token: { file: join(ports.baseDir, 'key') } };
  const open = (job: string) => manifest.open(manifest.options.parse({ url: jenkins.url, job, auth, ...FAST }), ports);
  return {
    openSucceeding: () => open('told'),
    openFailing: () => open('fails'),
    openHanging: () => open('hangs'),
    openMissing: () => open('nothing'),
    received: async () =>
      jenkins.builds
        .filter((build) => build.job === 'told')
        .map(({ parameters: p }): Received => {
          const { DROVER_STEP: step, DROVER_GROUP: group, DROVER_INSTANCE: instance, DROVER_MACHINE_ID: machineId } = p;
          return { step, group, instance, machineId, address: p['DROVER_ADDRESS'], port: p['DROVER_PORT'], zone: p['DROVER_ZONE'], token: p['DROVER_TOKEN'] };
        }),
    recognisesRepeats: true,
    canary: TOKEN,
    teardown: async () => {
      await jenkins.close();
      rmSync(ports.baseDir, { recursive: true, force: true });
    },
  };
});

describe('jenkins hook', () => {
  const opened: TestJenkins[] = [];
  const directories: string[] = [];
  afterEach(async () => {
    for (const jenkins of opened.splice(0)) await jenkins.close();
    for (const d of directories.splice(0)) rmSync(d, { recursive: true, force: true });
  });
  const context: HookContext = {
    group: 'web',
    instance: 'web-7',
    machineId: 'm-1',
    address: '10.0.0.7',
    port: 80,
    zone: null,
    step: 'before_attach',
    token: 'tok-1',
  };
  const signal = AbortSignal.timeout(15_000);
  const JOB: TestJob = { parameters: { DROVER_TOKEN: '', HOST: '', NAME: 'x' } };

  async function world(job: Partial<TestJob> = {}, more: Partial<TestJenkinsSetup> = {}, options: object = {}) {
    const ports = realPorts();
    directories.push(ports.baseDir);
    for (const [name, value] of Object.entries({ password: PASSWORD, token: TOKEN })) writeFileSync(join(ports.baseDir, name), value, { mode: 0o600 });
    const jenkins = await startJenkins({ jobs: { 'team/scale up': { ...JOB, ...job } }, users: USERS, ...more });
    opened.push(jenkins);
    const auth = { user: 'robot', token: { file: join(ports.baseDir, 'token') } };
    const parsed = manifest.options.parse({ url: jenkins.url, job: 'team/scale up', auth, ...FAST, ...options });
    return { ports, jenkins, hook: await manifest.open(parsed, ports), password: { user: 'robot', password: { file: join(ports.baseDir, 'password') } } };
  }
  const triggers = (jenkins: TestJenkins) => jenkins.requests.filter((one) => one.method === 'POST');
  const failure = (run: Promise<void>) =>
    run.then(
      () => ({ code: 'it succeeded', message: '' }),
      (e: { code: string; message: string }) => ({ code: e.code, message: e.message }),
    );

  it('triggers a job in a folder with parameters filled in, and waits until it is through', async () => {
    const { jenkins, hook } = await world(
      { quietMs: 60, run: () => ({ result: 'SUCCESS', afterMs: 150 }) },
      { prefix: '/jenkins', rootUrl: 'https://ci.example.com/' },
      { parameters: { HOST: '{{ip}}:{{port}} & {{instance}}' } },
    );
    await hook.run(context, signal);
    expect(jenkins.builds).toMatchObject([
      { number: 1, job: 'team/scale up', result: 'SUCCESS', parameters: { DROVER_TOKEN: 'tok-1', HOST: '10.0.0.7:80 & web-7', NAME: 'x' } },
    ]);
    expect(triggers(jenkins)).toHaveLength(1);
    expect(triggers(jenkins)[0]).toMatchObject({ url: '/jenkins/job/team/job/scale%20up/buildWithParameters' });
    expect(triggers(jenkins)[0]?.headers['jenkins-crumb']).toBeUndefined();
    expect(jenkins.requests.some((one) => one.url.includes('canary'))).toBe(false);
  });

  it('with a password has a crumb and its session, and another one when that has ended', async () => {
    const w = await world();
    const hook = await manifest.open(manifest.options.parse({ url: w.jenkins.url, job: 'team/scale up', auth: w.password, ...FAST }), w.ports);
    await hook.run(context, signal);
    expect(triggers(w.jenkins)[0]?.headers).toMatchObject({ cookie: expect.stringMatching(/^JSESSIONID\.7ab1=node0\w+\.node0; theme=dark$/) });
    // Its sessions end between the crumb and the trigger.
    let ended = false;
    const http = {
      request: async (request: Parameters<typeof w.ports.http.request>[0]) => {
        const reply = await w.ports.http.request(request);
        if (request.url.includes('crumbIssuer') && !ended) w.jenkins.endSessions();
        ended ||= request.url.includes('crumbIssuer');
        return reply;
      },
    };
    const again = await manifest.open(manifest.options.parse({ url: w.jenkins.url, job: 'team/scale up', auth: w.password, ...FAST }), { ...w.ports, http });
    await again.run({ ...context, token: 'tok-2' }, signal);
    expect([triggers(w.jenkins).length, w.jenkins.requests.filter((one) => one.url.includes('crumbIssuer')).length]).toEqual([3, 3]);
    expect(w.jenkins.builds).toHaveLength(2);
  });

  it.each([
    ['FAILURE', false],
    ['ABORTED', true],
    ['NOT_BUILT', true],
    ['UNSTABLE', false],
  ] as const)('%s is a failure that says where to look', async (result, allowUnstable) => {
    const { jenkins, hook } = await world({ run: () => ({ result, afterMs: 0 }) }, {}, { allow_unstable: allowUnstable });
    expect(await failure(hook.run(context, signal))).toEqual({
      code: 'unknown',
      message: `team/scale up #1 ended with ${result}: ${jenkins.url}/job/team/job/scale%20up/1/`,
    });
  });

  it('UNSTABLE is enough where it is allowed', async () => {
    const { hook } = await world({ run: () => ({ result: 'UNSTABLE', afterMs: 0 }) }, {}, { allow_unstable: true });
    await hook.run(context, signal);
  });

  it.each(['after', 'before', 'location'] as const)('a trigger whose answer is lost (%s it was taken) starts the job once', async (when) => {
    const { jenkins, hook } = await world({ quietMs: 30 });
    jenkins.lose = [when];
    const said = await failure(hook.run(context, signal));
    if (when === 'before') {
      expect(said.code).toBe('unreachable');
      expect(jenkins.builds).toEqual([]);
      await hook.run(context, signal);
    } else expect(said.code).toBe('it succeeded');
    expect(jenkins.builds).toHaveLength(1);
  });

  it('a repeat follows what stands in the queue or runs already', async () => {
    let done = false;
    const { jenkins, hook } = await world({ run: () => (done ? { result: 'SUCCESS', afterMs: 0 } : null) });
    jenkins.blocked = 'All nodes of label ‘x’ are offline';
    const queued = await failure(hook.run(context, AbortSignal.timeout(300)));
    expect(queued).toMatchObject({ code: 'unreachable', message: expect.stringContaining('All nodes of label') });
    jenkins.blocked = null;
    await expect.poll(() => jenkins.builds.length, { timeout: 5000 }).toBe(1);
    expect(await failure(hook.run(context, AbortSignal.timeout(300)))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('/job/scale%20up/1/'),
    });
    const [one, two] = [hook.run(context, signal), hook.run(context, signal)];
    done = true;
    await Promise.all([one, two]);
    expect([jenkins.builds.length, triggers(jenkins).length]).toEqual([1, 1]);
    // Another step is another build.
    await hook.run({ ...context, token: 'tok-2' }, signal);
    expect(jenkins.builds).toHaveLength(2);
  });

  it('a try after a failure is a build of its own', async () => {
    let good = false;
    const { jenkins, hook } = await world({ run: () => ({ result: good ? 'SUCCESS' : 'FAILURE', afterMs: 0 }) });
    expect((await failure(hook.run(context, signal))).message).toContain('#1 ended with FAILURE');
    good = true;
    jenkins.lose = ['after'];
    await hook.run(context, signal);
    expect(jenkins.builds.map((build) => build.result)).toEqual(['FAILURE', 'SUCCESS']);
  });

  it('bears with a Jenkins that restarts meanwhile, and with a queue that has forgotten', async () => {
    const { jenkins, hook } = await world({ quietMs: 200, run: () => ({ result: 'SUCCESS', afterMs: 400 }) }, { keepLeftMs: 0 }, { poll_every: '200ms' });
    const run = hook.run(context, signal);
    await expect.poll(() => triggers(jenkins).length, { timeout: 5000, interval: 5 }).toBe(1);
    jenkins.refuse = [503, 502, 500, 429];
    await run;
    expect(jenkins.builds).toHaveLength(1);
  });

  it('says when it was cancelled in the queue', async () => {
    const { jenkins, hook } = await world({ quietMs: 60_000 });
    const run = failure(hook.run(context, signal));
    await expect.poll(() => triggers(jenkins).length, { timeout: 5000 }).toBe(1);
    jenkins.cancel(1);
    expect(await run).toMatchObject({ code: 'unknown', message: expect.stringContaining('cancelled in the queue') });
  });

  it('starts nothing that it could not find again, or that is not what was asked for', async () => {
    const refused = async (job: Partial<TestJob>, options: object = {}) => {
      const { jenkins, hook } = await world(job, {}, options);
      const said = await failure(hook.run(context, signal));
      expect(triggers(jenkins)).toEqual([]);
      return said;
    };
    expect(await refused({ parameters: { HOST: '' } })).toEqual({
      code: 'bad-request',
      message: expect.stringContaining('no parameter DROVER_TOKEN; add it there (a string): without it a lost answer'),
    });
    expect(await refused({ parameters: null })).toMatchObject({ code: 'bad-request' });
    expect(await refused({}, { token_parameter: 'HOST', parameters: { OTHER: 'x' } })).toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining('no parameter OTHER'),
    });
    expect(await refused({ disabled: true })).toEqual({ code: 'bad-request', message: 'the job team/scale up is disabled' });
    expect(await refused({}, { job: 'team/other' })).toMatchObject({ code: 'not-found' });
    expect(await refused({}, { parameters: { NAME: '{{zone}}' } })).toMatchObject({ code: 'bad-request' });
  });

  it('says what Jenkins says, without the secret', async () => {
    const w = await world();
    writeFileSync(join(w.ports.baseDir, 'token'), 'wrong-canary', { mode: 0o600 });
    const said = await failure(w.hook.run(context, signal));
    expect(said).toMatchObject({ code: 'unauthorized', message: expect.stringContaining('answered 401: Error 401 Invalid password/token for user: robot') });
    const nobody = await manifest.open(manifest.options.parse({ url: w.jenkins.url, job: 'team/scale up', ...FAST }), w.ports);
    expect(await failure(nobody.run(context, signal))).toMatchObject({ code: 'unauthorized', message: expect.stringContaining('Authentication required') });
    expect(said.message).not.toContain('canary');
  });

  it.each([
    [{ url: 'ftp://ci/', job: 'a' }, 'http://'],
    [{ url: 'http://robot:x@ci/', job: 'a' }, 'auth'],
    [{ url: 'http://ci/', job: '/a' }, 'folders'],
    [{ url: 'http://ci/', job: 'a/../b' }, '..'],
    [{ url: 'http://ci/', job: 'a', parameters: { A: '{{adress}}' } }, '{{adress}}'],
    [{ url: 'http://ci/', job: 'a', auth: { user: 'x', token: 'clear' } }, 'auth'],
    [{ url: 'http://ci/', job: 'a', retries: 3 }, 'retries'],
  ])('refuses wrong options by name: %j', (options, word) => {
    expect(JSON.stringify(manifest.options.safeParse(options).error?.issues ?? 'fine')).toContain(word);
  });
});
