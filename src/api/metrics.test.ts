import { describe, expect, it } from 'vitest';
import { createTestClock, decisionOf, statusOf, T0 } from '../../test/support/api-world.ts';
import { createMetrics } from './metrics.ts';

function samples(text: string): Map<string, number> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const),
  );
}

describe('the metrics', () => {
  it('tell what each group is, and nothing of what is not known', async () => {
    const clock = createTestClock();
    clock.advance(4000);
    const metrics = createMetrics(clock, '1.2.3');
    metrics.instrument.decision(decisionOf());
    const got = samples(
      await metrics.render([
        statusOf('web', { states: { intent: 1, booting: 2, warming: 1, serving: 4, draining: 2, terminating: 3 } }),
        statusOf('new', {
          demand: null,
          lastEvaluatedMs: null,
          pause: { untilMs: null, by: 'ops', reason: null },
          readings: { q: { kind: 'value', value: 1, atMs: T0, ageMs: null, coverage: 1 } },
        }),
      ]),
    );
    const expected: Record<string, number> = {
      'drover_build_info{version="1.2.3"}': 1,
      'drover_group_instances{group="web",state="wanted"}': 2,
      'drover_group_instances{group="web",state="running"}': 2,
      'drover_group_instances{group="web",state="serving"}': 1,
      'drover_group_instances{group="web",state="starting"}': 4,
      'drover_group_instances{group="web",state="draining"}': 2,
      'drover_group_instances{group="web",state="terminating"}': 3,
      'drover_group_limit{group="web",bound="max"}': 10,
      'drover_group_demand_instances{group="web"}': 1.7,
      'drover_metric_age_seconds{group="web",metric="rps"}': 15,
      'drover_last_evaluation_timestamp_seconds{group="web"}': T0 / 1000,
      'drover_paused{group="web"}': 0,
      'drover_paused{group="new"}': 1,
      'drover_policy_wanted_instances{group="web",policy="traffic"}': 6,
      'drover_policy_metric_value{group="web",policy="traffic",metric="rps"}': 1064,
      'drover_decisions_total{group="web",outcome="scale_out",reason="ABOVE_TARGET"}': 1,
      drover_config_last_reload_successful: 1,
    };
    for (const [name, value] of Object.entries(expected)) expect(got.get(name), name).toBe(value);
    for (const absent of [
      'drover_metric_age_seconds{group="web",metric="cpu"}',
      'drover_metric_age_seconds{group="new",metric="q"}',
      'drover_group_demand_instances{group="new"}',
      'drover_last_evaluation_timestamp_seconds{group="new"}',
    ]) {
      expect(got.has(absent), absent).toBe(false);
    }
  });

  it('forget groups that are gone', async () => {
    const metrics = createMetrics(createTestClock(), '1');
    metrics.instrument.decision(decisionOf());
    expect(await metrics.render([statusOf('web')])).toContain('drover_policy_wanted_instances{group="web"');
    const later = await metrics.render([statusOf('batch')]);
    expect(later).not.toMatch(/drover_(group|policy)[a-z_]*\{group="web"/);
    expect(await metrics.render([statusOf('web')])).not.toContain('drover_policy_wanted_instances{');
  });

  it('count calls, starts, drains, reloads and events, in seconds', async () => {
    const metrics = createMetrics(createTestClock(), '1');
    const { instrument } = metrics;
    instrument.cloudCall('hetzner', 'create', 'ok', 1500);
    instrument.cloudCall('hetzner', 'create', 'quota', 20);
    instrument.balancerCall('edge', 'attach', 'ok', 40);
    instrument.started('web', 'total', 71_000);
    instrument.drained('web', 9000);
    instrument.reload(false);
    instrument.cycle('web', 12);
    metrics.countEvents([{ seq: 1, atMs: T0, group: null, type: 'token.created', actor: 'a', data: {}, hash: 'h' }]);
    const got = samples(await metrics.render([]));
    const expected: Record<string, number> = {
      'drover_provider_requests_total{cloud="hetzner",op="create",code="ok"}': 1,
      'drover_provider_requests_total{cloud="hetzner",op="create",code="quota"}': 1,
      'drover_provider_request_seconds_sum{cloud="hetzner",op="create"}': 1.52,
      'drover_balancer_requests_total{balancer="edge",op="attach",code="ok"}': 1,
      'drover_instance_start_seconds_sum{group="web",phase="total"}': 71,
      'drover_drain_seconds_sum{group="web"}': 9,
      drover_config_last_reload_successful: 0,
      drover_evaluation_seconds_count: 1,
      'drover_events_total{type="token.created"}': 1,
    };
    for (const [name, value] of Object.entries(expected)) expect(got.get(name), name).toBeCloseTo(value, 6);
  });

  it('let the dead man rise until a cycle ends', async () => {
    const clock = createTestClock();
    const metrics = createMetrics(clock, '1');
    clock.advance(90_000);
    expect(samples(await metrics.render([])).get('drover_dead_man_seconds')).toBe(90);
    metrics.instrument.cycle('web', 5);
    clock.advance(1000);
    expect(samples(await metrics.render([])).get('drover_dead_man_seconds')).toBe(1);
  });

  it('keep a group’s name from breaking the format', async () => {
    const metrics = createMetrics(createTestClock(), '1');
    const text = await metrics.render([statusOf('a"b\\c\nd')]);
    expect(text).toContain('drover_paused{group="a\\"b\\\\c\\nd"} 0');
  });
});
