/** Inputs that found a fault, each with what was wrong. They stay for ever. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openapiDocument } from '../../src/api/openapi.ts';
import { loadRegistry } from '../../src/app/config-file.ts';
import { cronProblem } from '../../src/config/cron-problem.ts';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import { printExpanded } from '../../src/config/print-expanded.ts';
import { parseDuration, parsePercent } from '../../src/core/units.ts';
import { manifest as haproxyBalancer } from '../../src/drivers/balancers/haproxy/driver.ts';
import { manifest as proxyBalancer } from '../../src/drivers/balancers/proxy/driver.ts';
import { manifest as execCloud } from '../../src/drivers/clouds/exec/driver.ts';
import { manifest as haproxySource } from '../../src/drivers/sources/haproxy/driver.ts';
import { manifest as prometheusSource } from '../../src/drivers/sources/prometheus/driver.ts';
import { resolveSchedule } from '../../src/kit/calendar.ts';
import { durationText } from '../../src/kit/duration-text.ts';
import { parseICalDates } from '../../src/kit/ical-dates.ts';
import { heapAfterGc } from './support/fuzz.ts';
import { RECORDED } from './support/haproxy-recordings.ts';
import { stageOf, type Vendor } from './support/vendor-ports.ts';

const registry = await loadRegistry('every');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const load = (text: string): LoadResult => loadConfig({ file: 'drover.yaml', text }, registry, { sha256, fileExists: () => false });
const diagnosticsOf = (text: string) => {
  const result = load(text);
  return result.ok ? result.config.warnings : result.diagnostics;
};

/** Time of the processor, ms: the best of three. */
function costOf(run: () => unknown): number {
  const once = (): number => {
    const from = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1000;
  };
  return Math.max(1, Math.min(once(), once(), once()));
}
const many = (count: number, line: (i: number) => string): string => Array.from({ length: count }, (_, i) => line(i)).join('');

