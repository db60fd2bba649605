/** Deliveries to the receivers of `CONFIG`: what Alertmanager, Grafana and others send, and what becomes of it on the way. */
import { SECRET } from './controller-world.ts';
import type { Draw } from './draw.ts';
import { mutateJson } from './mutate-json.ts';
import { mutateText } from './mutate-text.ts';
import { deep, oddText } from './words.ts';

export interface Delivery {
  readonly receiver: string;
  readonly authorization: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Cut in the middle of a character. */
  readonly broken: boolean;
}

const STARTS = ['2026-11-22T11:59:30.123456789Z', '2026-11-22T13:00:00+01:00', '2026-11-22T11:00:00Z', '2026-11-20T11:00:00Z', '2030-01-01T00:00:00Z'] as const;
const NAMES = ['HighLoad', 'HighLoad', 'QueueBacklog', 'DatasourceNoData', 'TestAlert', '__proto__'] as const;

function alert(draw: Draw): object {
  const resolved = draw.oneIn(3);
  return {
    status: resolved ? 'resolved' : 'firing',
    labels: { alertname: draw.pick(NAMES), team: draw.pick(['shop', 'ops']), instance: `web-${draw.below(9)}` },
    annotations: { summary: 'much to do' },
    startsAt: draw.pick(STARTS),
    endsAt: resolved ? '2026-11-22T12:00:05Z' : '0001-01-01T00:00:00Z',
    generatorURL: 'http://prom:9090/graph?g0.expr=x',
    ...(draw.oneIn(4) ? {} : { fingerprint: `5ef77f1f8a3ecf${draw.between(10, 40)}` }),
  };
}

function message(draw: Draw, version: string): object {
  const alerts = draw.list(draw.oneIn(200) ? 1100 : draw.between(0, 4), () => alert(draw));
  return {
    receiver: 'drover',
    status: 'firing',
    alerts,
    groupLabels: { alertname: 'HighLoad' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://am:9093',
    version,
    groupKey: '{}:{alertname="HighLoad"}',
    truncatedAlerts: draw.pick([0, 0, 3]),
    ...(version === '1' ? { orgId: draw.between(1, 2), title: '[FIRING:1]', state: 'alerting', message: 'x' } : {}),
  };
}

function legacy(draw: Draw): object {
  const state = draw.pick(['alerting', 'alerting', 'ok', 'no_data', 'pending']);
  return {
    dashboardId: 1,
    evalMatches: [{ value: 100, metric: 'High value', tags: null }],
    orgId: 2,
    ruleId: draw.between(1, 9),
    ruleName: 'High load',
    state,
    tags: { team: 'shop' },
    title: 'x',
  };
}

function page(draw: Draw): object {
  return { title: draw.pick(NAMES), state: draw.pick(['triggered', 'recovered', 'acknowledged']), service: draw.pick(['web', 'db', 7, null]) };
}

function tickets(draw: Draw): object {
  const items = draw.list(draw.between(0, 3), () => ({
    title: draw.pick(NAMES),
    id: draw.between(1, 20),
    since: draw.pick([1_795_348_700, 1_795_348_700_000, ...STARTS]),
    state: draw.pick(['open', 'closed']),
  }));
  return { items };
}

/** By receiver: what its senders send. */
const SAMPLES: Readonly<Record<string, (draw: Draw) => object>> = {
  am: (draw) => message(draw, '4'),
  grafana: (draw) => (draw.oneIn(3) ? legacy(draw) : message(draw, '1')),
  pager: page,
  tickets,
  lab: (draw) => message(draw, '4'),
  token: (draw) => message(draw, '4'),
};
const RECEIVERS = Object.keys(SAMPLES);

function bodyOf(receiver: string, draw: Draw): string {
  const sample = (SAMPLES[draw.oneIn(15) ? draw.pick(RECEIVERS) : receiver] ?? page)(draw);
  switch (draw.below(10)) {
    case 0:
    case 1:
    case 2:
      return JSON.stringify(sample);
    case 3:
      return mutateText(JSON.stringify(sample), draw, JSON.stringify(page(draw)));
    case 4:
      return draw.oneIn(4)
        ? JSON.stringify(deep(draw, draw.pick([31, 33, 3000])))
        : draw.pick(['', ' ', '<html>', '[]', 'null', '0', '"x"', '{', '\u0000', '\ufeff{}', '{"alerts":[{}]}']);
    default:
      return mutateJson(sample, draw);
  }
}

/** `roles`: live tokens of the API. */
export function drawDelivery(draw: Draw): Delivery {
  const receiver = draw.pick(RECEIVERS);
  const authorization = draw.oneIn(12)
    ? draw.pick([null, 'Bearer wrong', 'Basic Og==', 'Bearer', `bearer  ${SECRET}  `, 'zz-admin'])
    : receiver === 'token'
      ? 'zz-receiver'
      : `Bearer ${SECRET}`;
  const headers: Record<string, string> = {
    host: draw.oneIn(30) ? 'evil.example' : 'localhost',
    'content-type': draw.oneIn(30) ? draw.pick(['text/plain', 'application/xml', 'x', 'application/json']) : 'application/json',
  };
  if (draw.oneIn(3))
    headers[draw.pick(['idempotency-key', 'webhook-id'])] = draw.oneIn(8) ? oddText(draw).replaceAll(/[^\u0020-\u007e]/g, '?') : `d-${draw.below(200)}`;
  if (draw.oneIn(60)) headers['content-encoding'] = 'gzip';
  return {
    receiver: draw.oneIn(60) ? encodeURIComponent(oddText(draw).toWellFormed()) || 'x' : receiver,
    authorization,
    headers,
    body: bodyOf(receiver, draw),
    broken: draw.oneIn(60),
  };
}
