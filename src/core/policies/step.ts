import { z } from 'zod';
import type { Json } from '../model/json.ts';
import type { UsableReading } from '../readings.ts';
import { type Change, change, duration, formatChange, formatDuration, formatSince, type Threshold, threshold } from '../units.ts';
import { applyChange, directionOf } from './apply-change.ts';
import {
  abstain,
  boundFor,
  cannotRead,
  guardShrink,
  type PolicyContext,
  type PolicyDefinition,
  type PolicyProposal,
  proposal,
  showBound,
  showValue,
} from './policy.ts';
import { hasValue } from './target.ts';
import { measuredMembers } from './target-size.ts';

export interface Step {
  readonly above: Threshold | null;
  readonly below: Threshold | null;
  /** ms */
  readonly for: number;
  readonly change: Change;
}
export interface StepOptions {
  readonly metric: string;
  readonly steps: readonly Step[];
  readonly measures: 'mean' | 'total';
}

const step = z
  .strictObject({
    above: threshold()
      .nullable()
      .prefault(null)
      .describe('The step applies at this value and above: a number in the unit of the metric, or `85%`. Write this or `below`.'),
    below: threshold().nullable().prefault(null).describe('The step applies at this value and below. Write this or `above`.'),
    for: duration({ max: '7d' })
      .prefault('0s')
      .describe('How long the value must have stayed there, such as `1m`. 0s to 7d; default 0s. A change of size starts it again.'),
    change: change().describe('What to do: `+2`, `-1`, `+30%` (at least one machine), or `to 5`. Plain numbers are relative.'),
  })
  .refine((s) => (s.above === null) !== (s.below === null), { message: 'a step has either `above` or `below`' });

const options = z.strictObject({
  metric: z.string().min(1).describe('Name of the metric to watch, as written under `metrics`.'),
  steps: z.array(step).min(1).max(50).describe('Bands with what to do in each; between them the policy has nothing to say. 1 to 50.'),
  measures: z
    .enum(['mean', 'total'])
    .prefault('mean')
    .describe(
      '`mean`: a value per machine that falls as machines are added (CPU); `total`: a value of the whole group (queue length). For the flap check. Default mean.',
    ),
});

/** Durable: since when the value is in each band, when that was last seen, and the size the running breach started from. */
interface StepMemory {
  readonly bands: Readonly<Record<string, { readonly sinceMs: number; readonly seenMs: number }>>;
  readonly fired: { readonly base: number } | null;
}
const EMPTY: StepMemory = { bands: {}, fired: null };
/** A band is confirmed in memory this often, not at every look, so that memory stays still. */
const SEEN_EVERY_MS = 30_000;

/** AWS step scaling and Azure rules: bounds are inclusive, shares round away from nothing, a breach that goes on while machines warm adds nothing. */
export const stepPolicy: PolicyDefinition<StepOptions> = {
  type: 'step',
  title: 'Steps at thresholds',
  summary: 'Adds or removes machines while a metric stays in a band; between the bands it has nothing to say. A band that removes is its agreement to shrink.',
  options,
  metricsOf: (o) => [o.metric],
  canShrink: (o) => o.steps.some((s) => s.change.kind === 'to' || (s.change.kind === 'by' ? s.change.count < 0 : s.change.fraction < 0)),
  propose(context, o, memory) {
    const before = (memory as unknown as StepMemory | null) ?? EMPTY;
    const reading = context.readings[o.metric];
    if (!hasValue(reading)) return { proposal: cannotRead(o.metric, reading), memory: kept(withoutShrinkBands(before, o, context.target)) };
    const now = trackBands(before, o, reading, context);
    const found = strongestStep(o, reading, (i, s) => isRipe(now, i, s, context));
    if (found === null) return { proposal: between(context, o, reading, now), memory: kept(settle(now, context)) };
    return fire(context, o, reading, now, found);
  },
  project(context, o, size) {
    const reading = context.readings[o.metric];
    if (!hasValue(reading) || size <= 0) return null;
    const value = o.measures === 'total' ? reading.value : (reading.value * measuredMembers(context, reading)) / size;
    const found = strongestStep(o, { ...reading, value }, () => true);
    return found === null ? null : applyChange(found.change, size);
  },
};

type Read = UsableReading & { readonly value: number };

function inBand(s: Step, reading: Read): boolean {
  if (s.above !== null) return reading.value >= boundFor(s.above, reading.unit);
  return s.below !== null && reading.value <= boundFor(s.below, reading.unit);
}

/** Deepest band that counts: the highest `above`, the lowest `below`; where both speak, `above` (written for more load) wins. */
function strongestStep(o: StepOptions, reading: Read, counts: (index: number, s: Step) => boolean): Step | null {
  let above: Step | null = null;
  let below: Step | null = null;
  for (let i = 0; i < o.steps.length; i++) {
    const s = o.steps[i] as Step;
    if (!inBand(s, reading) || !counts(i, s)) continue;
    if (s.above !== null && (above?.above == null || boundFor(s.above, reading.unit) > boundFor(above.above, reading.unit))) above = s;
    if (s.below !== null && (below?.below == null || boundFor(s.below, reading.unit) < boundFor(below.below, reading.unit))) below = s;
  }
  return above ?? below;
}

