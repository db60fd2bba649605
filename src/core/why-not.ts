import { asks, type ExplainOptions, freeAt, inZone, machines, utc, winnerOf } from './explain-words.ts';
import type { Decision, HoldApplied, LimitApplied } from './model/decision.ts';
import { REASONS, type ReasonCode } from './model/reasons.ts';
import { formatElapsed } from './units.ts';

/** Why nothing (more) happens now, what it waits for, and what comes next, with times; from the record alone. */
export function whyNot(d: Decision, options: ExplainOptions = {}): readonly string[] {
  const time = options.time ?? utc;
  const w = winnerOf(d);
  const lines = [opening(d), ''];
  if (w !== undefined) lines.push(`  ${w.policy}   ${w.arithmetic}`);
  for (const h of d.holds) lines.push(`  waiting   ${waits(h, d.atMs, time)}`);
  for (const l of d.limits) {
    if (l.from !== l.to || l.untilMs !== undefined) lines.push(`  limit   ${l.from} → ${l.to}: ${l.detail}${freeAt(l, time)}   ${written(l)}`);
  }
  for (const b of d.blocked) lines.push(`  blocked   ${REASONS[b.code]} ${b.detail}${b.nextTryMs === null ? '' : `; next try ${time(b.nextTryMs)}`}`);
  const next = nextStep(d, time);
  if (next !== null) lines.push(`  then   ${next}`);
  if (d.serving < d.target) lines.push(`  serving   ${d.serving} of ${d.target}${others(d) === '' ? '' : `: ${others(d)}`}`);
  lines.push('', verdict(d));
  return lines;
}

const STOPS: Partial<Record<ReasonCode, string>> = {
  HOLD_OBSERVE: 'it observes and may not act',
  HOLD_PAUSED: 'it is paused',
  HOLD_FREEZE: 'a freeze is open',
};
/** What keeps the whole group still, whatever it wants; the newest word of the record. */
function stopOf(d: Decision): HoldApplied | undefined {
  return d.holds.find((h) => h.code === d.reason && STOPS[h.code] !== undefined);
}

/** The maximum, and nothing else, keeps it from growing. */
function atMax(d: Decision): LimitApplied | undefined {
  return d.wanted > d.target && d.holds.every((h) => h.to !== d.target || h.from <= h.to)
    ? d.limits.find((l) => l.code === 'LIMIT_MAX' && l.to === d.target)
    : undefined;
}

function opening(d: Decision): string {
  const stop = stopOf(d);
  if (stop !== undefined) {
    const would = stop.from === d.target ? '' : ` and would be ${stop.from}`;
    const wants = stop.from !== d.target || d.wanted === d.target ? '' : `; it wants ${d.wanted}`;
    return `${d.group} has ${machines(d.running)}${would}${wants}; ${STOPS[stop.code]}.`;
  }
  const more = d.wanted === d.target ? '' : ` It wants ${d.wanted}.`;
  if (d.blind) return `${d.group} is blind: no metric can be read. It keeps ${machines(d.target)}, ${d.serving} of them serving.`;
  const block = d.blocked.find((b) => b.code === d.reason) ?? d.blocked[0];
  if (d.serving < d.target) {
    const why = block !== undefined ? `it is blocked: ${block.detail.replace(/\.$/, '')}` : others(d);
    return `${d.group}: ${d.serving} of ${machines(d.target)} ${d.target === 1 ? 'serves' : 'serve'}; ${why}.${more}`;
  }
  if (block !== undefined) return `${d.group} has ${machines(d.target)} and is blocked: ${block.detail.replace(/\.$/, '')}.${more}`;
  const max = atMax(d);
  if (max !== undefined) return `${d.group} is at max ${d.target} and wants ${d.wanted}; it is not waiting: raise max (${max.at ?? 'max'}) for more.`;
  if (d.wanted === d.target) return `${d.group} is where it should be: ${machines(d.target)}.`;
  return waiting(d);
}

