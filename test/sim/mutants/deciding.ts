import type { Mutant } from './mutant.ts';

const READINGS = 'src/core/readings.ts';
const PACE = 'src/core/guard-pace.ts';
const COMBINE = 'src/core/combine.ts';

/** Bad input must not make a group small. */
export const DECIDING: readonly Mutant[] = [
  {
    name: 'missing is zero',
    incident: 'R2: Prometheus returned nothing, it was read as 0, everything went to its minimum at the peak (I16)',
    file: 'src/engine/observe.ts',
    find: '(signal) => source.read(metric.query, signal));',
    replace:
      "async (signal) => { const r = await source.read(metric.query, signal); return r.kind === 'missing' ? { kind: 'value', value: 0, atMs: r.atMs, ageMs: 0, coverage: 1 } : r; });",
    bias: { faults: { 'metric-missing': 0.9 } },
  },
  {
    name: 'a value that is no number is accepted',
    incident: 'F26: NaN and infinity go through the arithmetic (I16, I19)',
    file: READINGS,
    find: 'if (!Number.isFinite(value)) return',
    replace: 'if (value === undefined) return',
    bias: { faults: { 'metric-garbage': 0.9 } },
  },
  {
    name: 'an old value is accepted',
    incident: 'F27: the exporter died an hour ago; its last word goes on scaling (I16)',
    file: READINGS,
    find: 'if (ageMs > metric.maxAgeMs)',
    replace: 'if (ageMs > metric.maxAgeMs * 1e6)',
    bias: { faults: { 'metric-old': 0.9 } },
  },
  {
    name: 'half a window is accepted',
    incident: 'R3: metrics came back with gaps, the averages were low, everything scaled in (F28, I17)',
    file: READINGS,
    find: 'if (raw.partial === true || raw.coverage < MIN_COVERAGE) {',
    replace: 'if (raw.partial === true) {',
    bias: { faults: { 'metric-gaps': 0.9 } },
  },
  {
    name: 'a gap is forgotten at once',
    incident: 'R3: the first value after the outage counts as if the whole window were known (I17)',
    file: READINGS,
    find: 'lastGapMs: gaps > 0 ? snapshot.atMs : memory.lastGapMs,',
    replace: 'lastGapMs: memory.lastGapMs,',
    bias: { faults: { 'metric-missing': 0.2 } },
  },
  {
    name: 'the time it was away counts as quiet',
    incident: 'R3, R28: back after an outage of its own, the controller judges a window that it has not seen (I17)',
    file: 'src/core/quiet.ts',
    find: 'const covered = !gap && known >= quietMs * MIN_COVERAGE;',
    replace: 'const covered = !gap;',
    bias: { faults: { crash: 0.9, stop: 0.9, 'mass-restart': 0.9 } },
  },
  {
    name: 'a policy that cannot see agrees to shrinking',
    incident: 'R21: one failed metric blocks scale-in, not scale-out (I16)',
    file: COMBINE,
    find: 'const held = blocker !== null ? Math.max(free, target) : free;',
    replace: 'const held = free;',
    test: { file: 'src/core/combine.test.ts', name: 'keeps the target, and says so' },
  },
  {
    name: 'the smallest wish wins',
    incident: 'F29: CPU fell because threads waited, the queue grew; R4 (I18)',
    file: COMBINE,
    find: 'else if (p.wants !== null) wants = wants === null ? p.wants : Math.max(wants, p.wants);',
    replace: 'else if (p.wants !== null) wants = wants === null ? p.wants : Math.min(wants, p.wants);',
    bias: { faults: { 'metrics-disagree': 0.9 } },
  },
  {
    name: 'nothing has to be quiet',
    incident: 'R4: a dip of minutes takes the machines that are needed again at once (I17, I18)',
    file: PACE,
    find: 'if (allowed <= p.size) return p.size;',
    replace: 'if (allowed >= 0) return p.size;',
  },
  {
    name: 'scale-in in one step',
    incident: 'R1: all of it at once (I18)',
    file: PACE,
    find: "else if (from - p.size > allowed) limit(p, 'LIMIT_STEP', 'limits.scale_in.step'",
    replace: "else if (from - p.size > allowed * 1e6) limit(p, 'LIMIT_STEP', 'limits.scale_in.step'",
  },
  {
    name: 'scale-in right after scale-out',
    incident: 'R20: the new machines have not taken their share yet and are taken away again (I18)',
    file: PACE,
    find: 'if (p.size < from && cooled > snapshot.atMs) {',
    replace: 'if (p.size < 0 && cooled > snapshot.atMs) {',
    test: { file: 'src/core/decide.test.ts', name: 'not within the scale-out cooldown' },
  },
  {
    name: 'scale-out without pace',
    incident: 'R4: a scale-out of 1,200 at once choked the service that makes them ready (I18)',
    file: PACE,
    find: "else if (p.size - p.base > allowed) limit(p, 'LIMIT_STEP', 'limits.scale_out.step'",
    replace: "else if (p.size - p.base > allowed * 1e6) limit(p, 'LIMIT_STEP', 'limits.scale_out.step'",
    test: { file: 'src/core/decide.test.ts', name: 'what moved in the period is part of the step' },
  },
  {
    name: 'an alert fires for ever',
    incident: 'F35: the resolve never came; the group stays large (I28)',
    file: 'src/core/policies/alert.ts',
    find: 'return atMs - alert.lastHeardMs <= o.valid_for && matches(alert, o);',
    replace: 'return matches(alert, o);',
    bias: { faults: { 'alert-unresolved': 0.9 } },
  },
  {
    name: 'the decision looks at the clock itself',
    incident: 'A decision that says something else when it is replayed (I22)',
    file: 'src/core/guard.ts',
    find: 'const { freezeUntilMs, pause, atMs } = snapshot;',
    replace: 'const { freezeUntilMs, pause } = snapshot; const atMs = Date.now();',
  },
  {
    name: 'the record holds the memory after, not before',
    incident: 'The book of decisions cannot be replayed (I22)',
    file: 'src/engine/cycle.ts',
    find: 'met, made, { snapshot, memory });',
    replace: 'met, made, { snapshot, memory: made.memory });',
  },
];
