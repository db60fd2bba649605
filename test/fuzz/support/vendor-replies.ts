/** What vendors answer, and what becomes of it: cut, changed, replaced by a login page. */
import type { Draw } from './draw.ts';
import { commandOf, RECORDED } from './haproxy-recordings.ts';
import { mutateJson } from './mutate-json.ts';
import { mutateText } from './mutate-text.ts';
import { deep, oddText } from './words.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Bytes that are no UTF-8 stand at its end. */
  readonly broken: boolean;
}

const GARBAGE = [
  '',
  ' ',
  '\n',
  '\n\n',
  '{',
  'null',
  '[]',
  '{}',
  '0',
  '"x"',
  'NaN',
  '<!DOCTYPE html><html><title>Sign in</title></html>',
  '<?xml version="1.0"?><error/>',
  'SSH-2.0-OpenSSH_9.2\r\n',
  'HTTP/1.1 400 Bad Request\r\n\r\n',
  'Permission denied\n\n',
  'No such proxy.\n\n',
  'No such server.\n\n',
  '\u001b[2Jx\u0007\n\n',
] as const;

function odd(sample: unknown, draw: Draw): string {
  switch (draw.below(8)) {
    case 0:
      return draw.pick(GARBAGE);
    case 1:
      return draw.oneIn(5) ? JSON.stringify(deep(draw, draw.pick([31, 33, 4000]))) : oddText(draw).repeat(draw.pick([1, 3, 2000]));
    case 2:
      return mutateText(typeof sample === 'string' ? sample : JSON.stringify(sample), draw);
    default:
      return typeof sample === 'string' ? mutateText(sample, draw, draw.pick(GARBAGE)) : mutateJson(sample, draw);
  }
}

/** The sample itself, or what is nearly it. `right`: as it is, so many times of ten. */
export function spoil(sample: unknown, draw: Draw, right = 3): string {
  if (draw.below(10) < right) return typeof sample === 'string' ? sample : JSON.stringify(sample);
  return odd(sample, draw);
}

const TYPES = ['application/json', 'text/plain', 'text/html', '', 'application/octet-stream'] as const;

export function httpReply(sample: unknown, draw: Draw, right = 3): Reply {
  const fine = !draw.oneIn(8);
  const headers: Record<string, string> = { 'content-type': draw.oneIn(6) ? draw.pick(TYPES) : 'application/json' };
  if (!fine) headers['retry-after'] = draw.pick(['1', '-1', '1e9', 'Wed, 21 Oct 2099 07:28:00 GMT', 'soon', '9'.repeat(400), '0.5']);
  return {
    status: fine ? 200 : draw.pick([100, 204, 206, 301, 304, 400, 401, 404, 409, 418, 422, 429, 500, 502, 503, 599, 0, 999]),
    headers,
    text: spoil(sample, draw, right),
    broken: draw.oneIn(80),
  };
}

const number = (draw: Draw): unknown => draw.pick([42, 0, 3.5, '17', -1, 1e308, 2 ** 53]);

export function queueDocument(draw: Draw): unknown {
  return { queue: { ready: number(draw), name: 'jobs' }, items: [{ value: number(draw) }, { value: null }], messages: number(draw) };
}

export function metricsPage(draw: Draw): string {
  const value = (): string =>
    draw.pick(['1', '0', '3.5e2', 'NaN', '+Inf', '-Inf', '-3', '', '0x10', '1e400', '1_000', '4 1795348800000', '4 9999999999999', '4 1.5']);
  return [
    '# HELP jobs Waiting jobs.',
    '# TYPE jobs gauge',
    `jobs{queue="a",state="ready"} ${value()}`,
    ...(draw.oneIn(2) ? [`jobs{queue="b",state="re\\"ady"} ${value()}`] : []),
    `other_total ${value()}`,
    ...(draw.oneIn(4) ? ['# EOF'] : []),
    '',
  ].join('\n');
}

const sample = (draw: Draw): [unknown, unknown] => [
  draw.pick([1_795_348_800.123, 0, -1, 1e30]),
  draw.pick(['42', '0', '-3', '1e3', 'NaN', '+Inf', '-Inf', '', '0x10', '1,5', ' 7', '1e99999']),
];

