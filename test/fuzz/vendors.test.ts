/** Whatever a vendor answers: a driver gives a sound value, says that it is missing, or throws a DriverError; it never believes garbage and never asks for ever. */
import { expect, it } from 'vitest';
import { manifest as haproxyBalancer } from '../../src/drivers/balancers/haproxy/driver.ts';
import { manifest as proxyBalancer } from '../../src/drivers/balancers/proxy/driver.ts';
import { manifest as execCloud } from '../../src/drivers/clouds/exec/driver.ts';
import { manifest as haproxySource } from '../../src/drivers/sources/haproxy/driver.ts';
import { METRICS } from '../../src/drivers/sources/haproxy/options.ts';
import { manifest as httpSource } from '../../src/drivers/sources/http/driver.ts';
import { manifest as prometheusSource } from '../../src/drivers/sources/prometheus/driver.ts';
import { DRIVER_ERROR_CODES, DriverError } from '../../src/ports/ports.ts';
import { Draw, SEED } from './support/draw.ts';
import { fuzz, INPUTS } from './support/fuzz.ts';
import { playLinode, playNodeBalancer } from './support/play-linode.ts';
import { checkHttpReading, checkMachines, checkMembers, checkPrometheusReading, checkReading, need } from './support/vendor-oracles.ts';
import { type Stage, stageOf, type Vendor } from './support/vendor-ports.ts';
import { haproxyAnswer, httpReply, machine, metricsPage, prometheusAnswer, proxyMembers, queueDocument, spoil } from './support/vendor-replies.ts';

interface Case {
  readonly driver: keyof typeof DRIVERS;
  /** Everything the vendor answers is drawn from it. */
  readonly index: number;
  log: readonly string[];
}

const TOKEN = 'tok-1';
const unused: Vendor = {
  http: () => ({ status: 500, headers: {}, text: '', broken: false }),
  socket: () => '',
  process: () => ({ exitCode: 1, signal: null, stdout: '', stderr: '' }),
};
type Play = (draw: Draw, stage: (vendor: Vendor) => Stage) => Promise<void>;

async function playExec(draw: Draw, stage: Parameters<Play>[1]): Promise<void> {
  const failing = draw.oneIn(12);
  const reply = (call: string): unknown =>
    call === 'list'
      ? { machines: draw.list(draw.below(4), () => machine(draw, TOKEN)), ...(draw.oneIn(3) ? { complete: draw.oneIn(2) } : {}) }
      : machine(draw, TOKEN);
  const { ports, signal } = stage({
    ...unused,
    process: (call) => ({
      exitCode: failing ? draw.pick([1, 10, 11, 12, 16, 255, null, -1]) : 0,
      signal: failing ? 'SIGKILL' : null,
      stdout: spoil(reply(call), draw),
      stderr: failing ? spoil('no such host\n', draw) : '',
    }),
  });
  const cloud = await execCloud.open(execCloud.options.parse({ list: ['l'], create: ['c'], delete: ['d'], ...(draw.oneIn(2) ? { get: ['g'] } : {}) }), ports);
  const owner = { install: 'fuzz', group: 'web', token: TOKEN, instance: 'web-1', templateId: 't1' };
  switch (draw.below(4)) {
    case 0: {
      const list = await cloud.list(signal);
      checkMachines(list.items);
      need(typeof list.complete === 'boolean' && new Set(list.items.map((m) => m.id)).size === list.items.length, 'the list has an id twice');
      return;
    }
    case 1: {
      const found = await cloud.get('i-1', signal);
      checkMachines(found === null ? [] : [found]);
      need(found === null || found.id === 'i-1', 'another machine than the one asked for');
      return;
    }
    case 2: {
      const made = await cloud.create({ owner, name: 'web-1', template: {}, zone: null, signal });
      checkMachines([made]);
      need(made.owner?.token === TOKEN && made.owner.install === 'fuzz', 'the machine that was made is another’s');
      return;
    }
    default:
      await cloud.delete('i-1', signal);
  }
}

