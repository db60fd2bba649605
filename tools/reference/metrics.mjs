/** docs/reference/metrics.md: what /metrics shows, by rendering the registry once with made-up work of every kind. */
import { createMetrics } from '../../src/api/metrics.ts';
import { code, head, listed, page, table } from './markdown.mjs';

const CLOCK = { wall: () => 1_700_000_000_000, mono: () => 0, sleep: async () => {}, after: () => () => {} };

const PROPOSAL = { policy: 'p', type: 'target', metric: 'm', value: 1, per: 1, exact: 1, wants: 1, advisory: false };
const DECISION = { group: 'g', outcome: 'hold', reason: 'HOLD_TOLERANCE', proposals: [PROPOSAL] };
const STATUS = {
  group: 'g',
  wanted: 1,
  target: 1,
  running: 1,
  serving: 1,
  min: 1,
  max: 2,
  demand: 1,
  pause: null,
  lastEvaluatedMs: 1,
  states: {},
  readings: { m: { kind: 'value', value: 1, atMs: 1, ageMs: 1, coverage: 1 } },
};

/** One of everything, so that every metric shows its labels. */
function exercise(metrics) {
  const { instrument } = metrics;
  instrument.cycle('g', 1);
  instrument.decision(DECISION);
  instrument.cloudCall('c', 'list', 'ok', 1);
  instrument.balancerCall('b', 'members', 'ok', 1);
  instrument.started('g', 'boot', 1);
  instrument.drained('g', 1);
  instrument.reload(true);
  metrics.countEvents([{ seq: 1, atMs: 1, group: null, type: 't', actor: 'a', data: {}, hash: '' }]);
}

function parse(text) {
  const found = new Map();
  for (const line of text.split('\n')) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    if (help !== null) found.set(help[1], { name: help[1], help: help[2], type: '', labels: new Set() });
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) found.get(type[1]).type = type[2];
    const sample = /^([a-z_]+)(?:\{(.*)\})? /.exec(line);
    if (sample === null) continue;
    const metric = found.get(sample[1]) ?? found.get(sample[1].replace(/_(bucket|sum|count)$/, ''));
    for (const [, label] of (sample[2] ?? '').matchAll(/([a-z_]+)="/g)) if (label !== 'le') metric.labels.add(label);
  }
  return [...found.values()];
}

export async function metricsPage() {
  const metrics = createMetrics(CLOCK, '0.0.0');
  exercise(metrics);
  const list = parse(await metrics.render([STATUS])).sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = list.map(({ name, type, labels, help }) => [code(name), type, listed([...labels], 'and'), help]);
  return page(
    head('Metrics', 'src/api/metrics.ts'),
    `Drover's own numbers, at ${code('/metrics')} in the text format of Prometheus. On a loopback listener no token is needed; elsewhere one of any role but receiver,
unless ${code('server.open')} opens the route. Times are in seconds. What is not known has no sample: a gap is not a zero.`,
    table(['metric', 'type', 'labels', 'meaning'], rows),
    `Instances by ${code('state')} are ${listed(['wanted', 'target', 'running', 'serving', 'starting', 'draining', 'terminating'], 'and')}: what policies want, what limits allow,
machines that exist and are not leaving, and machines healthy in the balancer are four numbers with four words. ${code('outcome')} and ${code('reason')}
are those of [reason codes](reason-codes.md); ${code('code')} is ${code('ok')} or one of the [driver errors](error-codes.md#drivers).`,
    `Alert rules for these metrics are in [deploy/prometheus/drover-alerts.yaml](../../deploy/prometheus/drover-alerts.yaml);
[how to watch Drover itself](../how-to/watch-drover.md) tells how to load them. ${code('/sd')} lists the machines of all groups for ${code('http_sd')} of Prometheus.`,
  );
}