function trackBands(before: StepMemory, o: StepOptions, reading: Read, context: PolicyContext): StepMemory {
  const { atMs } = context;
  const broken = SEEN_EVERY_MS + 3 * context.evaluateEveryMs;
  let bands: Record<string, { sinceMs: number; seenMs: number }> | null = null;
  for (let i = 0; i < o.steps.length; i++) {
    const key = String(i);
    const old = before.bands[key];
    if (!inBand(o.steps[i] as Step, reading)) {
      if (old === undefined) continue;
      bands ??= { ...before.bands };
      delete bands[key];
    } else if (old === undefined || atMs - old.seenMs > broken) {
      bands ??= { ...before.bands };
      bands[key] = { sinceMs: atMs, seenMs: atMs };
    } else if (atMs - old.seenMs >= SEEN_EVERY_MS) {
      bands ??= { ...before.bands };
      bands[key] = { sinceMs: old.sinceMs, seenMs: atMs };
    }
  }
  return bands === null ? before : { ...before, bands };
}

/** Long enough in the band, counted from the last change of size in its own direction. */
function isRipe(memory: StepMemory, index: number, s: Step, context: PolicyContext): boolean {
  if (s.for === 0) return true;
  return context.atMs - bandSince(memory, index, s, context) >= s.for;
}
function bandSince(memory: StepMemory, index: number, s: Step, context: PolicyContext): number {
  const since = memory.bands[String(index)]?.sinceMs ?? context.atMs;
  const moved = directionOf(s.change, context.target) < 0 ? context.lastInMs : context.lastOutMs;
  return moved === null ? since : Math.max(since, moved);
}

function fire(context: PolicyContext, o: StepOptions, reading: Read, now: StepMemory, found: Step) {
  const { target } = context;
  const grows = directionOf(found.change, target) >= 0;
  // While machines of this breach warm, the change counts from where the breach started: the same band adds nothing, a higher one the difference.
  const ongoing = grows && onTheWay(context) && now.fired !== null;
  const base = ongoing && now.fired !== null ? now.fired.base : target;
  const size = applyChange(found.change, base);
  const wants = ongoing ? Math.max(size, target) : size;
  const fired = grows ? (ongoing || now.fired?.base === target ? now.fired : { base: target }) : null;
  const memory = fired === now.fired ? now : { ...now, fired };
  const bound = (found.above ?? found.below) as Threshold;
  const side = found.above !== null ? 'at or above' : 'at or below';
  const waited = found.for > 0 ? ` for ${formatDuration(found.for)}` : '';
  const adds = ongoing && wants === target ? ', its machines are on the way' : '';
  const result = proposal({
    metric: o.metric,
    value: reading.value,
    wants,
    reason: wants === target ? 'HOLD_TOLERANCE' : 'STEP_CROSSED',
    arithmetic: `${showValue(reading.value, bound, reading.unit)}, ${side} ${showBound(bound, reading.unit)}${waited}: ${formatChange(found.change)} → ${wants}${adds}`,
    ageS: reading.ageS,
  });
  return { proposal: guardShrink(result, reading, target), memory: kept(memory) };
}

/** No step counts now. In a band that would add, waiting for its time, the policy keeps what there is; else it abstains. */
function between(context: PolicyContext, o: StepOptions, reading: Read, now: StepMemory): PolicyProposal {
  const waiting = strongestStep(o, reading, () => true);
  const fields = { metric: o.metric, value: reading.value, ageS: reading.ageS };
  if (waiting === null) return abstain(`${showValue(reading.value, bandLike(o), reading.unit)}, between the steps`, fields);
  const bound = (waiting.above ?? waiting.below) as Threshold;
  const since = formatSince(bandSince(now, o.steps.indexOf(waiting), waiting, context), context.atMs);
  const text = `${showValue(reading.value, bound, reading.unit)}, at ${showBound(bound, reading.unit)} ${since}, counts after ${formatDuration(waiting.for)}`;
  if (directionOf(waiting.change, context.target) <= 0) return abstain(text, fields);
  return proposal({ ...fields, wants: context.target, arithmetic: text });
}
const bandLike = (o: StepOptions) => (o.steps[0]?.above ?? o.steps[0]?.below) as Threshold;

/** Machines warm, or are wanted and could not be launched yet: the metric cannot show their effect. */
function onTheWay(context: PolicyContext): boolean {
  return context.warming > 0 || context.running < context.target;
}

/** A breach is over when nothing of it warms any more. */
function settle(memory: StepMemory, context: PolicyContext): StepMemory {
  return memory.fired !== null && !onTheWay(context) ? { ...memory, fired: null } : memory;
}

/** While the metric is missing, the time towards removing machines starts again; the time towards adding goes on if the gap stays short. */
function withoutShrinkBands(memory: StepMemory, o: StepOptions, target: number): StepMemory {
  let bands: Record<string, { sinceMs: number; seenMs: number }> | null = null;
  for (const key in memory.bands) {
    const s = o.steps[Number(key)];
    if (s !== undefined && directionOf(s.change, target) > 0) continue;
    bands ??= { ...memory.bands };
    delete bands[key];
  }
  return bands === null ? memory : { ...memory, bands };
}

function kept(memory: StepMemory): Json {
  return memory as unknown as Json;
}