describe('configuration', () => {
  it.each([']', '[[]]', '{} ', '[a]\n', '- a: ', '&a ', '! '])(
    '60,000 characters of %j, each a mistake, cost no more than the reading of a right file',
    (unit) => {
      const right = many(6000, (i) => `k${i}: 1\n`).slice(0, 60_000);
      expect(costOf(() => load(unit.repeat(60_000 / unit.length)))).toBeLessThan(3 * costOf(() => load(right)) + 50);
    },
  );

  it('ten times as many unknown fields do not cost a hundred times as much', () => {
    const file = (count: number): string => `version: 1\ngroups:\n  web:\n${many(count, (i) => `    k${i}: ${i}\n`)}`;
    expect(costOf(() => load(file(9000)))).toBeLessThan(30 * costOf(() => load(file(900))) + 50);
  });

  it('a small file is not answered with megabytes: the first hundred mistakes are told, and how many there are beside', () => {
    for (const text of ['a:\n'.repeat(5000), many(5000, (i) => `k${i}: ${i}\n`)]) {
      const told = diagnosticsOf(text);
      expect(told.length).toBeLessThanOrEqual(100);
      expect(told.at(-1)?.help).toMatch(/\(\d+ more are not listed\)$/);
    }
  });

  it('names in the file cannot steer the terminal of whoever reads the mistakes', () => {
    const told = diagnosticsOf('version: 1\nreceivers: { am: { format: alertmanager, auth: { bearer: { file: "\\e[31m" } } } }\ngroups: {}\n');
    expect(told.length).toBeGreaterThan(0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    for (const d of told) expect(d.message + d.label + d.help).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it('a shorthand and the field it stands for, together, do not silently make one of the two', () => {
    const text =
      'version: 1\ngroups: { web: { cloud: local, template: { command: [./web] }, max: 3, hooks: { before_delete: { exec: [a], command: [b] } } } }\n';
    expect(diagnosticsOf(text).map((d) => d.code)).toContain('E0018');
  });

  it('a text that shows nothing is printed so that it is read back', () => {
    const result = load('version: 1\ngroups: { web: { cloud: local, template: { command: ["\ufeff"] }, max: 3 } }\n');
    if (!result.ok) throw new Error(result.diagnostics[0]?.message);
    const again = load(printExpanded(result.config.expanded));
    expect(again.ok && again.config.hash).toBe(result.config.hash);
  });

  it.each(['0 8 * JANUARY *', '0 8 * * Monday', '5/15 * * * *', '0 0 32W * *', '0 0 0W * *', '0 *-0 * * *'])(
    'the pattern %s, which cannot be run, does not get past the door',
    (pattern) => {
      expect(cronProblem(pattern)?.kind).toBe('invalid');
    },
  );
});

describe('API', () => {
  it.each([
    ['/healthz', 'get', 401],
    ['/api/v1/decisions', 'get', 404],
    ['/api/v1/fleet', 'get', 422],
    ['/api/v1/resume', 'post', 415],
  ])('the document of %s (%s) names the answer %d', (path, method, status) => {
    const { paths } = openapiDocument('0.0.0') as { paths: Record<string, Record<string, { responses: object }>> };
    expect(paths[path]?.[method]?.responses).toHaveProperty(String(status));
  });
});

const silent: Vendor = {
  http: () => ({ status: 500, headers: {}, text: '', broken: false }),
  socket: () => '',
  process: () => ({ exitCode: 1, signal: null, stdout: '', stderr: '' }),
};
const ok = (text: string) => ({ status: 200, headers: {}, text, broken: false });

describe('vendors', () => {
  it.each(['"paid_until":"9'.concat('9'.repeat(400), '"'), '"price_per_hour":-3', '"created_at":-1', '"created_at":1e300'])(
    'a machine with %s is a reply that cannot be',
    async (field) => {
      const { ports, signal } = stageOf({
        ...silent,
        process: () => ({ exitCode: 0, signal: null, stdout: `{"machines":[{"id":"i-1",${field}}]}`, stderr: '' }),
      });
      const cloud = await execCloud.open(execCloud.options.parse({ list: ['l'], create: ['c'], delete: ['d'] }), ports);
      await expect(cloud.list(signal)).rejects.toMatchObject({ code: 'bad-reply' });
    },
  );

  it('a member of the proxy at port -1 is a reply that cannot be', async () => {
    const member = { ref: 'web-1', owner: 'fuzz', address: '10.0.0.1', port: -1, state: 'ready', health: 'up', sessions: 0, last_check: null };
    const { ports, signal } = stageOf({ ...silent, http: () => ok(JSON.stringify({ members: [member] })) });
    const balancer = await proxyBalancer.open(proxyBalancer.options.parse({ admin: 'http://127.0.0.1:1' }), ports);
    await expect(balancer.members(signal)).rejects.toMatchObject({ code: 'bad-reply' });
  });

  const [table = ''] = RECORDED.get('show servers') ?? [];
  it.each([
    ['an empty administrative state is not 0', table.replace(/^(2 web 2 app1 \S+ \d+) \d+ /m, '$1  ')],
    ['a port of -1 is none', table.replace(/ - 1 - 0 0 /, ' - -1 - 0 0 ')],
    ['sessions that are no number are not an idle server', table.replace(/^(web,app1,0,0),0,/m, '$1,NaN,')],
  ])('HAProxy: %s', async (_, reply) => {
    expect(reply).not.toBe(table);
    const { ports, signal } = stageOf({ ...silent, socket: () => reply });
    const balancer = await haproxyBalancer.open(haproxyBalancer.options.parse({ socket: '/run/a.sock', backend: 'web' }), ports);
    await expect(balancer.members(signal)).rejects.toMatchObject({ code: 'bad-reply' });
  });

  it('HAProxy: what it answers cannot steer a terminal', async () => {
    const { ports, signal } = stageOf({ ...silent, socket: () => '\u001b[2Jx\u0007\n\n' });
    const balancer = await haproxyBalancer.open(haproxyBalancer.options.parse({ socket: '/run/a.sock', backend: 'web' }), ports);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    await expect(balancer.members(signal)).rejects.toMatchObject({ message: expect.not.stringMatching(/[\u0000-\u001f]/) });
  });

  it('HAProxy: fewer than no connections are missing', async () => {
    const { ports, signal } = stageOf({ ...silent, socket: () => '# pxname,svname,scur,\nweb,BACKEND,-1,\n\n' });
    const source = await haproxySource.open(haproxySource.options.parse({ socket: '/run/a.sock' }), ports);
    expect(await source.read({ metric: 'connections', backend: 'web', window: '2s' }, signal)).toMatchObject({ kind: 'missing' });
  });

  it('Prometheus: a count of -3 samples covers nothing, not less', async () => {
    const vector = (value: string): string =>
      JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [{ metric: {}, value: [1, value] }] } });
    const { ports, signal } = stageOf({ ...silent, http: (_url, _method, form) => ok(vector(form.includes('count_over_time') ? '-3' : '42')) });
    const source = await prometheusSource.open(prometheusSource.options.parse({ url: 'http://127.0.0.1:1' }), ports);
    expect(await source.read({ query: 'f(x)', window: '2m' }, signal)).toMatchObject({ kind: 'value', value: 42, coverage: 0 });
  });
});

describe('expressions', () => {
  it('400 digits are no percentage and no duration, and are not repeated in full', () => {
    const digits = '9'.repeat(400);
    expect(parsePercent(`${digits}%`).ok).toBe(false);
    expect(durationText.safeParse(`${digits}d`).success).toBe(false);
    const told = parseDuration(digits);
    expect(told.ok ? '' : told.message).toMatch(/^.{1,100}$/);
  });

  it.each(['FREQ=YEARLY;INTERVAL=1e9', 'FREQ=YEARLY;INTERVAL=0', 'FREQ=YEARLY;COUNT=x'])('a holiday is not lost because its rule %s cannot be read', (rule) => {
    const event = `BEGIN:VEVENT\r\nDTSTART:20261225\r\nRRULE:${rule}\r\nEND:VEVENT\r\n`;
    expect(() => parseICalDates(event)).toThrow(RangeError);
  });

  it('a holiday on a day that does not exist is no other day', () => {
    expect(parseICalDates('BEGIN:VEVENT\r\nDTSTART:99999999\r\nEND:VEVENT\r\n')).toEqual([]);
  });

  it('thousands of patterns, one after another, are not all kept', () => {
    const before = heapAfterGc();
    for (let i = 0; i < 2000; i++) {
      const cron = `${i % 60} ${Math.floor(i / 60) % 24} ${1 + (i % 28)} * *`;
      resolveSchedule({ cron, for: 60_000, timezone: 'UTC', dates: [], except: [], min: 1, max: null, size: null, ramp: 0 }, Date.UTC(2026, 10, 22));
    }
    expect(heapAfterGc() - before).toBeLessThan(60 * 1024 * 1024);
  });
});