/** `form`: what was asked. */
export function prometheusAnswer(draw: Draw, form: string): unknown {
  const metric = { __name__: 'up', job: 'web' };
  const more = draw.oneIn(10) ? { warnings: ['partial'] } : draw.oneIn(10) ? { isPartial: true } : {};
  const asked = new URLSearchParams(form);
  if (asked.has('step') && !draw.oneIn(10)) {
    const [start, step] = [Number(asked.get('start')), Number(asked.get('step'))];
    const values = draw.list(draw.below(6), () => [draw.oneIn(5) ? draw.pick([1e300, -1e300, 0, Number.NaN]) : start + draw.below(8) * step, sample(draw)[1]]);
    return { status: 'success', data: { resultType: 'matrix', result: draw.list(draw.pick([0, 1, 1, 1, 2]), () => ({ metric, values })) }, ...more };
  }
  switch (draw.below(8)) {
    case 0:
      return { status: 'success', data: { resultType: 'scalar', result: sample(draw) }, ...more };
    case 1:
      return { status: 'success', data: { resultType: draw.pick(['string', 'matrix', 'vector', 'streams']), result: draw.pick([[], sample(draw), null]) } };
    case 2:
      return { status: 'error', errorType: 'bad_data', error: 'invalid parameter "query": 1:4: parse error' };
    case 3:
      return { status: 'success', data: { resultType: 'vector', result: [{ metric, histogram: [1, { count: '3' }] }] } };
    default:
      return {
        status: 'success',
        data: { resultType: 'vector', result: draw.list(draw.pick([0, 1, 1, 1, 1, 2]), () => ({ metric, value: sample(draw) })) },
        ...more,
      };
  }
}

export function proxyMembers(draw: Draw): unknown {
  const member = (): object => ({
    ref: draw.pick(['web-1', 'web-2']),
    owner: draw.oneIn(5) ? 'somebody else' : 'fuzz',
    address: '10.0.0.1',
    port: draw.pick([8080, 1, 65_535, 0, -1, 70_000]),
    state: draw.pick(['joining', 'ready', 'ready', 'draining']),
    health: draw.pick(['up', 'up', 'down', 'unknown']),
    sessions: draw.pick([0, 3, 1e9]),
    last_check: draw.pick([null, 'ok']),
  });
  return draw.oneIn(3) ? member() : { members: draw.list(draw.below(4), member) };
}

export function machine(draw: Draw, token: string): object {
  return {
    id: draw.pick(['i-1', 'i-2', 7, 'i-3']),
    name: 'web-1',
    ...(draw.oneIn(3) ? {} : { token, group: 'web', install: draw.oneIn(6) ? 'another' : 'fuzz', instance: 'web-1', template: 't1' }),
    state: draw.pick(['pending', 'running', 'stopped', 'deleting', 'gone']),
    address: draw.pick(['10.0.0.1', '', null, '::1']),
    port: draw.pick([8080, '8080', 0, -1, null, 65_536, 1.5]),
    zone: 'a',
    created_at: draw.pick([1_795_348_800, '1795348800', '2026-11-22T12:00:00Z', -1, 1e300, '2026-02-30T12:00:00Z', null]),
    price_per_hour: draw.pick([0.01, '0.01', -3, 1e308, '1'.repeat(400), null]),
    paid_until: draw.pick([1_795_348_800_000, null, -5, '9'.repeat(400)]),
  };
}

/** HAProxy's answer to a line: a recorded one, of another command now and then, or a spoiled one. */
export function haproxyAnswer(line: string, draw: Draw, right: number): string {
  const own = RECORDED.get(commandOf(line)) ?? ['\n\n'];
  const recorded = draw.pick(draw.oneIn(20) ? draw.pick([...RECORDED.values()]) : own);
  if (draw.below(100) < right) return recorded;
  if (draw.oneIn(5)) return draw.pick(GARBAGE);
  // Numbers of the table, more than its text: what is parsed and believed.
  if (draw.oneIn(2))
    return recorded.replaceAll(/(?<=[ ,])\d+(?=[ ,])/g, (found) =>
      draw.oneIn(12) ? draw.pick(['-1', '', '1e9', 'NaN', '9'.repeat(400), '0x1', '1.5', '-', '65536']) : found,
    );
  return mutateText(recorded, draw);
}
