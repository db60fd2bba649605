import { describe, expect, it } from 'vitest';
import { bearer, freshAddress, openBench, openReceivers } from '../../../test/security/support.ts';
import type { Log } from '../../ports/ports.ts';
import { JENKINS_ROUTES } from './jenkins-routes.ts';

const FILE = `version: 1
server: { listen: '127.0.0.1:0' }
receivers:
  ci:
    format: jenkins
    auth: { basic: { username: robot, password: { file: ./password } } }
    jobs: { scale-up: { parameters: { AMOUNT: 1 } }, team/scale down: {} }
  hook: { format: jenkins, auth: { bearer: { file: ./token } }, jobs: { grow: { parameters: { BY: 1 } } }, webhook: { body: parameters, jobs: [grow] } }
  graf: { format: jenkins, auth: { bearer: { file: ./other } }, webhook: { body: grafana } }
  am: { format: jenkins, auth: token, jobs: { tokened: {} } }
groups: {}
`;
const [PASSWORD, TOKEN, OTHER] = ['p4ssword-canary', 'tok-canary-1', 'oth-canary-2'];
const basic = (user: string, password: string) => ({ authorization: `Basic ${btoa(`${user}:${password}`)}` });
const ROBOT = basic('robot', PASSWORD);
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

async function open(text = FILE, host = 'drover.example') {
  const lines: string[] = [];
  const keep = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const { receivers } = await openReceivers(text, { password: PASSWORD, token: TOKEN, other: OTHER });
  const bench = await openBench({ receivers, log });
  const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, headers: Record<string, string> = {}, payload?: string) =>
    bench.app.inject({ method, url, headers: { host, ...headers }, remoteAddress: freshAddress(), ...(payload === undefined ? {} : { payload }) });
  return { ...bench, ask, lines };
}

async function crumbOf(ask: Awaited<ReturnType<typeof open>>['ask'], cookie?: string) {
  const reply = await ask('GET', '/crumbIssuer/api/json', { ...ROBOT, ...(cookie === undefined ? {} : { cookie }) });
  expect(reply.statusCode).toBe(200);
  const { crumb, crumbRequestField } = reply.json();
  return { crumb, crumbRequestField, cookie: String(reply.headers['set-cookie']).split(';')[0] ?? '', whole: String(reply.headers['set-cookie']) };
}