async function playHaproxy(draw: Draw, stage: Parameters<Play>[1]): Promise<void> {
  const right = draw.pick([30, 80, 97]);
  const { ports, signal } = stage({ ...unused, socket: (line) => haproxyAnswer(line, draw, right) });
  const backend = draw.pick(['web', 'api']);
  const balancer = await haproxyBalancer.open(
    haproxyBalancer.options.parse({
      socket: '/run/haproxy.sock',
      backend,
      ...(draw.oneIn(3) ? { state_file: 'state' } : {}),
      ...(draw.oneIn(4) ? { check: false } : {}),
    }),
    ports,
  );
  const ref = draw.pick(['app1@127.0.0.1:40681', 'drover-web-1', 'app1', 'theirs']);
  switch (draw.below(draw.oneIn(3) ? 4 : 1)) {
    case 0: {
      const { items } = await balancer.members(signal);
      checkMembers(items);
      need(!items.some((m) => m.ref.startsWith('theirs')), 'a member of others is listed');
      return;
    }
    case 1: {
      const joined = await balancer.attach({ instance: 'web-1', address: '127.0.0.1', port: 40_681, weight: draw.pick([null, 7]) }, signal);
      need(joined !== '', 'a member without a name');
      return;
    }
    case 2:
      return balancer.drain(ref, signal);
    default:
      return balancer.detach(ref, signal);
  }
}

async function playProxy(draw: Draw, stage: Parameters<Play>[1]): Promise<void> {
  const { ports, signal } = stage({ ...unused, http: () => httpReply(proxyMembers(draw), draw, 5) });
  const balancer = await proxyBalancer.open(proxyBalancer.options.parse({ admin: 'http://127.0.0.1:1' }), ports);
  switch (draw.below(4)) {
    case 0: {
      checkMembers((await balancer.members(signal)).items);
      return;
    }
    case 1: {
      const joined = await balancer.attach({ instance: 'web-1', address: '10.0.0.1', port: 8080, weight: null }, signal);
      need(joined !== '', 'a member without a name');
      return;
    }
    case 2:
      return balancer.drain('web-1', signal);
    default:
      return balancer.detach('web-1', signal);
  }
}

async function playPrometheus(draw: Draw, stage: Parameters<Play>[1]): Promise<void> {
  const bodies: string[] = [];
  const vendor = { ...unused, http: (_url: string, _method: string, form: string) => httpReply(prometheusAnswer(draw, form), draw, 5) };
  const { ports, signal } = stage({
    ...vendor,
    http: (url, method, form) => {
      const reply = vendor.http(url, method, form);
      if (!form.includes('freshness') && !form.includes('count_over_time') && reply.status >= 200 && reply.status < 300) bodies.push(reply.text);
      return reply;
    },
  });
  const source = await prometheusSource.open(prometheusSource.options.parse({ url: 'http://127.0.0.1:1' }), ports);
  if (draw.oneIn(3)) {
    const range = { fromMs: 1_795_348_800_000, toMs: 1_795_348_900_000, stepMs: draw.pick([10_000, 1000, 33_333]) };
    const readings = (await source.readRange?.('sum(up)', range, signal)) ?? [];
    need(readings.length === Math.floor(100_000 / range.stepMs) + 1, `${readings.length} readings of a range`);
    for (const reading of readings) checkReading(reading);
    return;
  }
  const query = draw.pick([{ query: 'sum(rate(x[1m]))' }, { query: 'up' }, { query: 'f(x)', freshness: 'freshness(x)', window: '2m' }]);
  const reading = await source.read(query, signal);
  checkReading(reading);
  checkPrometheusReading(reading, bodies);
}

async function playHttp(draw: Draw, stage: Parameters<Play>[1]): Promise<void> {
  let body = '';
  const asText = draw.oneIn(2);
  const { ports, signal } = stage({
    ...unused,
    http: () => {
      const reply = httpReply(asText ? metricsPage(draw) : queueDocument(draw), draw, 4);
      body = reply.text;
      return reply;
    },
  });
  const source = await httpSource.open(httpSource.options.parse({ url: 'http://127.0.0.1:1' }), ports);
  if (asText) {
    const labels = draw.pick([{}, { labels: { queue: 'a' } }, { combine: draw.pick(['sum', 'avg', 'max', 'min'] as const) }]);
    checkReading(await source.read({ prometheus_text: 'jobs', ...labels }, signal));
    return;
  }
  const pointer = draw.pick(['/queue/ready', '/items/0/value', '/messages', '', '/__proto__/x', '/items/length', '/constructor/name']);
  const allow = draw.oneIn(2);
  const reading = await source.read({ json_pointer: pointer, ...(allow ? { allow_strings: true } : {}) }, signal);
  checkReading(reading);
  checkHttpReading(reading, body, pointer, allow);
}

