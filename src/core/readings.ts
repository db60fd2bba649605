import type { GroupSpec, MetricSpec } from './model/group.ts';
import type { MissingReason, Reading } from './model/reading.ts';
import type { HoldCode } from './model/reasons.ts';
import type { GroupMemory, Snapshot } from './model/snapshot.ts';
import { formatDuration, formatElapsed, formatMeasure, formatPercent, formatSince, round } from './units.ts';

/** A metric after every check: a value to compute with, or null and why. Missing is never zero. */
export interface UsableReading {
  readonly name: string;
  readonly unit: string | null;
  readonly value: number | null;
  /** Seconds; null where the source cannot tell. */
  readonly ageS: number | null;
  /** Members the value covers, where the source can tell. */
  readonly members: number | null;
  /** False: growing on it is fine, shrinking is not. */
  readonly mayShrink: boolean;
  /** Smallest size to keep while it is missing (`if_missing: floor`). */
  readonly floor: number | null;
  /** Why shrinking is off, as a hold; null when all is well. */
  readonly code: HoldCode | null;
  /** The same in words. */
  readonly problem: string | null;
  /** The measurement itself was not usable, whatever `if_missing` made of it. */
  readonly gap: boolean;
}

type MetricMemory = GroupMemory['metrics'][string];

export interface ResolvedReadings {
  readonly readings: Readonly<Record<string, UsableReading>>;
  readonly metrics: GroupMemory['metrics'];
  readonly lastGapMs: number | null;
  /** No metric that moves the group is missing or partial now. */
  readonly complete: boolean;
  /** Every metric that moves the group is missing. */
  readonly blind: boolean;
}

/** Clocks of different machines differ by a little; further ahead is a lie. */
const FUTURE_TOLERANCE_MS = 5_000;
/** A window with less than this share of samples is not evidence for shrinking. */
const MIN_COVERAGE = 0.8;
/** An unchanged value is written down again this often: often enough for `if_missing: last`, seldom enough to keep memory still. */
const REFRESH_MS = 30_000;

interface Judged {
  readonly spec: MetricSpec;
  readonly reading: UsableReading;
  readonly memory: MetricMemory | null;
}

/** Checks every metric of the group. `used`: the metrics whose policies may move the group. */
export function resolveReadings(spec: GroupSpec, used: readonly string[], snapshot: Snapshot, memory: GroupMemory, serving: number): ResolvedReadings {
  const judged: Record<string, Judged> = {};
  const readings: Record<string, UsableReading> = {};
  let changed: Record<string, MetricMemory> | null = null;
  for (const name in spec.metrics) {
    const metric = spec.metrics[name] as MetricSpec;
    const before = memory.metrics[name] ?? null;
    const one = judge(metric, snapshot.readings[name], before, { atMs: snapshot.atMs, spec, serving });
    judged[name] = one;
    readings[name] = one.reading;
    if (one.memory !== before && one.memory !== null) {
      changed ??= { ...memory.metrics };
      changed[name] = one.memory;
    }
  }
  for (const name in judged) {
    const one = judged[name] as Judged;
    if (one.reading.value === null) readings[name] = replaceMissing(one, judged, snapshot.atMs);
  }
  let [gaps, missing] = [0, 0];
  for (const name of used) {
    if (readings[name]?.gap !== false) gaps++;
    if (judged[name]?.reading.value == null) missing++;
  }
  return {
    readings,
    metrics: changed ?? memory.metrics,
    lastGapMs: gaps > 0 ? snapshot.atMs : memory.lastGapMs,
    complete: gaps === 0,
    blind: used.length > 0 && missing === used.length,
  };
}

interface Circumstances {
  readonly atMs: number;
  readonly spec: GroupSpec;
  readonly serving: number;
}

function judge(metric: MetricSpec, raw: Reading | undefined, before: MetricMemory | null, now: Circumstances): Judged {
  const fault = findFault(metric, raw, before, now.atMs);
  if (fault !== null || raw === undefined || raw.kind === 'missing') {
    const { reason, detail } = fault ?? { reason: 'absent' as const, detail: 'no such metric' };
    return { spec: metric, reading: missingReading(metric, reason, detail), memory: before };
  }
  const memory = rememberValue(raw.value, raw.atMs, before, now);
  const ageMs = raw.ageMs === null ? null : Math.max(raw.ageMs, now.atMs - raw.atMs);
  let code: HoldCode | null = null;
  let problem: string | null = null;
  let gap = false;
  if (raw.partial === true || raw.coverage < MIN_COVERAGE) {
    gap = true;
    code = 'HOLD_METRIC_MISSING';
    problem = raw.partial === true ? `${metric.name} is partial` : `${metric.name} has only ${formatPercent(raw.coverage)} of its window`;
  } else if (memory.collapsedFrom !== null) {
    code = 'HOLD_COLLAPSE';
    problem = `${metric.name} fell from ${formatMeasure(memory.collapsedFrom, metric.unit)} to ${formatMeasure(raw.value, metric.unit)} at once`;
  }
  const reading: UsableReading = {
    name: metric.name,
    unit: metric.unit,
    value: raw.value,
    ageS: ageMs === null ? null : round(ageMs / 1000),
    members: raw.members ?? null,
    mayShrink: code === null,
    floor: null,
    code,
    problem,
    gap,
  };
  return { spec: metric, reading, memory };
}

