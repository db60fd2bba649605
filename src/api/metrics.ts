/** Our own numbers for Prometheus: base units, few labels (group, policy, cloud, outcome, reason), no sample for what is not known. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Decision, InstanceState } from '../core/model/model.ts';
import type { Instrument } from '../engine/instrument.ts';
import type { GroupStatus } from '../engine/operations.ts';
import type { Clock, EventRow } from '../ports/ports.ts';

export interface Metrics {
  /** For the engine. */
  readonly instrument: Instrument;
  readonly contentType: string;
  /** The exposition, with the gauges of the groups as they are now. */
  render(fleet: readonly GroupStatus[]): Promise<string>;
  countEvents(events: readonly EventRow[]): void;
}

const CALL_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const LIFE_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600, 1200, 3600];
const CYCLE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const STARTING: readonly InstanceState[] = ['intent', 'booting', 'warming'];

function groupGauges(registers: Registry[]) {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) => new Gauge({ name, help, labelNames: [...labelNames], registers });
  return {
    instances: gauge('drover_group_instances', 'Instances by state: wanted, target, running, serving, starting, draining, terminating.', ['group', 'state']),
    limit: gauge('drover_group_limit', 'Configured bounds of the group.', ['group', 'bound']),
    demand: gauge('drover_group_demand_instances', 'Largest proposal before rounding, in instances.', ['group']),
    metricAge: gauge('drover_metric_age_seconds', 'Age of the newest sample of a metric; no sample while the metric is missing or its age is unknown.', [
      'group',
      'metric',
    ]),
    lastEvaluation: gauge('drover_last_evaluation_timestamp_seconds', 'When the group was last evaluated, Unix time.', ['group']),
    paused: gauge('drover_paused', '1 while a person has paused the group.', ['group']),
    policyWanted: gauge('drover_policy_wanted_instances', 'What a policy wanted in the newest decision; no sample while it abstains or cannot read.', [
      'group',
      'policy',
    ]),
    policyValue: gauge('drover_policy_metric_value', 'The metric as a policy used it in the newest decision.', ['group', 'policy', 'metric']),
  };
}

function workMetrics(registers: Registry[]) {
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new Histogram({ name, help, labelNames: [...labelNames], buckets, registers });
  return {
    decisions: counter('drover_decisions_total', 'Decisions, equal holds included.', ['group', 'outcome', 'reason']),
    events: counter('drover_events_total', 'Events recorded by this process.', ['type']),
    evaluation: histogram('drover_evaluation_seconds', 'Time of one cycle.', [], CYCLE_SECONDS),
    start: histogram('drover_instance_start_seconds', 'Time instances took to start, by phase.', ['group', 'phase'], LIFE_SECONDS),
    drain: histogram('drover_drain_seconds', 'Time instances took to drain.', ['group'], LIFE_SECONDS),
    providerRequests: counter('drover_provider_requests_total', 'Calls of clouds, by result.', ['cloud', 'op', 'code']),
    providerSeconds: histogram('drover_provider_request_seconds', 'Time of calls of clouds.', ['cloud', 'op'], CALL_SECONDS),
    balancerRequests: counter('drover_balancer_requests_total', 'Calls of balancers, by result.', ['balancer', 'op', 'code']),
    balancerSeconds: histogram('drover_balancer_request_seconds', 'Time of calls of balancers.', ['balancer', 'op'], CALL_SECONDS),
    reloadOk: new Gauge({
      name: 'drover_config_last_reload_successful',
      help: '1 when the newest configuration file is the one that runs.',
      registers,
    }),
    deadMan: new Gauge({ name: 'drover_dead_man_seconds', help: 'Seconds since any cycle ended (or since the start).', registers }),
  };
}

export function createMetrics(clock: Clock, version: string): Metrics {
  const registry = new Registry();
  const groups = groupGauges([registry]);
  const work = workMetrics([registry]);
  new Gauge({ name: 'drover_build_info', help: 'Version of the controller.', labelNames: ['version'], registers: [registry] }).set({ version }, 1);
  work.reloadOk.set(1);
  let lastCycleMono = clock.mono();
  const newest = new Map<string, Decision>();
  const seconds = (ms: number) => Math.max(0, ms) / 1000;
  const instrument: Instrument = {
    cycle: (_group, tookMs) => {
      lastCycleMono = clock.mono();
      work.evaluation.observe(seconds(tookMs));
    },
    decision: (d) => {
      newest.set(d.group, d);
      work.decisions.inc({ group: d.group, outcome: d.outcome, reason: d.reason });
    },
    cloudCall: (cloud, op, code, tookMs) => {
      work.providerRequests.inc({ cloud, op, code });
      work.providerSeconds.observe({ cloud, op }, seconds(tookMs));
    },
    balancerCall: (balancer, op, code, tookMs) => {
      work.balancerRequests.inc({ balancer, op, code });
      work.balancerSeconds.observe({ balancer, op }, seconds(tookMs));
    },
    started: (group, phase, tookMs) => work.start.observe({ group, phase }, seconds(tookMs)),
    drained: (group, tookMs) => work.drain.observe({ group }, seconds(tookMs)),
    reload: (ok) => work.reloadOk.set(ok ? 1 : 0),
  };
  return {
    instrument,
    contentType: registry.contentType,
    countEvents: (events) => {
      for (const event of events) work.events.inc({ type: event.type });
    },
    render: async (fleet) => {
      for (const gauge of Object.values(groups)) gauge.reset();
      const present = new Set(fleet.map((s) => s.group));
      for (const group of newest.keys()) if (!present.has(group)) newest.delete(group);
      for (const status of fleet) fillGroup(groups, status, newest.get(status.group), clock.wall());
      work.deadMan.set(seconds(clock.mono() - lastCycleMono));
      return registry.metrics();
    },
  };
}

function fillGroup(gauges: ReturnType<typeof groupGauges>, s: GroupStatus, decision: Decision | undefined, nowMs: number): void {
  const group = s.group;
  const count = (states: readonly InstanceState[]) => states.reduce((sum, state) => sum + (s.states[state] ?? 0), 0);
  const byState: Readonly<Record<string, number>> = {
    wanted: s.wanted,
    target: s.target,
    running: s.running,
    serving: s.serving,
    starting: count(STARTING),
    draining: count(['draining']),
    terminating: count(['terminating']),
  };
  for (const [state, n] of Object.entries(byState)) gauges.instances.set({ group, state }, n);
  gauges.limit.set({ group, bound: 'min' }, s.min);
  gauges.limit.set({ group, bound: 'max' }, s.max);
  if (s.demand !== null) gauges.demand.set({ group }, s.demand);
  if (s.lastEvaluatedMs !== null) gauges.lastEvaluation.set({ group }, s.lastEvaluatedMs / 1000);
  gauges.paused.set({ group }, s.pause === null ? 0 : 1);
  for (const [metric, reading] of Object.entries(s.readings)) {
    if (reading.kind === 'value' && reading.ageMs !== null) gauges.metricAge.set({ group, metric }, Math.max(0, nowMs - reading.atMs) / 1000);
  }
  for (const p of decision?.proposals ?? []) {
    if (p.wants !== null) gauges.policyWanted.set({ group, policy: p.policy }, p.wants);
    if (p.metric !== null && p.value !== null) gauges.policyValue.set({ group, policy: p.policy, metric: p.metric }, p.value);
  }
}
