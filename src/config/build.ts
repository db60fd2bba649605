import type { z } from 'zod';
import type { GroupSpec, HealthSpec, HookSpec, IfMissing, Json, LimitsSpec, MetricSpec, PolicySpec } from '../core/model/model.ts';
import type { Money } from '../core/units.ts';
import { canonical, toJson } from './canonical.ts';
import { partKey } from './check-drivers.ts';
import type { fileSchema } from './schema/file.ts';
import type { groupSchema } from './schema/group.ts';
import type { Path } from './tree.ts';

export type FileValue = z.output<typeof fileSchema>;
export type GroupValue = z.output<typeof groupSchema>;

/** What building a group needs beside its own part of the file. */
export interface BuildContext {
  readonly file: FileValue;
  /** Parsed options of drivers and policies, by path. */
  readonly options: ReadonlyMap<string, unknown>;
  readonly sha256: (text: string) => string;
  /** Where the keys of a group were written. */
  readonly written: (group: string) => Readonly<Record<string, string>>;
}

/** Characters of a hash that are kept: enough to tell versions apart, short enough to say aloud. */
const HASH_LENGTH = 12;
/** Hours in a mean month, for prices by the month. */
const HOURS_A_MONTH = 730;

export function shortHash(value: Json, sha256: (text: string) => string): string {
  return sha256(canonical(value)).slice(0, HASH_LENGTH);
}

export function buildGroup(name: string, group: GroupValue, context: BuildContext): GroupSpec {
  const { file } = context;
  const template = templateOf(name, group, context);
  const evaluateEveryMs = group.evaluate_every ?? file.defaults.evaluate_every;
  const price = group.price ?? template.price;
  const path = ['groups', name];
  const spec: Omit<GroupSpec, 'hash' | 'written'> = {
    name,
    mode: group.mode ?? file.defaults.mode,
    cloud: template.cloud,
    template: { id: shortHash({ cloud: template.cloud, options: template.options }, context.sha256), options: template.options },
    naming: { prefix: group.naming.prefix ?? name, style: group.naming.style },
    spread: group.spread.locations,
    balancers: (group.balancer ?? []).map((b) => ({ balancer: b.use, port: b.port ?? null, weight: b.weight ?? null })),
    min: group.min,
    max: group.max,
    initial: group.initial ?? null,
    evaluateEveryMs,
    metrics: Object.fromEntries(
      Object.keys(group.metrics).map((metric) => [metric, metricOf(metric, group, context, [...path, 'metrics', metric], evaluateEveryMs)]),
    ),
    policies: group.policies.map(
      (p, i): PolicySpec => ({
        name: p.name ?? p.type,
        type: p.type,
        advisory: p.advisory,
        options: toJson(context.options.get(partKey([...path, 'policies', i]))),
      }),
    ),
    limits: limitsOf(group),
    health: healthOf(group),
    lifecycle: {
      bootTimeoutMs: group.lifecycle.boot_timeout,
      warmupMs: group.lifecycle.warmup,
      drainTimeoutMs: group.lifecycle.drain.timeout,
      maxAgeMs: group.lifecycle.max_age ?? null,
      removeFirst: group.lifecycle.remove_first.includes('newest') ? 'newest' : 'oldest',
      removeOutdatedFirst: group.lifecycle.remove_first.includes('outdated'),
    },
    hooks: [...hooksOf('before_attach', group, context, path), ...hooksOf('before_delete', group, context, path)],
    notify: group.notify ?? Object.keys(file.notify),
    freezes: group.freezes.map(toJson),
    pricePerHour: price === undefined ? null : perHour(price),
  };
  return { ...spec, written: context.written(name), hash: shortHash(toJson(spec), context.sha256) };
}

function templateOf(name: string, group: GroupValue, context: BuildContext): { cloud: string; options: Json; price: Money | undefined } {
  const written: unknown = group.template;
  const named = typeof written === 'string' ? written : null;
  const template = named === null ? group.template : context.file.templates[named];
  const path: Path = named === null ? ['groups', name, 'template'] : ['templates', named];
  return { cloud: group.cloud ?? template?.cloud ?? '', options: toJson(context.options.get(partKey(path))), price: template?.price };
}

function perHour(price: Money): number {
  return price.per === 'hour' ? price.amount : price.amount / HOURS_A_MONTH;
}

function metricOf(name: string, group: GroupValue, context: BuildContext, path: Path, evaluateEveryMs: number): MetricSpec {
  const metric = group.metrics[name];
  if (metric === undefined) throw new RangeError(`no metric ${name}`);
  return {
    name,
    source: metric.from,
    query: toJson(context.options.get(partKey(path))),
    unit: metric.unit ?? null,
    maxAgeMs: metric.max_age ?? Math.max(60_000, 3 * evaluateEveryMs),
    ifMissing: ifMissingOf(metric.if_missing),
    min: metric.min ?? null,
    max: metric.max ?? null,
    stuckAfterMs: metric.stuck_after ?? null,
  };
}

function ifMissingOf(written: GroupValue['metrics'][string]['if_missing']): IfMissing {
  if (typeof written === 'string') return { kind: 'hold' };
  if ('floor' in written) return { kind: 'floor', size: written.floor };
  if ('last' in written) return { kind: 'last', forMs: written.last };
  return { kind: 'use', metric: written.use };
}

function limitsOf(group: GroupValue): LimitsSpec {
  const l = group.limits;
  const both = (limit: { count: number | null; fraction: number | null }) => ({ count: limit.count ?? 0, fraction: limit.fraction ?? 0 });
  return {
    scaleOut: { step: l.scale_out.step, everyMs: l.scale_out.every },
    scaleIn: { step: l.scale_in.step, everyMs: l.scale_in.every, afterQuietMs: l.scale_in.after_quiet },
    collapseGuard: l.collapse_guard === 'off' ? null : l.collapse_guard,
    flapCheck: l.flap_check,
    budget: l.budget ?? null,
    launchesPerHour: l.launches_per_hour ?? null,
    brake: l.brake,
    destruction: { windowMs: l.destruction.window, replace: both(l.destruction.replace), all: both(l.destruction.all) },
    approve: { scaleIn: l.approve.scale_in ?? null, scaleOut: l.approve.scale_out ?? null },
  };
}

/** Of a check that is not configured only the rhythm matters: these are its defaults. */
const NO_CHECK = { every: 5000, timeout: 3000, healthy_after: 1, unhealthy_after: 3 };

function healthOf(group: GroupValue): HealthSpec {
  const { http, tcp } = group.health;
  const probe = http ?? tcp ?? NO_CHECK;
  const check: HealthSpec['check'] =
    http !== undefined
      ? { kind: 'http', path: http.path, port: http.port ?? null }
      : tcp !== undefined
        ? { kind: 'tcp', port: tcp.port ?? null }
        : { kind: 'none' };
  return {
    check,
    everyMs: probe.every,
    timeoutMs: probe.timeout,
    healthyAfter: probe.healthy_after,
    unhealthyAfter: probe.unhealthy_after,
    replaceUnhealthy: group.health.replace_unhealthy,
    graceMs: group.health.grace,
  };
}

function hooksOf(step: HookSpec['name'], group: GroupValue, context: BuildContext, path: Path): HookSpec[] {
  return group.hooks[step].map((hook, i) => ({
    name: step,
    driver: hook.type ?? '',
    options: toJson(context.options.get(partKey([...path, 'hooks', step, i]))),
    timeoutMs: hook.timeout,
    onFailure: hook.on_failure,
  }));
}