function findFault(metric: MetricSpec, raw: Reading | undefined, before: MetricMemory | null, atMs: number): { reason: MissingReason; detail: string } | null {
  if (raw === undefined) return { reason: 'absent', detail: 'it was not read' };
  if (raw.kind === 'missing') return raw;
  const { value } = raw;
  if (!Number.isFinite(value)) return { reason: 'nan', detail: 'the value is not a finite number' };
  if ((metric.min !== null && value < metric.min) || (metric.max !== null && value > metric.max)) {
    return { reason: 'out-of-range', detail: `${formatMeasure(value, metric.unit)} is outside ${metric.min ?? '−∞'}…${metric.max ?? '∞'}` };
  }
  if (raw.atMs > atMs + FUTURE_TOLERANCE_MS) return { reason: 'future', detail: `its time is ${formatElapsed(raw.atMs - atMs)} ahead of the clock` };
  const ageMs = Math.max(atMs - raw.atMs, raw.ageMs ?? 0);
  if (ageMs > metric.maxAgeMs)
    return { reason: 'stale', detail: `nothing new ${formatSince(atMs - ageMs, atMs)}, max_age is ${formatDuration(metric.maxAgeMs)}` };
  if (metric.stuckAfterMs !== null && value !== 0 && before !== null && before.value === value && atMs - before.changedMs > metric.stuckAfterMs) {
    return { reason: 'stuck', detail: `it has been exactly ${formatMeasure(value, metric.unit)} ${formatSince(before.changedMs, atMs)}` };
  }
  return null;
}

function missingReading(metric: MetricSpec, reason: MissingReason, detail: string): UsableReading {
  const code: HoldCode = reason === 'stale' || reason === 'stuck' ? 'HOLD_METRIC_OLD' : 'HOLD_METRIC_MISSING';
  const problem = `${metric.name} is missing (${reason}: ${detail})`;
  return { name: metric.name, unit: metric.unit, value: null, ageS: null, members: null, mayShrink: false, floor: null, code, problem, gap: true };
}

/** `if_missing` may hold or raise, never lower: whatever it puts in the place of the value may not shrink the group. */
function replaceMissing(one: Judged, all: Readonly<Record<string, Judged>>, atMs: number): UsableReading {
  const { spec, reading, memory } = one;
  const { ifMissing } = spec;
  if (ifMissing.kind === 'floor') return { ...reading, floor: ifMissing.size };
  if (ifMissing.kind === 'last') {
    if (memory === null || atMs - memory.atMs > ifMissing.forMs) return reading;
    return { ...reading, value: memory.value, ageS: round((atMs - memory.atMs) / 1000) };
  }
  if (ifMissing.kind === 'use') {
    const other = all[ifMissing.metric]?.reading;
    if (!other || other.value === null) return reading;
    return { ...reading, value: other.value, unit: other.unit, ageS: other.ageS, members: other.members };
  }
  return reading;
}

function rememberValue(value: number, atMs: number, before: MetricMemory | null, now: Circumstances): MetricMemory {
  if (before === null) return { value, atMs, changedMs: now.atMs, collapsedFrom: null, collapsedMs: null, serving: now.serving };
  const { collapsedFrom, collapsedMs } = collapse(value, before, now);
  const same = value === before.value && now.serving === before.serving && collapsedMs === before.collapsedMs;
  if (same && atMs - before.atMs < REFRESH_MS) return before;
  return { value, atMs, changedMs: value === before.value ? before.changedMs : now.atMs, collapsedFrom, collapsedMs, serving: now.serving };
}

const NO_COLLAPSE = { collapsedFrom: null, collapsedMs: null };

/** A fall by more than the guard's share between two samples is an outage until it has lasted for the scale-in window. */
function collapse(value: number, before: MetricMemory, now: Circumstances): Pick<MetricMemory, 'collapsedFrom' | 'collapsedMs'> {
  const guard = now.spec.limits.collapseGuard;
  if (guard === null) return NO_COLLAPSE;
  if (before.collapsedFrom !== null && before.collapsedMs !== null) {
    const recovered = value >= before.collapsedFrom * (1 - guard);
    const persisted = now.atMs - before.collapsedMs >= now.spec.limits.scaleIn.afterQuietMs;
    return recovered || persisted ? NO_COLLAPSE : before;
  }
  if (before.value <= 0 || value >= before.value * (1 - guard)) return NO_COLLAPSE;
  const explained = before.value * (1 - guard) * memberShare(before.serving, now.serving);
  return value < explained ? { collapsedFrom: before.value, collapsedMs: now.atMs } : NO_COLLAPSE;
}

/** How far the change of members explains a fall: a total falls with them, a mean falls as they grow. No members at all explains nothing. */
function memberShare(before: number, now: number): number {
  if (before <= 0 || now <= 0) return 1;
  return now < before ? now / before : before / now;
}