function waiting(d: Decision): string {
  const min = d.wanted < d.target && d.limits.some((l) => l.code === 'LIMIT_MIN' && l.to === d.target);
  if (min) return `${d.group} is at its minimum of ${d.target}; ${wish(d, 'needs only')}.`;
  return `${d.group} has ${d.target} and wants ${d.wanted}; it is waiting.`;
}

function wish(d: Decision, verb: string): string {
  const w = winnerOf(d);
  return w === undefined ? `the load ${verb} ${d.wanted}` : asks(w, d.wanted, verb);
}

/** What the members are doing that do not serve. */
function others(d: Decision): string {
  const present = Math.max(0, d.running - d.serving);
  const absent = Math.max(0, d.target - d.running);
  const launching = Math.min(absent, d.actions.filter((a) => a.kind === 'launch').length);
  const parts = [];
  if (present > 0) parts.push(`${present} starting or unhealthy`);
  if (launching > 0) parts.push(`${launching} being launched`);
  if (absent > launching) parts.push(`${absent - launching} not launched yet`);
  return parts.join(', ');
}

const ALARMS: ReadonlySet<ReasonCode> = new Set<ReasonCode>(['HOLD_METRIC_MISSING', 'HOLD_METRIC_OLD', 'HOLD_BRAKE', 'HOLD_COLLAPSE', 'HOLD_APPROVAL']);

function verdict(d: Decision): string {
  if (d.blind) return 'Every metric of this group is missing: it is blind.';
  if (d.blocked.length > 0 || d.holds.some((h) => ALARMS.has(h.code))) return 'This needs a look.';
  const stop = stopOf(d);
  if (stop !== undefined && (stop.from !== d.target || d.serving < d.target)) {
    if (stop.code === 'HOLD_OBSERVE') return 'It acts once `mode: act` is written.';
    return stop.code === 'HOLD_PAUSED' ? 'It acts once it is resumed or the pause ends.' : 'It acts once the freeze ends.';
  }
  if (d.serving < d.target)
    return d.running < d.target && d.actions.length === 0 ? 'This needs a look.' : 'Not there yet: it has all it wants once they serve.';
  const max = atMax(d);
  if (max !== undefined) return `Only a higher max helps: change ${max.key}${max.at === null ? '' : ` at ${max.at}`}, or make each machine carry more.`;
  return 'Nothing is wrong.';
}

function waits(h: HoldApplied, atMs: number, time: (atMs: number) => string): string {
  if (h.untilMs === null || h.untilMs <= atMs) return `${h.detail}   ${written(h)}`.trimEnd();
  const detail = inZone(h.detail, h.untilMs, time);
  const left = formatElapsed(h.untilMs - atMs);
  const until = detail === h.detail ? `, until ${time(h.untilMs)} (${left})` : ` (${left})`;
  return `${detail}${h.detail.includes('for another ') || (detail === h.detail && saysUntil(h, time)) ? '' : until}   ${written(h)}`.trimEnd();
}
/** The zone of the reader is UTC, so the detail says it already. */
function saysUntil(h: HoldApplied, time: (atMs: number) => string): boolean {
  return h.untilMs !== null && h.detail.includes(time(h.untilMs));
}

function written(g: HoldApplied | LimitApplied): string {
  return g.key === null ? '' : `${g.key}${g.at === null ? ' (default)' : `  ${g.at}`}`;
}

/** What will happen when the last wait is over, if nothing changes. */
function nextStep(d: Decision, time: (atMs: number) => string): string | null {
  if (d.wanted === d.target) return null;
  const ends = d.holds.filter((h) => h.untilMs !== null && h.from !== h.to).map((h) => h.untilMs ?? 0);
  if (ends.length === 0) return null;
  const atMs = Math.max(...ends);
  return `${d.wanted < d.target ? 'scale in towards' : 'scale out towards'} ${d.wanted} from ${time(atMs)}`;
}