async function playHaproxySource(draw: Draw, stage: Parameters<Play>[1]): Promise<void> {
  const right = draw.pick([20, 60, 95]);
  const table = (): string => (/# pxname[\s\S]*/.exec(haproxyAnswer('show servers', draw, right))?.[0] ?? '').replaceAll(/,app1,/g, ',BACKEND,');
  const overHttp = draw.oneIn(2);
  const { ports, signal } = stage({
    ...unused,
    socket: () => (draw.oneIn(12) ? spoil(table(), draw) : table()),
    http: () => httpReply(table().replace(/\n+$/, '\n'), draw, 8),
  });
  const source = await haproxySource.open(haproxySource.options.parse(overHttp ? { url: 'http://127.0.0.1:1/stats' } : { socket: '/run/haproxy.sock' }), ports);
  const query = { metric: draw.pick(METRICS), backend: draw.pick(['web', 'api']), window: '2s' };
  for (let n = draw.between(1, 3); n > 0; n--) {
    const reading = await source.read(query, signal);
    checkReading(reading);
    need(reading.kind === 'missing' || reading.value >= 0, `${query.metric} is ${reading.kind === 'value' ? reading.value : ''}`);
    need(reading.kind === 'missing' || query.metric !== 'error_ratio' || reading.value <= 1, 'more errors than answers');
    if (n > 1) await ports.clock.sleep(1500);
  }
}

const DRIVERS = {
  exec: playExec,
  haproxy: playHaproxy,
  proxy: playProxy,
  prometheus: playPrometheus,
  http: playHttp,
  haproxySource: playHaproxySource,
  linode: (draw, stage) => playLinode(draw, (vendor) => stage({ ...unused, ...vendor })),
  nodebalancer: (draw, stage) => playNodeBalancer(draw, (vendor) => stage({ ...unused, ...vendor })),
} satisfies Record<string, Play>;
const NAMES = Object.keys(DRIVERS) as Case['driver'][];
const ends = new Map<string, number>();

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a log or a terminal
const CONTROL = /[\u0000-\u001f\u007f]/;

async function checkCase(one: Case): Promise<void> {
  const draw = new Draw(SEED ^ 0x5eed, one.index);
  let end = 'value';
  try {
    await DRIVERS[one.driver](draw, (vendor) => {
      const stage = stageOf(vendor);
      one.log = stage.log;
      return stage;
    });
  } catch (e) {
    if (!(e instanceof DriverError)) throw e;
    end = e.code;
    need(DRIVER_ERROR_CODES.includes(e.code), `the code ${e.code}`);
    need(e.message.length <= 1000 && !CONTROL.test(e.message), `the words of the error: ${JSON.stringify(e.message.slice(0, 1200))}`);
    need(e.retryAfterMs === null || (Number.isFinite(e.retryAfterMs) && e.retryAfterMs >= 0), `try again after ${e.retryAfterMs}`);
  }
  const key = `${one.driver} ${end === 'value' ? 'value' : 'error'}`;
  ends.set(key, (ends.get(key) ?? 0) + 1);
}

it('whatever a vendor answers is a sound value, missing, or a DriverError', async () => {
  await fuzz<Case>({
    name: 'vendors',
    make: (draw, index) => ({ driver: draw.pick(NAMES), index, log: [] }),
    check: checkCase,
    show: ({ driver, log }) => `${driver}\n${log.slice(-6).join('\n')}`,
  });
  // Answers were understood, not only refused.
  if (process.env['FUZZ_AT'] === undefined) for (const name of NAMES) expect(ends.get(`${name} value`) ?? 0, name).toBeGreaterThan(INPUTS / 2000);
});