describe('a trigger of a job', () => {
  it('with a password needs a crumb of its session', async () => {
    const { ask, state } = await open();
    const bare = await ask('POST', '/job/scale-up/buildWithParameters', ROBOT);
    expect([bare.statusCode, bare.headers['content-type']]).toEqual([403, 'text/html;charset=utf-8']);
    expect(bare.body).toContain('HTTP ERROR 403 No valid crumb was included in the request');
    expect(state.rejected.at(-1)).toMatchObject({ receiver: 'ci', details: { status: 403, code: 'no-valid-crumb' } });
    const one = await crumbOf(ask);
    expect(one.crumbRequestField).toBe('Jenkins-Crumb');
    expect(one.whole).toMatch(/^JSESSIONID\.drover=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect((await crumbOf(ask, one.cookie)).crumb).toBe(one.crumb);
    const other = await crumbOf(ask);
    for (const headers of [{ cookie: one.cookie }, { 'jenkins-crumb': one.crumb }, { cookie: other.cookie, 'jenkins-crumb': one.crumb }]) {
      expect((await ask('POST', '/job/scale-up/buildWithParameters', { ...ROBOT, ...headers })).statusCode).toBe(403);
    }
    const good = await ask('POST', '/job/scale-up/buildWithParameters?AMOUNT=2', { ...ROBOT, cookie: one.cookie, 'jenkins-crumb': one.crumb });
    expect([good.statusCode, good.headers['location'], good.body]).toEqual([201, 'http://drover.example/queue/item/1/', '']);
    expect(good.headers['x-jenkins']).toMatch(/^2\./);
  });

  it('with a token needs none, and the token may be the password of any user', async () => {
    const { ask, token } = await open();
    for (const headers of [bearer(TOKEN), basic('anyone', TOKEN)]) {
      expect((await ask('POST', '/job/grow/buildWithParameters', headers)).statusCode).toBe(201);
    }
    for (const headers of [bearer(token.receiver), basic('x', token.receiver)]) expect((await ask('POST', '/job/tokened/build', headers)).statusCode).toBe(201);
    // It opens the receiver it is named for, and no other.
    expect((await ask('POST', '/job/grow/buildWithParameters', bearer(token.receiver))).statusCode).toBe(401);
    expect((await ask('POST', '/job/tokened/build', bearer(token.admin))).statusCode).toBe(401);
  });

  it('is refused without or with wrong credentials, told and counted like any other', async () => {
    const { ask, state, app } = await open();
    for (const headers of [{}, basic('robot', 'wrong'), basic('someone', PASSWORD), bearer('wrong'), { token: TOKEN }]) {
      const reply = await ask('POST', '/job/scale-up/buildWithParameters', headers as Record<string, string>);
      expect(reply.statusCode, JSON.stringify(headers)).toBe(401);
      expect(reply.headers['www-authenticate']).toBe('Bearer realm="drover", Basic realm="Jenkins"');
    }
    expect(state.rejected).toHaveLength(5);
    expect(state.events.filter((e) => e.type === 'access.denied')).toHaveLength(5);
    const codes: number[] = [];
    for (let i = 0; i < 30; i++) codes.push((await app.inject({ method: 'POST', url: '/job/scale-up/build', headers: { host: 'x' } })).statusCode);
    expect([codes.filter((c) => c === 401).length, codes.filter((c) => c === 429).length]).toEqual([20, 10]);
  });

  it('finds jobs in folders, takes forms, queries and the form of /build', async () => {
    const { ask } = await open();
    const session = await crumbOf(ask);
    const headers = { ...ROBOT, cookie: session.cookie, 'jenkins-crumb': session.crumb };
    expect((await ask('POST', '/job/team/job/scale%20down/build', headers)).statusCode).toBe(201);
    const item = async (location: unknown) => (await ask('GET', `${new URL(String(location)).pathname}api/json`, ROBOT)).json();
    const posted = await ask('POST', '/job/scale-up/buildWithParameters?delay=0sec', { ...headers, ...FORM }, 'AMOUNT=a%20b&OTHER=1');
    expect(await item(posted.headers['location'])).toMatchObject({
      _class: 'hudson.model.Queue$LeftItem',
      params: '\nAMOUNT=a b',
      why: null,
      cancelled: false,
      task: { name: 'scale-up', url: 'http://drover.example/job/scale-up/' },
      executable: { number: 1, url: 'http://drover.example/job/scale-up/1/' },
    });
    const form = `json=${encodeURIComponent('{"parameter":[{"name":"AMOUNT","value":"7"}]}')}`;
    const built = await ask('POST', '/job/scale-up/build', { ...headers, ...FORM }, form);
    expect(await item(built.headers['location'])).toMatchObject({
      _class: 'hudson.model.Queue$WaitingItem',
      params: '\nAMOUNT=7',
      why: 'In the quiet period. Expires in 5 sec',
    });
    const bare = await ask('POST', '/job/scale-up/build', headers);
    expect([bare.statusCode, bare.body.includes('Nothing is submitted')]).toEqual([400, true]);
    for (const wrong of ['{', '[]x', '{"parameter":[{"value":"7"}]}', '{"parameter":[null]}']) {
      expect((await ask('POST', '/job/scale-up/build', { ...headers, ...FORM }, `json=${encodeURIComponent(wrong)}`)).statusCode, wrong).toBe(400);
    }
  });

  it('is one with an equal one that is queued, or with the same key', async () => {
    const { ask, clock } = await open();
    const post = async (query: string, headers: Record<string, string> = {}) =>
      new URL(String((await ask('POST', `/job/grow/buildWithParameters${query}`, { ...bearer(TOKEN), ...headers })).headers['location'])).pathname;
    expect(await Promise.all([post(''), post(''), post('?BY=1'), post('?BY=2')])).toEqual([1, 1, 1, 2].map((n) => `/queue/item/${n}/`));
    clock.advance(5000);
    expect(await post('', { 'idempotency-key': 'k1' })).toBe('/queue/item/3/');
    clock.advance(60_000);
    expect(await post('?BY=9', { 'idempotency-key': 'k1' })).toBe('/queue/item/3/');
    expect(await post('')).toBe('/queue/item/4/');
  });

  it('tells what is there, and nothing to who is not known', async () => {
    const { ask, clock } = await open();
    const job = async () => (await ask('GET', '/job/grow/api/json', bearer(TOKEN))).json();
    expect(await job()).toMatchObject({ name: 'grow', nextBuildNumber: 1, lastBuild: null, inQueue: false, color: 'notbuilt', builds: [] });
    await ask('POST', '/job/grow/buildWithParameters', bearer(TOKEN));
    expect(await job()).toMatchObject({ nextBuildNumber: 2, lastBuild: null, inQueue: true });
    expect((await ask('GET', '/job/grow/lastBuild/api/json', bearer(TOKEN))).statusCode).toBe(404);
    clock.advance(5000);
    const property = [{ parameterDefinitions: [{ name: 'BY', defaultParameterValue: { value: '1' } }] }];
    expect(await job()).toMatchObject({ lastBuild: { number: 1 }, inQueue: false, property });
    for (const which of ['1', 'lastBuild', 'lastCompletedBuild']) {
      expect((await ask('GET', `/job/grow/${which}/api/json?tree=result`, bearer(TOKEN))).json(), which).toMatchObject({
        number: 1,
        queueId: 1,
        building: false,
        result: 'NOT_BUILT',
        description: 'No group has a policy for this job.',
        fullDisplayName: 'grow #1',
      });
    }
    for (const path of [
      '/job/nothing/build',
      '/job/grow/2/api/json',
      '/job/grow/lastSuccessfulBuild/api/json',
      '/job/grow/x',
      '/job/',
      '/queue/item/9/api/json',
      '/queue/item/x/api/json',
    ]) {
      const method = path.endsWith('build') ? 'POST' : 'GET';
      const reply = await ask(method, path, bearer(TOKEN));
      expect([reply.statusCode, reply.body.includes('HTTP ERROR 404 Not Found')], path).toEqual([404, true]);
      expect((await ask(method, path)).statusCode, path).toBe(401);
    }
    // What belongs to another receiver is not there for this one.
    expect((await ask('GET', '/queue/item/1/api/json', ROBOT)).statusCode).toBe(404);
    expect((await ask('GET', '/job/grow/api/json', ROBOT)).statusCode).toBe(401);
    const get = await ask('GET', '/job/grow/build', bearer(TOKEN));
    expect([get.statusCode, get.headers['allow']]).toEqual([405, 'POST']);
  });
});

describe('the generic webhook', () => {
  const URL = '/generic-webhook-trigger/invoke';
  it.each([
    ['in the address', `${URL}?token=${TOKEN}`, {}, ''],
    ['in a header', URL, { token: TOKEN }, ''],
    ['as a bearer', URL, bearer(TOKEN), ''],
    ['as GitLab sends it', URL, { 'x-gitlab-token': TOKEN }, ''],
    ['as a password', URL, basic('user', TOKEN), ''],
    ['in a form', URL, FORM, `token=${TOKEN}&BY=1`],
  ])('takes its token %s, by any method', async (_, url, headers, body) => {
    const { ask, lines, state, clock } = await open();
    for (const method of ['POST', 'PUT', 'GET', 'DELETE'] as const) {
      if (method === 'GET' && body !== '') continue;
      const reply = await ask(method, url, headers as Record<string, string>, method === 'GET' ? undefined : body);
      expect(reply.statusCode, `${method} ${reply.body}`).toBe(200);
      const { jobs, message } = reply.json();
      expect(message).toBe('Triggered jobs.');
      expect(jobs['grow']).toMatchObject({ triggered: true, resolvedVariables: { BY: '1' }, regexpFilterText: '', regexpFilterExpression: '' });
      expect(jobs['grow'].url).toBe(`queue/item/${jobs['grow'].id}/`);
      clock.advance(10_000);
    }
    const written = lines.join('\n') + JSON.stringify(state.events) + JSON.stringify(state.rejected);
    expect(lines.length).toBeGreaterThan(0);
    expect(written).not.toContain(TOKEN);
    expect(written).not.toContain(btoa(`user:${TOKEN}`));
  });

  it('refuses who is not known, and keeps the wrong token to itself', async () => {
    const { ask, lines, state } = await open();
    for (const [url, headers] of [
      [URL, {}],
      [`${URL}?token=wr0ng-token`, {}],
      [URL, basic('user', 'wr0ng-token')],
      [`${URL}?token=${PASSWORD}`, {}],
    ] as const) {
      const reply = await ask('POST', url, headers, '{}');
      expect([reply.statusCode, reply.json()]).toEqual([401, { jobs: null, message: 'Unauthorized' }]);
    }
    expect(lines.join('\n') + JSON.stringify(state.events) + JSON.stringify(state.rejected)).not.toMatch(/wr0ng|canary/);
    expect(state.rejected).toHaveLength(4);
  });

  it('a token in the address is taken here and nowhere else, and no other credential', async () => {
    const { ask } = await open();
    for (const url of [`/job/grow/build?token=${TOKEN}`, `/crumbIssuer/api/json?token=${TOKEN}`, `${URL}?password=${TOKEN}`, `${URL}/?token=${TOKEN}`]) {
      const reply = await ask('POST', url, bearer(TOKEN));
      expect([reply.statusCode === 401 || reply.statusCode === 404, reply.body.includes(TOKEN)], url).toEqual([true, false]);
    }
  });

  it('as a test is seen and recorded, and does nothing', async () => {
    const { ask, state } = await open();
    const dry = await ask('POST', `${URL}?token=${TOKEN}`, { 'gwt-dry-run': 'true' }, '{"BY":3}');
    expect([dry.statusCode, dry.json()]).toMatchObject([200, { jobs: { grow: { triggered: false, id: 0 } } }]);
    expect(state.rejected).toMatchObject([{ receiver: 'hook', why: expect.stringContaining('gwt-dry-run'), details: { status: 200, code: 'dry-run' } }]);
    expect((await ask('GET', '/job/grow/api/json', bearer(TOKEN))).json()).toMatchObject({ nextBuildNumber: 1 });
  });

  it('takes the alerts of Grafana for what they are', async () => {
    const { ask } = await open();
    const message = (status: string) =>
      JSON.stringify({
        version: '1',
        status,
        alerts: [
          { status, labels: { alertname: 'Mem' }, annotations: {}, startsAt: '2026-11-22T11:00:00Z', endsAt: '2026-11-22T12:00:00Z', fingerprint: 'f1' },
        ],
      });
    const send = async (body: string) => (await ask('POST', URL, bearer(OTHER), body)).json();
    expect((await send(message('firing'))).jobs).toMatchObject({ graf: { triggered: true, resolvedVariables: { fired: '1', resolved: '0' }, id: 0, url: '' } });
    expect((await send(message('resolved'))).jobs).toMatchObject({ graf: { triggered: false, resolvedVariables: { fired: '0', resolved: '1' } } });
    expect(await send('{"alerts":7}')).toMatchObject({ jobs: null });
    // Taken for parameters it would trigger at its end, too.
    const wrong = await ask('POST', URL, bearer(TOKEN), message('resolved'));
    expect([wrong.statusCode, wrong.json().message]).toEqual([400, expect.stringContaining('body: grafana')]);
  });

  it('says of none that there are no jobs', async () => {
    const { ask } = await open('version: 1\nreceivers: { ci: { format: jenkins, auth: { bearer: { file: ./token } }, jobs: { a: {} } } }\ngroups: {}\n');
    const reply = await ask('POST', URL, bearer(TOKEN));
    expect([reply.statusCode, reply.json()]).toEqual([404, { jobs: null, message: 'Did not find any jobs with GenericTrigger configured!\n' }]);
  });
});

describe('the routes of Jenkins', () => {
  it('are not there without a receiver for them, and refuse what no route takes', async () => {
    const none = await open('version: 1\ngroups: {}\n');
    const some = await open();
    for (const { method, url } of JENKINS_ROUTES) {
      const path = url.replace(':item', '1').replace('*', 'grow/build');
      const ask = (bench: typeof none, headers: Record<string, string>) =>
        bench.app.inject({ method, url: path, headers: { host: 'drover.example', ...headers } });
      expect([(await ask(none, bearer(TOKEN))).statusCode, (await ask(none, bearer(TOKEN))).json().code], path).toEqual([404, 'no-such-route']);
      expect((await ask(some, {})).statusCode, path).toBe(401);
      expect((await ask(some, { ...bearer(TOKEN), 'sec-fetch-site': 'cross-site' })).statusCode, path).toBe(403);
      if (method === 'GET') continue;
      expect((await ask(some, { ...bearer(TOKEN), origin: 'https://evil.example' })).statusCode, path).toBe(403);
      expect((await ask(some, { ...bearer(TOKEN), 'content-type': 'multipart/form-data; boundary=x' })).statusCode, path).toBe(415);
      expect((await ask(some, { ...bearer(TOKEN), 'content-encoding': 'gzip' })).statusCode, path).toBe(415);
    }
    expect((await some.ask('POST', '/hooks/ci', ROBOT, '{"job":"scale-up"}')).statusCode).toBe(404);
    expect((await some.ask('POST', '/job/grow/buildWithParameters', { ...bearer(TOKEN), ...FORM }, `BY=${'x'.repeat(1_100_000)}`)).statusCode).toBe(413);
  });

  it('of an open receiver serve this machine under its own names only', async () => {
    const text = "version: 1\nserver: { listen: '127.0.0.1:0' }\nreceivers: { ci: { format: jenkins, auth: none, jobs: { a: {} } } }\ngroups: {}\n";
    const { ask } = await open(text, 'localhost:8470');
    expect((await ask('POST', '/job/a/build')).statusCode).toBe(201);
    expect((await ask('POST', '/job/a/build', { host: 'rebound.example' })).statusCode).toBe(403);
  });

  it('fail without saying why, and count on as if it had not been', async () => {
    const { state, ask } = await open();
    state.fault = Object.assign(new Error('no'), {});
    const failed = await ask('POST', '/job/grow/buildWithParameters', bearer(TOKEN));
    expect([failed.statusCode, failed.body.includes('no"')]).toEqual([500, false]);
    state.fault = null;
    expect((await ask('POST', '/job/grow/buildWithParameters', bearer(TOKEN))).headers['location']).toBe('http://drover.example/queue/item/1/');
  });
});
