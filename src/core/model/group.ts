import type { Json } from './json.ts';

/** An immutable description of one machine. Its id is a hash of its content, so a changed template is another version. */
export interface TemplateSpec {
  readonly id: string;
  /** Options of the cloud driver's template schema, already validated. */
  readonly options: Json;
}

/** How a group's members enter one balancer. */
export interface BalancerBinding {
  /** Name of the balancer instance in the configuration. */
  readonly balancer: string;
  /** Port members are reached on; null: the one the cloud reports for the machine. */
  readonly port: number | null;
  readonly weight: number | null;
}

export type IfMissing =
  | { readonly kind: 'hold' }
  | { readonly kind: 'floor'; readonly size: number }
  | { readonly kind: 'last'; readonly forMs: number }
  | { readonly kind: 'use'; readonly metric: string };

export interface MetricSpec {
  readonly name: string;
  /** Name of the source in the configuration. */
  readonly source: string;
  /** The source driver's query, already validated by its schema. */
  readonly query: Json;
  readonly unit: string | null;
  /** Older samples are missing(stale). Default 3 × evaluation interval, at least 60 s. */
  readonly maxAgeMs: number;
  readonly ifMissing: IfMissing;
  /** Values outside are missing(out-of-range). */
  readonly min: number | null;
  readonly max: number | null;
  /** Unchanged (and not zero) for longer: missing(stuck). Opt-in. */
  readonly stuckAfterMs: number | null;
}

/** A policy as configured: options have been parsed by the policy's own schema (core/policies). */
export interface PolicySpec {
  readonly name: string;
  readonly type: string;
  readonly options: Json;
  /** Recorded and shown, moves nothing. */
  readonly advisory: boolean;
}

/** The larger of a count and a fraction of the present target. At least one of the two is set. */
export interface StepLimit {
  readonly count: number | null;
  /** 1 = 100 %. */
  readonly fraction: number | null;
}

export interface LimitsSpec {
  readonly scaleOut: { readonly step: StepLimit; readonly everyMs: number };
  readonly scaleIn: { readonly step: StepLimit; readonly everyMs: number; readonly afterQuietMs: number };
  /** A fall by more than this fraction at once, unexplained, is taken for an outage; null = off. */
  readonly collapseGuard: number | null;
  readonly flapCheck: boolean;
  /** Money; null = none. */
  readonly budget: { readonly perHour: number | null; readonly perMonth: number | null; readonly currency: string } | null;
  /** At most this many launches in a sliding hour; null = none. */
  readonly launchesPerHour: number | null;
  /** Mass-unhealthy brake: at least this fraction and this many. */
  readonly brake: { readonly fraction: number; readonly count: number };
  /** Destruction budget over a sliding window. */
  readonly destruction: {
    readonly windowMs: number;
    /** Replacements and refresh: max(count, fraction of the target). */
    readonly replace: { readonly count: number; readonly fraction: number };
    /** All causes together. */
    readonly all: { readonly count: number; readonly fraction: number };
  };
  /** A change by more than this many needs a person; null = never. */
  readonly approve: { readonly scaleIn: number | null; readonly scaleOut: number | null };
}

export interface HealthSpec {
  /** HTTP: GET path, 2xx/3xx is healthy. TCP: connect. None: running is healthy. */
  readonly check:
    | { readonly kind: 'http'; readonly path: string; readonly port: number | null }
    | { readonly kind: 'tcp'; readonly port: number | null }
    | { readonly kind: 'none' };
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  readonly replaceUnhealthy: boolean;
  /** No health-caused removal earlier than this after serving began. */
  readonly graceMs: number;
}

export interface LifecycleSpec {
  readonly bootTimeoutMs: number;
  readonly warmupMs: number;
  readonly drainTimeoutMs: number;
  readonly maxAgeMs: number | null;
  /** Among equals, which goes first. */
  readonly removeFirst: 'oldest' | 'newest';
  /** Choose machines of an outdated template first when shrinking. */
  readonly removeOutdatedFirst: boolean;
}

export interface HookSpec {
  readonly name: 'before_attach' | 'before_delete';
  /** Hook driver id (http, exec, …) and its validated options. */
  readonly driver: string;
  readonly options: Json;
  readonly timeoutMs: number;
  readonly onFailure: 'replace' | 'continue' | 'retry';
}

/** One group, fully expanded: every default is filled in. */
export interface GroupSpec {
  readonly name: string;
  readonly mode: 'act' | 'observe';
  readonly cloud: string;
  readonly template: TemplateSpec;
  readonly naming: { readonly prefix: string; readonly style: 'random' | 'increasing' };
  /** Zones to keep even; empty = wherever the template says. */
  readonly spread: readonly string[];
  readonly balancers: readonly BalancerBinding[];
  readonly min: number;
  readonly max: number;
  /** Size at first start; null = min. */
  readonly initial: number | null;
  readonly evaluateEveryMs: number;
  readonly metrics: Readonly<Record<string, MetricSpec>>;
  readonly policies: readonly PolicySpec[];
  readonly limits: LimitsSpec;
  readonly health: HealthSpec;
  readonly lifecycle: LifecycleSpec;
  readonly hooks: readonly HookSpec[];
  /** Names of notifiers. */
  readonly notify: readonly string[];
  /** Windows in which nothing is changed; resolved to instants during observe. */
  readonly freezes: readonly Json[];
  /** Price of one machine per hour where the cloud cannot tell; null = unknown. */
  readonly pricePerHour: number | null;
  /** Where keys were written: `limits.scale_out.step` → `drover.yaml:52:18`. Absent keys are defaults. */
  readonly written: Readonly<Record<string, string>>;
  /** Hash of the whole spec. */
  readonly hash: string;
}
